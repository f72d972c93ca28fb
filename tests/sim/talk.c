#include "sim/talk.h"

#include <assert.h>
#include <string.h>
#include <utlist.h>

#include "sim/machine.h"
#include "sim/spread.h"
#include "sim/world.h"

enum { WAY_US = 300 };

static const struct resp_reply_limits limits = {
    .text_bytes_max = 1 << 20, .elements_max = 1000, .reply_bytes_max = 4 << 20};

void talk_open(struct world *world, struct talk *talk, struct machine *machine)
{
    assert(talk->machine == NULL && machine->state == MACHINE_UP);
    talk->machine = machine;
    talk->life = machine->life;
    talk->connection = ++machine->next_connection;
    talk->reader = resp_reply_reader_new(&limits);
    talk->offset = 0;
    talk->sent_us = world->now_us + 1;
    DL_APPEND(world->talks, talk);
    machine_event_after(machine, 1, EVENT_CLIENT_OPEN, 0, talk->connection,
                        slice_text(talk->address));
}

void talk_ask(struct world *world, struct talk *talk, struct random *random,
              const char *const *words)
{
    struct occurrence what = {.kind = AT_CLIENT_BYTES,
                              .machine = talk->machine->index,
                              .life = talk->life,
                              .id = talk->connection};
    size_t count = 0;
    while (words[count] != NULL)
        count++;
    buffer_printf(&what.bytes, "*%zu\r\n", count);
    for (size_t i = 0; i < count; i++)
        buffer_printf(&what.bytes, "$%zu\r\n%s\r\n", strlen(words[i]), words[i]);
    if (talk->sent_us < world->now_us)
        talk->sent_us = world->now_us;
    talk->sent_us += 1 + spread_tail(random, WAY_US);
    world_after(world, talk->sent_us - world->now_us, &what);
}

void talk_deinit(struct talk *talk)
{
    resp_reply_reader_free(talk->reader);
    talk->reader = NULL;
    talk->machine = NULL;
    buffer_deinit(&talk->received);
}

/* The node has gone, or is told by who hangs up. */
static void end(struct world *world, struct talk *talk)
{
    DL_DELETE(world->talks, talk);
    talk_deinit(talk);
}

void talk_hang_up(struct world *world, struct talk *talk)
{
    if (talk->machine == NULL)
        return;
    if (talk->life == talk->machine->life)
        machine_event_after(talk->machine, 1 + WAY_US, EVENT_CLIENT_CLOSED, 0, talk->connection,
                            slice_make(NULL, 0));
    end(world, talk);
}

static struct talk *find(const struct machine *machine, connection_id connection)
{
    struct talk *talk;
    DL_FOREACH(machine->world->talks, talk)
    if (talk->machine == machine && talk->life == machine->life && talk->connection == connection)
        return talk;
    return NULL;
}

bool talks_replied(struct machine *machine, connection_id connection, struct slice bytes)
{
    struct world *world = machine->world;
    struct talk *talk = find(machine, connection);
    struct resp_value *reply;
    if (talk == NULL)
        return false;
    buffer_append_slice(&talk->received, bytes);
    while (talk->connection == connection && talk->machine == machine &&
           resp_reply_reader_next(talk->reader, buffer_slice(&talk->received), &talk->offset,
                                  &reply) == RESP_REPLY_VALUE) {
        talk->heard(world, talk, reply);
        resp_value_free(reply);
    }
    return true;
}

bool talks_closed(struct machine *machine, connection_id connection)
{
    struct world *world = machine->world;
    struct talk *talk = find(machine, connection);
    if (talk == NULL)
        return false;
    end(world, talk);
    talk->heard(world, talk, NULL);
    return true;
}

void talks_machine_gone(struct machine *machine)
{
    struct world *world = machine->world;
    struct talk *talk, *next;
    DL_FOREACH_SAFE(world->talks, talk, next)
    {
        if (talk->machine != machine || talk->life != machine->life)
            continue;
        end(world, talk);
        talk->heard(world, talk, NULL);
    }
}

bool talks_arrived(struct machine *machine, const struct occurrence *what)
{
    if (find(machine, what->id) == NULL)
        return false;
    machine_loop_event(machine, &(struct event){.kind = EVENT_CLIENT_BYTES,
                                                .connection = what->id,
                                                .bytes = buffer_slice(&what->bytes)});
    return true;
}
