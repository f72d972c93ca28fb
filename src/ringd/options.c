#include "ringd/options.h"

#include <string.h>
#include <strings.h>

#include "ringd/config_file.h"
#include "ringd/config_value.h"
#include "ringd/nearest_name.h"
#include "ringd/ring_plan.h"

const char OPTIONS_HELP[] =
    "usage: ringd [--config FILE] [--NAME VALUE ...]\n"
    "       ringd --init [--ring-file FILE] [--storage-incarnation N] [--config FILE]\n"
    "             [--NAME VALUE ...]\n"
    "       ringd --plan-ring --ring-file FILE --replication REGION:N[,...]\n"
    "             --node id=I,region=R,rack=K,client=HOST:PORT,peer=HOST:PORT ...\n"
    "             [--partitions N] [--keyspace number=N,name=NAME,policy=lww|siblings ...]\n"
    "       ringd --check-config | --print-config [--config FILE] [--NAME VALUE ...]\n"
    "       ringd --version | --help\n"
    "\n"
    "Without arguments ringd serves Redis clients on 127.0.0.1:6379 from the\n"
    "directory ringdb-data, which it makes when it is not there.\n"
    "Settings are listed by --print-config and described in ringd.conf(5).\n";

/* One argument that begins with "--", cut at its "=". */
struct option {
    char name[128];    /* without "--" */
    const char *value; /* after "="; NULL without one */
};

/* Where the walk over argv stands. */
struct walk {
    int argc;
    const char *const *argv;
    int next;
    struct buffer *problems;
    bool good;
};

static void say(struct walk *walk, const char *name, const char *sentence)
{
    buffer_printf(walk->problems, "command line: %s %s\n", name, sentence);
    walk->good = false;
}

/* False: not an option; a problem was added. */
static bool cut(struct walk *walk, const char *argument, struct option *out)
{
    const char *equals = strchr(argument, '=');
    size_t length = equals != NULL ? (size_t)(equals - argument) : strlen(argument);
    if (strncmp(argument, "--", 2) != 0 || length < 3 || length - 2 >= sizeof out->name) {
        buffer_printf(walk->problems, "command line: \"%s\" is no option\n", argument);
        walk->good = false;
        return false;
    }
    memcpy(out->name, argument + 2, length - 2);
    out->name[length - 2] = '\0';
    out->value = equals != NULL ? equals + 1 : NULL;
    return true;
}

static const struct {
    const char *name;
    enum action action;
} ACTIONS[] = {
    {"init", ACTION_INIT},
    {"plan-ring", ACTION_PLAN_RING},
    {"check-config", ACTION_CHECK_CONFIG},
    {"print-config", ACTION_PRINT_CONFIG},
    {"print-settings", ACTION_PRINT_SETTINGS},
    {"version", ACTION_VERSION},
    {"help", ACTION_HELP},
};

/* True: the option says what to do. */
static bool take_action(struct walk *walk, const struct option *option, struct options *options)
{
    for (size_t i = 0; i < sizeof ACTIONS / sizeof *ACTIONS; i++) {
        if (strcmp(option->name, ACTIONS[i].name) != 0)
            continue;
        if (option->value != NULL)
            say(walk, option->name, "takes no value");
        if (options->action != ACTION_SERVE && options->action != ACTIONS[i].action)
            say(walk, option->name, "cannot be combined with what was asked before it");
        options->action = ACTIONS[i].action;
        return true;
    }
    return false;
}

static void take_once(struct walk *walk, const struct option *option, const char **to)
{
    if (*to != NULL)
        say(walk, option->name, "is given twice");
    *to = option->value;
}

static void take_partitions(struct walk *walk, const struct option *option, struct options *options)
{
    uint64_t count;
    if (!config_parse_number(option->value, &count) || count > PARTITION_COUNT_MAX)
        say(walk, option->name, "takes a power of two from 16 to 16384");
    else
        options->partition_count = (uint32_t)count;
}

static void take_incarnation(struct walk *walk, const struct option *option,
                             struct options *options)
{
    uint64_t number;
    if (!config_parse_number(option->value, &number) || number < 1 || number > UINT16_MAX)
        say(walk, option->name, "takes a number from 1 to 65535");
    else
        options->storage_incarnation = (uint16_t)number;
}

