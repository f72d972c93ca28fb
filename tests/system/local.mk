EXTRA_DIST += \
	tests/system/harness.py \
	tests/system/test_kill_loop \
	tests/system/test_quickstart
