libringtest_a_SOURCES +=
unit_tests += \
	tests/unit/membership/test_clock_watch \
	tests/unit/membership/test_peers \
	tests/unit/membership/test_register
