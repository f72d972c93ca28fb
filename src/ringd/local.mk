noinst_LIBRARIES += libringd.a
libringd_a_SOURCES =

EXTRA_PROGRAMS += ringd
ringd_SOURCES =
ringd_LDADD = libringd.a $(adapter_libs)
