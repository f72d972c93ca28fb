libringcore_a_SOURCES += \
	src/base/base64url.c \
	src/base/base64url.h \
	src/base/bytes.c \
	src/base/bytes.h \
	src/base/bytes_inline.h \
	src/base/deadline_heap.c \
	src/base/deadline_heap.h \
	src/base/hash.c \
	src/base/hash.h \
	src/base/id_table.c \
	src/base/id_table.h \
	src/base/ids.h \
	src/base/log.c \
	src/base/log.h \
	src/base/log_histogram.c \
	src/base/log_histogram.h \
	src/base/memory.c \
	src/base/memory.h \
	src/base/metric.c \
	src/base/metric.h \
	src/base/random.c \
	src/base/random.h \
	src/base/retry_budget.c \
	src/base/retry_budget.h \
	src/base/status.c \
	src/base/status.h \
	src/base/table.h
