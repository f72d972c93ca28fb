#include "commands/help.h"

#include "commands/call.h"
#include "commands/command_table.h"

static void write_upper(struct buffer *out, const char *word)
{
    for (; *word != '\0'; word++)
        buffer_put_u8(out, (uint8_t)(*word >= 'a' && *word <= 'z' ? *word - 32 : *word));
}

void help_start(struct call *call)
{
    int number = command_find(slice_text(call->command->container));
    const struct command *command = command_at((uint32_t)number);
    struct buffer line = {0};
    size_t count = 0;
    while (command->subcommands[count].name != NULL)
        count++;
    struct resp_writer writer = call_writer(call);
    resp_writer_array(writer, 1 + 2 * count);
    write_upper(&line, command->name);
    buffer_printf(&line, " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    resp_writer_simple(writer, buffer_slice(&line));
    for (size_t i = 0; i < count; i++) {
        const struct command *row = &command->subcommands[i];
        buffer_clear(&line);
        write_upper(&line, row->name);
        if (row->syntax[0] != '\0')
            buffer_printf(&line, " %s", row->syntax);
        resp_writer_simple(writer, buffer_slice(&line));
        buffer_clear(&line);
        buffer_printf(&line, "    %s", row->summary);
        resp_writer_simple(writer, buffer_slice(&line));
    }
    buffer_deinit(&line);
    call_finish(call);
}
