unit_tests += \
	tests/unit/base/test_base64url \
	tests/unit/base/test_bytes \
	tests/unit/base/test_hash \
	tests/unit/base/test_id_table \
	tests/unit/base/test_log \
	tests/unit/base/test_log_histogram \
	tests/unit/base/test_memory \
	tests/unit/base/test_metric \
	tests/unit/base/test_random \
	tests/unit/base/test_retry_budget \
	tests/unit/base/test_status
