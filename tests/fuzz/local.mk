EXTRA_DIST += \
	tests/fuzz/fuzz_resp.c \
	tests/fuzz/resp_check.h
