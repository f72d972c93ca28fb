noinst_LIBRARIES += libringd.a
libringd_a_SOURCES = \
	src/ringd/config.c \
	src/ringd/config.h \
	src/ringd/config_file.c \
	src/ringd/config_file.h \
	src/ringd/config_print.c \
	src/ringd/config_table.c \
	src/ringd/config_value.c \
	src/ringd/config_value.h \
	src/ringd/data_directory.c \
	src/ringd/data_directory.h \
	src/ringd/host_metrics.c \
	src/ringd/host_metrics.h \
	src/ringd/http_pages.c \
	src/ringd/http_pages.h \
	src/ringd/http_request.c \
	src/ringd/http_request.h \
	src/ringd/http_server.c \
	src/ringd/http_server.h \
	src/ringd/information.c \
	src/ringd/information.h \
	src/ringd/log_file.c \
	src/ringd/log_file.h \
	src/ringd/memory_limit.c \
	src/ringd/memory_limit.h \
	src/ringd/message_mac.c \
	src/ringd/message_mac.h \
	src/ringd/nearest_name.c \
	src/ringd/nearest_name.h \
	src/ringd/options.c \
	src/ringd/options.h \
	src/ringd/password_hash.c \
	src/ringd/password_hash.h \
	src/ringd/password_worker.c \
	src/ringd/password_worker.h \
	src/ringd/rebuild.c \
	src/ringd/rebuild.h \
	src/ringd/ring_file.c \
	src/ringd/ring_file.h \
	src/ringd/ring_plan.c \
	src/ringd/ring_plan.h \
	src/ringd/server.c \
	src/ringd/server.h \
	src/ringd/service_notify.c \
	src/ringd/service_notify.h \
	src/ringd/tls_keeper.c \
	src/ringd/tls_keeper.h

sbin_PROGRAMS += ringd
ringd_SOURCES = src/ringd/main.c
ringd_LDADD = libringd.a $(adapter_libs)
dist_man_MANS += man/ringd.8 man/ringd.conf.5
