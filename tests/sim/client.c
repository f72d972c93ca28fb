#include "sim/client.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "ring/element_key.h"
#include "sim/contexts.h"
#include "sim/gray_slow.h"
#include "sim/machine.h"
#include "sim/oracle.h"
#include "sim/spread.h"
#include "sim/workload.h"
#include "sim/world.h"
#include "wire/resp_reply.h"

enum {
    WAY_US = 300, /* between client and node */
    RECONNECT_US = 200000,
    ANSWER_SLACK_US = 2000000,
    AUDIT_RETRY_US = 300000,
    ATTEMPTS_MAX = 6,         /* of a request with an id */
    AUDIT_ATTEMPTS_MAX = 200, /* refusals that an auditor bears, all together */
    PIECES_MAX = 4
};

/*
 * A request under way; `command.kind` counts only when it is not `is_select`. One with an id is
 * kept, to be sent again.
 */
struct request {
    struct command command;
    bool is_select;
    struct buffer again;
};

struct client {
    uint32_t index;
    struct random random;
    keyspace_id keyspace;
    struct machine *machine; /* NULL: not connected */
    uint32_t life;           /* of that machine */
    connection_id connection;
    uint64_t session; /* counted up with each connection */
    struct resp_reply_reader *reader;
    struct buffer received;   /* of answers, less than a whole one */
    struct request *requests; /* sent and not answered, oldest first */
    size_t request_count;
    size_t request_capacity;
    uint32_t unread; /* answers that have not reached the client yet */
    uint64_t last_piece_us;
    bool paused; /* the node reads no more from it */
    struct buffer held;
    bool blocked;                       /* the pipeline is full: go on with the next answer */
    uint64_t cursor;                    /* of SCAN */
    const struct version *last_written; /* NULL: nothing, or not known */
    struct request repeat;              /* what to send again next; without bytes: nothing */
    struct contexts contexts;

    bool audits;
    struct machine *only; /* an auditor asks one machine */
    uint32_t next_key;    /* the key it asks for, or asks next */
    bool keys_asked;      /* KEYS has been answered: it is done */
    uint32_t refusals;
};

struct client_set {
    struct client *clients; /* plan.client_count, then one auditor for each machine */
    uint32_t worker_count;
    uint32_t count;
    uint64_t serial;
    bool stopped;
    uint64_t count_from_us;
    struct client_count counts[PLAN_NODES_MAX];
};

static const struct resp_reply_limits limits = {
    .text_bytes_max = 4 << 20, .elements_max = 100000, .reply_bytes_max = 16 << 20};

struct client_set *client_set_new(struct world *world)
{
    const struct plan *plan = &world->plan;
    struct client_set *set = memory_new(1, sizeof *set);
    set->worker_count = plan->client_count;
    set->count = plan->client_count + plan->node_count;
    set->count_from_us = UINT64_MAX;
    set->clients = memory_new(set->count, sizeof *set->clients);
    for (uint32_t i = 0; i < set->count; i++) {
        struct client *client = &set->clients[i];
        client->index = i;
        client->random =
            random_make(hash64_pair(slice_text("client"), slice_make(&i, sizeof i), plan->seed));
        client->keyspace = plan->sibling_keyspace && i % 3 == 2 ? 1 : 0;
        client->audits = i >= set->worker_count;
        if (client->audits) {
            client->only = &world->machines[i - set->worker_count];
            client->next_key = i - set->worker_count;
            client->keyspace = 0;
        }
    }
    return set;
}

static void end_connection(struct client *client)
{
    resp_reply_reader_free(client->reader);
    client->reader = NULL;
    client->machine = NULL;
    buffer_clear(&client->received);
    buffer_clear(&client->held);
}

