#!/usr/bin/env bash
# Does every folder under src/ include and call only what its layer may?
#
#   SRC=source-tree BUILD=build-tree tests/check/layers.sh
#
# Includes are read from the sources. Calls and mutable data are read from the
# objects that the build made, because a macro, a builtin or a declaration by
# hand shows only there. Every finding is printed; the exit status is 1 if there
# is one. The table is that of the style guide: a folder may always include itself.
#
# Calls are checked against a list of what is allowed, not of what is forbidden:
# a clock that nobody thought of is then found too. When the core needs one more
# pure function of the C library, add it to `core_functions`.
set -u
export LC_ALL=C
: "${SRC:?the source tree}" "${BUILD:?the build tree}"
NM=${NM:-nm}

core_folders="base causal ring wire coordinator replica repair membership node commands"

declare -A may_include=(
    [base]=""
    [causal]="base"
    [ring]="base"
    [wire]="base causal ring"
    [coordinator]="base causal ring wire"
    [replica]="base causal ring wire"
    [repair]="base causal ring wire"
    [membership]="base causal ring wire"
    [node]="base causal ring wire coordinator replica repair membership commands"
    [commands]="base causal ring wire coordinator replica repair membership node"
    [store]="base ring wire replica node"
    [net]="base ring wire replica node"
    [ringd]="everything"
    [client]="everything"
)

core_headers="assert.h ctype.h errno.h float.h inttypes.h limits.h math.h stdarg.h stdbool.h
    stddef.h stdint.h stdio.h stdlib.h string.h strings.h"
base_headers="xxhash.h uthash.h"

# Pure functions of the C library: no clock, no file, no state between two calls.
core_functions="
    memchr memcmp memcpy memmem memmove memrchr memset mempcpy bcmp
    strcasecmp strcat strchr strchrnul strcmp strcpy strcspn strlen strncasecmp strncat strncmp
    strncpy strnlen strpbrk strrchr strspn strstr strtok_r stpcpy stpncpy
    atoi atol atoll strtod strtof strtol strtold strtoll strtoul strtoull strtoimax strtoumax
    abs labs llabs div ldiv lldiv bsearch qsort qsort_r free
    snprintf vsnprintf sscanf vsscanf
    acos asin atan2 cos sin isalnum isalpha isdigit islower isprint ispunct isspace isupper isxdigit tolower toupper
    ceil exp exp2 expm1 fabs floor fmax fmin fmod frexp ldexp log log10 log1p log2 lrint lround
    llrint llround modf nearbyint pow rint round scalbn sqrt trunc
    abort __assert_fail __stack_chk_fail __ctype_b_loc __ctype_tolower_loc __ctype_toupper_loc
    __errno_location __divti3 __modti3 __udivti3 __umodti3 __divmodti4 __udivmodti4
    __multi3 __popcountdi2
    _GLOBAL_OFFSET_TABLE_"
# Only memory.c asks the system for memory, and ends the process when there is none.
memory_functions="malloc calloc realloc _Exit fprintf fwrite stderr"

findings=0
finding()
{
    printf '%s\n' "$*"
    findings=$((findings + 1))
}

# contains LIST WORD
contains()
{
    [[ " ${1//$'\n'/ } " == *" $2 "* ]]
}

# check_include FILE LINE FOLDER HEADER for #include "HEADER"
check_own_include()
{
    local where=$1:$2 folder=$3 header=$4
    local target=${header%%/*}
    if [ "${may_include[$folder]}" = everything ]; then
        return
    elif [[ $header != */* ]]; then
        finding "$where: \"$header\" is not a path below src/"
    elif [ "$target" != "$folder" ] && ! contains "${may_include[$folder]}" "$target"; then
        finding "$where: $folder/ may not include \"$header\""
    fi
}

check_system_include()
{
    local where=$1:$2 folder=$3 header=$4
    contains "$core_folders" "$folder" || return
    contains "$core_headers" "$header" && return
    [ "$folder" = base ] && contains "$base_headers" "$header" && return
    finding "$where: the core ($folder/) may not include <$header>"
}

check_includes()
{
    local folder=$1 file line text
    local own='^[[:space:]]*#[[:space:]]*include[[:space:]]*"([^"]+)"'
    local system='^[[:space:]]*#[[:space:]]*include[[:space:]]*<([^>]+)>'
    while IFS=: read -r file line text; do
        if [[ $text =~ $own ]]; then
            check_own_include "$file" "$line" "$folder" "${BASH_REMATCH[1]}"
        elif [[ $text =~ $system ]]; then
            check_system_include "$file" "$line" "$folder" "${BASH_REMATCH[1]}"
        else
            finding "$file:$line: an include that names no file: $text"
        fi
    done < <(cd "$SRC" && find "src/$folder" -name '*.[ch]' -exec \
        grep -nHE '^[[:space:]]*#[[:space:]]*include' {} + | sort)
}

