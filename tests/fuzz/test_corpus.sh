#!/usr/bin/env bash
# Does every seed of the corpus still hold its target's claim? A finding of a fuzzer is one of them.
#
#   SRC=source-tree BUILD=build-folder tests/fuzz/test_corpus.sh
set -u
: "${SRC:?the source tree}" "${BUILD:?the build folder}"

failures=0
for source in "$SRC"/tests/fuzz/fuzz_*.c; do
    target=$(basename "$source" .c)
    shopt -s nullglob
    seeds=("$SRC/tests/fuzz/corpus/$target"/*)
    shopt -u nullglob
    if [ "${#seeds[@]}" -eq 0 ]; then
        echo "$target: has no seeds"
        failures=$((failures + 1))
    elif ! "$BUILD/tests/fuzz/$target" "${seeds[@]}" >"$BUILD/tests/fuzz/$target.log" 2>&1; then
        tail -n 30 "$BUILD/tests/fuzz/$target.log"
        echo "$target: a seed breaks its claim; one file after the other tells which"
        failures=$((failures + 1))
    else
        echo "$target: ${#seeds[@]} seeds"
    fi
done
[ "$failures" -eq 0 ] || { echo "$failures failures"; exit 1; }