void client_set_free(struct client_set *set)
{
    if (set == NULL)
        return;
    for (uint32_t i = 0; i < set->count; i++) {
        end_connection(&set->clients[i]);
        buffer_deinit(&set->clients[i].received);
        buffer_deinit(&set->clients[i].held);
        for (size_t j = 0; j < set->clients[i].request_count; j++)
            buffer_deinit(&set->clients[i].requests[j].again);
        buffer_deinit(&set->clients[i].repeat.again);
        free(set->clients[i].requests);
        contexts_deinit(&set->clients[i].contexts);
    }
    free(set->clients);
    free(set);
}

static void step_after(struct world *world, struct client *client, uint64_t delay_us)
{
    world_after(world, 1 + delay_us,
                &(struct occurrence){.kind = AT_CLIENT_STEP, .peer = client->index});
}

static uint64_t way_us(struct client *client)
{
    return 1 + spread_tail(&client->random, WAY_US);
}

void client_set_start(struct world *world)
{
    struct client_set *set = world->clients;
    for (uint32_t i = 0; i < set->worker_count; i++)
        step_after(world, &set->clients[i], random_below(&set->clients[i].random, 2000000));
}

void client_set_stop(struct world *world)
{
    world->clients->stopped = true;
}

bool client_set_idle(const struct world *world)
{
    for (uint32_t i = 0; i < world->clients->count; i++)
        if (world->clients->clients[i].request_count > 0)
            return false;
    return true;
}

void client_set_audit(struct world *world)
{
    struct client_set *set = world->clients;
    struct machine *first = world->machines;
    while (first->absent)
        first++;
    for (uint32_t i = set->worker_count; i < set->count; i++) {
        if (set->clients[i].only->absent)
            set->clients[i].only = first; /* which is asked that share, too */
        step_after(world, &set->clients[i], 0);
    }
}

bool client_set_audited(const struct world *world)
{
    const struct client_set *set = world->clients;
    for (uint32_t i = set->worker_count; i < set->count; i++)
        if (!set->clients[i].keys_asked)
            return false;
    return true;
}

void client_set_count_from(struct world *world, uint64_t since_us)
{
    world->clients->count_from_us = since_us;
}

struct client_count client_set_count(const struct world *world, uint32_t machine)
{
    return world->clients->counts[machine];
}

/* ---- connections ---- */

/* Keep one request with an id, to be sent again through whatever node comes next. */
static void keep_to_repeat(struct client *client, struct request *request)
{
    bool wanted = request->again.length > 0 && client->repeat.again.length == 0 &&
                  request->command.attempt + 1 < ATTEMPTS_MAX;
    if (wanted) {
        buffer_deinit(&client->repeat.again);
        client->repeat = *request;
        client->repeat.command.attempt++;
    } else {
        buffer_deinit(&request->again);
    }
    request->again = (struct buffer){0};
}

/* Whatever was not answered never will be. */
static void abandon(struct world *world, struct client *client)
{
    for (size_t i = 0; i < client->request_count; i++) {
        if (!client->requests[i].is_select)
            oracle_unanswered(world->oracle, &client->requests[i].command);
        marks_hit(world->marks, MARK_CONNECTION_LOST);
        keep_to_repeat(client, &client->requests[i]);
    }
    client->request_count = 0;
    end_connection(client);
}

static struct client *find_client(struct client_set *set, const struct machine *machine,
                                  connection_id connection)
{
    for (uint32_t i = 0; i < set->count; i++) {
        struct client *client = &set->clients[i];
        if (client->machine == machine && client->connection == connection &&
            client->life == machine->life)
            return client;
    }
    return NULL;
}

static void gone_after(struct world *world, struct client *client, uint64_t delay_us)
{
    world_after(
        world, delay_us,
        &(struct occurrence){.kind = AT_CLIENT_GONE, .peer = client->index, .id = client->session});
}

