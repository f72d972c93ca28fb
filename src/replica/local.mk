libringcore_a_SOURCES += \
	src/replica/cell_cache.c \
	src/replica/cell_cache.h \
	src/replica/hint_store.c \
	src/replica/hint_store.h \
	src/replica/replica.c \
	src/replica/replica.h \
	src/replica/replica_cells.h \
	src/replica/replica_purge.c \
	src/replica/replica_sync.c \
	src/replica/replica_trim.c \
	src/replica/replica_whole.c \
	src/replica/stability.c \
	src/replica/stability.h \
	src/replica/store_port.c \
	src/replica/store_port.h
