#!/usr/bin/env bash
# Does every header under src/ compile alone, twice in a row, with every compiler at hand?
#
#   SRC=source-tree BUILD=build-tree [CC=compiler] tests/check/headers.sh
#
# Every failure is printed; the exit status is 1 if there is one.
set -u
export LC_ALL=C
: "${SRC:?the source tree}" "${BUILD:?the build tree}"
flags="-std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -Wstrict-prototypes -fsyntax-only"

compilers=()
programs=" "
for compiler in "${CC:-cc}" gcc clang; do
    # $CC may have options; and cc is often another name of gcc.
    program=$(readlink -f "$(command -v "${compiler%% *}")") || continue
    [[ $programs == *" $program "* ]] && continue
    programs+="$program "
    compilers+=("$compiler")
done
[ ${#compilers[@]} -gt 0 ] || { echo "no compiler found"; exit 1; }

failures=0
count=0
while read -r header; do
    count=$((count + 1))
    for compiler in "${compilers[@]}"; do
        # shellcheck disable=SC2086 # the compiler and the flags are lists of words
        printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
            $compiler $flags ${CPPFLAGS-} -I"$SRC/src" -I"$BUILD" -x c - ||
            {
                echo "src/$header: does not compile alone with $compiler"
                failures=$((failures + 1))
            }
    done
done < <(cd "$SRC/src" && find . -name '*.h' | sed 's|^\./||' | sort)

[ "$count" -gt 0 ] || { echo "no header found under $SRC/src"; exit 1; }
[ "$failures" -eq 0 ] || { echo "$failures failures"; exit 1; }
echo "$count headers compile alone with: ${compilers[*]}"
