#!/usr/bin/env bash
# Do the protocols hold in their models, and do the models notice when a rule is left out?
#
#   SRC=source-tree tests/models/test_models.sh
set -eu
: "${SRC:?the source tree}"
command -v python3 >/dev/null || { echo "python3 is missing"; exit 77; }
cd "$SRC/tests/models"
export PYTHONDONTWRITEBYTECODE=1
python3 collections.py 60
python3 hash_sums.py 6000
python3 score_order.py 4000
python3 request_ids.py 300 all
python3 counters.py 300
python3 register.py 600
python3 ring_change.py 60
python3 stability.py 60
python3 safe_time.py 150
python3 deadlines.py 25
python3 expiry.py 300
python3 fold.py 40
python3 hints.py 3000
python3 keyspace_drop.py 150
python3 sloppy_reads.py 1500
python3 tree_exchange.py 200
