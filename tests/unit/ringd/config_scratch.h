/*
 * config_scratch.h - an empty directory for one test, and files in it.
 */
#ifndef TEST_RINGD_CONFIG_SCRATCH_H
#define TEST_RINGD_CONFIG_SCRATCH_H

enum { SCRATCH_PATH_MAX = 256 };

struct config_scratch {
    char path[SCRATCH_PATH_MAX];
};

/* Fails the test when the system gives no directory. */
void config_scratch_init(struct config_scratch *scratch);
/* Removes the directory with everything in it. */
void config_scratch_deinit(struct config_scratch *scratch);

/* The path of `name` in the directory; valid until the next call. */
const char *config_scratch_file(struct config_scratch *scratch, const char *name);
/* Replace the content of `name`. */
void config_scratch_write(struct config_scratch *scratch, const char *name, const char *content);

#endif
