#include "request_driver.h"

#include <stdlib.h>
#include <string.h>

#include "../ring/ring_fixture.h"
#include "base/memory.h"

void driver_init(struct request_driver *driver, const char *replication, uint8_t self)
{
    driver_init_with(driver, replication, self, 0);
    assert_int_equal(driver->owners.primary_count, driver->ring->member_count);
}

void driver_init_with(struct request_driver *driver, const char *replication, uint8_t self,
                      unsigned more)
{
    static const char *const racks[] = {"a", "b", "c", "d", "e", "f"};
    node_id id = 1;
    *driver = (struct request_driver){.ring = fixture_ring(replication, 16)};
    struct ring *ring = driver->ring;
    ring->keyspaces[0] = (struct ring_keyspace){.name = "default"};
    ring->keyspaces[1] =
        (struct ring_keyspace){.number = 7, .name = "carts", .policy = KEYSPACE_SIBLINGS};
    ring->keyspace_count = 2;
    for (unsigned region = 0; region < ring->region_count; region++)
        for (unsigned i = 0; i < ring->regions[region].replicas + more; i++)
            fixture_add(ring, id++, ring->regions[region].name, racks[i % 6], 1);
    fixture_place(ring, NULL);
    preference_list_build(ring, 0, 0, &driver->owners);
    driver->params =
        (struct coordinate_params){.ring = ring,
                                   .self = driver->owners.nodes[self],
                                   .self_ready = true,
                                   .usable = ((owner_mask)1 << driver->owners.count) - 1,
                                   .deadline_us = DRIVER_TIMEOUT_MS * 1000,
                                   .retry_ms = DRIVER_RETRY_MS};
}

void driver_end(struct request_driver *driver)
{
    for (unsigned i = 0; i < driver->sent_count; i++)
        buffer_deinit(&driver->sent[i].body);
    driver->sent_count = 0;
    key_result_deinit(&driver->result);
    buffer_clear(&driver->result_bytes);
    coordinated_request_free(driver->request);
    driver->request = NULL;
    driver->answered = false;
    driver->read_repairs = driver->fetches = 0;
    driver->omitted_bytes = 0;
    driver->speculated = driver->speculation_refused = driver->speculation_won = 0;
    driver->retried = driver->retry_refused = driver->explored = 0;
    driver->now_ms = 0;
}

void driver_deinit(struct request_driver *driver)
{
    driver_end(driver);
    coordinated_output_deinit(&driver->output);
    buffer_deinit(&driver->result_bytes);
    buffer_deinit(&driver->again);
    ring_free(driver->ring);
}

static uint8_t owner_of(const struct request_driver *driver, node_id node)
{
    for (uint8_t i = 0; i < driver->owners.count; i++)
        if (driver->owners.nodes[i] == node)
            return i;
    fail_msg("something was sent to node %u, which is not in the list", node);
    return 0;
}

/* Take over what a step wants. */
static void take_output(struct request_driver *driver)
{
    struct coordinated_output *output = &driver->output;
    for (uint32_t i = 0; i < output->send_count; i++) {
        const struct coordinated_send *send = &output->sends[i];
        assert_true(driver->sent_count < DRIVER_SENT_MAX);
        struct driver_sent *sent = &driver->sent[driver->sent_count++];
        *sent = (struct driver_sent){.owner = owner_of(driver, send->to), .type = send->type};
        buffer_append(&sent->body, output->bodies.data + send->offset, send->length);
    }
    driver->read_repairs += output->counts.read_repairs;
    driver->fetches += output->counts.fetches;
    driver->omitted_bytes += output->counts.omitted_bytes;
    driver->speculated += output->counts.speculated;
    driver->speculation_refused += output->counts.speculation_refused;
    driver->speculation_won += output->counts.speculation_won;
    driver->retried += output->counts.retried;
    driver->retry_refused += output->counts.retry_refused;
    driver->explored += output->counts.explored;
    if (output->again) {
        assert_true(driver->takes_again);
        buffer_append_slice(&driver->again, buffer_slice(&output->result));
    } else if (output->finished) {
        assert_false(driver->answered); /* C4 */
        driver->answered = true;
        buffer_append_slice(&driver->result_bytes, buffer_slice(&output->result));
        struct reader reader = reader_make(buffer_slice(&driver->result_bytes));
        assert_int_equal(key_result_decode(&reader, &driver->result), STATUS_OK);
    }
    coordinated_output_clear(output);
}

void driver_start(struct request_driver *driver, const struct key_request *request)
{
    struct preference_list owners;
    preference_list_build(driver->params.ring, request->partition, driver->params.home, &owners);
    driver->params.owners = &owners;
    driver->request =
        coordinated_request_new(&driver->params, request, DRIVER_WALL_MS, &driver->output);
    take_output(driver);
}

void driver_reply(struct request_driver *driver, uint8_t owner, uint16_t type, struct slice body)
{
    coordinated_request_reply(driver->request, driver->owners.nodes[owner], type, body,
                              DRIVER_WALL_MS, &driver->output);
    take_output(driver);
}

