libringtest_a_SOURCES +=
unit_tests += \
	tests/unit/repair/test_hint_handoff \
	tests/unit/repair/test_log_sync \
	tests/unit/repair/test_pace \
	tests/unit/repair/test_partition_sync \
	tests/unit/repair/test_tree_exchange
