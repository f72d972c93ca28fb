EXTRA_LIBRARIES += libringdb.a
libringdb_a_SOURCES =
