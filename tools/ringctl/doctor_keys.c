/*
 * doctor_keys.c - keys that a few nodes carry alone: asked for much more than others, or huge.
 */
#include <inttypes.h>

#include "amounts.h"
#include "doctor.h"

enum {
    HOT_PERCENT = 20,       /* of all requests, and */
    HOT_SHOWN = 100,        /* in a second: it is told, */
    HOT_WARNING = 1000,     /* and is more than one partition should bear */
    HUGE_ELEMENTS = 100000, /* whoever asks for all of them holds up others */
    HUGE_BYTES = 8 * 1024 * 1024
};

static void find_hot(struct examination *e, const struct top_key *key)
{
    struct buffer name = {0};
    double percent = e->hot->requests > 0 ? 100 * key->requests / e->hot->requests : 0;
    if (key->requests < HOT_SHOWN || percent < HOT_PERCENT)
        return;
    key_tops_show(key, &name);
    findings_add(e->findings, key->requests < HOT_WARNING ? SEVERITY_NOTICE : SEVERITY_WARNING,
                 "hot key", 0,
                 "%.0f %% of all requests are for one key, %.*s of keyspace %u: %.0f a second, "
                 "%.0f of them writes",
                 percent, (int)name.length, (const char *)name.data, (unsigned)key->keyspace,
                 key->requests, key->writes);
    findings_next(e->findings,
                  "its owners carry this alone (ringctl key locate): read it at cl=ONE, "
                  "keep it in clients for a moment, or spread it over several keys");
    buffer_deinit(&name);
}

static void find_huge(struct examination *e, const struct top_key *key)
{
    struct buffer name = {0};
    char size[AMOUNT_TEXT_MAX];
    if (key->elements < HUGE_ELEMENTS && key->size < HUGE_BYTES)
        return;
    key_tops_show(key, &name);
    if (key->elements >= 0)
        findings_add(e->findings, SEVERITY_WARNING, "huge key", 0,
                     "the %s %.*s of keyspace %u has about %" PRId64 " elements, all in one "
                     "partition",
                     key->type, (int)name.length, (const char *)name.data, (unsigned)key->keyspace,
                     key->elements);
    else
        findings_add(e->findings, SEVERITY_WARNING, "huge key", 0,
                     "the %s %.*s of keyspace %u has %s, which each write sends to all owners",
                     key->type, (int)name.length, (const char *)name.data, (unsigned)key->keyspace,
                     amount_size((uint64_t)key->size, size));
    findings_next(e->findings,
                  "spread it over several keys; walk it with SCAN commands and not as a "
                  "whole; ringctl top large lists others");
    buffer_deinit(&name);
}

void doctor_keys(struct examination *e)
{
    for (size_t i = 0; e->hot != NULL && i < e->hot->count; i++)
        find_hot(e, &e->hot->keys[i]);
    for (size_t i = 0; e->large != NULL && i < e->large->count; i++)
        find_huge(e, &e->large->keys[i]);
}
