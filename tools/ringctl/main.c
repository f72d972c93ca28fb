/*
 * main.c - ringctl(1): the table of verbs, help, and what all verbs share.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <config.h>

#include "arguments.h"
#include "exchange.h"
#include "login.h"
#include "verbs.h"

const struct verb VERBS[] = {
    {"status", NULL, 0, 0, 0, "the cluster as its nodes see it",
     "Asks the first node for the members, then all of them for what they see, and merges the\n"
     "answers; where they disagree, it says so. Exit status 0: all is well; 4: degraded.\n",
     verb_status},
    {"doctor", NULL, 0, 0, 0, "all that is wrong or soon will be, why, and what to do",
     "Asks all nodes, and once more a second later, and names what is found: members that are\n"
     "gone, slow or wrong in their clocks, paths that are cut, partitions that miss owners,\n"
     "copies in one rack, disks, damaged stores, limits, certificates, hints, settings that\n"
     "differ. Changes nothing; good for cron. Exit status 0: nothing, or notices alone; 4:\n"
     "warnings, or worse.\n",
     verb_doctor},
    {"ring", NULL, 0, 0, 0, "how much of the ring each node owns",
     "Counts the partitions that each node owns, and of how many it is the first owner.\n",
     verb_ring},
    {"ring show", NULL, 0, 0, 0, "the slots and owners of every partition",
     "One line for each partition: its slots and its owners, best first in each region.\n",
     verb_ring_show},
    {"ring verify", NULL, 0, 0, OPTION_WAIT, "whether the replicas of each partition are equal",
     "Compares the digests that all owners of a partition have of its data and its clock.\n"
     "Exit status 0: all replicas are equal; 4: some differ, or an owner did not answer.\n",
     verb_ring_verify},
    {"net matrix", NULL, 0, 0, 0, "who reaches whom, and which paths are broken",
     "Every node tells whom it reaches over its own links. Those that ringctl cannot ask are heard "
     "by\n"
     "way of others. Names each pair of which one does not reach the other, since when, whether "
     "it\n"
     "is both ways, and who reaches that node all the same. Exit status 0: all paths work; 4: one "
     "is\n"
     "broken, or nobody has heard of a node for a while.\n",
     verb_net_matrix},
    {"gc status", NULL, 0, 0, 0, "what was deleted and is still on disks, and who holds it back",
     "Deleted keys leave the disks when all their owners have the delete on theirs and no node\n"
     "keeps hints. Names the nodes that are waited for, since when, and what to do. Exit status\n"
     "0: nothing is held back for long; 4: a node is down or has been waited for during a\n"
     "minute, or one did not answer.\n",
     verb_gc_status},
    {"latency", NULL, 0, 0, 0, "how long requests took, and in which stage",
     "For each node: requests that it coordinated since its start by kind and level, and the\n"
     "stages of key requests: gather (reads), mint (the own store has the version), quorum (the\n"
     "others have it), forward (another owner did it all). Exit status 0; 4: a node did not\n"
     "answer.\n",
     verb_latency},
    {"hints", NULL, 0, 0, 0, "writes that wait for their owners",
     "For each owner what others keep for it: hints, which fallbacks took in its place, and what "
     "it\n"
     "lacks of the logs of other owners; how old, how fast they go, and why they wait.\n"
     "Exit status 0: nothing waits; 4: something does, or a node did not answer.\n",
     verb_hints},
    {"hints wait", NULL, 0, 0, OPTION_WAIT, "until all hints of now are delivered",
     "Waits until every hint that is older than this command has reached its owner, without end\n"
     "or for as long as --wait says. Exit status 0: all have; 4: some wait still, or a node that\n"
     "may keep some did not answer.\n",
     verb_hints_wait},
    {"drain", "NODE", 1, 1, OPTION_WAIT | OPTION_DRAIN,
     "have a node hand over what it does, until it can be stopped",
     "Others no longer choose it to coordinate, its clients' writes are done by other owners, "
     "clients\n"
     "that asked for it are told to move, its hints go to their owners, and the other owners get "
     "all\n"
     "that its log has. It serves on meanwhile. Waits until nothing of that is left, without end "
     "or\n"
     "for as long as --wait says, and says what it waits for. A start of the node ends its drain.\n"
     "Exit status 0: it is safe to stop; 1: refused, partitions would lose their quorum; 4: not "
     "yet.\n",
     verb_drain},
    {"tasks list", NULL, 0, 0, 0, "plans that were committed, and how far they are",
     "Those of the last seven days, the newest first: partitions that are done, what is on its way "
     "now\n"
     "and how fast, about how long it will take, and what the one under way waits for. Exit "
     "status\n"
     "0; 4: a node did not answer.\n",
     verb_tasks_list},
    {"tasks show", "ID", 1, 1, 0, "all about one of them",
     "With the partitions that are on their way by it. Exit status 1: no such task is kept; 4: a\n"
     "node did not answer.\n",
     verb_tasks_show},
    {"tasks wait", "ID", 1, 1, OPTION_WAIT, "until it is over",
     "Without end, or for as long as --wait says. Exit status 0: it is finished; 1: it was\n"
     "aborted, or is not known; 4: it goes on.\n",
     verb_tasks_wait},
    {"tasks abort", "ID", 1, 1, 0, "give it up, if it is under way",
     "As \"cluster abort\", for that one alone. Exit status 5: it is not the one under way.\n",
     verb_tasks_abort},
    {"transfers", NULL, 0, 0, 0, "partitions on their way from node to node",
     "Replicas that are being filled: by a committed plan, because a store was lost, or because "
     "an\n"
     "owner was away for longer than logs reach back. From whom, how much has come and how fast,\n"
     "how long it will take, and what it waits for. Exit status 0; 4: a node did not answer.\n",
     verb_transfers},
    {"key locate", "KEY", 1, 1, OPTION_KEYSPACE, "where a key lives",
     "The partition of a key, its slot, its owners, and the nodes that stand in for them.\n",
     verb_key_locate},
    {"key explain", "KEY", 1, 1, OPTION_KEYSPACE, "who has which version of a key, and why it won",
     "Asks all nodes what they have of the key on their disks: which version, when it was "
     "written,\n"
     "who is behind and why, what hints wait, and why the value that is shown won. Elements of\n"
     "hashes and sets are cells of their own, and not looked at. Exit status 0: all owners have\n"
     "the same; 4: one is behind, or did not answer.\n",
     verb_key_explain},
    {"key siblings", "KEY", 1, 1, OPTION_KEYSPACE, "the concurrent values of a key",
     "All values that were written without having seen each other, the newest first, and the\n"
     "context that a client gives to replace them. Bytes that are no plain text are \\xHH.\n",
     verb_key_siblings},
    {"keyspace list", NULL, 0, 0, 0, "the keyspaces and their policies",
     "One line for each keyspace: its number, which SELECT takes, its name and its policy.\n",
     verb_keyspace_list},
    {"keyspace show", "NAME", 1, 1, 0, "all that is set for a keyspace",
     "What it is for ever, what requests in it get when they say nothing else, and its limits.\n",
     verb_keyspace_show},
    {"keyspace create", "NAME", 1, 1, OPTION_NEW_KEYSPACE | OPTION_OF_KEYSPACE,
     "make a keyspace for the whole cluster",
     "A majority of the stewards must agree; then all nodes that are up know it before the verb\n"
     "ends. Its number, name and policy stay as they are until it is dropped.\n",
     verb_keyspace_create},
    {"keyspace set", "NAME", 1, 1, OPTION_NEW_KEYSPACE | OPTION_OF_KEYSPACE,
     "change what a keyspace gives its requests",
     "Changes what is named and nothing else, for all requests from then on.\n", verb_keyspace_set},
    {"keyspace drop", "NAME", 1, 1, OPTION_YES, "remove a keyspace and all its keys, for good",
     "Says how many keys go and has the name typed, unless --yes is given. A majority of the\n"
     "stewards must agree; every node that has heard of it then refuses commands in it, and\n"
     "removes its keys from the disk in the background: ringctl gc status says how many are left.\n"
     "The number can be used again at once; a new keyspace has nothing of the old one.\n",
     verb_keyspace_drop},
    {"top keys", NULL, 0, 0, 0, "the keys that are asked for most",
     "The keys that clients of all nodes asked for most in the last 10 to 20 seconds: "
     "requests and writes\n"
     "in a second, and their part of all. Exit status 4: a node did not answer.\n",
     verb_top_keys},
    {"top large", NULL, 0, 0, 0, "the largest of the keys that most was written to",
     "Of the keys that most bytes were written to since the nodes started: type, "
     "how many elements\n"
     "(about) or bytes they have now, and how many bytes were written. Costs the same whatever\n"
     "their size. Exit status 4: a node did not answer.\n",
     verb_top_large},
    {"user list", NULL, 0, 0, 0, "the users of the cluster and their rights",
     "One line for each user, as the first node knows them: whether it may log in, with how many\n"
     "passwords, which commands and keys it may use, and at which level.\n",
     verb_user_list},
    {"user show", "NAME", 1, 1, 0, "what one user may do",
     "Neither passwords nor hashes are shown.\n", verb_user_show},
    {"user set", "NAME", 1, 1, OPTION_USER, "make or change a user of the whole cluster",
     "Rules are those of ACL SETUSER, such as: --rules \"on ~app:* +@all -@dangerous\". They are\n"
     "applied in their order, to what is there, and to live connections at once. A password is\n"
     "never an argument: it is the first line of a file or of standard input, or is asked for at\n"
     "the terminal, and replaces all older ones.\n",
     verb_user_set},
    {"user drop", "NAME", 1, 1, OPTION_YES, "remove a user",
     "Whoever is logged in so is cut off at once, at every node. Has the name typed, unless --yes\n"
     "is given.\n",
     verb_user_drop},
    {"tls show", NULL, 0, 0, 0, "certificates of all nodes, and when they run out",
     "Days until the certificate for clients and the one for other nodes run out, and until a CRL\n"
     "is to be signed anew. Exit status 0: none within 30 days; 4: one is, the last reload of a\n"
     "node failed, or one did not answer.\n",
     verb_tls_show},
    {"tls reload", NULL, 0, 0, 0, "have all nodes read their certificates, keys and CRLs again",
     "Each node does it wholly or not at all. Connections stay, but for those of whoever is\n"
     "revoked or not trusted any more. Exit status 0: all have; 1: one has not, and says why.\n",
     verb_tls_reload},
    {"cluster join", NULL, 0, 0, OPTION_ROLE | OPTION_MEMBER, "make a node a member",
     "It gets the next id; start it from the file that \"cluster export\" writes. It serves "
     "clients\n"
     "as any node does, and stores nothing: a gateway for ever, any other one until a plan gives "
     "it\n"
     "partitions. No data moves.\n",
     verb_cluster_join},
    {"cluster leave", "ID", 1, 1, OPTION_REPEAT_RACKS, "make a node a member no more, for good",
     "A gateway, or a node that is joining, ends by itself, now or when it is started next. Its "
     "id\n"
     "is never given again. For a node that stores data this is staged for a plan.\n",
     verb_cluster_leave},
    {"cluster replace", "ID BY", 2, 2, OPTION_REPEAT_RACKS,
     "stage: a node that joined takes the place of another",
     "All that ID owns goes to BY, which owns nothing yet, and nothing else moves for it.\n",
     verb_cluster_replace},
    {"cluster weight", "ID NUMBER", 2, 2, 0, "stage: another share for a node",
     "Nodes of a region own partitions in proportion to their weights.\n", verb_cluster_weight},
    {"cluster rack", "ID NAME", 2, 2, OPTION_REPEAT_RACKS, "stage: a node stands in another rack",
     "Copies of a partition stand in different racks as far as there are racks.\n",
     verb_cluster_rack},
    {"cluster plan", NULL, 0, 0, 0, "what the staged changes would do",
     "Who owns how many partitions before and after, how many copies move and how many must, how\n"
     "much they hold, what the loss of a rack would cost meanwhile, and the id of the plan.\n"
     "Nothing is changed. Exit status 1: there is no plan, and why.\n",
     verb_cluster_plan},
    {"cluster commit", "PLAN-ID", 1, 1, 0, "begin what a plan says",
     "Partitions then move one after the other, two at a time to and from each node, while all\n"
     "goes on. The node must have ring-changes yes. Exit status 5: something has changed since\n"
     "the plan was made.\n",
     verb_cluster_commit},
    {"cluster pause", NULL, 0, 0, 0, "begin nothing more of the plan under way",
     "What has begun goes on to its end.\n", verb_cluster_pause},
    {"cluster resume", NULL, 0, 0, 0, "go on with a plan that was paused", "All of it.\n",
     verb_cluster_resume},
    {"cluster abort", NULL, 0, 0, 0, "give the plan under way up",
     "What has not begun stays where it is, and what reads have not left goes back. What they\n"
     "have left goes on, for going back would lose what was written since. Nobody leaves.\n",
     verb_cluster_abort},
    {"cluster lost", "ID", 1, 1, OPTION_YES, "the plan waits no longer for a store that is gone",
     "What node ID alone has acknowledged is then lost. Has the id typed, unless --yes is given.\n",
     verb_cluster_lost},
    {"cluster clear", NULL, 0, 0, 0, "drop all that is staged", "Who is joining stays.\n",
     verb_cluster_clear},
    {"cluster export", "FILE", 1, 1, 0, "write what a new member starts from",
     "The ring with its secret, and the users with the hashes of their passwords: only its owner\n"
     "may read the file. Give it to \"ringd --init --ring-file\" on the machine of the new "
     "member.\n",
     verb_cluster_export},
    {"cluster", "CHANGE", 0, OPERANDS_MAX, 0, "refused: what cannot be changed yet",
     "region, replication: later.\n", verb_cluster},
    {"config get", "PATTERN", 0, 1, 0, "settings of all nodes",
     "Those whose names match; * stands for anything. Exit status 1: there is none; 4: a node did\n"
     "not answer.\n",
     verb_config_get},
    {"config set", "NAME VALUE", 2, 2, 0, "change a setting of all nodes, while they run",
     "Each node makes the change or refuses it, by itself, and goes by it until it ends: put it\n"
     "into their files as well. Exit status 0: all have; 1: one has not, and why.\n",
     verb_config_set},
    {"config diff", NULL, 0, 0, 0, "settings that are not the same at all nodes",
     "But for ids, addresses and files. What most nodes have is the usual value. Exit status 0:\n"
     "none; 4: there are, or a node did not answer.\n",
     verb_config_diff},
    {"repair status", NULL, 0, 0, OPTION_PARTITION,
     "when replicas were compared, and what differed",
     "Of each two owners of a partition: when their replicas were last compared, and the result\n"
     "by what the clocks say of it. Exit status 4: a node is silent, a store cannot be read, or a\n"
     "pair was not compared for a day.\n",
     verb_repair_status},
    {"repair run", NULL, 0, 0, OPTION_PARTITION | OPTION_DRY_RUN | OPTION_WAIT,
     "compare replicas now, and mend what was lost",
     "Compares the trees of all owners of each partition, and waits for it. Exit status 4: not\n"
     "all could be compared or, with --dry-run, cells were lost.\n",
     verb_repair_run},
    {"repair scrub", NULL, 0, 0, OPTION_PARTITION | OPTION_WAIT,
     "read all cells now, and check them",
     "Reads each replica from its disk and compares it with its tree; that finds cells that have\n"
     "vanished. Then \"repair run\" brings them back. Exit status 4: something was wrong.\n",
     verb_repair_scrub},
    {"repair pause", NULL, 0, 0, 0, "stop comparing and scrubbing at all nodes",
     "Until \"repair resume\"; a node that starts again begins unpaused.\n", verb_repair_pause},
    {"repair resume", NULL, 0, 0, 0, "go on comparing and scrubbing", "", verb_repair_resume},
    {"version", NULL, 0, 0, 0, "the versions of ringctl and of the node",
     "Exit status 3 when the node does not answer.\n", verb_version},
    {"help", "VERB", 0, OPERANDS_MAX, 0, "what a verb does", "The same as: ringctl VERB --help\n",
     verb_help},
    {0},
};

static void print_usage(const struct verb *verb)
{
    printf("usage: ringctl [-h HOST] [-p PORT] [--json] %s", verb == NULL ? "VERB" : verb->words);
    if (verb != NULL && verb->operand != NULL)
        printf(verb->operands_min > 0 ? " %s" : " [%s]", verb->operand);
    for (const struct option *option = OPTIONS; verb != NULL && option->name != NULL; option++) {
        if ((option->verbs_with & verb->options) != 0)
            printf(" [%s%s%s]", option->name, option->value == NULL ? "" : " ",
                   option->value == NULL ? "" : option->value);
    }
    printf("\n\n");
}

static void print_options(unsigned mask)
{
    printf("\noptions:\n");
    for (const struct option *option = OPTIONS; option->name != NULL; option++) {
        char left[64];
        if (option->verbs_with != 0 && (option->verbs_with & mask) == 0)
            continue;
        snprintf(left, sizeof left, "%s%s%s", option->name, option->value == NULL ? "" : " ",
                 option->value == NULL ? "" : option->value);
        printf("  %-20s  %s\n", left, option->summary);
    }
}

static void print_help(const struct verb *verb)
{
    print_usage(verb);
    if (verb != NULL) {
        printf("%s: %s.\n%s", verb->words, verb->summary, verb->help);
        print_options(verb->options);
        return;
    }
    printf("verbs:\n");
    for (verb = VERBS; verb->words != NULL; verb++) {
        char left[64];
        snprintf(left, sizeof left, "%s%s%s", verb->words, verb->operand == NULL ? "" : " ",
                 verb->operand == NULL ? "" : verb->operand);
        printf("  %-20s  %s\n", left, verb->summary);
    }
    print_options(0);
    printf("\nexit status: 0 ok, 1 failed, 2 usage, 3 unreachable, 4 degraded, "
           "5 conflict\n");
}

enum exit_code verb_help(const struct arguments *arguments)
{
    char words[128];
    if (arguments->operand_count == 0) {
        print_help(NULL);
        return EXIT_OK;
    }
    const char *second = arguments->operand_count > 1 ? arguments->operands[1] : "";
    snprintf(words, sizeof words, "%s%s%s", arguments->operands[0], *second == '\0' ? "" : " ",
             second);
    const struct verb *verb = verb_find(words);
    if (verb == NULL) {
        verb_complain("there is no verb \"%s\"; see: ringctl --help", words);
        return EXIT_USAGE;
    }
    print_help(verb);
    return EXIT_OK;
}

void verb_print(const struct arguments *arguments, struct report *report)
{
    const char *no_color = getenv("NO_COLOR");
    bool colors = isatty(STDOUT_FILENO) == 1 && (no_color == NULL || *no_color == '\0');
    if (arguments->json)
        report_print_json(report, stdout);
    else
        report_print_text(report, stdout, colors);
    report_free(report);
}

void verb_complain(const char *format, ...)
{
    va_list rest;
    va_start(rest, format);
    fputs("ringctl: ", stderr);
    vfprintf(stderr, format, rest);
    fputc('\n', stderr);
    va_end(rest);
}

static enum exit_code run(const struct arguments *arguments)
{
    if (arguments->completion != NULL) {
        if (strcmp(arguments->completion, "bash") != 0) {
            verb_complain("there are completions for bash only, not for %s", arguments->completion);
            return EXIT_USAGE;
        }
        completion_print_bash();
        return EXIT_OK;
    }
    if (arguments->version) {
        printf("ringctl %s\n", PACKAGE_VERSION);
        return EXIT_OK;
    }
    if (arguments->help) {
        print_help(arguments->verb);
        return EXIT_OK;
    }
    if (arguments->verb == NULL) {
        verb_complain("a verb is missing; see: ringctl --help");
        return EXIT_USAGE;
    }
    struct buffer problem = {0};
    exchange_speak(&arguments->tls);
    enum status status = login_prepare(arguments, &problem);
    if (status != STATUS_OK)
        verb_complain("%.*s", (int)problem.length, (const char *)problem.data);
    buffer_deinit(&problem);
    return status == STATUS_OK ? arguments->verb->run(arguments) : EXIT_USAGE;
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    struct buffer problem = {0};
    if (arguments_parse(argc, argv, &arguments, &problem) != STATUS_OK) {
        verb_complain("%.*s", (int)problem.length, (const char *)problem.data);
        buffer_deinit(&problem);
        return EXIT_USAGE;
    }
    enum exit_code code = run(&arguments);
    buffer_deinit(&problem);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        verb_complain("could not write the result");
        return EXIT_FAILED;
    }
    return code;
}
