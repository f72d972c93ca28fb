bin_PROGRAMS += ringctl
ringctl_SOURCES = \
	tools/ringctl/arguments.c \
	tools/ringctl/arguments.h \
	tools/ringctl/cluster.c \
	tools/ringctl/cluster.h \
	tools/ringctl/completion.c \
	tools/ringctl/exchange.c \
	tools/ringctl/exchange.h \
	tools/ringctl/fields.c \
	tools/ringctl/fields.h \
	tools/ringctl/json.c \
	tools/ringctl/json.h \
	tools/ringctl/main.c \
	tools/ringctl/progress.c \
	tools/ringctl/progress.h \
	tools/ringctl/report.c \
	tools/ringctl/report.h \
	tools/ringctl/verb_key.c \
	tools/ringctl/verb_ring.c \
	tools/ringctl/verb_status.c \
	tools/ringctl/verb_verify.c \
	tools/ringctl/verbs.h
ringctl_LDADD = libringd.a libringnet.a $(core_libs) $(SMARTCOLS_LIBS)
