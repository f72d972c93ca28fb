# libringdb, static and shared. The library needs OpenSSL and the C library; the three pure modules of
# the house that it uses are compiled into it.
libringdb_sources = \
	src/base/random.c \
	src/base/random.h \
	src/base/retry_budget.c \
	src/base/retry_budget.h \
	src/client/blocking.c \
	src/client/call.c \
	src/client/call.h \
	src/client/client.c \
	src/client/client_state.h \
	src/client/command_facts.c \
	src/client/command_facts.h \
	src/client/connection.c \
	src/client/due_heap.c \
	src/client/due_heap.h \
	src/client/memory.c \
	src/client/memory.h \
	src/client/nodes.c \
	src/client/outcome.c \
	src/client/reply_reader.c \
	src/client/reply_reader.h \
	src/client/ring.c \
	src/client/ring_map.c \
	src/client/ring_map.h \
	src/client/ringdb.h \
	src/client/siblings.c \
	src/client/tls.c \
	src/client/tls.h \
	src/ring/slot.c \
	src/ring/slot.h

# A static library shows all of its names to the program: what is borrowed gets names of its own.
lib_LIBRARIES = libringdb.a
libringdb_a_SOURCES = $(libringdb_sources)
libringdb_a_CPPFLAGS = $(AM_CPPFLAGS) -Dring_slot=ringdb_slot -Drandom_u64=ringdb_random_u64 \
	-Drandom_below=ringdb_random_below -Drandom_chance=ringdb_random_chance \
	-Drandom_unit=ringdb_random_unit -Dretry_budget_make=ringdb_retry_budget_make \
	-Dretry_budget_earn=ringdb_retry_budget_earn -Dretry_budget_allows=ringdb_retry_budget_allows \
	-Dretry_budget_spend=ringdb_retry_budget_spend
include_HEADERS = src/client/ringdb.h

# A shared library is a program that is linked otherwise; libtool would bring its own shell
# around every compilation for the sake of systems that RingDB does not run on.
shareddir = $(libdir)
shared_PROGRAMS = libringdb.so.0
libringdb_so_0_SOURCES = $(libringdb_sources)
libringdb_so_0_CFLAGS = $(RINGDB_CFLAGS) -fPIC
libringdb_so_0_LDFLAGS = -shared -Wl,-z,relro,-z,now,-soname,libringdb.so.0 \
	-Wl,--version-script=$(srcdir)/src/client/ringdb.map
libringdb_so_0_LDADD = $(OPENSSL_LIBS)
EXTRA_libringdb_so_0_DEPENDENCIES = src/client/ringdb.map
EXTRA_DIST += src/client/ringdb.map src/client/ringdb.pc.in

install-exec-hook:
	cd '$(DESTDIR)$(libdir)' && ln -sf libringdb.so.0 libringdb.so
uninstall-hook:
	rm -f '$(DESTDIR)$(libdir)/libringdb.so'

pkgconfigdir = $(libdir)/pkgconfig
nodist_pkgconfig_DATA = src/client/ringdb.pc
src/client/ringdb.pc: $(srcdir)/src/client/ringdb.pc.in Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && sed -e 's|@prefix[@]|$(prefix)|' \
	    -e 's|@libdir[@]|$(libdir)|' -e 's|@includedir[@]|$(includedir)|' \
	    -e 's|@version[@]|$(PACKAGE_VERSION)|' '$(srcdir)/src/client/ringdb.pc.in' >$@.new && \
	    mv $@.new $@
CLEANFILES += $(nodist_pkgconfig_DATA)

# The examples are compiled with every build and run by tests/system/test_client_library.
noinst_PROGRAMS += src/client/examples/merge src/client/examples/put_lines
src_client_examples_merge_SOURCES = src/client/examples/merge.c
src_client_examples_merge_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/src/client
src_client_examples_merge_LDADD = libringdb.so.0
src_client_examples_put_lines_SOURCES = src/client/examples/put_lines.c
src_client_examples_put_lines_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/src/client
src_client_examples_put_lines_LDADD = libringdb.a $(OPENSSL_LIBS)
EXTRA_DIST += src/client/examples/README.md
dist_man_MANS += man/libringdb.3
