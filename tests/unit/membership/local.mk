libringtest_a_SOURCES +=
unit_tests += \
	tests/unit/membership/test_peers
