#include "node/request_times.h"

#include <stdlib.h>

#include "base/memory.h"

void request_times_deinit(struct request_times *times)
{
    for (unsigned op = 0; op < REQUEST_OP_COUNT; op++)
        for (unsigned level = 0; level < REQUEST_LEVELS; level++)
            free(times->classes[op][level]);
    *times = (struct request_times){0};
}

static enum request_op op_of(const struct key_request *request)
{
    switch ((enum key_request_kind)request->kind) {
    case KEY_READ:
    case KEY_ELEMENTS_GET:
        return REQUEST_OP_READ;
    case KEY_WRITE:
    case KEY_ELEMENTS_WRITE:
    case KEY_COLLECTION_DELETE:
    case KEY_COLLECTION_DEADLINE:
        return REQUEST_OP_WRITE;
    case KEY_SCAN:
    case KEY_ELEMENTS_WALK:
        return REQUEST_OP_SCAN;
    case KEY_COUNT:
    case KEY_COVERAGE:
    case KEY_DIGEST:
    case KEY_REQUEST_KIND_COUNT:
        break;
    }
    return REQUEST_OP_CHECK;
}

struct request_class request_class_of(const struct key_request *request, const struct ring *ring)
{
    enum request_op op = op_of(request);
    bool writes = op == REQUEST_OP_WRITE;
    uint8_t level = request->options.level;
    if ((writes ? request->options.w : request->options.r) != OWNERS_UNSET)
        return (struct request_class){.op = (uint8_t)op, .level = REQUEST_LEVEL_COUNTED};
    if (level == LEVEL_DEFAULT) {
        const struct ring_keyspace *keyspace = ring_keyspace(ring, request->keyspace);
        if (keyspace != NULL)
            level = writes ? keyspace->write_level : keyspace->read_level;
    }
    if (level == LEVEL_DEFAULT || level >= LEVEL_COUNT)
        level = LEVEL_QUORUM;
    return (struct request_class){.op = (uint8_t)op, .level = level};
}

static enum request_outcome outcome_of(enum status status)
{
    switch (status) {
    case STATUS_UNAVAILABLE:
        return REQUEST_UNAVAILABLE;
    case STATUS_UNCERTAIN:
    case STATUS_IO:
    case STATUS_CORRUPT:
        return REQUEST_UNCERTAIN;
    case STATUS_TIMEOUT:
        return REQUEST_TIMEOUT;
    case STATUS_OVERLOADED:
    case STATUS_NO_SPACE:
        return REQUEST_OVERLOADED;
    case STATUS_NOT_READY:
    case STATUS_NOT_OWNER:
    case STATUS_STALE_TAG:
    case STATUS_LOG_TRIMMED:
        return REQUEST_NOT_READY;
    case STATUS_CLOCK_SKEW:
    case STATUS_REQUEST_AHEAD:
        return REQUEST_CLOCK_SKEW;
    case STATUS_TOO_LARGE:
    case STATUS_SIBLING_LIMIT:
    case STATUS_ID_LIMIT:
    case STATUS_NO_KEYSPACE:
    case STATUS_REQUEST_UNKNOWN:
    case STATUS_REQUEST_TOO_OLD:
        return REQUEST_REFUSED;
    default:
        return REQUEST_DONE;
    }
}

static struct request_class_counts *counts_of(struct request_times *times,
                                              struct request_class class)
{
    struct request_class_counts **counts = &times->classes[class.op][class.level];
    if (*counts == NULL)
        *counts = memory_new(1, sizeof **counts);
    return *counts;
}

void request_times_answered(struct request_times *times, struct request_class class,
                            enum status status, uint64_t took_us)
{
    struct request_class_counts *counts = counts_of(times, class);
    counts->outcomes[outcome_of(status)]++;
    log_histogram_add(&counts->times, took_us);
}

void request_times_refused(struct request_times *times, struct request_class class,
                           enum status status)
{
    counts_of(times, class)->outcomes[outcome_of(status)]++;
}

const char *request_op_name(enum request_op op)
{
    static const char *const names[] = {[REQUEST_OP_READ] = "read",
                                        [REQUEST_OP_WRITE] = "write",
                                        [REQUEST_OP_SCAN] = "scan",
                                        [REQUEST_OP_CHECK] = "check"};
    return names[op];
}

const char *request_level_name(unsigned level)
{
    static const char *const names[REQUEST_LEVELS] = {[LEVEL_DEFAULT] = "default",
                                                      [LEVEL_ONE] = "one",
                                                      [LEVEL_TWO] = "two",
                                                      [LEVEL_THREE] = "three",
                                                      [LEVEL_QUORUM] = "quorum",
                                                      [LEVEL_ALL] = "all",
                                                      [LEVEL_LOCAL_ONE] = "local_one",
                                                      [LEVEL_LOCAL_QUORUM] = "local_quorum",
                                                      [LEVEL_EACH_QUORUM] = "each_quorum",
                                                      [LEVEL_ANY] = "any",
                                                      [REQUEST_LEVEL_COUNTED] = "counted"};
    return names[level];
}

const char *request_outcome_name(enum request_outcome outcome)
{
    static const char *const names[] = {[REQUEST_DONE] = "ok",
                                        [REQUEST_UNAVAILABLE] = "unavailable",
                                        [REQUEST_UNCERTAIN] = "uncertain",
                                        [REQUEST_TIMEOUT] = "timeout",
                                        [REQUEST_OVERLOADED] = "overloaded",
                                        [REQUEST_NOT_READY] = "not_ready",
                                        [REQUEST_CLOCK_SKEW] = "clock_skew",
                                        [REQUEST_REFUSED] = "refused"};
    return names[outcome];
}

const char *request_stage_name(enum request_stage stage)
{
    static const char *const names[] = {[REQUEST_STAGE_GATHER] = "gather",
                                        [REQUEST_STAGE_MINT] = "mint",
                                        [REQUEST_STAGE_QUORUM] = "quorum",
                                        [REQUEST_STAGE_FORWARD] = "forward"};
    return names[stage];
}