static void connect(struct world *world, struct client *client)
{
    struct machine *machine = client->only;
    char address[32];
    if (machine == NULL)
        machine = &world->machines[random_below(&client->random, plan_machines(&world->plan))];
    if (machine->state != MACHINE_UP) {
        step_after(world, client, random_below(&client->random, RECONNECT_US));
        return;
    }
    client->machine = machine;
    client->life = machine->life;
    client->connection = ++machine->next_connection;
    client->session++;
    client->reader = resp_reply_reader_new(&limits);
    client->paused = false;
    client->blocked = false;
    client->unread = 0;
    client->cursor = 0;
    client->last_written = NULL;
    uint64_t way = way_us(client);
    client->last_piece_us = world->now_us + way;
    snprintf(address, sizeof address, "10.0.0.%u:%u", client->index + 1,
             (unsigned)(client->session % 60000) + 1024);
    machine_event_after(machine, way, EVENT_CLIENT_OPEN, 0, client->connection,
                        slice_text(address));
}

/* ---- requests ---- */

static void send_piece(struct world *world, struct client *client, struct slice bytes)
{
    struct occurrence what = {.kind = AT_CLIENT_BYTES,
                              .machine = client->machine->index,
                              .life = client->life,
                              .id = client->connection};
    uint64_t at_us = world->now_us + way_us(client);
    if (at_us <= client->last_piece_us)
        at_us = client->last_piece_us + 1;
    client->last_piece_us = at_us;
    buffer_append_slice(&what.bytes, bytes);
    world_after(world, at_us - world->now_us, &what);
}

static void send_bytes(struct world *world, struct client *client, struct slice bytes)
{
    unsigned pieces = 1;
    if (world->plan.split_bytes)
        pieces = 1 + (unsigned)random_below(&client->random, PIECES_MAX);
    while (pieces-- > 1 && bytes.length > 1) {
        size_t cut = 1 + random_below(&client->random, bytes.length - 1);
        send_piece(world, client, slice_make(bytes.data, cut));
        bytes = slice_make(bytes.data + cut, bytes.length - cut);
    }
    send_piece(world, client, bytes);
}

static uint64_t paused_us(const struct world *world, const struct machine *machine)
{
    uint64_t total_us = machine->paused_total_us;
    return machine->paused ? total_us + world->now_us - machine->paused_since_us : total_us;
}

/* When an answer is overdue: those before it in the pipeline may each take their time. */
static uint64_t allowed_us(const struct world *world, const struct client *client,
                           const struct command *command)
{
    uint64_t timeout_ms =
        command->timeout_ms != 0 ? command->timeout_ms : world->plan.settings.request_timeout_ms;
    uint64_t paused = paused_us(world, client->machine) - command->paused_us;
    return timeout_ms * 1000 * (command->ahead + 1) + ANSWER_SLACK_US + paused +
           command->stood_still_us;
}

static void watch(struct world *world, struct client *client, const struct command *command)
{
    uint64_t due_us = command->start_us + allowed_us(world, client, command);
    world_after(
        world, due_us - world->now_us + 1,
        &(struct occurrence){.kind = AT_CLIENT_LATE, .peer = client->index, .id = command->serial});
}

static void send_request(struct world *world, struct client *client, const struct request *request,
                         struct slice bytes)
{
    if (client->request_count == client->request_capacity) {
        client->request_capacity = client->request_capacity * 2 + 8;
        client->requests =
            memory_resize(client->requests, client->request_capacity, sizeof *client->requests);
    }
    struct request *copy = &client->requests[client->request_count];
    *copy = *request;
    copy->command.serial = ++world->clients->serial;
    copy->command.ahead = (uint32_t)client->request_count;
    copy->command.paused_us = paused_us(world, client->machine);
    copy->command.start_us = world->now_us;
    client->request_count++;
    client->unread++;
    if (!request->is_select) {
        oracle_sent(world->oracle, client->machine, &copy->command);
        if (copy->command.start_us >= world->clients->count_from_us)
            world->clients->counts[client->machine->index].started++;
    }
    send_bytes(world, client, bytes);
    watch(world, client, &copy->command);
}

