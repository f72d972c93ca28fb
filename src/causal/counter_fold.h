/*
 * counter_fold.h - request ids leave a counter once nothing can ask for them any more.
 *
 * A run whose ids carry their time (request_time.h) keeps the dot of the event that counted it.
 * Once all owners have all events of such ids, and none can come any more, the runs below a cut
 * become one sum, and their ids are gone:
 *
 *   F1  every id of a time below cut_ms is in the sum, or was reset before it was folded. So the
 *       join takes the higher cut with its sum, and drops the other sum and all runs below
 *   F2  it is folded below settled - REQUEST_WINDOW_MS alone (replica/settled_time.h), and no
 *       owner counts an id whose window is over by its clock. So at one cut all have the same sum
 *   F3  `basis` covers the dots of what is in the sum, `resets` those of all runs and sums that
 *       were ever reset. A reset that the folder had not seen was made by an owner that had
 *       every id below the cut, so `resets` covers the whole basis, and the sum is nothing; or
 *       it covers not all of it, and resets nothing of it
 *
 * That an actor's newest dot stands for its earlier ones is right, because each counting version
 * holds all that its writer had counted before (N2 of README.md). Of two dots for one id, from two
 * owners that both counted it, the one of the lower actor stays.
 *
 * Runs without a dot, of ids without a time or from before there were dots, are never folded.
 * Between states that F2 does not allow the join is no lattice: what was dropped is not known.
 * Source: reference "algorithms" A.6, which names one owner that folds; here each may, and at any
 * write. tests/models/fold.py has the rules, and what happens without each of them.
 */
#ifndef CAUSAL_COUNTER_FOLD_H
#define CAUSAL_COUNTER_FOLD_H

#include "causal/counter.h"

/* Whether a run may ever be folded. */
bool counter_run_is_timed(const struct counter_run *run);
/* Of two dots of one id, or of ids in one run, the one that stays. */
void counter_run_keep_dot(struct counter_run *run, const struct dot *dot);

/*
 * Fold the runs of times below `cut_ms`. Returns how many ids are gone; 0 also when the sum would
 * leave the range of decimals: then all stays as it is.
 */
uint64_t counter_fold(struct counter *counter, uint64_t cut_ms);
/* Whether an id of a time below `cut_ms` could be folded. */
bool counter_has_ids_below(const struct counter *counter, uint64_t cut_ms);

/* The parts of join and reset; runs and slots are joined by counter.c. */
void counter_fold_join(struct counter *into, const struct counter *from);
/* F1 and F3: what a cut or a reset has taken off. */
void counter_fold_settle(struct counter *counter);
void counter_fold_reset(struct counter *counter);

#endif
