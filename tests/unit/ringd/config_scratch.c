#include "config_scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ftw.h>
#include <cmocka.h>

static char file_path[2 * SCRATCH_PATH_MAX];

void config_scratch_init(struct config_scratch *scratch)
{
    const char *parent = getenv("TMPDIR");
    snprintf(scratch->path, sizeof scratch->path, "%s/ringd-test-XXXXXX",
             parent != NULL ? parent : "/tmp");
    assert_non_null(mkdtemp(scratch->path));
}

static int remove_one(const char *path, const struct stat *found, int kind, struct FTW *where)
{
    (void)found;
    (void)kind;
    (void)where;
    return remove(path);
}

void config_scratch_deinit(struct config_scratch *scratch)
{
    assert_int_equal(nftw(scratch->path, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

const char *config_scratch_file(struct config_scratch *scratch, const char *name)
{
    snprintf(file_path, sizeof file_path, "%s/%s", scratch->path, name);
    return file_path;
}

void config_scratch_write(struct config_scratch *scratch, const char *name, const char *content)
{
    FILE *file = fopen(config_scratch_file(scratch, name), "we");
    assert_non_null(file);
    assert_int_equal(fwrite(content, 1, strlen(content), file), strlen(content));
    assert_int_equal(fclose(file), 0);
}
