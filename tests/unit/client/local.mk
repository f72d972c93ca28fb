libringtest_a_SOURCES += \
	tests/unit/client/fake_server.c \
	tests/unit/client/fake_server.h
unit_tests += \
	tests/unit/client/test_call \
	tests/unit/client/test_client \
	tests/unit/client/test_client_memory \
	tests/unit/client/test_command_facts \
	tests/unit/client/test_connection_cut \
	tests/unit/client/test_reply_reader \
	tests/unit/client/test_ring_map

tests_unit_client_test_call_LDADD = libringdb.a $(LDADD)
tests_unit_client_test_client_LDADD = libringtest.a libringdb.a $(LDADD)
tests_unit_client_test_client_memory_LDADD = libringtest.a libringdb.a $(LDADD)
tests_unit_client_test_command_facts_LDADD = libringdb.a $(LDADD)
tests_unit_client_test_connection_cut_LDADD = libringtest.a libringdb.a $(LDADD)
tests_unit_client_test_reply_reader_LDADD = libringdb.a $(LDADD)
tests_unit_client_test_ring_map_LDADD = libringdb.a $(LDADD)
