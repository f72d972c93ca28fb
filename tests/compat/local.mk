EXTRA_DIST += \
	tests/compat/cases.json \
	tests/compat/client_ioredis.mjs \
	tests/compat/client_node_redis.mjs \
	tests/compat/client_redis_py.py \
	tests/compat/compare.py \
	tests/compat/package.json \
	tests/compat/redis_suite \
	tests/compat/redis_suite.skip