static void select_keyspace(struct world *world, struct client *client, keyspace_id keyspace)
{
    struct request request = {.is_select = true};
    struct buffer bytes = {0};
    workload_select(keyspace, &bytes);
    send_request(world, client, &request, buffer_slice(&bytes));
    buffer_deinit(&bytes);
}

static void work(struct world *world, struct client *client)
{
    struct request request = {0};
    struct buffer bytes = {0};
    if (client->repeat.again.length > 0) {
        request = client->repeat;
        client->repeat = (struct request){0};
        marks_hit(world->marks, MARK_REQUEST_SENT_AGAIN);
        send_request(world, client, &request, buffer_slice(&request.again));
        return;
    }
    workload_draw(world, &client->random, client->keyspace, client->cursor, &client->contexts,
                  &request.command, &bytes);
    if (request.command.identity != 0)
        buffer_append_slice(&request.again, buffer_slice(&bytes));
    send_request(world, client, &request, buffer_slice(&bytes));
    buffer_deinit(&bytes);
}

static void step(struct world *world, struct client *client)
{
    if (world->clients->stopped && !client->audits)
        return;
    if (client->machine == NULL) {
        connect(world, client);
        if (client->machine == NULL)
            return;
        if (client->keyspace != 0)
            select_keyspace(world, client, client->keyspace);
    }
    if (client->unread >= world->plan.pipeline + (client->keyspace != 0)) {
        client->blocked = true;
        return;
    }
    work(world, client);
    step_after(world, client, spread_tail(&client->random, world->plan.think_us));
}

/* An auditor asks for its share of the keys, one at a time, then for the list of all. */
static void audit(struct world *world, struct client *client)
{
    struct request request = {0};
    struct buffer bytes = {0};
    uint32_t plain = oracle_key_count(world->oracle, 0);
    uint32_t siblings = plain + oracle_key_count(world->oracle, 1);
    uint32_t total = oracle_key_total(world->oracle);
    if (client->machine == NULL) {
        connect(world, client);
        client->keyspace = 0;
        if (client->machine == NULL)
            return;
    }
    keyspace_id wanted = client->next_key >= plain && client->next_key < siblings ? 1 : 0;
    if (client->keyspace != wanted)
        select_keyspace(world, client, wanted);
    client->keyspace = wanted;
    if (client->next_key >= total)
        workload_last_keys(world, &request.command, &bytes);
    else
        workload_last_get(world, client->next_key, &request.command, &bytes);
    send_request(world, client, &request, buffer_slice(&bytes));
    buffer_deinit(&bytes);
}

/* An auditor goes on to its next key, or asks once more when it was refused. */
static void audit_answered(struct world *world, struct client *client,
                           const struct command *command, const struct resp_value *reply)
{
    bool hidden = command->collection != COLLECTION_NONE && reply->type == RESP_TYPE_ERROR &&
                  reply->text.length >= 9 && memcmp(reply->text.data, "WRONGTYPE", 9) == 0;
    if (reply->type != RESP_TYPE_ERROR || hidden) { /* that it is hidden is an answer, too */
        client->next_key += world->plan.node_count;
        client->keys_asked = command->kind == COMMAND_KEYS;
        if (!client->keys_asked)
            step_after(world, client, way_us(client));
        return;
    }
    if (++client->refusals > AUDIT_ATTEMPTS_MAX)
        world_fail(world, VERDICT_NO_CONVERGENCE, "end", "after healing, n%u still answers: %.*s",
                   client->machine->id, (int)reply->text.length, (const char *)reply->text.data);
    step_after(world, client, AUDIT_RETRY_US);
}

/* ---- answers ---- */

/*
 * An error that says what the client did wrong is an answer too; and so is the truth about a
 * request that was sent before, when the owner that may have carried it out is cut off now.
 */
