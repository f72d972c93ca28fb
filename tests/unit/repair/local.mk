libringtest_a_SOURCES +=
unit_tests += \
	tests/unit/repair/test_log_sync
