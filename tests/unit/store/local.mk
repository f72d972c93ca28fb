# Not in libringtest.a: the fake takes the place of src/node/store_side.c, and would do so in every
# test that links the library.
store_test_sources = \
	tests/unit/store/fault_shim.c \
	tests/unit/store/fault_shim.h \
	tests/unit/store/scratch.c \
	tests/unit/store/scratch.h \
	tests/unit/store/store_helpers.c \
	tests/unit/store/store_helpers.h
fake_store_side_sources = \
	tests/unit/store/fake_store_side.c \
	tests/unit/store/fake_store_side.h
tests_unit_store_test_durable_file_SOURCES = tests/unit/store/test_durable_file.c $(store_test_sources)
tests_unit_store_test_identity_SOURCES = tests/unit/store/test_identity.c $(store_test_sources)
tests_unit_store_test_inventory_SOURCES = tests/unit/store/test_inventory.c $(store_test_sources)
tests_unit_store_test_leveldb_store_SOURCES = tests/unit/store/test_leveldb_store.c $(store_test_sources)
tests_unit_store_test_leveldb_store_faults_SOURCES = tests/unit/store/test_leveldb_store_faults.c $(store_test_sources)
tests_unit_store_test_quarantine_SOURCES = tests/unit/store/test_quarantine.c $(store_test_sources)
tests_unit_store_test_store_disk_full_SOURCES = tests/unit/store/test_store_disk_full.c $(store_test_sources) \
	$(fake_store_side_sources)
tests_unit_store_test_store_engine_SOURCES = tests/unit/store/test_store_engine.c $(store_test_sources) \
	$(fake_store_side_sources)
unit_tests += \
	tests/unit/store/test_clock \
	tests/unit/store/test_durable_file \
	tests/unit/store/test_frame_queue \
	tests/unit/store/test_free_space \
	tests/unit/store/test_identity \
	tests/unit/store/test_identity_text \
	tests/unit/store/test_inventory \
	tests/unit/store/test_leveldb_store \
	tests/unit/store/test_leveldb_store_faults \
	tests/unit/store/test_quarantine \
	tests/unit/store/test_reply_box \
	tests/unit/store/test_store_disk_full \
	tests/unit/store/test_store_engine \
	tests/unit/store/test_store_writer