static bool is_served(const struct resp_value *reply)
{
    static const char *const words[] = {"BADCONTEXT ", "SIBLINGLIMIT ", "cannot tell whether"};
    if (reply->type != RESP_TYPE_ERROR)
        return true;
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        if (memmem(reply->text.data, reply->text.length, words[i], strlen(words[i])) != NULL)
            return true;
    return false;
}

static void answered(struct world *world, struct client *client, const struct resp_value *reply)
{
    if (client->request_count == 0) {
        world_fail(world, VERDICT_WRONG, "I8", "n%u answers what was not asked",
                   client->machine->id);
        return;
    }
    struct request request = client->requests[0];
    client->request_count--;
    memmove(client->requests, client->requests + 1,
            client->request_count * sizeof *client->requests);
    if (request.is_select) {
        if (reply->type != RESP_TYPE_SIMPLE)
            world_fail(world, VERDICT_WRONG, "I8", "n%u refuses SELECT", client->machine->id);
        return;
    }
    const struct command *command = &request.command;
    if (command->start_us >= world->clients->count_from_us && is_served(reply))
        world->clients->counts[client->machine->index].acked++;
    request.command.waits_for = client->last_written;
    oracle_answered(world->oracle, client->machine, command, reply);
    gray_slow_answered(world, client->machine, command);
    if (command->key_count > 0 && command->writes[0] != NULL)
        client->last_written = oracle_last_written(command);
    if (request.command.identity != 0 && reply->type != RESP_TYPE_ERROR)
        request.command.answered_digest = oracle_answer_digest(reply);
    if (request.command.identity != 0 &&
        (reply->type == RESP_TYPE_ERROR || random_chance(&client->random, 1, 4)))
        keep_to_repeat(client, &request);
    buffer_deinit(&request.again);
    if (client->audits)
        audit_answered(world, client, command, reply);
    if (command->kind == COMMAND_RING_GET && reply->type == RESP_TYPE_ARRAY)
        contexts_keep(&client->contexts, command->keys[0] - oracle_key_count(world->oracle, 0),
                      oracle_siblings_context(reply));
    if (command->kind == COMMAND_SCAN && reply->type == RESP_TYPE_ARRAY &&
        reply->element_count == 2 && reply->elements[0].type == RESP_TYPE_BULK)
        client->cursor = strtoull((const char *)reply->elements[0].text.data, NULL, 10);
}

void client_set_replied(struct machine *machine, connection_id connection, struct slice bytes)
{
    struct world *world = machine->world;
    struct client *client = find_client(world->clients, machine, connection);
    size_t offset = 0;
    uint32_t count = 0;
    enum resp_reply_progress progress;
    struct resp_value *reply;
    if (client == NULL)
        return;
    buffer_append_slice(&client->received, bytes);
    while ((progress = resp_reply_reader_next(client->reader, buffer_slice(&client->received),
                                              &offset, &reply)) == RESP_REPLY_VALUE) {
        answered(world, client, reply);
        resp_value_free(reply);
        count++;
    }
    if (progress == RESP_REPLY_ERROR)
        world_fail(world, VERDICT_WRONG, "I8", "n%u sends what is not the protocol", machine->id);
    buffer_consume(&client->received, offset);
    if (count > 0)
        world_after(world, way_us(client),
                    &(struct occurrence){.kind = AT_CLIENT_REPLY,
                                         .peer = client->index,
                                         .id = client->session,
                                         .detail = count});
}

void client_set_closed(struct machine *machine, connection_id connection)
{
    struct world *world = machine->world;
    struct client *client = find_client(world->clients, machine, connection);
    if (client == NULL)
        return;
    abandon(world, client);
    gone_after(world, client, way_us(client));
}

void client_set_paused(struct machine *machine, connection_id connection, bool paused)
{
    struct world *world = machine->world;
    struct client *client = find_client(world->clients, machine, connection);
    if (client == NULL)
        return;
    client->paused = paused;
    if (paused)
        marks_hit(world->marks, MARK_CLIENT_PAUSED);
    else
        send_piece(world, client, slice_make(NULL, 0));
}

