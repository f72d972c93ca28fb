noinst_LIBRARIES += libringstore.a
libringstore_a_SOURCES = \
	src/store/clock.c \
	src/store/clock.h \
	src/store/durable_file.c \
	src/store/durable_file.h \
	src/store/frame_queue.c \
	src/store/frame_queue.h \
	src/store/free_space.c \
	src/store/free_space.h \
	src/store/identity.c \
	src/store/identity.h \
	src/store/identity_text.c \
	src/store/identity_text.h \
	src/store/inventory.c \
	src/store/inventory.h \
	src/store/leveldb_store.c \
	src/store/leveldb_store.h \
	src/store/quarantine.c \
	src/store/quarantine.h \
	src/store/reply_box.c \
	src/store/reply_box.h \
	src/store/store_engine.c \
	src/store/store_engine.h \
	src/store/store_metrics.h \
	src/store/store_writer.c \
	src/store/store_writer.h \
	src/store/table_watch.c \
	src/store/table_watch.h
