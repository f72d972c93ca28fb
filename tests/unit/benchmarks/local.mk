unit_tests += \
	tests/unit/benchmarks/test_bench_options \
	tests/unit/benchmarks/test_histogram \
	tests/unit/benchmarks/test_measure \
	tests/unit/benchmarks/test_workload \
	tests/unit/benchmarks/test_zipfian

tests_unit_benchmarks_test_bench_options_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/benchmarks
tests_unit_benchmarks_test_bench_options_LDADD = libringbench.a $(LDADD)
tests_unit_benchmarks_test_histogram_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/benchmarks
tests_unit_benchmarks_test_histogram_LDADD = libringbench.a $(LDADD)
tests_unit_benchmarks_test_measure_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/benchmarks
tests_unit_benchmarks_test_measure_LDADD = libringbench.a $(LDADD)
tests_unit_benchmarks_test_workload_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/benchmarks
tests_unit_benchmarks_test_workload_LDADD = libringbench.a $(LDADD)
tests_unit_benchmarks_test_zipfian_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/benchmarks
tests_unit_benchmarks_test_zipfian_LDADD = libringbench.a $(LDADD)
