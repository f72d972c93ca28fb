/*
 * verb_user.c - users of the cluster, over ACL of any node.
 *
 * Rules are those of ACL SETUSER. A password among them would be an argument, which everybody on
 * the machine can read, so such a rule is refused here: passwords come from a file, standard input
 * or the terminal, and are shown by nobody, nor are their hashes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "cluster.h"
#include "fields.h"
#include "login.h"
#include "verbs.h"

enum { CHANGE_TIMEOUT_MS = 15000, RULES_MAX = 64, USER_NAME_SHOWN_MAX = 64 };

static const struct report_column COLUMNS[] = {
    {"user", REPORT_TEXT},     {"on", REPORT_FLAG},   {"passwords", REPORT_TEXT},
    {"commands", REPORT_TEXT}, {"keys", REPORT_TEXT}, {"level", REPORT_TEXT}};

enum { COLUMN_COUNT = sizeof COLUMNS / sizeof *COLUMNS };

static bool has_flag(const struct resp_value *user, const char *flag)
{
    const struct resp_value *flags = fields_get(user, "flags");
    for (size_t i = 0; i < fields_count(flags); i++) {
        const struct resp_value *one = fields_at(flags, i);
        if ((one->type == RESP_TYPE_BULK || one->type == RESP_TYPE_SIMPLE) &&
            slice_equal(one->text, slice_text(flag)))
            return true;
    }
    return false;
}

/* How many, or that none is needed. */
static const char *passwords_of(const struct resp_value *user, char text[24])
{
    if (has_flag(user, "nopass"))
        return "none needed";
    snprintf(text, 24, "%zu", fields_count(fields_get(user, "passwords")));
    return text;
}

static const char *or_none(const char *text)
{
    return *text == '\0' ? NULL : "%s";
}

static void add_user(struct report_table *table, struct slice name, const struct resp_value *user)
{
    char count[24];
    const char *keys = fields_text(user, "keys", ""), *level = fields_text(user, "level", "");
    bool open = has_flag(user, "nopass");
    report_cell(table, "%.*s", (int)name.length, (const char *)name.data);
    report_cell(table, "%s", has_flag(user, "on") ? "yes" : "no");
    report_cell(table, "%s", passwords_of(user, count));
    if (open)
        report_alarm(table);
    report_cell(table, "%s", fields_text(user, "commands", "?"));
    report_cell(table, or_none(keys), keys);
    report_cell(table, or_none(level), level);
}

static struct slice name_at(const struct resp_value *names, size_t i)
{
    const struct resp_value *name = fields_at(names, i);
    return name->type == RESP_TYPE_BULK ? name->text : slice_text("?");
}

enum exit_code verb_user_list(const struct arguments *arguments)
{
    struct exchange names, rules = {.address = arguments->address};
    struct slice words[] = {slice_text("ACL"), slice_text("USERS")};
    enum exit_code code = cluster_ask_first(arguments, words, 2, &names);
    if (code != EXIT_OK)
        return code;
    const struct resp_value *list = names.replies[0];
    for (size_t i = 0; i < fields_count(list); i++) {
        struct slice question[] = {slice_text("ACL"), slice_text("GETUSER"), name_at(list, i)};
        exchange_ask(&rules, question, 3);
    }
    exchange_run(&rules, 1, arguments->timeout_ms);
    if (rules.status == STATUS_OK) {
        struct report *report = report_new();
        struct report_table *table = report_table(report, "users", COLUMNS, COLUMN_COUNT);
        for (size_t i = 0; i < rules.asked; i++)
            if (fields_is_list(rules.replies[i])) /* else: dropped meanwhile */
                add_user(table, name_at(list, i), rules.replies[i]);
        verb_print(arguments, report);
    } else {
        verb_complain("the rules could not be asked: %s; try again", rules.reason);
        code = EXIT_UNREACHABLE;
    }
    exchange_deinit(&rules);
    exchange_deinit(&names);
    return code;
}

static void add_text(struct report *report, const struct resp_value *user, const char *name)
{
    const char *text = fields_text(user, name, "");
    report_fact(report, name, REPORT_TEXT, or_none(text), text);
}

enum exit_code verb_user_show(const struct arguments *arguments)
{
    struct exchange exchange;
    char count[24];
    const char *name = arguments->operands[0];
    struct slice words[] = {slice_text("ACL"), slice_text("GETUSER"), slice_text(name)};
    enum exit_code code = cluster_ask_first(arguments, words, 3, &exchange);
    if (code != EXIT_OK)
        return code;
    const struct resp_value *user = exchange.replies[0];
    if (!fields_is_list(user)) {
        verb_complain("there is no user %.*s; see: ringctl user list", USER_NAME_SHOWN_MAX, name);
        exchange_deinit(&exchange);
        return EXIT_FAILED;
    }
    struct report *report = report_new();
    report_fact(report, "user", REPORT_TEXT, "%s", name);
    report_fact(report, "on", REPORT_FLAG, "%s", has_flag(user, "on") ? "yes" : "no");
    report_fact(report, "passwords", REPORT_TEXT, "%s", passwords_of(user, count));
    add_text(report, user, "commands");
    add_text(report, user, "keys");
    add_text(report, user, "channels");
    add_text(report, user, "level");
    verb_print(arguments, report);
    exchange_deinit(&exchange);
    return EXIT_OK;
}

