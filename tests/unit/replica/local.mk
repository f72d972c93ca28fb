libringtest_a_SOURCES += \
	tests/unit/replica/garbage_host.c \
	tests/unit/replica/garbage_host.h \
	tests/unit/replica/memory_store.c \
	tests/unit/replica/memory_store.h
unit_tests += \
	tests/unit/replica/test_cell_cache \
	tests/unit/replica/test_collection \
	tests/unit/replica/test_deadlines \
	tests/unit/replica/test_hint_store \
	tests/unit/replica/test_expiry \
	tests/unit/replica/test_keyspace_drop \
	tests/unit/replica/test_leaf_compare \
	tests/unit/replica/test_replica \
	tests/unit/replica/test_replica_counters \
	tests/unit/replica/test_replica_purge \
	tests/unit/replica/test_replica_siblings \
	tests/unit/replica/test_replica_tree \
	tests/unit/replica/test_replica_trim \
	tests/unit/replica/test_replica_whole \
	tests/unit/replica/test_score_index \
	tests/unit/replica/test_safe_time \
	tests/unit/replica/test_settled_time \
	tests/unit/replica/test_stability
