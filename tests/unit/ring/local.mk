libringtest_a_SOURCES += \
	tests/unit/ring/placement_checker.c \
	tests/unit/ring/placement_checker.h \
	tests/unit/ring/ring_fixture.c \
	tests/unit/ring/ring_fixture.h
unit_tests += \
	tests/unit/ring/test_change_plan \
	tests/unit/ring/test_change_plan_property \
	tests/unit/ring/test_element_key \
	tests/unit/ring/test_flow \
	tests/unit/ring/test_planner \
	tests/unit/ring/test_planner_property \
	tests/unit/ring/test_position \
	tests/unit/ring/test_preference_list \
	tests/unit/ring/test_ring \
	tests/unit/ring/test_ring_change \
	tests/unit/ring/test_ring_codec \
	tests/unit/ring/test_ring_drive \
	tests/unit/ring/test_ring_evidence \
	tests/unit/ring/test_ring_steps \
	tests/unit/ring/test_ring_wish \
	tests/unit/ring/test_ring_work \
	tests/unit/ring/test_roster \
	tests/unit/ring/test_shares \
	tests/unit/ring/test_transition
