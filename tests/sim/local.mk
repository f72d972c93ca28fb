# The simulator. Mutants are built by their own script, from the copied sources.
check_PROGRAMS += ringsim
ringsim_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests \
	-DRINGSIM_MUTANTS='"$(abs_srcdir)/tests/sim/mutants"'
ringsim_LDADD = $(core_libs)
ringsim_SOURCES = \
	tests/sim/absence.c \
	tests/sim/absence.h \
	tests/sim/act.c \
	tests/sim/act.h \
	tests/sim/client.c \
	tests/sim/client.h \
	tests/sim/command.h \
	tests/sim/contexts.c \
	tests/sim/contexts.h \
	tests/sim/damage.c \
	tests/sim/damage.h \
	tests/sim/disk.c \
	tests/sim/disk.h \
	tests/sim/gray_slow.c \
	tests/sim/gray_slow.h \
	tests/sim/image.c \
	tests/sim/image.h \
	tests/sim/machine.c \
	tests/sim/machine.h \
	tests/sim/main.c \
	tests/sim/marks.c \
	tests/sim/marks.h \
	tests/sim/nemesis.c \
	tests/sim/nemesis.h \
	tests/sim/network.c \
	tests/sim/network.h \
	tests/sim/operators.c \
	tests/sim/operators.h \
	tests/sim/oracle.c \
	tests/sim/oracle.h \
	tests/sim/oracle_answer.c \
	tests/sim/oracle_batch.c \
	tests/sim/oracle_counter.c \
	tests/sim/oracle_counter.h \
	tests/sim/oracle_end.c \
	tests/sim/oracle_expiry.c \
	tests/sim/oracle_hints.c \
	tests/sim/oracle_purge.c \
	tests/sim/oracle_siblings.c \
	tests/sim/oracle_state.h \
	tests/sim/oracle_whole.c \
	tests/sim/ordered_map.c \
	tests/sim/ordered_map.h \
	tests/sim/plan.c \
	tests/sim/plan.h \
	tests/sim/register_oracle.c \
	tests/sim/register_oracle.h \
	tests/sim/report.c \
	tests/sim/report.h \
	tests/sim/resurrection.c \
	tests/sim/resurrection.h \
	tests/sim/schedule.c \
	tests/sim/schedule.h \
	tests/sim/script.c \
	tests/sim/script.h \
	tests/sim/script_causality.c \
	tests/sim/script_client.c \
	tests/sim/script_client.h \
	tests/sim/script_deletes.c \
	tests/sim/script_hints.c \
	tests/sim/script_network.c \
	tests/sim/script_process.c \
	tests/sim/script_quorum.c \
	tests/sim/script_tables.h \
	tests/sim/script_trap.c \
	tests/sim/script_trap.h \
	tests/sim/settle.c \
	tests/sim/settle.h \
	tests/sim/silent_loss.c \
	tests/sim/silent_loss.h \
	tests/sim/spread.c \
	tests/sim/spread.h \
	tests/sim/store_thread.c \
	tests/sim/store_thread.h \
	tests/sim/workload.c \
	tests/sim/workload.h \
	tests/sim/world.c \
	tests/sim/world.h

EXTRA_DIST += \
	tests/sim/SCENARIOS.md \
	tests/sim/test_mutants.sh \
	tests/sim/test_scripts.sh \
	tests/sim/test_sim_smoke.sh \
	tests/sim/mutants/blind-set-once.patch \
	tests/sim/mutants/absence-deletes.patch \
	tests/sim/mutants/check \
	tests/sim/mutants/ballot-used-twice.patch \
	tests/sim/mutants/keyspace-drops-users.patch \
	tests/sim/mutants/counter-adds-deltas.patch \
	tests/sim/mutants/counter-forgets-sums.patch \
	tests/sim/mutants/context-covers-more.patch \
	tests/sim/mutants/count-node-twice.patch \
	tests/sim/mutants/fallback-counted-when-strict.patch \
	tests/sim/mutants/hint-dropped-on-send.patch \
	tests/sim/mutants/hint-for-any-owner.patch \
	tests/sim/mutants/join-clock-at-once.patch \
	tests/sim/mutants/keep-actor-after-wipe.patch \
	tests/sim/mutants/keep-epoch-after-loss.patch \
	tests/sim/mutants/merge-drops-dot.patch \
	tests/sim/mutants/mint-replaces-siblings.patch \
	tests/sim/mutants/rollback-goes-unnoticed.patch \
	tests/sim/mutants/purge-at-majority.patch \
	tests/sim/mutants/purge-beside-hints.patch \
	tests/sim/mutants/purge-by-first-entry.patch \
	tests/sim/mutants/quorum-off-by-one.patch \
	tests/sim/mutants/read-repair-not-awaited.patch \
	tests/sim/mutants/run \
	tests/sim/mutants/slow-owner-keeps-its-place.patch \
	tests/sim/mutants/steward-answers-early.patch \
	tests/sim/mutants/stand-in-counted-twice.patch \
	tests/sim/mutants/expire-by-own-clock.patch \
	tests/sim/mutants/safe-time-of-heard-owners.patch \
	tests/sim/mutants/leaf-joins-clock.patch \
	tests/sim/mutants/time-without-last.patch \
	tests/sim/mutants/tree-hashes-key.patch \
	tests/sim/mutants/trust-old-incarnation.patch
TESTS += \
	tests/sim/test_mutants.sh \
	tests/sim/test_scripts.sh \
	tests/sim/test_sim_smoke.sh
