#!/usr/bin/env bash
# A minute of simulated clusters: every profile, then a hundred seeds of the mix (with scripts),
# and one seed twice, which must leave the same trace.
#
#   BUILD=build-tree tests/sim/test_sim_smoke.sh
set -u
: "${BUILD:?the build tree}"
ringsim=$BUILD/ringsim
failures=0

run()
{
    local output status=0
    output=$("$ringsim" "$@" 2>&1) || status=$?
    if [ "$status" -eq 0 ]; then
        echo "$*: $(tail -n 1 <<<"$output")"
    else
        echo "$*: exit $status"
        grep -A 30 '^FAIL' <<<"$output"
        failures=$((failures + 1))
    fi
}

for profile in calm crash network clock disk wipe damage everything hints resurrection; do
    run --seeds 2 --profile "$profile"
done
run --seeds 100

first=$("$ringsim" --seed 7 --trace-hash | tail -n 1)
second=$("$ringsim" --seed 7 --trace-hash | tail -n 1)
if [ "$first" != "$second" ] || [ ${#first} -ne 16 ]; then
    echo "seed 7 has two traces: $first and $second"
    failures=$((failures + 1))
fi
exit $((failures > 0))
