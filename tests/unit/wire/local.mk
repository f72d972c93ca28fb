libringtest_a_SOURCES +=
unit_tests += \
	tests/unit/wire/test_frame \
	tests/unit/wire/test_message \
	tests/unit/wire/test_message_expiry \
	tests/unit/wire/test_message_register \
	tests/unit/wire/test_message_order \
	tests/unit/wire/test_message_hint \
	tests/unit/wire/test_message_partition \
	tests/unit/wire/test_message_hint_read \
	tests/unit/wire/test_message_key_state \
	tests/unit/wire/test_message_garbage \
	tests/unit/wire/test_message_lineage \
	tests/unit/wire/test_message_ring \
	tests/unit/wire/test_message_publish \
	tests/unit/wire/test_message_reach \
	tests/unit/wire/test_message_tree \
	tests/unit/wire/test_record \
	tests/unit/wire/test_resp_mutation \
	tests/unit/wire/test_resp_reader \
	tests/unit/wire/test_resp_reply \
	tests/unit/wire/test_resp_writer
