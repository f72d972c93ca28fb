/*
 * ringsim - whole clusters in one process, each from one seed.
 *
 * Seeds run in child processes, so that a crash of one is seen and reported by
 * the parent with its seed. A child runs its share of the seeds one after the
 * other; every twentieth runs twice, the second time with fresh memory filled
 * with another byte, and both traces must be equal.
 */
#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/random.h"
#include "sim/marks.h"
#include "sim/plan.h"
#include "sim/report.h"
#include "sim/script.h"
#include "sim/world.h"

#ifndef RINGSIM_MUTANTS
#define RINGSIM_MUTANTS "tests/sim/mutants" /* the folder of `run`, as seen from where we start */
#endif

enum {
    JOBS_MAX = 64,
    SEEDS_DEFAULT = 100,
    SCRIPT_SEEDS_DEFAULT = 4,
    TWICE_ONE_IN = 20,
    STUCK_SECONDS = 300, /* of one seed, in real time */
    UNHIT_MARK = 1,
    USAGE_ERROR = 2
};

static double real_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- a child ---- */

static void run_seed(const struct options *options, uint64_t seed, struct child *child,
                     struct world_result *result)
{
    struct plan plan;
    enum status status = plan_draw(seed, options_profile(options, seed), &plan);
    assert(status == STATUS_OK);
    if (options->verbose)
        plan_print(&plan, stdout);
    struct world_params params = {.plan = &plan,
                                  .mutant = options->mutant,
                                  .trace = options->verbose ? stdout : NULL,
                                  .marks = &child->marks,
                                  .progress = &child->progress};
    alarm(STUCK_SECONDS);
    world_run(&params, result);
    alarm(0);
    child->seeds++;
    child->events += result->events;
    child->commands += result->commands;
    child->virtual_us += result->virtual_us;
    child->trace_hash = result->trace_hash;
}

static void note_failure(struct child *child, uint64_t seed, const struct world_result *result)
{
    child->failures++;
    if (child->failed)
        return;
    child->failed = true;
    child->failed_seed = seed;
    child->result = *result;
}

static void run_again(const struct options *options, uint64_t seed, struct child *child,
                      const struct world_result *first)
{
    struct world_result second;
    struct child other = {0};
    mallopt(M_PERTURB, 0x5a);
    run_seed(options, seed, &other, &second);
    mallopt(M_PERTURB, 0);
    child->twice++;
    if (second.trace_hash == first->trace_hash && second.events == first->events)
        return;
    struct world_result result = second;
    result.verdict = VERDICT_WRONG;
    snprintf(result.kind, sizeof result.kind, "determinism");
    snprintf(result.text, sizeof result.text,
             "two runs differ: trace %016" PRIx64 " and %016" PRIx64 ", %" PRIu64 " and %" PRIu64
             " events",
             first->trace_hash, second.trace_hash, first->events, second.events);
    note_failure(child, seed, &result);
}

/* Whether a seed runs twice depends on the seed alone. */
static bool runs_twice(uint64_t seed)
{
    struct random random = random_make(seed);
    return random_chance(&random, 1, TWICE_ONE_IN);
}

static void run_share(const struct options *options, unsigned job, double deadline,
                      struct child *child)
{
    for (uint64_t i = job; i < options->count; i += options->jobs) {
        struct world_result result;
        uint64_t seed = options->first + i;
        if (options->seconds > 0 && real_seconds() >= deadline)
            break;
        run_seed(options, seed, child, &result);
        if (result.verdict == VERDICT_OK && !options->one_seed && runs_twice(seed))
            run_again(options, seed, child, &result);
        if (result.verdict != VERDICT_OK) {
            note_failure(child, seed, &result);
            if (options->keep_going)
                report_failure(options, result.kind, result.text, seed, result.virtual_us,
                               result.events);
        }
        child->cpu_seconds = cpu_seconds();
        if (child->failed && !options->keep_going)
            break;
    }
    exit(0);
}

/* ---- the parent ---- */

