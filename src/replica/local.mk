libringcore_a_SOURCES += \
	src/replica/collection.c \
	src/replica/collection.h \
	src/replica/collection_sweep.c \
	src/replica/cell_cache.c \
	src/replica/cell_cache.h \
	src/replica/hint_store.c \
	src/replica/hint_store.h \
	src/replica/leaf_compare.c \
	src/replica/leaf_compare.h \
	src/replica/replica.c \
	src/replica/replica.h \
	src/replica/replica_cells.h \
	src/replica/replica_purge.c \
	src/replica/replica_requests.c \
	src/replica/replica_requests.h \
	src/replica/replica_sync.c \
	src/replica/request_table.h \
	src/replica/stability.c \
	src/replica/stability.h \
	src/replica/replica_tree.c \
	src/replica/replica_tree.h \
	src/replica/scrub.c \
	src/replica/scrub.h \
	src/replica/store_port.c \
	src/replica/store_port.h \
	src/replica/sum_tree.c \
	src/replica/sum_tree.h
