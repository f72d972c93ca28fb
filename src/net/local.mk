noinst_LIBRARIES += libringnet.a
libringnet_a_SOURCES = \
	src/net/address.c \
	src/net/address.h \
	src/net/clients.c \
	src/net/clients.h \
	src/net/links.c \
	src/net/links.h \
	src/net/listener.c \
	src/net/listener.h \
	src/net/loop.c \
	src/net/loop.h \
	src/net/stream.c \
	src/net/stream.h \
	src/net/turn.c \
	src/net/turn.h
