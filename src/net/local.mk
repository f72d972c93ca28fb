noinst_LIBRARIES += libringnet.a
libringnet_a_SOURCES = \
	src/net/address.c \
	src/net/address.h \
	src/net/clients.c \
	src/net/clients.h \
	src/net/handshakes.c \
	src/net/handshakes.h \
	src/net/links.c \
	src/net/links.h \
	src/net/listener.c \
	src/net/listener.h \
	src/net/loop.c \
	src/net/loop.h \
	src/net/stream.c \
	src/net/stream.h \
	src/net/tls.c \
	src/net/tls.h \
	src/net/tls_identity.c \
	src/net/tls_identity.h \
	src/net/tls_session.c \
	src/net/tls_session.h \
	src/net/turn.c \
	src/net/turn.h
