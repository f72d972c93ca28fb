libringcore_a_SOURCES += \
	src/ring/planner.h \
	src/ring/position.h \
	src/ring/preference_list.h \
	src/ring/ring.h
