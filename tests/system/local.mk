EXTRA_DIST += \
	tests/system/fake_node.py \
	tests/system/growth_load.py \
	tests/system/harness.py \
	tests/system/namespaces.py \
	tests/system/newcomer.py \
	tests/system/test_client_library \
	tests/system/test_catch_up \
	tests/system/test_clients \
	tests/system/test_clock \
	tests/system/test_compare \
	tests/system/test_counters \
	tests/system/test_damage \
	tests/system/test_drain \
	tests/system/test_errors \
	tests/system/test_expiry \
	tests/system/test_folding \
	tests/system/test_gc \
	tests/system/test_keyspace_drop \
	tests/system/test_keyspaces \
	tests/system/test_hashes \
	tests/system/test_gateways \
	tests/system/test_growth \
	tests/system/test_hints \
	tests/system/test_kill_loop \
	tests/system/test_metrics \
	tests/system/test_net_matrix \
	tests/system/test_commit \
	tests/system/test_operations \
	tests/system/test_plans \
	tests/system/test_pubsub \
	tests/system/test_quickstart \
	tests/system/test_ringbench \
	tests/system/test_region_cut \
	tests/system/test_repair \
	tests/system/test_ringcluster \
	tests/system/test_ringctl \
	tests/system/test_sets \
	tests/system/test_request_ids \
	tests/system/test_service \
	tests/system/test_siblings \
	tests/system/test_sloppy_reads \
	tests/system/test_slow_owner \
	tests/system/test_standalone \
	tests/system/test_tls \
	tests/system/test_transfers \
	tests/system/test_troubles \
	tests/system/test_users \
	tests/system/test_wipe \
	tests/system/test_zsets

# Damage databases for test_repair, and look into them for test_growth.
noinst_PROGRAMS += tests/system/store-lose tests/system/store-partitions
tests_system_store_lose_SOURCES = tests/system/store_lose.c
tests_system_store_lose_LDADD = $(core_libs) $(LEVELDB_LIBS)
tests_system_store_partitions_SOURCES = tests/system/store_partitions.c
tests_system_store_partitions_LDADD = $(core_libs) $(LEVELDB_LIBS)
