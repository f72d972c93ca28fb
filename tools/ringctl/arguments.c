#include "arguments.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/address.h"
#include "ringd/config_value.h"
#include "ringd/nearest_name.h"

enum {
    WORDS_MAX = 4,
    VERB_TEXT_MAX = 64,
    TIMEOUT_SECONDS_MAX = 3600,
    WAIT_SECONDS_MAX = 86400,
    WATCH_SECONDS_MAX = 3600
};

const struct option OPTIONS[] = {
    {"-h", "HOST", 0, "the node to ask first (default: 127.0.0.1)"},
    {"-p", "PORT", 0, "its port for clients (default: 6379)"},
    {"--user", "NAME", 0, "log in as this user (default: \"default\", when there is a password)"},
    {"--password-file", "FILE", 0, "its first line is the password (else: REDISCLI_AUTH)"},
    {"--tls", NULL, 0, "speak TLS with the nodes"},
    {"--cacert", "FILE", 0,
     "believe nodes that this CA has signed (default: the system's); means --tls"},
    {"--cert", "FILE", 0, "show this certificate; needs --key"},
    {"--key", "FILE", 0, "the private key of --cert"},
    {"--insecure", NULL, 0, "with --tls: believe whoever answers"},
    {"--json", NULL, 0, "print JSON"},
    {"--timeout", "SECONDS", 0, "how long nodes may take to answer (default: 3)"},
    {"--wait", "SECONDS", OPTION_WAIT, "ask again until all is done, at most so long"},
    {"--watch", "SECONDS", OPTION_WATCH, "look again after so long, until interrupted"},
    {"--keyspace", "NUMBER", OPTION_KEYSPACE, "the keyspace, as SELECT takes it (default: 0)"},
    {"--number", "NUMBER", OPTION_NEW_KEYSPACE, "what SELECT takes (default: the first free one)"},
    {"--policy", "lww|siblings", OPTION_NEW_KEYSPACE, "what becomes of concurrent values"},
    {"--level", "LEVEL", OPTION_OF_KEYSPACE, "of reads and writes that name none"},
    {"--read-level", "LEVEL", OPTION_OF_KEYSPACE, "of reads that name none"},
    {"--write-level", "LEVEL", OPTION_OF_KEYSPACE, "of writes that name none"},
    {"--sloppy", "yes|no", OPTION_OF_KEYSPACE, "whether fallbacks stand in for owners"},
    {"--default-ttl", "TIME", OPTION_OF_KEYSPACE, "of values written without one, as 30s; 0: none"},
    {"--value-size-max", "SIZE", OPTION_OF_KEYSPACE, "of a value, as 64kb; 0: the node's setting"},
    {"--siblings-max", "NUMBER", OPTION_OF_KEYSPACE,
     "concurrent values of a key; 0: the node's setting"},
    {"--gateway", NULL, OPTION_ROLE, "a node that serves clients and stores nothing"},
    {"--region", "NAME", OPTION_MEMBER, "the region of a new member"},
    {"--rack", "NAME", OPTION_MEMBER, "its rack (default: rack1)"},
    {"--weight", "NUMBER", OPTION_MEMBER,
     "its share beside others, if it stores data (default: 100)"},
    {"--client", "HOST:PORT", OPTION_MEMBER, "where clients reach it"},
    {"--peer", "HOST:PORT", OPTION_MEMBER, "where other nodes reach it; HOST is an IP address"},
    {"--repeat-racks", NULL, OPTION_REPEAT_RACKS,
     "accept more copies of a partition in one rack than today"},
    {"--partition", "NUMBER", OPTION_PARTITION, "this partition alone"},
    {"--dry-run", NULL, OPTION_DRY_RUN, "only count differences"},
    {"--rules", "\"RULE ...\"", OPTION_USER, "as ACL SETUSER takes them, but no passwords"},
    {"--new-password-file", "FILE", OPTION_USER,
     "its first line is the only password from now on; - is standard input"},
    {"--undo", NULL, OPTION_DRAIN, "take it back: the node serves as before"},
    {"--force", NULL, OPTION_DRAIN,
     "although partitions lose their quorum, and with hints that cannot be delivered"},
    {"--yes", NULL, OPTION_YES, "do not ask before what cannot be undone"},
    {"--help", NULL, 0, "say what ringctl or a verb does"},
    {"--version", NULL, 0, "print the version of ringctl"},
    {"--completion", "SHELL", 0, "print completions; SHELL is bash"},
    {0},
};

const struct verb *verb_find(const char *words)
{
    for (const struct verb *verb = VERBS; verb->words != NULL; verb++) {
        if (strcmp(verb->words, words) == 0)
            return verb;
    }
    return NULL;
}

static const struct option *find_option(const char *name)
{
    for (const struct option *option = OPTIONS; option->name != NULL; option++) {
        if (strcmp(option->name, name) == 0)
            return option;
    }
    return NULL;
}

static const char *verb_name(size_t i)
{
    return VERBS[i].words;
}

static const char *option_name(size_t i)
{
    return OPTIONS[i].name;
}

