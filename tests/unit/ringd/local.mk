libringtest_a_SOURCES += \
	tests/unit/ringd/config_scratch.c \
	tests/unit/ringd/config_scratch.h
unit_tests += \
	tests/unit/ringd/test_config \
	tests/unit/ringd/test_config_file \
	tests/unit/ringd/test_config_value \
	tests/unit/ringd/test_data_directory \
	tests/unit/ringd/test_host_metrics \
	tests/unit/ringd/test_http_request \
	tests/unit/ringd/test_log_file \
	tests/unit/ringd/test_manual \
	tests/unit/ringd/test_memory_limit \
	tests/unit/ringd/test_message_mac \
	tests/unit/ringd/test_options \
	tests/unit/ringd/test_password_hash \
	tests/unit/ringd/test_password_worker \
	tests/unit/ringd/test_ring_file \
	tests/unit/ringd/test_ring_plan
