# Protocols as programs in Python: slow next to unit tests, quick next to the simulator.
EXTRA_DIST += \
	tests/models/counters.py \
	tests/models/safe_time.py \
	tests/models/stability.py \
	tests/models/register.py \
	tests/models/test_models.sh
TESTS += tests/models/test_models.sh
