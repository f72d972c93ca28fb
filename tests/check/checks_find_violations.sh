#!/usr/bin/env bash
# Do the other checks of this folder fail when they should, and pass when they should?
#
#   SRC=source-tree [CC=compiler] tests/check/checks_find_violations.sh
#
# Each case builds a small house in a temporary folder, plants one violation and expects the
# check to fail with a line that names it. A house without a violation must pass.
set -u
export LC_ALL=C
: "${SRC:?the source tree}"
checks=$SRC/tests/check
compiler=${CC:-cc}
house=$(mktemp -d) || exit 1
trap 'rm -rf "$house"' EXIT

cases=0
failures=0
failed()
{
    printf '%s\n' "FAILED: $*"
    failures=$((failures + 1))
}

# put FILE LINE...
put()
{
    local file=$house/$1
    shift
    mkdir -p "$(dirname "$file")"
    printf '%s\n' "$@" >"$file"
}

# A fresh house with nothing to find: constant tables, a table of addresses, a call downwards,
# memory.c with its rights, uthash with our memory.
fresh()
{
    rm -rf "$house"
    put src/base/README.md one two three four five
    put src/ring/README.md one two three four five
    put src/replica/README.md one two three four five
    put src/base/memory.h '#ifndef A' '#define A' '#include <stddef.h>' 'void *get(size_t n);' '#endif'
    put src/base/memory.c '#include "base/memory.h"' '#include <stdio.h>' '#include <stdlib.h>' \
        'void *get(size_t n) { void *m = malloc(n); if (!m) { fprintf(stderr, "%zu", n); _Exit(1); } return m; }'
    put src/ring/table.h '#ifndef B' '#define B' 'const char *name(int i);' 'char *text(int i);' '#endif'
    put src/ring/table.c '#include "ring/table.h"' '#include <assert.h>' '#include <stdio.h>' \
        '#include "base/memory.h"' \
        'static const char *const NAMES[] = {"a", "b"};' 'static const int ORDER[] = {1, 0};' \
        'const char *name(int i) { assert(i < 2); return NAMES[ORDER[i]]; }' \
        'char *text(int i) { char *t = get(9); snprintf(t, 9, "%d", i); return t; }'
    put src/base/hashed.h '#ifndef H' '#define H' '#include <stdlib.h>' '#include "base/memory.h"' \
        '#define uthash_malloc(bytes) get(bytes)' '#define uthash_fatal(message) (void)(message)' \
        '#include <uthash.h>' '#endif'
    put src/replica/cells.c '#include <stdlib.h>' '#include "base/hashed.h"' \
        'struct cell { int id; UT_hash_handle hh; };' \
        'void add(struct cell **all, struct cell *one);' \
        'void add(struct cell **all, struct cell *one) { HASH_ADD_INT(*all, id, one); }'
}

