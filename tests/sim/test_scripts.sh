#!/usr/bin/env bash
# Every scenario by name, each with two seeds: one line for each.
#
#   BUILD=build-tree tests/sim/test_scripts.sh
set -u
: "${BUILD:?the build tree}"
exec "$BUILD/ringsim" --scripts --seeds 2
