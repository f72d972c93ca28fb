libringcore_a_SOURCES += \
	src/membership/clock_watch.c \
	src/membership/clock_watch.h \
	src/membership/peers.c \
	src/membership/peers.h