static enum verdict judge(const struct options *options, struct child *child, int wait_status)
{
    if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0) {
        if (!child->failed)
            return VERDICT_OK;
        if (!options->keep_going)
            report_failure(options, child->result.kind, child->result.text, child->failed_seed,
                           child->result.virtual_us, child->result.events);
        return child->result.verdict;
    }
    char text[64] = "the process ended by itself";
    if (WIFSIGNALED(wait_status))
        snprintf(text, sizeof text, "%s",
                 WTERMSIG(wait_status) == SIGALRM ? "one event never ended"
                                                  : strsignal(WTERMSIG(wait_status)));
    child->failures++;
    report_failure(options, "crash", text, child->progress.seed, child->progress.now_us,
                   child->progress.events);
    return VERDICT_CRASH;
}

/* Wait for all children; one that failed ends the others, unless all are wanted. */
static enum verdict supervise(const struct options *options, struct child *children, pid_t *pids,
                              double started)
{
    enum verdict verdict = VERDICT_OK;
    unsigned running = options->jobs;
    double next_report = started + 10;
    while (running > 0) {
        int wait_status;
        pid_t pid = waitpid(-1, &wait_status, WNOHANG);
        if (pid <= 0) {
            nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
            if (!options->verbose && real_seconds() >= next_report) {
                next_report += 10;
                report_progress(children, options->jobs, real_seconds() - started);
            }
            continue;
        }
        for (unsigned i = 0; i < options->jobs; i++) {
            if (pids[i] != pid)
                continue;
            pids[i] = 0;
            running--;
            enum verdict found = verdict == VERDICT_OK || options->keep_going
                                     ? judge(options, &children[i], wait_status)
                                     : VERDICT_OK;
            if (verdict == VERDICT_OK)
                verdict = found;
        }
        for (unsigned i = 0; verdict != VERDICT_OK && !options->keep_going && i < options->jobs;
             i++)
            if (pids[i] != 0)
                kill(pids[i], SIGKILL);
    }
    return verdict;
}