build()
{
    local source
    cd "$house" || exit 1
    for source in src/*/*.c; do
        $compiler -std=c11 -D_GNU_SOURCE -O1 -fPIC -w -Isrc -c "$source" -o "${source%.c}.o" ||
            failed "could not compile $source of the planted house"
    done
    cd "$SRC" || exit 1
}

run_check()
{
    SRC=$house BUILD=$house CC=$compiler bash "$checks/$1.sh" 2>&1
}

expect_clean()
{
    local output
    cases=$((cases + 1))
    output=$(run_check "$1") || failed "$1 finds something in a clean house: $output"
}

# expect CHECK TEXT...: the check fails and names each of the planted violations.
expect()
{
    local check=$1 output text
    shift
    output=$(run_check "$check") && failed "$check passes, although: $1"
    for text in "$@"; do
        cases=$((cases + 1))
        [[ $output == *"$text"* ]] || failed "$check does not say \"$text\" but: $output"
    done
}

fresh
build
expect_clean layers
expect_clean headers
mkdir -p "$house/tests/unit/.deps"
put tests/unit/.deps/a.Po x
put tests/local.mk x
expect_clean readme

# Includes
fresh
put src/ring/up.h '#include "replica/cells.h"'
put src/replica/sideways.h '#include "repair/x.h"'
put src/base/up.h ' # include  "ring/table.h"'
put src/net/x.h '#include "store/store.h"'
put src/node/x.h '#include "net/x.h"'
put src/ring/near.h '#include "table.h"'
put src/ring/clock.h '#include <time.h>'
put src/ring/thread.h '#include <pthread.h>'
put src/ring/hash.h '#include <xxhash.h>'
put src/ring/hidden.h '#include HIDDEN'
put src/misc/x.h 'int x;'
build
expect layers \
    'src/ring/up.h:1: ring/ may not include "replica/cells.h"' \
    'src/replica/sideways.h:1: replica/ may not include "repair/x.h"' \
    'src/base/up.h:1: base/ may not include "ring/table.h"' \
    'src/net/x.h:1: net/ may not include "store/store.h"' \
    'src/node/x.h:1: node/ may not include "net/x.h"' \
    'src/ring/near.h:1: "table.h" is not a path below src/' \
    'src/ring/clock.h:1: the core (ring/) may not include <time.h>' \
    'src/ring/thread.h:1: the core (ring/) may not include <pthread.h>' \
    'src/ring/hash.h:1: the core (ring/) may not include <xxhash.h>' \
    'src/ring/hidden.h:1: an include that names no file' \
    'src/misc: has no row'

# Calls, declared by hand: no include gives them away.
fresh
functions="time gettimeofday clock_gettime rand random srand open openat fopen read write socket
    connect pthread_create fork getenv usleep nanosleep ev_run leveldb_get malloc strtok puts"
source_lines=()
texts=()
for name in $functions; do
    source_lines+=("int $name();" "int call_$name(void);" "int call_$name(void) { return $name(0, 0); }")
    texts+=("src/ring/calls.c: the core may not use $name")
done
put src/ring/calls.c "${source_lines[@]}"
put src/ring/upwards.c 'int add(void *, void *);' 'int f(void);' 'int f(void) { return add(0, 0); }'
build
expect layers "${texts[@]}" 'src/ring/upwards.c: ring/ may not call add of replica/'

# Data
fresh
put src/ring/data.c \
    'static int zero;' 'int set = 5;' 'static _Thread_local int thread;' \
    'const char *names[] = {"a", "b"};' \
    'int f(void);' 'int f(void) { static int inner; return ++zero + ++set + ++thread + ++inner; }'
build
expect layers \
    'src/ring/data.c: zero is mutable static data (section .bss)' \
    'src/ring/data.c: set is mutable static data (section .data)' \
    'src/ring/data.c: thread is mutable static data (section .tbss)' \
    'src/ring/data.c: names is mutable static data (section .data' \
    'inner'

# A source that nobody compiles is a source that nobody checked.
fresh
build
put src/ring/forgotten.c 'int forgotten(void);'
expect layers 'src/ring/forgotten.c: was not built; is it in src/ring/local.mk?'

# Headers
fresh
put src/ring/incomplete.h 'uint64_t position(void);'
put src/ring/unguarded.h 'struct twice { int member; };'
expect headers 'src/ring/incomplete.h: does not compile alone' \
    'src/ring/unguarded.h: does not compile alone'

# Lists
fresh
put src/ring/local.mk 'libringcore_a_SOURCES += \\' '	src/ring/table.c \\' '	src/ring/table.h'
put src/base/local.mk 'libringcore_a_SOURCES += src/base/hashed.h src/base/memory.c src/base/memory.h'
put src/replica/local.mk 'libringcore_a_SOURCES += src/replica/cells.c'
put tests/unit/ring/local.mk 'unit_tests += tests/unit/ring/test_table'
put tests/unit/ring/test_table.c 'int main(void);'
expect_clean lists
put tests/unit/ring/test_tab.c 'int main(void);'
put src/ring/tab.h 'int tab(void);'
expect lists 'tests/unit/ring/test_tab.c: stands in no local.mk' \
    'src/ring/tab.h: stands in no local.mk'

# READMEs
fresh
rm "$house/src/base/README.md"
put src/ring/README.md one two '' '' '' four
put tests/unit/ring/test_table.c 'int main(void);'
expect readme 'src/base: has no README.md' \
    'src/ring/README.md: has fewer than 5 lines' \
    'tests/unit/ring: has no README.md'

[ "$failures" -eq 0 ] || { echo "$failures failures in $cases cases"; exit 1; }
echo "$cases cases: the checks find what they should"
