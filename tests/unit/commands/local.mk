EXTRA_DIST += tests/unit/commands/corpus.txt
libringtest_a_SOURCES += \
	tests/unit/commands/harness.c \
	tests/unit/commands/harness.h
unit_tests += \
	tests/unit/commands/test_redis