static int run(const struct options *options)
{
    pid_t pids[JOBS_MAX];
    double started = real_seconds();
    struct child *children = mmap(NULL, options->jobs * sizeof *children, PROT_READ | PROT_WRITE,
                                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (children == MAP_FAILED) {
        fprintf(stderr, "ringsim: could not share memory: %s\n", strerror(errno));
        return USAGE_ERROR;
    }
    fflush(stdout);
    for (unsigned i = 0; i < options->jobs; i++) {
        pids[i] = fork();
        if (pids[i] < 0) {
            fprintf(stderr, "ringsim: could not start a process: %s\n", strerror(errno));
            exit(USAGE_ERROR);
        }
        if (pids[i] == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
            exit(USAGE_ERROR); /* it would go on alone */
        if (pids[i] == 0)
            run_share(options, i, started + options->seconds, &children[i]);
    }
    enum verdict verdict = supervise(options, children, pids, started);
    double seconds = real_seconds() - started;
    unsigned unhit = options->all_marks ? report_unhit_marks(children, options->jobs) : 0;
    if (options->trace_hash)
        printf("%016" PRIx64 "\n", children[0].trace_hash);
    else if (options->all_scripts)
        report_script(options, children, seconds, verdict);
    else
        report_summary(children, options->jobs, seconds, verdict);
    munmap(children, options->jobs * sizeof *children);
    return verdict == VERDICT_OK && unhit > 0 ? UNHIT_MARK : (int)verdict;
}

/* Each script in turn, also after one has failed. */
static int run_scripts(const struct options *options)
{
    const struct script *script;
    int worst = 0;
    for (unsigned i = 0; (script = script_at(i)) != NULL; i++) {
        struct options one = *options;
        one.profile = script->name;
        int status = run(&one);
        worst = worst == 0 ? status : worst;
    }
    return worst;
}

/* ---- options ---- */

static void print_usage(FILE *out)
{
    fprintf(
        out,
        "usage: ringsim --seeds COUNT [--first N] | --seed N [--trace-hash] | --minutes M\n"
        "               [--profile NAME] [--mutant NAME] [--jobs J] [--verbose]\n"
        "               [--keep-going] [--all-marks]\n"
        "       ringsim --campaign --seeds COUNT     the mix, resurrection, scripts, all marks\n"
        "       ringsim --scripts | --script NAME [--seeds COUNT | --seed N]\n"
        "exit: 0 ok, 1 a mark was never hit (--all-marks, --campaign), 127 crash, 128 no "
        "convergence,\n"
        "      129 wrong\n"
        "profiles:");
    for (unsigned i = 0; plan_profile_name(i) != NULL; i++)
        fprintf(out, " %s", plan_profile_name(i));
    fprintf(out, "\nscripts:");
    for (unsigned i = 0; script_at(i) != NULL; i++)
        fprintf(out, " %s", script_at(i)->name);
    fprintf(out, "\nmutants: ack-before-sync go-on-after-write-error; others are patches, run by "
                 "tests/sim/mutants/run\n");
}

static bool read_number(const char *text, uint64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 0);
    return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0';
}

static bool read_mutant(struct options *options, const char *name)
{
    options->mutant_name = name;
    if (strcmp(name, "ack-before-sync") == 0)
        options->mutant = MUTANT_ACK_BEFORE_SYNC;
    else if (strcmp(name, "go-on-after-write-error") == 0)
        options->mutant = MUTANT_GO_ON_AFTER_WRITE_ERROR;
    else
        return false;
    return true;
}

static bool read_option(struct options *options, int option, const char *argument)
{
    uint64_t number = 0;
    struct plan plan;
    switch (option) {
    case 'n':
        return read_number(argument, &options->count) && options->count > 0;
    case 'f':
        return read_number(argument, &options->first);
    case 's':
        options->one_seed = true;
        options->count = 1;
        return read_number(argument, &options->first);
    case 'm':
        options->seconds = strtod(argument, NULL) * 60;
        options->count = UINT64_MAX;
        return options->seconds > 0;
    case 'p':
        options->profile = argument;
        return plan_draw(1, argument, &plan) == STATUS_OK;
    case 'u':
        return read_mutant(options, argument);
    case 'j':
        options->jobs = read_number(argument, &number) ? (unsigned)number : 0;
        return options->jobs >= 1 && options->jobs <= JOBS_MAX;
    case 't':
        options->trace_hash = true;
        return true;
    case 'v':
        options->verbose = true;
        return true;
    case 'k':
        options->keep_going = true;
        return true;
    case 'S':
        options->is_script = true;
        options->profile = argument;
        return script_find(argument) != NULL;
    case 'a':
        options->is_script = options->all_scripts = true;
        return true;
    case 'M':
        options->all_marks = true;
        return true;
    case 'c':
        options->all_marks = options->campaign = options->keep_going = true;
        return true;
    default:
        return false;
    }
}

/* A patch is built and run by its script, which takes the same options. */
static int run_patched(char **arguments)
{
    char script[] = RINGSIM_MUTANTS "/run";
    arguments[0] = script;
    execv(script, arguments);
    fprintf(stderr, "ringsim: could not run %s: %s\n", script, strerror(errno));
    return USAGE_ERROR;
}

int main(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"seeds", required_argument, NULL, 'n'},   {"first", required_argument, NULL, 'f'},
        {"seed", required_argument, NULL, 's'},    {"minutes", required_argument, NULL, 'm'},
        {"profile", required_argument, NULL, 'p'}, {"mutant", required_argument, NULL, 'u'},
        {"jobs", required_argument, NULL, 'j'},    {"trace-hash", no_argument, NULL, 't'},
        {"verbose", no_argument, NULL, 'v'},       {"keep-going", no_argument, NULL, 'k'},
        {"script", required_argument, NULL, 'S'},  {"scripts", no_argument, NULL, 'a'},
        {"all-marks", no_argument, NULL, 'M'},     {"campaign", no_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};
    struct options options = {.first = 1, .jobs = 2};
    int option;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (option == 'h') {
            print_usage(stdout);
            return 0;
        }
        if (read_option(&options, option, optarg))
            continue;
        if (option == 'u')
            return run_patched(argv);
        print_usage(stderr);
        return USAGE_ERROR;
    }
    if (optind < argc) {
        print_usage(stderr);
        return USAGE_ERROR;
    }
    if (options.count == 0)
        options.count = options.is_script ? SCRIPT_SEEDS_DEFAULT : SEEDS_DEFAULT;
    if (options.one_seed)
        options.jobs = 1;
    if (options.verbose)
        setvbuf(stdout, NULL, _IOLBF, 0); /* a crash must not take the last lines with it */
    return options.all_scripts ? run_scripts(&options) : run(&options);
}
