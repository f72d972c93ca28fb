libringtest_a_SOURCES +=
unit_tests += \
	tests/unit/membership/test_clock_watch \
	tests/unit/membership/test_lineage \
	tests/unit/membership/test_member_change \
	tests/unit/membership/test_moves \
	tests/unit/membership/test_peers \
	tests/unit/membership/test_reach_matrix \
	tests/unit/membership/test_plan_change \
	tests/unit/membership/test_plan_drive \
	tests/unit/membership/test_plan_tasks \
	tests/unit/membership/test_register \
	tests/unit/membership/test_register_change \
	tests/unit/membership/test_register_plan \
	tests/unit/membership/test_stage \
	tests/unit/membership/test_users
