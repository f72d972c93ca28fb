noinst_LIBRARIES += libringstore.a
libringstore_a_SOURCES =
