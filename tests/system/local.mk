EXTRA_DIST += \
	tests/system/fake_node.py \
	tests/system/harness.py \
	tests/system/test_client_library \
	tests/system/test_clients \
	tests/system/test_clock \
	tests/system/test_counters \
	tests/system/test_errors \
	tests/system/test_gc \
	tests/system/test_keyspaces \
	tests/system/test_hints \
	tests/system/test_kill_loop \
	tests/system/test_quickstart \
	tests/system/test_ringbench \
	tests/system/test_ringcluster \
	tests/system/test_ringctl \
	tests/system/test_siblings \
	tests/system/test_standalone \
	tests/system/test_wipe
