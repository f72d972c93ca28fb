/*
 * completion.c - a bash completion made from the tables of verbs and options, so that it cannot
 * name what does not exist.
 *
 * The words typed so far, without options and their values, are matched with the
 * beginnings of verbs; what may follow is offered.
 */
#include <stdio.h>
#include <string.h>

#include "verbs.h"

/* Options in `mask` (0: those of every verb), separated by blanks. */
static void print_options(unsigned mask)
{
    for (const struct option *option = OPTIONS; option->name != NULL; option++) {
        if (option->verbs_with == 0 || (option->verbs_with & mask) != 0)
            printf(" %s", option->name);
    }
}

/* The next words of verbs that begin with the first `length` bytes of `path`, each once. */
static void print_next_words(const char *path, size_t length)
{
    char last[64] = "";
    for (const struct verb *verb = VERBS; verb->words != NULL; verb++) {
        const char *next = verb->words + length + (length > 0);
        if (strncmp(verb->words, path, length) != 0 || (length > 0 && verb->words[length] != ' '))
            continue;
        int word = (int)strcspn(next, " ");
        if (strncmp(last, next, (size_t)word) == 0 && last[word] == '\0')
            continue;
        snprintf(last, sizeof last, "%.*s", word, next);
        printf(" %s", last);
    }
}

void completion_print_bash(void)
{
    puts("# Completion of ringctl for bash; made by: ringctl --completion bash\n"
         "_ringctl()\n"
         "{\n"
         "    local current=${COMP_WORDS[COMP_CWORD]} path= skip= word next= options=\n"
         "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
         "        if [ -n \"$skip\" ]; then skip=; continue; fi\n"
         "        case $word in");
    printf("        ");
    for (const struct option *option = OPTIONS; option->name != NULL; option++) {
        if (option->value != NULL)
            printf("%s%s", option == OPTIONS ? "" : "|", option->name);
    }
    puts(") skip=yes ;;\n"
         "        -*) ;;\n"
         "        *) path=${path:+$path }$word ;;\n"
         "        esac\n"
         "    done\n"
         "    [ -z \"$skip\" ] || return 0\n"
         "    case $path in");
    printf("    '') next='");
    print_next_words("", 0);
    printf("' options='");
    print_options(0);
    puts("' ;;");
    for (const struct verb *verb = VERBS; verb->words != NULL; verb++) {
        const char *blank = strchr(verb->words, ' ');
        if (blank != NULL && (verb == VERBS || strncmp(verb[-1].words, verb->words,
                                                       (size_t)(blank - verb->words)) != 0)) {
            int length = (int)(blank - verb->words); /* a first word that is no verb itself */
            printf("    '%.*s') next='", length, verb->words);
            print_next_words(verb->words, (size_t)length);
            puts("' ;;");
        }
        printf("    '%s') next='", verb->words);
        print_next_words(verb->words, strlen(verb->words));
        printf("' options='");
        print_options(verb->options);
        puts("' ;;");
    }
    puts("    esac\n"
         "    case $current in\n"
         "    -*) mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$current\") ;;\n"
         "    *) mapfile -t COMPREPLY < <(compgen -W \"$next\" -- \"$current\") ;;\n"
         "    esac\n"
         "}\n"
         "complete -F _ringctl ringctl");
}
