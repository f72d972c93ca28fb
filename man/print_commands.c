/*
 * print_commands.c - prints ringdb-commands(7) from the command table.
 */
#include <stdio.h>

#include "commands/manual.h"

int main(void)
{
    struct buffer page = {0};
    manual_write(&page);
    size_t written = fwrite(page.data, 1, page.length, stdout);
    int failed = written != page.length || fflush(stdout) != 0;
    buffer_deinit(&page);
    return failed;
}
