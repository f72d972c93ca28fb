libringtest_a_SOURCES += \
	tests/unit/node/loop_host.c \
	tests/unit/node/loop_host.h \
	tests/unit/node/store_host.c \
	tests/unit/node/store_host.h \
	tests/unit/node/store_writes.c \
	tests/unit/node/store_writes.h
unit_tests += \
	tests/unit/node/test_clock_fence \
	tests/unit/node/test_drain \
	tests/unit/node/test_event \
	tests/unit/node/test_evidence \
	tests/unit/node/test_key_states \
	tests/unit/node/test_key_traffic \
	tests/unit/node/test_lineage \
	tests/unit/node/test_node \
	tests/unit/node/test_owner_choice \
	tests/unit/node/test_password_hashes \
	tests/unit/node/test_publications \
	tests/unit/node/test_placement \
	tests/unit/node/test_register \
	tests/unit/node/test_register_new_store \
	tests/unit/node/test_ring_driver \
	tests/unit/node/test_request_times \
	tests/unit/node/test_sloppy_reads \
	tests/unit/node/test_stability_schedule \
	tests/unit/node/test_store_clock \
	tests/unit/node/test_store_drop \
	tests/unit/node/test_store_elements \
	tests/unit/node/test_store_expiry \
	tests/unit/node/test_store_hints \
	tests/unit/node/test_store_holdings \
	tests/unit/node/test_store_key_state \
	tests/unit/node/test_store_mint \
	tests/unit/node/test_store_read \
	tests/unit/node/test_store_register \
	tests/unit/node/test_store_requests \
	tests/unit/node/test_store_siblings \
	tests/unit/node/test_store_side \
	tests/unit/node/test_store_stability \
	tests/unit/node/test_store_sync \
	tests/unit/node/test_store_whole
