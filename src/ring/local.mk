libringcore_a_SOURCES += \
	src/ring/flow.c \
	src/ring/flow.h \
	src/ring/order.c \
	src/ring/order.h \
	src/ring/placement.c \
	src/ring/placement.h \
	src/ring/planner.c \
	src/ring/planner.h \
	src/ring/position.c \
	src/ring/position.h \
	src/ring/preference_list.c \
	src/ring/preference_list.h \
	src/ring/ring.c \
	src/ring/ring.h \
	src/ring/ring_codec.c \
	src/ring/ring_rules.c \
	src/ring/roster.c \
	src/ring/roster.h \
	src/ring/scatter.c \
	src/ring/scatter.h \
	src/ring/shares.c \
	src/ring/shares.h \
	src/ring/slot.c \
	src/ring/slot.h
