# Protocols as programs in Python: slow next to unit tests, quick next to the simulator.
EXTRA_DIST += \
	tests/models/collections.py \
	tests/models/request_ids.py \
	tests/models/counters.py \
	tests/models/deadlines.py \
	tests/models/expiry.py \
	tests/models/fold.py \
	tests/models/hash_sums.py \
	tests/models/register.py \
	tests/models/ring_change.py \
	tests/models/hints.py \
	tests/models/keyspace_drop.py \
	tests/models/safe_time.py \
	tests/models/score_order.py \
	tests/models/sloppy_reads.py \
	tests/models/stability.py \
	tests/models/test_models.sh \
	tests/models/tree_exchange.py
TESTS += tests/models/test_models.sh
