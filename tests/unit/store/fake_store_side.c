#include "fake_store_side.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "node/store_side.h"

enum fake_state { FAKE_NEW, FAKE_OPEN, FAKE_FAILED };

struct store_side {
    struct store_side_params params;
    enum fake_state state;
    bool uncommitted;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct fake_counts counts;
static enum status open_status;
static bool hold;
static bool held;

void fake_reset(void)
{
    pthread_mutex_lock(&lock);
    memset(&counts, 0, sizeof counts);
    open_status = STATUS_OK;
    hold = false;
    held = false;
    pthread_mutex_unlock(&lock);
}

void fake_counts(struct fake_counts *out)
{
    pthread_mutex_lock(&lock);
    *out = counts;
    pthread_mutex_unlock(&lock);
}

void fake_hold(void)
{
    pthread_mutex_lock(&lock);
    hold = true;
    pthread_mutex_unlock(&lock);
}

void fake_wait_until_held(void)
{
    pthread_mutex_lock(&lock);
    while (!held)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

void fake_release(void)
{
    pthread_mutex_lock(&lock);
    hold = false;
    held = false;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

void fake_open_status(enum status status)
{
    pthread_mutex_lock(&lock);
    open_status = status;
    pthread_mutex_unlock(&lock);
}

static void pass_hold(void)
{
    pthread_mutex_lock(&lock);
    while (hold) {
        held = true;
        pthread_cond_broadcast(&changed);
        pthread_cond_wait(&changed, &lock);
    }
    pthread_mutex_unlock(&lock);
}

static void count(unsigned *number)
{
    pthread_mutex_lock(&lock);
    ++*number;
    pthread_mutex_unlock(&lock);
}

void store_output_deinit(struct store_output *output)
{
    buffer_deinit(&output->batch);
    buffer_deinit(&output->early);
    buffer_deinit(&output->late);
}

void store_output_clear(struct store_output *output)
{
    buffer_clear(&output->batch);
    buffer_clear(&output->early);
    buffer_clear(&output->late);
}

struct store_side *store_side_new(const struct store_side_params *params)
{
    struct store_side *side = memory_new(1, sizeof *side);
    assert(params->self != 0);
    assert(params->storage_incarnation != 0);
    side->params = *params;
    return side;
}

void store_side_free(struct store_side *side)
{
    free(side);
}

enum status store_side_open(struct store_side *side, uint32_t boot_epoch, struct store_output *out)
{
    assert(side->state == FAKE_NEW || side->state == FAKE_FAILED);
    pthread_mutex_lock(&lock);
    enum status status = open_status;
    if (status == STATUS_OK) {
        assert(side->state == FAKE_NEW || boot_epoch > counts.boot_epoch);
        counts.boot_epoch = boot_epoch;
        counts.opened++;
    }
    pthread_mutex_unlock(&lock);
    if (status != STATUS_OK)
        return status;
    side->state = FAKE_OPEN;
    side->uncommitted = true;
    buffer_printf(&out->early, "open %u\n", boot_epoch);
    store_batch_put(&out->batch, slice_text("Mopen"), slice_text("yes"));
    return STATUS_OK;
}

/* Split "VERB KEY VALUE"; the value may be missing. */
static void split(struct slice frame, char **copy, char **verb, char **key, char **value)
{
    char *rest = *copy = memory_copy(frame.data, frame.length);
    *verb = strsep(&rest, " ");
    *key = strsep(&rest, " ");
    *value = rest;
    assert(*key != NULL);
}

void store_side_write(struct store_side *side, struct slice frame, struct instant now,
                      struct store_output *out)
{
    char *copy;
    char *verb;
    char *key;
    char *value;
    pass_hold();
    assert(now.mono_us > 0 && now.wall_ms > 0);
    split(frame, &copy, &verb, &key, &value);
    if (side->state == FAKE_FAILED) {
        buffer_printf(&out->early, "refused %s\n", key);
    } else if (strcmp(verb, "know") == 0) {
        buffer_printf(&out->late, "known %s\n", key);
    } else {
        assert(side->state == FAKE_OPEN);
        store_batch_put(&out->batch, slice_text(key), slice_text(value));
        buffer_printf(&out->early, "accepted %s\n", key);
        buffer_printf(&out->late, "stored %s\n", key);
        side->uncommitted = true;
    }
    free(copy);
}

void store_side_committed(struct store_side *side, struct instant now, struct store_output *out)
{
    (void)now;
    (void)out;
    assert(side->state == FAKE_OPEN);
    side->uncommitted = false;
    count(&counts.committed);
}

void store_side_failed(struct store_side *side)
{
    assert(side->state == FAKE_OPEN);
    side->state = FAKE_FAILED;
    side->uncommitted = false;
    count(&counts.failed);
}

void store_side_read(const struct store_port *port, const struct ring *ring, struct slice frame,
                     struct instant now, struct buffer *replies)
{
    char *copy;
    char *verb;
    char *key;
    char *value;
    struct buffer found = {0};
    assert(ring != NULL && now.mono_us > 0);
    split(frame, &copy, &verb, &key, &value);
    enum status status = port->get(port->context, slice_text(key), &found);
    if (status == STATUS_OK)
        buffer_printf(replies, "%s=%.*s\n", key, (int)found.length, (const char *)found.data);
    else if (status == STATUS_NOT_FOUND)
        buffer_printf(replies, "%s absent\n", key);
    else
        buffer_printf(replies, "%s failed %s\n", key, status_name(status));
    buffer_deinit(&found);
    free(copy);
}

void store_side_close(struct store_side *side, struct store_output *out)
{
    assert(side->state == FAKE_OPEN && !side->uncommitted);
    store_batch_put(&out->batch, slice_text("Mclosed"), slice_text("yes"));
    count(&counts.closed);
}
