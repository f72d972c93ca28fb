EXTRA_PROGRAMS += ringbench
ringbench_SOURCES =
ringbench_LDADD = $(adapter_libs)
EXTRA_DIST += benchmarks/repair_cost
