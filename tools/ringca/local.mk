bin_PROGRAMS += ringca
ringca_SOURCES = \
	tools/ringca/certificate.c \
	tools/ringca/certificate.h \
	tools/ringca/main.c \
	tools/ringca/store.c \
	tools/ringca/store.h
ringca_LDADD = libringnet.a $(core_libs) $(OPENSSL_LIBS)
dist_man_MANS += man/ringca.1
EXTRA_DIST += tools/ringca/README.md
