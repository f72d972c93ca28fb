# Units for systemd. They go under the prefix whether or not this machine has systemd.
systemdunitdir = $(prefix)/lib/systemd/system
sysusersdir = $(prefix)/lib/sysusers.d
tmpfilesdir = $(prefix)/lib/tmpfiles.d
systemdunit_DATA = tools/systemd/ringd.service tools/systemd/ringd@.service
dist_sysusers_DATA = tools/systemd/ringd.sysusers.conf
tmpfiles_DATA = tools/systemd/ringd.tmpfiles.conf

systemd_made = $(systemdunit_DATA) $(tmpfiles_DATA)
CLEANFILES += $(systemd_made)
EXTRA_DIST += \
	tools/systemd/README.md \
	tools/systemd/hardening.conf \
	tools/systemd/ringd.service.in \
	tools/systemd/ringd.tmpfiles.conf.in \
	tools/systemd/ringd@.service.in

$(systemd_made): tools/systemd/hardening.conf tools/systemd/ringd.service.in \
		tools/systemd/ringd@.service.in tools/systemd/ringd.tmpfiles.conf.in Makefile
	$(AM_V_GEN)$(MKDIR_P) tools/systemd && sed -e '/^@HARDENING@$$/{r $(srcdir)/tools/systemd/hardening.conf' \
		-e 'd;}' -e 's|@sbindir[@]|$(sbindir)|g; s|@sysconfdir[@]|$(sysconfdir)|g' \
		$(srcdir)/$@.in >$@.tmp && mv $@.tmp $@
