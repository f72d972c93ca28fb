dist_bin_SCRIPTS += tools/ringcluster

EXTRA_DIST += \
	tools/README.md \
	tools/install-packages \
	tools/monitoring/README.md \
	tools/monitoring/prometheus.yml \
	tools/monitoring/ringd-overview.json \
	tools/monitoring/ringd.rules.yml \
	tools/monitoring/ringd.test.yml \
	tools/packages \
	tools/quickstart \
	tools/quickstart-records \
	tools/test
