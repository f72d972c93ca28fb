#include "coordinator/level.h"

#include <strings.h>

static const char *const NAMES[LEVEL_COUNT] = {
    [LEVEL_DEFAULT] = "DEFAULT",
    [LEVEL_ONE] = "ONE",
    [LEVEL_TWO] = "TWO",
    [LEVEL_THREE] = "THREE",
    [LEVEL_QUORUM] = "QUORUM",
    [LEVEL_ALL] = "ALL",
    [LEVEL_LOCAL_ONE] = "LOCAL_ONE",
    [LEVEL_LOCAL_QUORUM] = "LOCAL_QUORUM",
    [LEVEL_EACH_QUORUM] = "EACH_QUORUM",
    [LEVEL_ANY] = "ANY",
};

bool options_are_sloppy(const struct request_options *options)
{
    if (options->sloppy == SLOPPY_DEFAULT)
        return options->level == LEVEL_ANY;
    return options->sloppy == SLOPPY_YES;
}

const char *level_name(enum level level)
{
    return level < LEVEL_COUNT ? NAMES[level] : "UNKNOWN";
}

void options_join(struct request_options *into, const struct request_options *weaker)
{
    if (into->level == LEVEL_DEFAULT) {
        into->level = weaker->level;
        into->r = into->r != OWNERS_UNSET ? into->r : weaker->r;
        into->w = into->w != OWNERS_UNSET ? into->w : weaker->w;
        into->pr = into->pr != OWNERS_UNSET ? into->pr : weaker->pr;
        into->pw = into->pw != OWNERS_UNSET ? into->pw : weaker->pw;
    }
    if (into->dw == OWNERS_UNSET)
        into->dw = weaker->dw;
    if (into->sloppy == SLOPPY_DEFAULT)
        into->sloppy = weaker->sloppy;
    if (into->timeout_ms == 0)
        into->timeout_ms = weaker->timeout_ms;
}

enum status level_parse(struct slice name, enum level *out)
{
    for (int level = LEVEL_ONE; level < LEVEL_COUNT; level++) {
        struct slice known = slice_text(NAMES[level]);
        if (known.length == name.length &&
            strncasecmp((const char *)name.data, NAMES[level], name.length) == 0) {
            *out = (enum level)level;
            return STATUS_OK;
        }
    }
    return STATUS_INVALID;
}
