libringcore_a_SOURCES += \
	src/coordinator/collection.c \
	src/coordinator/collection.h \
	src/coordinator/context_token.c \
	src/coordinator/context_token.h \
	src/coordinator/fallbacks.c \
	src/coordinator/key_request.c \
	src/coordinator/key_request.h \
	src/coordinator/latency.c \
	src/coordinator/latency.h \
	src/coordinator/level.c \
	src/coordinator/level.h \
	src/coordinator/owner_rank.c \
	src/coordinator/owner_rank.h \
	src/coordinator/quorum.c \
	src/coordinator/quorum.h \
	src/coordinator/read.c \
	src/coordinator/read_fetch.c \
	src/coordinator/read_hints.c \
	src/coordinator/read_merge.c \
	src/coordinator/read_repair.c \
	src/coordinator/repeat.c \
	src/coordinator/request.c \
	src/coordinator/request.h \
	src/coordinator/request_state.h \
	src/coordinator/scan.c \
	src/coordinator/scan.h \
	src/coordinator/write.c
