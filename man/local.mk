dist_man_MANS += man/ringdb-commands.7 man/ringdb-consistency.7 man/ringdb-operations.7

# The page is written from the command table; `make update-commands-page` writes it anew.
noinst_PROGRAMS += man/print-commands
man_print_commands_SOURCES = man/print_commands.c
man_print_commands_LDADD = $(core_libs)

update-commands-page: man/print-commands
	man/print-commands >$(srcdir)/man/ringdb-commands.7
.PHONY: update-commands-page
