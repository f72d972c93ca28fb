libringcore_a_SOURCES += \
	src/commands/environment.h \
	src/commands/session.h
