libringcore_a_SOURCES += \
	src/node/client_sessions.c \
	src/node/clock_fence.c \
	src/node/event.c \
	src/node/event.h \
	src/node/hint_schedule.c \
	src/node/key_requests.c \
	src/node/node.c \
	src/node/node.h \
	src/node/node_state.h \
	src/node/partition_schedule.c \
	src/node/peer_requests.c \
	src/node/pending.c \
	src/node/repair_schedule.c \
	src/node/settings.c \
	src/node/settings.h \
	src/node/store_clock.c \
	src/node/store_clock.h \
	src/node/store_hints.c \
	src/node/store_mint.c \
	src/node/store_read.c \
	src/node/stability_schedule.c \
	src/node/store_side.c \
	src/node/store_side.h \
	src/node/store_side_state.h \
	src/node/store_stability.c \
	src/node/store_sync.c \
	src/node/store_whole.c
