libringcore_a_SOURCES += \
	src/wire/frame.c \
	src/wire/frame.h \
	src/wire/message.c \
	src/wire/message.h \
	src/wire/message_garbage.c \
	src/wire/message_garbage.h \
	src/wire/message_fetch.c \
	src/wire/message_fetch.h \
	src/wire/message_register.c \
	src/wire/message_register.h \
	src/wire/message_hint.c \
	src/wire/message_hint.h \
	src/wire/record.c \
	src/wire/record.h \
	src/wire/record_hint.c \
	src/wire/record_hint.h \
	src/wire/resp_reader.c \
	src/wire/resp_reader.h \
	src/wire/resp_reply.c \
	src/wire/resp_reply.h \
	src/wire/resp_writer.c \
	src/wire/resp_writer.h
