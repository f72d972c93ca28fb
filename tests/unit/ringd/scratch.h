/*
 * scratch.h - an empty directory for one test, and files in it.
 */
#ifndef TEST_RINGD_SCRATCH_H
#define TEST_RINGD_SCRATCH_H

enum { SCRATCH_PATH_MAX = 256 };

struct scratch {
    char path[SCRATCH_PATH_MAX];
};

/* Fails the test when the system gives no directory. */
void scratch_init(struct scratch *scratch);
/* Removes the directory with everything in it. */
void scratch_deinit(struct scratch *scratch);

/* The path of `name` in the directory; valid until the next call. */
const char *scratch_file(struct scratch *scratch, const char *name);
/* Replace the content of `name`. */
void scratch_write(struct scratch *scratch, const char *name, const char *content);

#endif
