noinst_LIBRARIES += libringnet.a
libringnet_a_SOURCES =
