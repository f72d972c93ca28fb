#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "ringd/config.h"

static void read_manual(struct buffer *out)
{
    const char *source = getenv("srcdir");
    char path[4096];
    snprintf(path, sizeof path, "%s/man/ringd.conf.5", source != NULL ? source : ".");
    FILE *file = fopen(path, "re");
    if (file == NULL)
        fail_msg("could not read %s", path);
    size_t got;
    while ((got = fread(buffer_reserve(out, 4096), 1, 4096, file)) > 0)
        out->length += got;
    fclose(file);
    buffer_put_u8(out, '\0');
}

/* The list between the two comments is what `ringd --print-settings` prints. */
static void the_manual_lists_the_settings_of_the_table(void **state)
{
    static const char begin[] = ".\\\" Settings: begin\n";
    static const char end[] = ".\\\" Settings: end\n";
    struct buffer manual = {0}, list = {0};
    (void)state;
    read_manual(&manual);
    config_print_mdoc(&list);
    buffer_put_u8(&list, '\0');
    char *first = strstr((char *)manual.data, begin);
    assert_non_null(first);
    first += strlen(begin);
    char *last = strstr(first, end);
    assert_non_null(last);
    *last = '\0';
    assert_string_equal(first, (char *)list.data);
    buffer_deinit(&manual);
    buffer_deinit(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_manual_lists_the_settings_of_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
