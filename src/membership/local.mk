libringcore_a_SOURCES += \
	src/membership/clock_watch.c \
	src/membership/clock_watch.h \
	src/membership/lineage.c \
	src/membership/lineage.h \
	src/membership/peers.c \
	src/membership/peers.h
