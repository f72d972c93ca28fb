# One program for each target. With --enable-fuzz libFuzzer is in it; without, it replays files.
fuzz_targets = \
	tests/fuzz/fuzz_acl \
	tests/fuzz/fuzz_client \
	tests/fuzz/fuzz_config \
	tests/fuzz/fuzz_http \
	tests/fuzz/fuzz_message \
	tests/fuzz/fuzz_peer \
	tests/fuzz/fuzz_record \
	tests/fuzz/fuzz_resp \
	tests/fuzz/fuzz_token \
	tests/fuzz/fuzz_value

if FUZZ
fuzz_main =
fuzz_ldflags = $(AM_LDFLAGS) -fsanitize=fuzzer
else
fuzz_main = tests/fuzz/replay.c
fuzz_ldflags = $(AM_LDFLAGS)
endif

fuzz_canonical = $(fuzz_main) tests/fuzz/canonical.h
fuzz_whole_node = $(fuzz_main) tests/fuzz/whole_node.c tests/fuzz/whole_node.h

if HAVE_CMOCKA
check_PROGRAMS += $(fuzz_targets)
TESTS += tests/fuzz/test_corpus.sh
endif
tests_fuzz_fuzz_acl_SOURCES = tests/fuzz/fuzz_acl.c $(fuzz_main)
tests_fuzz_fuzz_acl_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_client_SOURCES = tests/fuzz/fuzz_client.c $(fuzz_whole_node)
tests_fuzz_fuzz_client_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_config_SOURCES = tests/fuzz/fuzz_config.c $(fuzz_main)
tests_fuzz_fuzz_config_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_http_SOURCES = tests/fuzz/fuzz_http.c $(fuzz_main)
tests_fuzz_fuzz_http_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_message_SOURCES = tests/fuzz/fuzz_message.c $(fuzz_canonical)
tests_fuzz_fuzz_message_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_peer_SOURCES = tests/fuzz/fuzz_peer.c $(fuzz_whole_node)
tests_fuzz_fuzz_peer_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_record_SOURCES = tests/fuzz/fuzz_record.c $(fuzz_canonical)
tests_fuzz_fuzz_record_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_resp_SOURCES = tests/fuzz/fuzz_resp.c $(fuzz_main) tests/fuzz/resp_check.h
tests_fuzz_fuzz_resp_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_token_SOURCES = tests/fuzz/fuzz_token.c $(fuzz_main)
tests_fuzz_fuzz_token_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_value_SOURCES = tests/fuzz/fuzz_value.c $(fuzz_canonical)
tests_fuzz_fuzz_value_LDFLAGS = $(fuzz_ldflags)

EXTRA_DIST += \
	tests/fuzz/run \
	tests/fuzz/test_corpus.sh \
	$(wildcard $(srcdir)/tests/fuzz/corpus/*/*)
