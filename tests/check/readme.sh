#!/usr/bin/env bash
# Does every folder under src/ and tests/ that has files say in a README.md what it is?
#
#   SRC=source-tree tests/check/readme.sh
#
# The list of files for make (local.mk) alone does not count as a file, and the seeds of fuzzers
# are told of in tests/fuzz/README.md. Every folder without
# a README of five lines is printed; the exit status is 1 if there is one.
set -u
export LC_ALL=C
: "${SRC:?the source tree}"
lines_min=5

failures=0
cd "$SRC" || exit 1
while read -r folder; do
    if [ ! -f "$folder/README.md" ]; then
        echo "$folder: has no README.md"
        failures=$((failures + 1))
    elif [ "$(grep -c '[^[:space:]]' "$folder/README.md")" -lt "$lines_min" ]; then
        echo "$folder/README.md: has fewer than $lines_min lines"
        failures=$((failures + 1))
    fi
done < <(find src tests \( -name '.?*' -o -name __pycache__ -o -path tests/fuzz/corpus \) -prune -o \
    -type f ! -name local.mk -printf '%h\n' | sort -u)

[ "$failures" -eq 0 ] || { echo "$failures failures"; exit 1; }
echo "every folder has its README"
