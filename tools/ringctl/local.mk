# A library for all but the table of verbs, so that tests link it.
noinst_LIBRARIES += libringctl.a
libringctl_a_SOURCES = \
	tools/ringctl/amounts.c \
	tools/ringctl/amounts.h \
	tools/ringctl/arguments.c \
	tools/ringctl/arguments.h \
	tools/ringctl/cluster.c \
	tools/ringctl/cluster.h \
	tools/ringctl/completion.c \
	tools/ringctl/doctor.h \
	tools/ringctl/doctor_copies.c \
	tools/ringctl/doctor_keys.c \
	tools/ringctl/doctor_limits.c \
	tools/ringctl/doctor_members.c \
	tools/ringctl/doctor_paths.c \
	tools/ringctl/doctor_settings.c \
	tools/ringctl/doctor_stores.c \
	tools/ringctl/exchange.c \
	tools/ringctl/exchange.h \
	tools/ringctl/fields.c \
	tools/ringctl/fields.h \
	tools/ringctl/findings.c \
	tools/ringctl/findings.h \
	tools/ringctl/info_text.c \
	tools/ringctl/info_text.h \
	tools/ringctl/json.c \
	tools/ringctl/json.h \
	tools/ringctl/key_look_up.c \
	tools/ringctl/key_look_up.h \
	tools/ringctl/key_story.c \
	tools/ringctl/key_story.h \
	tools/ringctl/key_tops.c \
	tools/ringctl/key_tops.h \
	tools/ringctl/login.c \
	tools/ringctl/login.h \
	tools/ringctl/losses.c \
	tools/ringctl/losses.h \
	tools/ringctl/node_tls.c \
	tools/ringctl/node_tls.h \
	tools/ringctl/plan_base.c \
	tools/ringctl/plan_base.h \
	tools/ringctl/plan_sizes.c \
	tools/ringctl/plan_sizes.h \
	tools/ringctl/progress.c \
	tools/ringctl/progress.h \
	tools/ringctl/reach_picture.c \
	tools/ringctl/reach_picture.h \
	tools/ringctl/report.c \
	tools/ringctl/report.h \
	tools/ringctl/settings_compare.c \
	tools/ringctl/settings_compare.h \
	tools/ringctl/verb_cluster.c \
	tools/ringctl/verb_config.c \
	tools/ringctl/verb_doctor.c \
	tools/ringctl/verb_drain.c \
	tools/ringctl/verb_explain.c \
	tools/ringctl/verb_gc.c \
	tools/ringctl/verb_hints.c \
	tools/ringctl/verb_key.c \
	tools/ringctl/verb_keyspace.c \
	tools/ringctl/verb_keyspace_change.c \
	tools/ringctl/verb_keyspace_drop.c \
	tools/ringctl/verb_latency.c \
	tools/ringctl/verb_net.c \
	tools/ringctl/verb_plan.c \
	tools/ringctl/verb_plan_life.c \
	tools/ringctl/verb_repair.c \
	tools/ringctl/verb_ring.c \
	tools/ringctl/verb_stage.c \
	tools/ringctl/verb_status.c \
	tools/ringctl/verb_tasks.c \
	tools/ringctl/verb_tls.c \
	tools/ringctl/verb_top.c \
	tools/ringctl/verb_transfers.c \
	tools/ringctl/verb_user.c \
	tools/ringctl/verb_verify.c \
	tools/ringctl/verbs.h

bin_PROGRAMS += ringctl
ringctl_SOURCES = tools/ringctl/main.c
ringctl_LDADD = libringctl.a libringdb.a libringd.a libringnet.a libringstore.a $(core_libs) \
	$(SMARTCOLS_LIBS) $(OPENSSL_LIBS)
dist_man_MANS += man/ringctl.1
EXTRA_DIST += tools/ringctl/README.md

# Written by the program from its own tables.
completionsdir = $(datadir)/bash-completion/completions
nodist_completions_DATA = tools/ringctl/completions/ringctl
tools/ringctl/completions/ringctl: ringctl$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) $(@D) && ./ringctl$(EXEEXT) --completion bash >$@.new && mv $@.new $@
CLEANFILES += $(nodist_completions_DATA)
