libringtest_a_SOURCES += \
	tests/unit/coordinator/request_driver.c \
	tests/unit/coordinator/request_driver.h
unit_tests += \
	tests/unit/coordinator/test_collection \
	tests/unit/coordinator/test_context_token \
	tests/unit/coordinator/test_fallbacks \
	tests/unit/coordinator/test_key_request \
	tests/unit/coordinator/test_latency \
	tests/unit/coordinator/test_level \
	tests/unit/coordinator/test_moving \
	tests/unit/coordinator/test_key_sketch \
	tests/unit/coordinator/test_order \
	tests/unit/coordinator/test_owner_rank \
	tests/unit/coordinator/test_quorum \
	tests/unit/coordinator/test_read \
	tests/unit/coordinator/test_read_fetch \
	tests/unit/coordinator/test_read_hints \
	tests/unit/coordinator/test_scan \
	tests/unit/coordinator/test_speculation \
	tests/unit/coordinator/test_truth_table \
	tests/unit/coordinator/test_write
