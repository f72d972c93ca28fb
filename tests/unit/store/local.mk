libringtest_a_SOURCES += \
	tests/unit/store/fake_store_side.c \
	tests/unit/store/fake_store_side.h \
	tests/unit/store/fault_shim.c \
	tests/unit/store/fault_shim.h \
	tests/unit/store/scratch.c \
	tests/unit/store/scratch.h \
	tests/unit/store/store_helpers.c \
	tests/unit/store/store_helpers.h
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
	tests/unit/store/test_reply_box \
	tests/unit/store/test_store_disk_full \
	tests/unit/store/test_store_engine \
	tests/unit/store/test_store_writer
