# A library for all but main(), so that tests link it.
noinst_LIBRARIES += libringbench.a
libringbench_a_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tools
libringbench_a_SOURCES = \
	benchmarks/chart.c \
	benchmarks/chart.h \
	benchmarks/histogram.c \
	benchmarks/histogram.h \
	benchmarks/measure.c \
	benchmarks/measure.h \
	benchmarks/options.c \
	benchmarks/options.h \
	benchmarks/report.c \
	benchmarks/report.h \
	benchmarks/run.c \
	benchmarks/run.h \
	benchmarks/servers.c \
	benchmarks/servers.h \
	benchmarks/workload.c \
	benchmarks/workload.h \
	benchmarks/zipfian.c \
	benchmarks/zipfian.h \
	tools/ringctl/json.c \
	tools/ringctl/json.h

bin_PROGRAMS += ringbench
dist_man_MANS += man/ringbench.1
ringbench_SOURCES = benchmarks/main.c
ringbench_LDADD = libringbench.a libringdb.a $(core_libs) $(OPENSSL_LIBS)

# What benchmarks/instructions runs under callgrind.
noinst_PROGRAMS += instructions-driver
instructions_driver_SOURCES = \
	benchmarks/cluster_in_memory.c \
	benchmarks/cluster_in_memory.h \
	benchmarks/instructions_driver.c \
	tests/unit/replica/memory_store.c \
	tests/unit/replica/memory_store.h
instructions_driver_LDADD = $(core_libs)
instructions_driver_LDFLAGS = -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
EXTRA_DIST += benchmarks/BASELINE benchmarks/callgrind_profile.py benchmarks/instructions

# What benchmarks/compare asks each server with.
noinst_PROGRAMS += peer-load
peer_load_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/benchmarks
peer_load_SOURCES = \
	benchmarks/peers/lane.h \
	benchmarks/peers/lane_etcd.c \
	benchmarks/peers/lane_memcached.c \
	benchmarks/peers/lane_resp.c \
	benchmarks/peers/load.c
peer_load_LDADD = libringbench.a $(core_libs)
EXTRA_DIST += benchmarks/compare
EXTRA_DIST += benchmarks/repair_cost
