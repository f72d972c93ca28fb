/*
 * scratch.h - directories that a test makes, copies, damages and leaves no trace of.
 *
 * Everything here fails the running test when it cannot be done.
 */
#ifndef TESTS_STORE_SCRATCH_H
#define TESTS_STORE_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>

enum { SCRATCH_PATH_MAX = 512 };

/* A new empty directory below $TMPDIR or /tmp. */
void scratch_make(char path[SCRATCH_PATH_MAX]);
void scratch_remove(const char *path);
void scratch_join(char out[SCRATCH_PATH_MAX], const char *directory, const char *name);
/* As the disk of a machine that stopped now would be found: every file as it is at this moment. */
void scratch_copy(const char *from, const char *to);

bool scratch_exists(const char *path);
long scratch_size(const char *path);
/*
 * The file of `directory` with that name ending (".ldb") or start ("MANIFEST-") that sorts last;
 * false when there is none.
 */
bool scratch_find(const char *directory, const char *part, char path[SCRATCH_PATH_MAX]);
void scratch_delete(const char *path);
void scratch_truncate(const char *path, long size);
/* Flip every bit of the byte at `offset`; from the end when negative. */
void scratch_flip(const char *path, long offset);
/* Where `text` first stands in the file; fails when it does not. */
long scratch_offset_of(const char *path, const char *text);
void scratch_zero(const char *path, long offset, long bytes);
void scratch_write(const char *path, const char *text);

#endif
