#include "commands/task_reply.h"

#include <assert.h>

#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/environment.h"

enum { ID_DIGITS = 16 };

struct register_value *task_register(struct call *call)
{
    const struct environment *environment = call_environment(call);
    struct register_value *value;
    struct buffer bytes = {0};
    if (environment->register_export == NULL) {
        call_reply_error(call, "ERR this node has no register");
        return NULL;
    }
    environment->register_export(environment->node, &bytes);
    enum status status = register_value_decode(buffer_slice(&bytes), &value);
    assert(status == STATUS_OK); /* it goes by it */
    buffer_deinit(&bytes);
    return value;
}

static int digit_of(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

bool task_id_take(struct call *call, uint32_t at, uint64_t *out)
{
    struct slice text = call_argument(call, at);
    *out = 0;
    for (size_t i = 0; i < text.length && text.length == ID_DIGITS; i++) {
        int digit = digit_of(text.data[i]);
        if (digit < 0)
            break;
        *out = *out << 4 | (unsigned)digit;
        if (i + 1 == ID_DIGITS && *out != 0)
            return true;
    }
    call_reply_error(call,
                     "ERR the id of a plan is %d hexadecimal digits, as RING.TASKS LIST and "
                     "ringctl cluster plan show it",
                     ID_DIGITS);
    return false;
}
