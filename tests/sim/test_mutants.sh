#!/usr/bin/env bash
# Is every deliberate bug caught?
#
#   SRC=source-tree BUILD=build-tree tests/sim/test_mutants.sh
set -eu
: "${SRC:?the source tree}" "${BUILD:?the build tree}"
exec "$SRC/tests/sim/mutants/check" "$BUILD/ringsim"
