# The fake node takes the place of src/node/node.c, so it must not be in a library.
net_test_sources = \
	tests/unit/net/fake_node.c \
	tests/unit/net/fake_node.h \
	tests/unit/net/fixture.c \
	tests/unit/net/fixture.h
tests_unit_net_test_clients_SOURCES = tests/unit/net/test_clients.c $(net_test_sources)
tests_unit_net_test_links_SOURCES = tests/unit/net/test_links.c $(net_test_sources)
tests_unit_net_test_loop_SOURCES = tests/unit/net/test_loop.c $(net_test_sources)
# What ringca makes, and what it never would.
tls_test_sources = \
	tests/unit/net/authority.c \
	tests/unit/net/authority.h \
	tools/ringca/certificate.c \
	tools/ringca/certificate.h \
	tools/ringca/store.c \
	tools/ringca/store.h
tests_unit_net_test_tls_SOURCES = tests/unit/net/test_tls.c $(tls_test_sources)
tests_unit_net_test_tls_loop_SOURCES = tests/unit/net/test_tls_loop.c $(net_test_sources) \
	$(tls_test_sources)
tests_unit_net_test_tls_loop_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tools/ringca
tests_unit_net_test_tls_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tools/ringca
unit_tests += \
	tests/unit/net/test_address \
	tests/unit/net/test_clients \
	tests/unit/net/test_links \
	tests/unit/net/test_loop \
	tests/unit/net/test_tls \
	tests/unit/net/test_tls_identity \
	tests/unit/net/test_tls_loop