/* An option with a value that is not a setting. False: it is a setting, or nothing known. */
static bool take_other(struct walk *walk, const struct option *option, struct options *options)
{
    if (strcmp(option->name, "config") == 0) {
        take_once(walk, option, &options->config_file);
    } else if (strcmp(option->name, "ring-file") == 0) {
        take_once(walk, option, &options->ring_file);
    } else if (strcmp(option->name, "storage-incarnation") == 0) {
        take_incarnation(walk, option, options);
    } else if (strcmp(option->name, "replication") == 0) {
        take_once(walk, option, &options->replication);
    } else if (strcmp(option->name, "partitions") == 0) {
        take_partitions(walk, option, options);
    } else if (strcmp(option->name, "node") == 0) {
        if (options->node_count == RING_MEMBERS_MAX)
            say(walk, option->name, "is given too often");
        else
            options->nodes[options->node_count++] = option->value;
    } else if (strcmp(option->name, "keyspace") == 0) {
        if (options->keyspace_count == RING_KEYSPACES_MAX)
            say(walk, option->name, "is given too often");
        else
            options->keyspaces[options->keyspace_count++] = option->value;
    } else {
        return false;
    }
    return true;
}

static const char *const VALUE_OPTIONS[] = {
    "config", "ring-file", "storage-incarnation", "replication", "partitions", "node", "keyspace"};
enum {
    ACTION_COUNT = sizeof ACTIONS / sizeof *ACTIONS,
    VALUE_OPTION_COUNT = sizeof VALUE_OPTIONS / sizeof *VALUE_OPTIONS
};

/* Every name that may stand after "--". */
static const char *name_at(size_t i)
{
    if (i < ACTION_COUNT)
        return ACTIONS[i].name;
    i -= ACTION_COUNT;
    return i < VALUE_OPTION_COUNT ? VALUE_OPTIONS[i] : CONFIG_TABLE[i - VALUE_OPTION_COUNT].name;
}

static size_t name_count(void)
{
    return ACTION_COUNT + VALUE_OPTION_COUNT + CONFIG_TABLE_COUNT;
}

/* Said before the next argument is taken for a value, which an unknown option need not have. */
static bool is_known(struct walk *walk, const char *name)
{
    for (size_t i = 0; i < name_count(); i++) {
        if (strcasecmp(name_at(i), name) == 0)
            return true;
    }
    const char *nearest = nearest_name_find(name, name_at, name_count());
    buffer_printf(walk->problems, "command line: unknown option --%s", name);
    if (nearest != NULL)
        buffer_printf(walk->problems, "; the nearest is --%s", nearest);
    buffer_put_u8(walk->problems, '\n');
    walk->good = false;
    return false;
}

/* Walk over argv, and give each setting to `config` unless that is NULL. */
static bool walk_arguments(int argc, const char *const *argv, struct options *options,
                           struct config *config, struct buffer *problems)
{
    struct walk walk = {.argc = argc, .argv = argv, .next = 1, .problems = problems, .good = true};
    *options = (struct options){.partition_count = RING_PLAN_PARTITIONS};
    while (walk.next < argc) {
        struct option option;
        if (!cut(&walk, argv[walk.next++], &option) || !is_known(&walk, option.name) ||
            take_action(&walk, &option, options))
            continue;
        if (option.value == NULL && walk.next < argc)
            option.value = argv[walk.next++];
        if (option.value == NULL)
            say(&walk, option.name, "needs a value");
        else if (!take_other(&walk, &option, options) && config != NULL &&
                 config_set(config, option.name, option.value, "command line", problems) !=
                     STATUS_OK)
            walk.good = false;
    }
    return walk.good;
}

static bool check_combination(const struct options *options, struct buffer *problems)
{
    bool plans = options->action == ACTION_PLAN_RING;
    struct walk walk = {.problems = problems, .good = true};
    if (!plans &&
        (options->replication != NULL || options->node_count > 0 || options->keyspace_count > 0))
        say(&walk, "replication, node, keyspace and partitions", "go with plan-ring only");
    if (plans &&
        (options->replication == NULL || options->node_count == 0 || options->ring_file == NULL))
        say(&walk, "plan-ring", "needs replication, node and ring-file");
    if (!plans && options->action != ACTION_INIT && options->ring_file != NULL)
        say(&walk, "ring-file", "goes with init and plan-ring only");
    if (options->storage_incarnation != 0 &&
        (options->action != ACTION_INIT || options->ring_file == NULL))
        say(&walk, "storage-incarnation", "goes with init and a ring-file only");
    return walk.good;
}

enum status options_parse(int argc, const char *const *argv, struct options *options,
                          struct config *config, struct buffer *problems)
{
    /* The file comes first because the command line overrides it; its name comes from there. */
    struct buffer repeated = {0};
    (void)walk_arguments(argc, argv, options, NULL, &repeated);
    buffer_deinit(&repeated);
    bool good = options->config_file == NULL ||
                config_file_load(config, options->config_file, problems) == STATUS_OK;
    good &= walk_arguments(argc, argv, options, config, problems);
    good &= check_combination(options, problems);
    good &= config_check(config, problems) == STATUS_OK;
    return good ? STATUS_OK : STATUS_INVALID;
}