static void say_unknown(const char *what, const char *name, const char *(*name_at)(size_t),
                        size_t count, struct buffer *problem)
{
    const char *nearest = nearest_name_find(name, name_at, count);
    buffer_printf(problem, "there is no %s \"%s\"", what, name);
    if (nearest != NULL)
        buffer_printf(problem, "; did you mean \"%s\"?", nearest);
    else
        buffer_printf(problem, "; see: ringctl --help");
}

static bool parse_number(const char *text, uint64_t maximum, uint64_t *out)
{
    return config_parse_number(text, out) && *out <= maximum;
}

/* Times and sizes become the numbers that a node reads; words are left to it. */
static bool take_setting(const char *name, const char *value, struct arguments *out)
{
    uint64_t number;
    char *text;
    if (out->setting_count == SETTINGS_MAX || strlen(value) + strlen(name) + 2 > SETTING_TEXT_MAX)
        return false;
    text = out->settings[out->setting_count];
    if (strcmp(name, "--default-ttl") == 0) {
        if (!config_parse_duration(value, &number))
            return false;
        snprintf(text, SETTING_TEXT_MAX, "%s=%" PRIu64, name + 2, number);
    } else if (strcmp(name, "--value-size-max") == 0) {
        if (!config_parse_size(value, &number))
            return false;
        snprintf(text, SETTING_TEXT_MAX, "%s=%" PRIu64, name + 2, number);
    } else {
        snprintf(text, SETTING_TEXT_MAX, "%s=%s", name + 2, value);
    }
    out->setting_count++;
    return true;
}

/* What an option's value says. False: it is not one. */
static bool take_value(const struct option *option, const char *value, struct arguments *out)
{
    const char *name = option->name;
    uint64_t number = 0;
    if ((option->verbs_with & (OPTION_NEW_KEYSPACE | OPTION_OF_KEYSPACE | OPTION_MEMBER)) != 0)
        return take_setting(name, value, out);
    if (strcmp(name, "-h") == 0) {
        if (*value == '\0' || strlen(value) > RING_HOST_MAX)
            return false;
        strcpy(out->address.host, value);
    } else if (strcmp(name, "-p") == 0) {
        if (!parse_number(value, UINT16_MAX, &number) || number == 0)
            return false;
        out->address.port = (uint16_t)number;
    } else if (strcmp(name, "--user") == 0) {
        if (*value == '\0')
            return false;
        out->user = value;
    } else if (strcmp(name, "--password-file") == 0) {
        out->password_file = value;
    } else if (strcmp(name, "--rules") == 0) {
        out->rules = value;
    } else if (strcmp(name, "--new-password-file") == 0) {
        out->new_password_file = value;
    } else if (strcmp(name, "--cacert") == 0) {
        out->tls.ca = value;
        out->tls.wanted = true;
    } else if (strcmp(name, "--cert") == 0) {
        out->tls.cert = value;
        out->tls.wanted = true;
    } else if (strcmp(name, "--key") == 0) {
        out->tls.key = value;
        out->tls.wanted = true;
    } else if (strcmp(name, "--timeout") == 0) {
        if (!parse_number(value, TIMEOUT_SECONDS_MAX, &number) || number == 0)
            return false;
        out->timeout_ms = (unsigned)number * 1000;
    } else if (strcmp(name, "--wait") == 0) {
        if (!parse_number(value, WAIT_SECONDS_MAX, &number))
            return false;
        out->waits = true;
        out->wait_seconds = (unsigned)number;
    } else if (strcmp(name, "--watch") == 0) {
        if (!parse_number(value, WATCH_SECONDS_MAX, &number) || number == 0)
            return false;
        out->watch_seconds = (unsigned)number;
    } else if (strcmp(name, "--keyspace") == 0) {
        if (!parse_number(value, UINT16_MAX, &number))
            return false;
        out->keyspace = (keyspace_id)number;
    } else if (strcmp(name, "--partition") == 0) {
        if (!parse_number(value, PARTITION_COUNT_MAX - 1, &number))
            return false;
        out->has_partition = true;
        out->partition = (uint32_t)number;
    } else {
        assert(strcmp(name, "--completion") == 0);
        out->completion = value;
    }
    return true;
}

static void take_flag(const char *name, struct arguments *out)
{
    if (strcmp(name, "--json") == 0)
        out->json = true;
    else if (strcmp(name, "--help") == 0)
        out->help = true;
    else if (strcmp(name, "--dry-run") == 0)
        out->dry_run = true;
    else if (strcmp(name, "--yes") == 0)
        out->yes = true;
    else if (strcmp(name, "--undo") == 0)
        out->undo = true;
    else if (strcmp(name, "--force") == 0)
        out->force = true;
    else if (strcmp(name, "--tls") == 0)
        out->tls.wanted = true;
    else if (strcmp(name, "--insecure") == 0)
        out->tls.wanted = out->tls.insecure = true;
    else if (strcmp(name, "--gateway") == 0)
        out->gateway = true;
    else if (strcmp(name, "--repeat-racks") == 0)
        out->repeat_racks = true;
    else
        out->version = true;
}

