libringcore_a_SOURCES += \
	src/membership/peers.c \
	src/membership/peers.h
