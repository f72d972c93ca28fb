#include "commands/change_call.h"

#include "commands/session_state.h"

enum { LOOK_EVERY_US = 5000 };

struct work {
    uint64_t ticket;
    change_made *made;
};

static void look(struct call *call)
{
    const struct environment *environment = call_environment(call);
    const struct work *work = call->work;
    struct change_outcome outcome;
    call->session->unblocked = false; /* an outcome is owed */
    if (!environment->change_take(environment->node, work->ticket, &outcome)) {
        call_sleep(call, call_now(call).mono_us + LOOK_EVERY_US, look);
        return;
    }
    switch (outcome.status) {
    case STATUS_OK:
        work->made(call, &outcome);
        break;
    case STATUS_INVALID:
        call_reply_error(call, "ERR %s", outcome.reason);
        break;
    case STATUS_UNAVAILABLE:
        call_reply_error(call, "NOREPLICAS %s", outcome.reason);
        break;
    default:
        call_reply_error(call, "UNCERTAIN %s", outcome.reason);
    }
}

void change_call_start(struct call *call, const struct register_change *change, change_made *made)
{
    const struct environment *environment = call_environment(call);
    struct work *work = call_work(call, sizeof *work);
    if (environment->change_start == NULL) {
        call_reply_error(call, "ERR this node has no register");
        return;
    }
    work->made = made;
    work->ticket = environment->change_start(environment->node, change);
    if (work->ticket == 0)
        call_reply_error(call, "OVERLOADED too many changes of the ring wait at this node: try "
                               "again; nothing was changed");
    else
        look(call);
}
