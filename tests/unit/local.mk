check_LIBRARIES = libringtest.a
libringtest_a_SOURCES =
LDADD = libringtest.a libringd.a $(adapter_libs) $(SMARTCOLS_LIBS) $(CMOCKA_LIBS)

include tests/unit/base/local.mk
include tests/unit/causal/local.mk
include tests/unit/ring/local.mk
include tests/unit/wire/local.mk
include tests/unit/coordinator/local.mk
include tests/unit/replica/local.mk
include tests/unit/repair/local.mk
include tests/unit/membership/local.mk
include tests/unit/node/local.mk
include tests/unit/commands/local.mk
include tests/unit/store/local.mk
include tests/unit/net/local.mk
include tests/unit/ringd/local.mk
include tests/unit/client/local.mk
include tests/unit/benchmarks/local.mk
include tests/unit/ringctl/local.mk

# No unit test takes long; one that hangs is a failure, not a wait.
LOG_COMPILER = timeout --kill-after=10 300

if HAVE_CMOCKA
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
else
check-local:
	@echo 'The unit tests need cmocka: install libcmocka-dev and run configure again.' >&2; exit 1
endif

# The unit tests without the checks of the source tree.
check-unit: all
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(unit_tests)'
.PHONY: check-unit
