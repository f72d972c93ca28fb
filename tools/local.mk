EXTRA_DIST += \
	tools/install-packages \
	tools/packages \
	tools/test
