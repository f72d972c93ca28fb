TEST_EXTENSIONS = .sh
SH_LOG_COMPILER = bash
AM_TESTS_ENVIRONMENT = \
	SRC='$(abs_srcdir)'; BUILD='$(abs_builddir)'; CC='$(CC)'; CPPFLAGS='$(CPPFLAGS)'; NM='$(NM)'; \
	export SRC BUILD CC CPPFLAGS NM;

check_scripts = \
	tests/check/checks_find_violations.sh \
	tests/check/headers.sh \
	tests/check/layers.sh \
	tests/check/lists.sh \
	tests/check/readme.sh

EXTRA_DIST += $(check_scripts)
TESTS += $(check_scripts)
