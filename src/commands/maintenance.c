#include "commands/maintenance.h"

#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/session_state.h"

/* Of moving-endpoint-type. A member has one address for clients, which serves for all but none. */
static const char *const ENDPOINT_TYPES[] = {"internal-ip", "internal-fqdn", "external-ip",
                                             "external-fqdn", "none"};

enum { ENDPOINT_NONE = 4, ENDPOINT_TYPE_COUNT = 5 };

static void tell(struct session *session)
{
    const struct environment *environment = session->environment;
    struct buffer bytes = {0}, place = {0};
    struct resp_writer writer = {&bytes, RESP_VERSION_3};
    struct client_move move;
    if (session->maintenance == MAINTENANCE_OFF || session->version != RESP_VERSION_3 ||
        environment->client_move == NULL ||
        !environment->client_move(environment->node, session->id, &move))
        return;
    resp_writer_push(writer, 4);
    resp_writer_bulk(writer, slice_text("MOVING"));
    resp_writer_integer(writer, (int64_t)move.sequence);
    resp_writer_integer(writer, move.seconds);
    if (session->maintenance == MAINTENANCE_NO_ENDPOINT) {
        resp_writer_null(writer);
    } else {
        buffer_printf(&place, "%s:%u", move.to->host, move.to->port);
        resp_writer_bulk(writer, buffer_slice(&place));
    }
    session_push(session, buffer_slice(&bytes));
    buffer_deinit(&place);
    buffer_deinit(&bytes);
}

void maintenance_announce(struct environment *environment)
{
    for (struct session *session = environment->sessions; session != NULL; session = session->next)
        tell(session);
}

uint32_t maintenance_count(const struct environment *environment)
{
    uint32_t count = 0;
    for (const struct session *session = environment->sessions; session != NULL;
         session = session->next)
        count += session->maintenance != MAINTENANCE_OFF;
    return count;
}

static bool parse_endpoint(struct call *call, uint8_t *wish)
{
    for (uint8_t i = 0; i < ENDPOINT_TYPE_COUNT; i++) {
        if (call_argument_is(call, 4, ENDPOINT_TYPES[i])) {
            *wish = i == ENDPOINT_NONE ? MAINTENANCE_NO_ENDPOINT : MAINTENANCE_ENDPOINT;
            return true;
        }
    }
    call_reply_error(call, "ERR moving-endpoint-type is one of internal-ip, internal-fqdn, "
                           "external-ip, external-fqdn, none");
    return false;
}

void client_maintenance_start(struct call *call)
{
    struct session *session = call->session;
    uint8_t wish = MAINTENANCE_ENDPOINT;
    bool on = call_argument_is(call, 2, "on");
    if ((!on && !call_argument_is(call, 2, "off")) || (!on && call->argument_count != 3) ||
        (call->argument_count != 3 &&
         (call->argument_count != 5 || !call_argument_is(call, 3, "moving-endpoint-type")))) {
        call_reply_syntax_error(call);
        return;
    }
    if (on && session->version != RESP_VERSION_3) {
        call_reply_error(call, "ERR CLIENT MAINT_NOTIFICATIONS needs RESP3: say HELLO 3 before");
        return;
    }
    if (call->argument_count == 5 && !parse_endpoint(call, &wish))
        return;
    session->maintenance = on ? wish : MAINTENANCE_OFF;
    call_reply_ok(call);
    if (on)
        tell(session); /* when the node drains already */
}
