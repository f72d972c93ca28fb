#include "commands/client_list.h"

#include <string.h>

#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/command_table.h"
#include "commands/session_state.h"

static const char *address_of(const struct session *session)
{
    return (const char *)session->address.data;
}

static bool is_listener(const struct session *session)
{
    return session->listener.first != NULL;
}

void client_describe(const struct session *session, struct instant now, struct buffer *out)
{
    const char *library = (const char *)session->library_name.data;
    const char *version = (const char *)session->library_version.data;
    const uint32_t *listens = session->listener.counts;
    bool waits = session_deadline_us(session) != UINT64_MAX;
    const char *flags = is_listener(session) ? (waits ? "Pb" : "P") : (waits ? "b" : "N");
    buffer_printf(out, "id=%llu addr=%s laddr= fd=-1 name=%.*s age=%llu idle=%llu flags=%s db=%u",
                  (unsigned long long)session->id, address_of(session), (int)session->name.length,
                  (const char *)session->name.data,
                  (unsigned long long)((now.mono_us - session->opened.mono_us) / 1000000),
                  (unsigned long long)((now.mono_us - session->heard.mono_us) / 1000000), flags,
                  keyspace_number(session->keyspace));
    buffer_printf(out,
                  " sub=%u psub=%u ssub=%u multi=-1 watch=0 qbuf=%zu qbuf-free=%zu argv-mem=%llu "
                  "multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem=%zu events=r cmd=",
                  listens[TOPIC_CHANNEL], listens[TOPIC_PATTERN], listens[TOPIC_SHARD],
                  session->input.length, session->input.capacity - session->input.length,
                  (unsigned long long)session->wire_bytes,
                  sizeof *session + session->input.capacity);
    if (session->last_command != NULL && session->last_command->name[0] != '\0')
        command_full_name(session->last_command, out);
    else
        buffer_printf(out, "NULL");
    buffer_printf(out,
                  " user=%s redir=-1 resp=%d lib-name=%.*s lib-ver=%.*s "
                  "tot-net-in=%llu tot-net-out=%llu tot-cmds=%llu",
                  session_user_name(session), session->version, (int)session->library_name.length,
                  library, (int)session->library_version.length, version,
                  (unsigned long long)session->bytes_in, (unsigned long long)session->bytes_out,
                  (unsigned long long)session->command_count);
}

void client_info_start(struct call *call)
{
    client_describe(call->session, call_now(call), &call->scratch);
    buffer_put_u8(&call->scratch, '\n');
    call_reply_verbatim(call, buffer_slice(&call->scratch));
}

/* What CLIENT LIST and KILL choose by; what is not set matches all. */
struct filter {
    bool by_id, by_address, by_age, by_user, by_listening, skip_self;
    bool listens;
    bool none; /* a type or an address that no connection has */
    uint64_t id;
    uint64_t age_s;
    struct slice address, user;
};

static bool matches(const struct filter *filter, const struct call *call,
                    const struct session *session)
{
    uint64_t age_s = (call_now(call).mono_us - session->opened.mono_us) / 1000000;
    if (filter->none || (filter->skip_self && session == call->session))
        return false;
    if (filter->by_id && session->id != filter->id)
        return false;
    if (filter->by_listening && is_listener(session) != filter->listens)
        return false;
    if (filter->by_age && age_s < filter->age_s)
        return false;
    if (filter->by_user && !slice_equal(filter->user, slice_text(session_user_name(session))))
        return false;
    return !filter->by_address || slice_equal(filter->address, slice_text(address_of(session)));
}

/* Of type normal are clients that listen to no channel. false: the error is sent. */
static bool parse_type(struct call *call, uint32_t at, struct filter *filter)
{
    struct slice type = call_argument(call, at);
    static const char *const others[] = {"master", "replica", "slave"};
    filter->listens = slice_is_word(type, "pubsub");
    filter->by_listening = filter->listens || slice_is_word(type, "normal");
    if (filter->by_listening)
        return true;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (slice_is_word(type, others[i])) {
            filter->none = true;
            return true;
        }
    }
    call_reply_error(call, "ERR Unknown client type '%.*s'",
                     type.length > 128 ? 128 : (int)type.length, (const char *)type.data);
    return false;
}

