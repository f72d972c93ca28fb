#!/usr/bin/env bash
# Are deliberate bugs caught? Some of each kind, quickly; all of them are for
# tests/sim/mutants/check, which takes half an hour.
#
#   SRC=source-tree BUILD=build-tree tests/sim/test_mutants.sh
set -eu
: "${SRC:?the source tree}" "${BUILD:?the build tree}"

# A patch that no longer applies catches nothing: all of them, each in no time.
for patch in "$SRC"/tests/sim/mutants/*.patch; do
    (cd "$SRC" && patch --dry-run --silent --force -p1 <"$patch" >/dev/null) || {
        echo "$patch does not apply"
        exit 1
    }
done
exec "$SRC/tests/sim/mutants/check" "$BUILD/ringsim" ack-before-sync merge-drops-dot \
    count-node-twice keep-actor-after-wipe hint-dropped-on-send purge-at-majority
