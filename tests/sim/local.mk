EXTRA_PROGRAMS += ringsim
ringsim_SOURCES =
ringsim_LDADD = $(core_libs)