static void list_all(struct call *call, const struct filter *filter)
{
    /* The newest stand first in the list; shown are the oldest first, as by Redis. */
    const struct session *session = call_environment(call)->sessions;
    while (session != NULL && session->next != NULL)
        session = session->next;
    for (; session != NULL; session = session->previous) {
        if (matches(filter, call, session)) {
            client_describe(session, call_now(call), &call->scratch);
            buffer_put_u8(&call->scratch, '\n');
        }
    }
    call_reply_verbatim(call, buffer_slice(&call->scratch));
}

static void list_ids(struct call *call)
{
    int64_t id;
    for (uint32_t i = 3; i < call->argument_count; i++) {
        if (!parse_integer(call_argument(call, i), &id)) {
            call_reply_error(call, "ERR Invalid client ID");
            return;
        }
        const struct session *session = session_find(call_environment(call), (connection_id)id);
        if (session != NULL) {
            client_describe(session, call_now(call), &call->scratch);
            buffer_put_u8(&call->scratch, '\n');
        }
    }
    call_reply_verbatim(call, buffer_slice(&call->scratch));
}

void client_list_start(struct call *call)
{
    struct filter filter = {0};
    if (call->argument_count == 4 && call_argument_is(call, 2, "type")) {
        if (parse_type(call, 3, &filter))
            list_all(call, &filter);
    } else if (call->argument_count > 3 && call_argument_is(call, 2, "id")) {
        list_ids(call);
    } else if (call->argument_count != 2) {
        call_reply_syntax_error(call);
    } else {
        list_all(call, &filter);
    }
}

/* One filter of CLIENT KILL with its value; false: the error is sent. */
static bool parse_filter(struct call *call, uint32_t at, struct filter *filter)
{
    struct slice value = call_argument(call, at + 1);
    int64_t number;
    if (call_argument_is(call, at, "id")) {
        if (!parse_integer(value, &number) || number < 1) {
            call_reply_error(call, "ERR client-id should be greater than 0");
            return false;
        }
        filter->by_id = true;
        filter->id = (uint64_t)number;
    } else if (call_argument_is(call, at, "maxage")) {
        if (!parse_integer(value, &number) || number < 1) {
            call_reply_error(call, "ERR maxage is not an integer or out of range");
            return false;
        }
        filter->by_age = true;
        filter->age_s = (uint64_t)number;
    } else if (call_argument_is(call, at, "type")) {
        return parse_type(call, at + 1, filter);
    } else if (call_argument_is(call, at, "addr")) {
        filter->by_address = true;
        filter->address = value;
    } else if (call_argument_is(call, at, "laddr")) {
        filter->none = true; /* the node does not know which of its addresses was used */
    } else if (call_argument_is(call, at, "user")) {
        if (user_table_find(call_environment(call)->users, value) == NULL) {
            call_reply_error(call, "ERR No such user '%.*s'",
                             value.length > 128 ? 128 : (int)value.length,
                             (const char *)value.data);
            return false;
        }
        filter->by_user = true;
        filter->user = value;
    } else if (call_argument_is(call, at, "skipme") && slice_is_word(value, "yes")) {
        filter->skip_self = true;
    } else if (call_argument_is(call, at, "skipme") && slice_is_word(value, "no")) {
        filter->skip_self = false;
    } else {
        call_reply_syntax_error(call);
        return false;
    }
    return true;
}

/* The asking connection is closed last, once it has its reply. */
static int64_t kill_matching(struct call *call, const struct filter *filter)
{
    struct environment *environment = call_environment(call);
    int64_t count = 0;
    struct session *next = NULL;
    for (struct session *session = environment->sessions; session != NULL; session = next) {
        next = session->next;
        if (!matches(filter, call, session))
            continue;
        if (session == call->session)
            session_close_after_reply(session);
        else if (environment->client_close != NULL)
            environment->client_close(environment->node, session->id);
        else
            continue;
        count++;
    }
    return count;
}

void client_kill_start(struct call *call)
{
    struct filter filter = {.skip_self = true};
    if (call->argument_count == 3) {
        filter = (struct filter){.by_address = true, .address = call_argument(call, 2)};
        if (kill_matching(call, &filter) == 0)
            call_reply_error(call, "ERR No such client");
        else
            call_reply_ok(call);
        return;
    }
    if (call->argument_count % 2 == 1) {
        call_reply_syntax_error(call);
        return;
    }
    for (uint32_t i = 2; i < call->argument_count; i += 2) {
        if (!parse_filter(call, i, &filter))
            return;
    }
    call_reply_integer(call, kill_matching(call, &filter));
}
