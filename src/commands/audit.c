#include "commands/audit.h"

#include <string.h>

#include "base/log.h"
#include "commands/command_table.h"
#include "commands/session_state.h"
#include "commands/user_table.h"

void audit_login(const struct session *session, const char *user, const char *outcome)
{
    log_line(&session->environment->audit, LOG_INFO, "login outcome=%s user=%s address=%s", outcome,
             user, (const char *)session->address.data);
}

/* false: it was cut. */
static bool put_escaped(struct slice text, struct buffer *out)
{
    for (size_t i = 0; i < text.length; i++) {
        uint8_t byte = text.data[i];
        if (out->length >= AUDIT_ARGUMENTS_MAX)
            return false;
        if (byte == '"' || byte == '\\')
            buffer_printf(out, "\\%c", byte);
        else if (byte < ' ' || byte >= 0x7f)
            buffer_printf(out, "\\x%02x", byte);
        else
            buffer_put_u8(out, byte);
    }
    return true;
}

/* Behind the command's own words. */
static void put_arguments(const struct call *call, struct buffer *out)
{
    uint32_t first = call->command->container != NULL ? 2 : 1;
    uint32_t end = call->argument_count;
    if (call->command->secret && end > first + 1)
        end = first + 1;
    for (uint32_t i = first; i < end; i++) {
        if (i > first)
            buffer_put_u8(out, ' ');
        if (!put_escaped(call->arguments[i], out)) {
            buffer_printf(out, "...");
            return;
        }
    }
}

void audit_call(const struct call *call, struct slice error)
{
    const struct session *session = call->session;
    const struct log_sink *audit = &session->environment->audit;
    struct buffer name = {0}, arguments = {0};
    if (audit->write == NULL || (call->command->flags & COMMAND_ADMIN) == 0)
        return;
    size_t code = 0;
    while (code < error.length && error.data[code] > ' ')
        code++;
    command_full_name(call->command, &name);
    put_arguments(call, &arguments);
    log_line(audit, LOG_INFO,
             "command outcome=%.*s user=%s address=%s name=%.*s arguments=\"%.*s\"",
             code == 0 ? 2 : (int)code, code == 0 ? "ok" : (const char *)error.data,
             session_user_name(session), (const char *)session->address.data, (int)name.length,
             (const char *)name.data, (int)arguments.length, (const char *)arguments.data);
    buffer_deinit(&name);
    buffer_deinit(&arguments);
}