# The extra functions that one source may call.
extra_functions()
{
    local source=$1
    [ "$source" = src/base/memory.c ] && printf '%s ' "$memory_functions"
}

# One line per symbol of the core's objects: SOURCE NAME CLASS SECTION.
core_symbols()
{
    (cd "$BUILD" && "$NM" -A -f sysv -- "$@") | awk '
        /\|/ {
            split($0, column, "|")
            # "src/base/bytes.o:name": the last colon parts object and symbol.
            colon = match(column[1], /:[^:]*$/)
            object = substr(column[1], 1, colon - 1)
            name = substr(column[1], colon + 1)
            gsub(/ /, "", name); gsub(/ /, "", column[3]); gsub(/ /, "", column[7])
            sub(/\.o$/, ".c", object)
            print object, name, column[3], column[7] == "" ? "-" : column[7]
        }'
}

check_objects()
{
    local folder source symbols
    local sources=() objects=()
    for folder in $core_folders; do
        [ -d "$SRC/src/$folder" ] || continue
        while read -r source; do
            if [ -f "$BUILD/${source%.c}.o" ]; then
                sources+=("$source")
                objects+=("${source%.c}.o")
            else
                finding "$source: was not built; is it in src/$folder/local.mk?"
            fi
        done < <(cd "$SRC" && find "src/$folder" -name '*.c' | sort)
    done
    [ ${#objects[@]} -gt 0 ] || return
    symbols=$(
        for folder in "${!may_include[@]}"; do
            printf 'layer %s %s\n' "$folder" "${may_include[$folder]}"
        done
        printf 'allowed %s\n' "${core_functions//$'\n'/ }"
        for source in "${sources[@]}"; do
            printf 'extra %s %s\n' "$source" "$(extra_functions "$source")"
        done
        core_symbols "${objects[@]}" | sed 's/^/symbol /'
    )
    while read -r source; do
        finding "$source"
    done < <(awk -f <(symbol_rules) <<<"$symbols" | sort -u)
}

symbol_rules()
{
    cat <<'AWK'
    $1 == "layer"   { for (i = 3; i <= NF; i++) layer[$2, $i]; next }
    $1 == "allowed" { for (i = 2; i <= NF; i++) allowed[$i]; next }
    $1 == "extra"   { for (i = 3; i <= NF; i++) extra[$2, $i]; next }
    # What sanitizers and gcov put into objects is not the core's doing.
    $3 ~ /^_*(asan|ubsan|lsan|sanitizer|gcov|llvm|profc|profd|covrec)_/ { next }
    $3 ~ /^__(gcov|unnamed_)/ { next }
    $4 == "U" || $4 == "w" || $4 == "v" { wanted[$2, $3]; next }
    $4 ~ /^[A-Z]$/ { definer[$3] = $2 }
    # Tables of addresses lie in .data.rel.ro, which is made read-only before main().
    $5 ~ /^(\.data|\.bss|\.tdata|\.tbss|\*COM\*)/ && $5 !~ /^\.data\.rel\.ro/ {
        print $2 ": " $3 " is mutable static data (section " $5 ")"
    }
    function folder_of(source,   part) { split(source, part, "/"); return part[2] }
    # sprintf and __sprintf_chk are one function, sscanf and __isoc99_sscanf another.
    function plain(name)
    {
        if (name ~ /^__.*_chk$/)
            return substr(name, 3, length(name) - 6)
        sub(/^__isoc[0-9]+_/, "", name)
        return name
    }
    END {
        for (key in wanted) {
            split(key, part, SUBSEP)
            source = part[1]; name = part[2]; function_name = plain(name)
            from = folder_of(source)
            if (name in definer) {
                to = folder_of(definer[name])
                if (to != from && !((from, to) in layer))
                    print source ": " from "/ may not call " name " of " to "/"
            } else if (!(name in allowed || function_name in allowed ||
                         (source, function_name) in extra ||
                         (from == "base" && name ~ /^XXH/)))
                print source ": the core may not use " name
        }
    }
AWK
}

for path in "$SRC"/src/*/; do
    folder=$(basename "$path")
    if [ -z "${may_include[$folder]+known}" ]; then
        finding "src/$folder: has no row in the table of layers"
    else
        check_includes "$folder"
    fi
done
check_objects

[ "$findings" -eq 0 ] || { echo "$findings findings"; exit 1; }
echo "includes and symbols keep to the layers"
