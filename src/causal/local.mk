libringcore_a_SOURCES += \
	src/causal/cut.c \
	src/causal/cut.h \
	src/causal/bits.c \
	src/causal/bits.h \
	src/causal/cell.c \
	src/causal/cell.h \
	src/causal/cell_codec.c \
	src/causal/clock.c \
	src/causal/clock.h \
	src/causal/counter.c \
	src/causal/counter.h \
	src/causal/counter_write.c \
	src/causal/counter_write.h \
	src/causal/decimal.c \
	src/causal/decimal.h \
	src/causal/dot.c \
	src/causal/dot.h \
	src/causal/expired.c \
	src/causal/expired.h \
	src/causal/garbage.c \
	src/causal/garbage.h \
	src/causal/hybrid_time.c \
	src/causal/hybrid_time.h \
	src/causal/register.c \
	src/causal/register.h \
	src/causal/version_vector.c \
	src/causal/version_vector.h
