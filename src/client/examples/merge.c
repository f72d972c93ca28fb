/*
 * merge.c - add a word to a key that keeps concurrent values, and lose nobody's word.
 *
 *     merge HOST:PORT[,HOST:PORT...] KEYSPACE KEY WORD
 *
 * All siblings are read with their context; their words and the new one are written with that
 * context, which replaces exactly what was read. Prints the words.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ringdb.h>

enum { SIBLINGS_MAX = 64, TEXT_BYTES_MAX = 4096 };

static int has_word(const char *text, const char *word, size_t length)
{
    for (const char *at = text; (at = strstr(at, word)) != NULL; at++) {
        if ((at == text || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
            return 1;
    }
    return 0;
}

/* Append the words of `value` that `text` has not. */
static void add_words(char *text, const char *value)
{
    char copy[TEXT_BYTES_MAX], *rest = copy, *word;
    snprintf(copy, sizeof copy, "%s", value);
    while ((word = strtok_r(rest, " ", &rest)) != NULL) {
        size_t used = strlen(text);
        if (!has_word(text, word, strlen(word)))
            snprintf(text + used, TEXT_BYTES_MAX - used, "%s%s", used > 0 ? " " : "", word);
    }
}

static int complain(const struct ringdb_result *result)
{
    fprintf(stderr, "merge: %s (%s)\n", result->message,
            result->outcome == RINGDB_UNCERTAIN ? "it may have been written"
                                                : "nothing was written");
    return 1;
}

static int merge(struct ringdb *client, const char *key, const char *word)
{
    struct ringdb_sibling siblings[SIBLINGS_MAX];
    struct ringdb_bytes context, get[] = {ringdb_text("RING.GET"), ringdb_text(key)};
    struct ringdb_result found, written;
    char text[TEXT_BYTES_MAX] = "";
    size_t count;
    ringdb_execute(client,
                   &(struct ringdb_call){.arguments = get, .argument_count = 2, .level = "QUORUM"},
                   &found);
    if (found.outcome != RINGDB_OK ||
        !ringdb_siblings(found.reply, &context, siblings, SIBLINGS_MAX, &count)) {
        int code = complain(&found);
        ringdb_result_free(&found);
        return code;
    }
    for (size_t i = 0; i < count; i++)
        add_words(text, siblings[i].value.data);
    add_words(text, word);
    struct ringdb_bytes set[] = {ringdb_text("SET"), ringdb_text(key), ringdb_text(text)};
    ringdb_execute(
        client,
        &(struct ringdb_call){
            .arguments = set, .argument_count = 3, .level = "QUORUM", .context = context},
        &written);
    int code = written.outcome == RINGDB_OK ? 0 : complain(&written);
    if (code == 0)
        printf("%zu siblings: %s\n", count, text);
    ringdb_result_free(&written);
    ringdb_result_free(&found);
    return code;
}

int main(int argc, char **argv)
{
    char message[RINGDB_MESSAGE_MAX];
    struct ringdb *client;
    if (argc != 5) {
        fprintf(stderr, "usage: merge HOST:PORT[,HOST:PORT...] KEYSPACE KEY WORD\n");
        return 2;
    }
    struct ringdb_options options = {.hosts = argv[1], .keyspace = (uint16_t)atoi(argv[2])};
    if (ringdb_new(&options, &client, message) != RINGDB_ERROR_NONE) {
        fprintf(stderr, "merge: %s\n", message);
        return 1;
    }
    int code = merge(client, argv[3], argv[4]);
    ringdb_free(client);
    return code;
}