void client_set_machine_gone(struct machine *machine, bool power_loss)
{
    struct world *world = machine->world;
    for (uint32_t i = 0; i < world->clients->count; i++) {
        struct client *client = &world->clients->clients[i];
        if (client->machine != machine || client->life != machine->life)
            continue;
        abandon(world, client);
        gone_after(world, client, power_loss ? 1000000 : way_us(client));
    }
}

/* ---- occurrences ---- */

void client_set_arrived(struct machine *machine, const struct occurrence *what)
{
    struct client *client = find_client(machine->world->clients, machine, what->id);
    if (client == NULL)
        return;
    buffer_append_slice(&client->held, buffer_slice(&what->bytes));
    if (client->paused || client->held.length == 0)
        return;
    struct buffer bytes = client->held;
    client->held = (struct buffer){0};
    machine_loop_event(machine, &(struct event){.kind = EVENT_CLIENT_BYTES,
                                                .connection = what->id,
                                                .bytes = buffer_slice(&bytes)});
    buffer_deinit(&bytes);
}

void client_set_stood_still(struct world *world, uint64_t length_us)
{
    for (uint32_t i = 0; i < world->clients->count; i++)
        for (size_t j = 0; j < world->clients->clients[i].request_count; j++)
            world->clients->clients[i].requests[j].command.stood_still_us += length_us;
}

/* I8. */
static void check_late(struct world *world, struct client *client, uint64_t serial)
{
    const struct command *command = NULL;
    for (size_t i = 0; i < client->request_count; i++)
        if (client->requests[i].command.serial == serial)
            command = &client->requests[i].command;
    if (command == NULL)
        return;
    if (world->now_us <= command->start_us + allowed_us(world, client, command)) {
        watch(world, client, command);
        return;
    }
    world_fail(world, VERDICT_WRONG, "I8",
               "n%u has not answered command %" PRIu64 " (kind %u level %u) after %" PRIu64 " ms",
               client->machine->id, serial, (unsigned)command->kind, command->level,
               (world->now_us - command->start_us) / 1000);
}

static void reply_read(struct world *world, struct client *client, uint32_t count)
{
    assert(client->unread >= count);
    client->unread -= count;
    if (!client->blocked)
        return;
    client->blocked = false;
    step_after(world, client, spread_tail(&client->random, world->plan.think_us));
}

void client_set_handle(struct world *world, const struct occurrence *what)
{
    struct client *client = &world->clients->clients[what->peer];
    switch (what->kind) {
    case AT_CLIENT_STEP:
        if (client->audits)
            audit(world, client);
        else
            step(world, client);
        break;
    case AT_CLIENT_REPLY:
        if (what->id == client->session && client->machine != NULL)
            reply_read(world, client, what->detail);
        break;
    case AT_CLIENT_GONE:
        /* One that waited for an answer goes on with another node; others have a step planned. */
        if (what->id == client->session && (client->blocked || client->audits)) {
            client->blocked = false;
            step_after(world, client, random_below(&client->random, RECONNECT_US));
        }
        break;
    default:
        assert(what->kind == AT_CLIENT_LATE);
        if (client->machine != NULL)
            check_late(world, client, what->id);
        break;
    }
}

void client_set_reset_one(struct world *world, uint64_t draw)
{
    struct client_set *set = world->clients;
    struct client *client = &set->clients[draw % set->worker_count];
    if (client->machine == NULL)
        return;
    machine_event_after(
        client->machine,
        client->last_piece_us > world->now_us ? client->last_piece_us - world->now_us + 1 : 1,
        EVENT_CLIENT_CLOSED, 0, client->connection, slice_make(NULL, 0));
    abandon(world, client);
    gone_after(world, client, 1);
}