void driver_replicated(struct request_driver *driver, uint8_t owner, enum status status)
{
    struct buffer body = {0};
    message_replicated_encode(&(struct message_replicated){.status = status}, &body);
    driver_reply(driver, owner, MESSAGE_REPLICATED, buffer_slice(&body));
    buffer_deinit(&body);
}

void driver_hinted(struct request_driver *driver, uint8_t fallback, enum status status)
{
    struct buffer body = {0};
    message_replicated_encode(&(struct message_replicated){.status = status}, &body);
    driver_reply(driver, fallback, MESSAGE_HINTED, buffer_slice(&body));
    buffer_deinit(&body);
}

void driver_minted(struct request_driver *driver, enum status status, bool written)
{
    struct buffer result = {0}, body = {0};
    struct key_outcome outcome = {.written = written, .number = written};
    outcome.dot = (struct dot){.actor = {.node = driver->params.self}, .sequence = 1};
    key_result_encode(&(struct key_result){.outcome_count = 1, .outcomes = &outcome}, &result);
    struct message_minted minted = {.status = status, .written = written};
    if (status == STATUS_OK)
        minted.result = buffer_slice(&result);
    if (written)
        minted.replicate = slice_text("replicate me");
    message_minted_encode(&minted, &body);
    driver_reply(driver, owner_of(driver, driver->params.self), MESSAGE_MINTED,
                 buffer_slice(&body));
    buffer_deinit(&result);
    buffer_deinit(&body);
}

void driver_read_result(struct request_driver *driver, uint8_t owner, enum status status,
                        const struct cell *cell)
{
    struct buffer encoded = {0}, cells = {0}, body = {0};
    struct cell absent = {0};
    struct message_read_result result = {.status = status};
    cell_encode(cell != NULL ? cell : &absent, true, &encoded);
    buffer_put_bytes(&cells, buffer_slice(&encoded));
    if (status == STATUS_OK) {
        result.cell_count = 1;
        result.cells = buffer_slice(&cells);
    }
    message_read_result_encode(&result, &body);
    driver_reply(driver, owner, MESSAGE_READ_RESULT, buffer_slice(&body));
    buffer_deinit(&encoded);
    buffer_deinit(&cells);
    buffer_deinit(&body);
}

void driver_versions(struct request_driver *driver, uint8_t owner, uint16_t type,
                     const struct cell *cell, uint64_t value_bytes_max)
{
    struct buffer encoded = {0}, cells = {0}, body = {0};
    cell_encode_versions(cell, value_bytes_max, &encoded);
    buffer_put_bytes(&cells, buffer_slice(&encoded));
    message_read_result_encode(
        &(struct message_read_result){.cell_count = 1, .cells = buffer_slice(&cells)}, &body);
    driver_reply(driver, owner, type, buffer_slice(&body));
    buffer_deinit(&encoded);
    buffer_deinit(&cells);
    buffer_deinit(&body);
}

void driver_refused(struct request_driver *driver, uint8_t owner, enum status status)
{
    coordinated_request_refused(driver->request, driver->owners.nodes[owner], status,
                                DRIVER_WALL_MS, &driver->output);
    take_output(driver);
}

void driver_tick(struct request_driver *driver, uint64_t ms)
{
    driver->now_ms += ms;
    struct coordinate_allowance allowed = {.speculate = !driver->no_speculation,
                                           .retry = !driver->no_retry};
    coordinated_request_tick(driver->request, driver->now_ms * 1000, DRIVER_WALL_MS, &allowed,
                             &driver->output);
    take_output(driver);
}

unsigned driver_count_sent(const struct request_driver *driver, uint16_t type)
{
    unsigned count = 0;
    for (unsigned i = 0; i < driver->sent_count; i++)
        count += driver->sent[i].type == type;
    return count;
}

const struct driver_sent *driver_find_sent(const struct request_driver *driver, uint8_t owner,
                                           uint16_t type)
{
    for (unsigned i = driver->sent_count; i-- > 0;)
        if (driver->sent[i].owner == owner && driver->sent[i].type == type)
            return &driver->sent[i];
    return NULL;
}

struct cell driver_cell(uint64_t sequence, const char *value)
{
    struct cell cell = {0};
    struct sibling sibling = {.dot = {.actor = {.node = 1, .boot_epoch = 1}, .sequence = sequence},
                              .time = 100 + sequence,
                              .kind = SIBLING_TOMBSTONE};
    if (value != NULL) {
        sibling.kind = SIBLING_STRING;
        sibling.value = slice_text(value);
    }
    cell_insert(&cell, &sibling);
    return cell;
}

static struct key_request write_of(enum register_operation operation, const char *value)
{
    static struct key_entry entry;
    entry = (struct key_entry){.key = slice_text("k")};
    entry.mutation = (struct mutation){.operation = operation, .value = slice_text(value)};
    return (struct key_request){.kind = KEY_WRITE, .entry_count = 1, .entries = &entry};
}

struct key_request driver_set(const char *value)
{
    return write_of(REGISTER_SET, value);
}

struct key_request driver_append(const char *value)
{
    return write_of(REGISTER_APPEND, value);
}

struct key_request driver_get(void)
{
    static const struct key_entry entry = {.key = {(const uint8_t *)"k", 1}};
    return (struct key_request){.kind = KEY_READ, .entry_count = 1, .entries = &entry};
}