/* ---- changing ---- */

/* The words of `text`, borrowed. False: there are too many, or one of them is a password. */
static bool split_rules(const char *text, struct slice *out, size_t *count)
{
    while (*(text += strspn(text, " ")) != '\0') {
        size_t length = strcspn(text, " ");
        if (strchr("><#!", *text) != NULL) {
            verb_complain("--rules takes no password and no hash of one, which everybody could "
                          "read in the list of processes; use --new-password-file");
            return false;
        }
        if (*count == RULES_MAX) {
            verb_complain("--rules takes at most %d rules at once", RULES_MAX);
            return false;
        }
        out[(*count)++] = slice_make(text, length);
        text += length;
    }
    return true;
}

static bool read_password(const struct arguments *arguments, char line[LOGIN_PASSWORD_MAX + 2])
{
    struct buffer problem = {0};
    bool good = login_read_password(arguments->new_password_file, arguments->operands[0], line,
                                    &problem) == STATUS_OK;
    if (!good)
        verb_complain("%.*s; nothing was changed", (int)problem.length, (const char *)problem.data);
    buffer_deinit(&problem);
    return good;
}

/* Every change is agreed on by a majority of the stewards, which takes longer than a question. */
static enum exit_code order(const struct arguments *arguments, const struct slice *words,
                            size_t count, struct exchange *out)
{
    struct arguments patient = *arguments;
    if (patient.timeout_ms < CHANGE_TIMEOUT_MS)
        patient.timeout_ms = CHANGE_TIMEOUT_MS;
    return cluster_ask_first(&patient, words, count, out);
}

enum exit_code verb_user_set(const struct arguments *arguments)
{
    struct slice words[3 + RULES_MAX + 2] = {slice_text("ACL"), slice_text("SETUSER"),
                                             slice_text(arguments->operands[0])};
    char password[LOGIN_PASSWORD_MAX + 3] = ">"; /* as the rule that sets it */
    size_t count = 0;
    if (arguments->rules == NULL && arguments->new_password_file == NULL) {
        verb_complain("user set needs --rules or --new-password-file; see: ringctl user set "
                      "--help");
        return EXIT_USAGE;
    }
    if (arguments->rules != NULL && !split_rules(arguments->rules, words + 3, &count))
        return EXIT_USAGE;
    count += 3;
    if (arguments->new_password_file != NULL) {
        if (!read_password(arguments, password + 1))
            return EXIT_USAGE;
        words[count++] = slice_text("resetpass");
        words[count++] = slice_text(password);
    }
    struct exchange exchange;
    enum exit_code code = order(arguments, words, count, &exchange);
    explicit_bzero(password, sizeof password);
    if (code != EXIT_OK)
        return code;
    exchange_deinit(&exchange);
    return verb_user_show(arguments);
}

static enum exit_code confirm(const struct arguments *arguments)
{
    const char *name = arguments->operands[0];
    char line[256] = "";
    if (arguments->yes)
        return EXIT_OK;
    if (isatty(STDIN_FILENO) != 1) {
        verb_complain("user drop would remove %.*s and cut off whoever is logged in so, and nobody "
                      "can be asked here: give --yes; nothing was changed",
                      USER_NAME_SHOWN_MAX, name);
        return EXIT_USAGE;
    }
    fprintf(stderr,
            "User %.*s will be gone, and whoever is logged in so is cut off.\n"
            "Type the name to drop it: ",
            USER_NAME_SHOWN_MAX, name);
    if (fgets(line, sizeof line, stdin) != NULL)
        line[strcspn(line, "\n")] = '\0';
    if (strcmp(line, name) == 0)
        return EXIT_OK;
    verb_complain("the name was not typed; nothing was changed");
    return EXIT_FAILED;
}

enum exit_code verb_user_drop(const struct arguments *arguments)
{
    struct exchange exchange;
    const char *name = arguments->operands[0];
    struct slice words[] = {slice_text("ACL"), slice_text("DELUSER"), slice_text(name)};
    enum exit_code code = confirm(arguments);
    if (code == EXIT_OK)
        code = order(arguments, words, 3, &exchange);
    if (code != EXIT_OK)
        return code;
    bool dropped =
        exchange.replies[0]->type == RESP_TYPE_INTEGER && exchange.replies[0]->integer == 1;
    exchange_deinit(&exchange);
    if (!dropped) {
        verb_complain("there is no user %.*s; see: ringctl user list", USER_NAME_SHOWN_MAX, name);
        return EXIT_FAILED;
    }
    struct report *report = report_new();
    report_fact(report, "dropped", REPORT_TEXT, "%s", name);
    verb_print(arguments, report);
    return EXIT_OK;
}
