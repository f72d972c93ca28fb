libringtest_a_SOURCES += \
	tests/unit/causal/causal_test.h \
	tests/unit/causal/cell_test.h \
	tests/unit/causal/event_oracle.h \
	tests/unit/causal/replica_model.c \
	tests/unit/causal/replica_model.h
unit_tests += \
	tests/unit/causal/test_bits \
	tests/unit/causal/test_cell \
	tests/unit/causal/test_cell_codec \
	tests/unit/causal/test_cell_merge \
	tests/unit/causal/test_clock \
	tests/unit/causal/test_counter \
	tests/unit/causal/test_counter_fold \
	tests/unit/causal/test_cut \
	tests/unit/causal/test_deadline \
	tests/unit/causal/test_decimal \
	tests/unit/causal/test_dot \
	tests/unit/causal/test_expired \
	tests/unit/causal/test_garbage \
	tests/unit/causal/test_hybrid_time \
	tests/unit/causal/test_register \
	tests/unit/causal/test_replica_model \
	tests/unit/causal/test_hyperloglog \
	tests/unit/causal/test_score \
	tests/unit/causal/test_request_time \
	tests/unit/causal/test_version_vector
