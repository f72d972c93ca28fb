libringcore_a_SOURCES +=