/* What the command line held beside values: options (as bits of verb_option) and words. */
struct found {
    const char *words[WORDS_MAX];
    size_t word_count;
    unsigned options;
};

/* One option and, if it takes one, the value behind it. Returns the arguments used; 0: bad. */
static int take_option(char **argv, struct found *found, struct arguments *out,
                       struct buffer *problem)
{
    char name[VERB_TEXT_MAX];
    const char *equals = strncmp(argv[0], "--", 2) == 0 ? strchr(argv[0], '=') : NULL;
    size_t length = equals != NULL ? (size_t)(equals - argv[0]) : strlen(argv[0]);
    if (length >= sizeof name)
        length = sizeof name - 1;
    memcpy(name, argv[0], length);
    name[length] = '\0';
    const struct option *option = find_option(name);
    if (option == NULL) {
        size_t count = 0;
        while (OPTIONS[count].name != NULL)
            count++;
        say_unknown("option", name, option_name, count, problem);
        return 0;
    }
    found->options |= option->verbs_with;
    if (option->value == NULL) {
        if (equals != NULL)
            buffer_printf(problem, "%s takes no value", name);
        else
            take_flag(name, out);
        return equals == NULL;
    }
    const char *value = equals != NULL ? equals + 1 : argv[1];
    if (value == NULL || !take_value(option, value, out)) {
        buffer_printf(problem, "%s takes %s: %s", name, option->value, option->summary);
        return 0;
    }
    return equals != NULL ? 1 : 2;
}

static enum status take_words(int argc, char **argv, struct found *found, struct arguments *out,
                              struct buffer *problem)
{
    bool options = true;
    for (int i = 1; i < argc;) {
        if (options && strcmp(argv[i], "--") == 0) {
            options = false;
            i++;
        } else if (options && argv[i][0] == '-' && argv[i][1] != '\0') {
            int used = take_option(argv + i, found, out, problem);
            if (used == 0)
                return STATUS_INVALID;
            i += used;
        } else if (found->word_count == WORDS_MAX) {
            buffer_printf(problem, "\"%s\" is one word too many; see: ringctl --help", argv[i]);
            return STATUS_INVALID;
        } else {
            found->words[found->word_count++] = argv[i++];
        }
    }
    return STATUS_OK;
}

/* The verb of the first `count` words; NULL: none. */
static const struct verb *verb_of(const struct found *found, size_t count)
{
    char text[VERB_TEXT_MAX] = "";
    for (size_t i = 0; i < count; i++) {
        if (strlen(text) + strlen(found->words[i]) + 2 > sizeof text)
            return NULL;
        if (i > 0)
            strcat(text, " ");
        strcat(text, found->words[i]);
    }
    return verb_find(text);
}

/* Name the verb by as many words as make one; what is left is its operand. */
static enum status choose_verb(const struct found *found, struct arguments *out,
                               struct buffer *problem)
{
    size_t used = found->word_count < 2 ? found->word_count : 2;
    if (found->word_count == 0)
        return STATUS_OK;
    while (used > 0 && (out->verb = verb_of(found, used)) == NULL)
        used--;
    if (out->verb == NULL) {
        size_t count = 0;
        while (VERBS[count].words != NULL)
            count++;
        say_unknown("verb", found->words[0], verb_name, count, problem);
        return STATUS_INVALID;
    }
    size_t left = found->word_count - used;
    if (out->help) /* which needs the verb alone */
        return STATUS_OK;
    if (left > out->verb->operands_max) {
        buffer_printf(problem, "\"%s\" does not go with %s; see: ringctl %s --help",
                      found->words[used + out->verb->operands_max], out->verb->words,
                      out->verb->words);
        return STATUS_INVALID;
    }
    if (left < out->verb->operands_min) {
        buffer_printf(problem, "%s needs %s; see: ringctl %s --help", out->verb->words,
                      out->verb->operand, out->verb->words);
        return STATUS_INVALID;
    }
    for (size_t i = 0; i < left; i++)
        out->operands[out->operand_count++] = found->words[used + i];
    return STATUS_OK;
}

enum status arguments_parse(int argc, char **argv, struct arguments *out, struct buffer *problem)
{
    struct found found = {0};
    *out = (struct arguments){.address = {.host = "127.0.0.1", .port = 6379}, .timeout_ms = 3000};
    enum status status = take_words(argc, argv, &found, out, problem);
    if (status == STATUS_OK)
        status = choose_verb(&found, out, problem);
    if (status != STATUS_OK || out->help)
        return status;
    if ((out->tls.cert == NULL) != (out->tls.key == NULL)) {
        buffer_printf(problem, "--cert and --key need each other");
        return STATUS_INVALID;
    }
    unsigned known = out->verb == NULL ? 0 : out->verb->options;
    for (const struct option *option = OPTIONS; option->name != NULL; option++) {
        if ((option->verbs_with & found.options & ~known) != 0) {
            buffer_printf(problem, "%s does not take %s; see: ringctl --help",
                          out->verb == NULL ? "ringctl alone" : out->verb->words, option->name);
            return STATUS_INVALID;
        }
    }
    return STATUS_OK;
}
