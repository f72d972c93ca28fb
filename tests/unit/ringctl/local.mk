libringtest_a_SOURCES +=
unit_tests += \
	tests/unit/ringctl/test_arguments \
	tests/unit/ringctl/test_doctor \
	tests/unit/ringctl/test_json \
	tests/unit/ringctl/test_key_story \
	tests/unit/ringctl/test_losses \
	tests/unit/ringctl/test_node_tls \
	tests/unit/ringctl/test_report

made_replies = tests/unit/ringctl/made_replies.c tests/unit/ringctl/made_replies.h

tests_unit_ringctl_test_arguments_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tools
tests_unit_ringctl_test_arguments_LDADD = libringctl.a $(LDADD)
tests_unit_ringctl_test_doctor_SOURCES = tests/unit/ringctl/test_doctor.c $(made_replies)
tests_unit_ringctl_test_doctor_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tools
tests_unit_ringctl_test_doctor_LDADD = libringctl.a $(LDADD)
tests_unit_ringctl_test_json_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tools
tests_unit_ringctl_test_json_LDADD = libringctl.a $(LDADD)
tests_unit_ringctl_test_key_story_SOURCES = tests/unit/ringctl/test_key_story.c $(made_replies)
tests_unit_ringctl_test_key_story_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tools
tests_unit_ringctl_test_key_story_LDADD = libringctl.a $(LDADD)
tests_unit_ringctl_test_losses_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tools
tests_unit_ringctl_test_losses_LDADD = libringctl.a $(LDADD)
tests_unit_ringctl_test_node_tls_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tools
tests_unit_ringctl_test_node_tls_LDADD = libringctl.a $(LDADD)
tests_unit_ringctl_test_report_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tools
tests_unit_ringctl_test_report_LDADD = libringctl.a $(LDADD)
