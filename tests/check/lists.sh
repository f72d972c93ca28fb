#!/usr/bin/env bash
# Does every C file stand in a local.mk? One that does not is missing from the build, from
# `make check` or from the tarball, and nothing else would say so.
#
#   SRC=source-tree tests/check/lists.sh
#
# A test program stands there without its ".c". Every missing file is printed; the exit status
# is 1 if there is one.
set -u
export LC_ALL=C
: "${SRC:?the source tree}"

cd "$SRC" || exit 1
listed=$(find src tests tools benchmarks -name local.mk -exec cat {} + 2>/dev/null | tr -s ' \t\\' '\n')
failures=0
while read -r file; do
    grep -qxF -e "$file" -e "${file%.c}" <<<"$listed" || {
        echo "$file: stands in no local.mk"
        failures=$((failures + 1))
    }
done < <(find src tests tools benchmarks -name '*.[ch]' 2>/dev/null | sort)

[ "$failures" -eq 0 ] || { echo "$failures failures"; exit 1; }
echo "every C file is listed"
