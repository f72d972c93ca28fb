EXTRA_PROGRAMS += ringctl
ringctl_SOURCES =
ringctl_LDADD = $(core_libs) $(OPENSSL_LIBS) $(SMARTCOLS_LIBS)
