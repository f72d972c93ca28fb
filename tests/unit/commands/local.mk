EXTRA_DIST += tests/unit/commands/corpus.txt
libringtest_a_SOURCES += \
	tests/unit/commands/harness.c \
	tests/unit/commands/harness.h
unit_tests += \
	tests/unit/commands/test_acl \
	tests/unit/commands/test_arguments \
	tests/unit/commands/test_cluster \
	tests/unit/commands/test_command_table \
	tests/unit/commands/test_connection \
	tests/unit/commands/test_failures \
	tests/unit/commands/test_flush \
	tests/unit/commands/test_geo \
	tests/unit/commands/test_hashes \
	tests/unit/commands/test_keys \
	tests/unit/commands/test_keyspace \
	tests/unit/commands/test_login \
	tests/unit/commands/test_login_limits \
	tests/unit/commands/test_latency_monitor \
	tests/unit/commands/test_member \
	tests/unit/commands/test_plan \
	tests/unit/commands/test_tasks \
	tests/unit/commands/test_pubsub \
	tests/unit/commands/test_redis \
	tests/unit/commands/test_ring_gc \
	tests/unit/commands/test_ring_latency \
	tests/unit/commands/test_ring_repair \
	tests/unit/commands/test_server \
	tests/unit/commands/test_sets \
	tests/unit/commands/test_session \
	tests/unit/commands/test_siblings \
	tests/unit/commands/test_sorted_sets \
	tests/unit/commands/test_strings \
	tests/unit/commands/test_wait
