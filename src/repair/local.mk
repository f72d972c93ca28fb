libringcore_a_SOURCES += \
	src/repair/hint_handoff.c \
	src/repair/hint_handoff.h \
	src/repair/log_sync.c \
	src/repair/log_sync.h \
	src/repair/partition_sync.c \
	src/repair/partition_sync.h \
	src/repair/pace.c \
	src/repair/pace.h \
	src/repair/tree_exchange.c \
	src/repair/tree_exchange.h
