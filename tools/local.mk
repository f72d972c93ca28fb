dist_bin_SCRIPTS += tools/ringcluster

EXTRA_DIST += \
	tools/README.md \
	tools/install-packages \
	tools/packages \
	tools/quickstart \
	tools/quickstart-records \
	tools/test
