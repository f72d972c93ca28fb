libringtest_a_SOURCES +=
unit_tests += \
	tests/unit/wire/test_resp_mutation \
	tests/unit/wire/test_resp_reader \
	tests/unit/wire/test_resp_reply \
	tests/unit/wire/test_resp_writer
