libringcore_a_SOURCES += \
	src/repair/log_sync.c \
	src/repair/log_sync.h
