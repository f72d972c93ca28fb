libringtest_a_SOURCES +=
unit_tests +=
