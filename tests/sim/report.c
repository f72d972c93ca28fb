#include "sim/report.h"

#include <inttypes.h>
#include <stdio.h>

#include "sim/plan.h"
#include "sim/script.h"

enum {
    TURNS = 10
}; /* of which two hunt, in two owners change, and one is a script, each in its turn */

const char *options_profile(const struct options *options, uint64_t seed)
{
    unsigned scripts = 0;
    if (!options->campaign)
        return options->profile;
    if (seed % TURNS == 0 || seed % TURNS == 5)
        return "resurrection";
    if (seed % TURNS == 3 || seed % TURNS == 8)
        return "growth";
    if (seed % TURNS != 1)
        return NULL;
    while (script_at(scripts) != NULL)
        scripts++;
    return script_at((unsigned)(seed / TURNS % scripts))->name;
}

static void print_repro(const struct options *options, uint64_t seed)
{
    printf("  replay: ringsim --seed %" PRIu64, seed);
    const char *profile = options_profile(options, seed);
    if (profile != NULL)
        printf(" --%s %s", options->is_script ? "script" : "profile", profile);
    if (options->mutant_name != NULL)
        printf(" --mutant %s", options->mutant_name);
    printf(" --verbose\n");
}

void report_failure(const struct options *options, const char *kind, const char *text,
                    uint64_t seed, uint64_t virtual_us, uint64_t events)
{
    struct plan plan;
    printf("FAIL %s seed=%" PRIu64 " time=%" PRIu64 ".%06" PRIu64 " events=%" PRIu64 "\n  %s\n",
           kind, seed, virtual_us / 1000000, virtual_us % 1000000, events, text);
    if (plan_draw(seed, options_profile(options, seed), &plan) == STATUS_OK) {
        printf("  ");
        plan_print(&plan, stdout);
    }
    print_repro(options, seed);
    fflush(stdout);
}

struct total {
    uint64_t seeds, twice, failures, events, commands, virtual_us;
    double cpu_seconds;
    struct marks marks;
};

static void add_up(const struct child *children, unsigned jobs, struct total *total)
{
    *total = (struct total){0};
    for (unsigned i = 0; i < jobs; i++) {
        const struct child *child = &children[i];
        total->seeds += child->seeds;
        total->twice += child->twice;
        total->failures += child->failures;
        total->events += child->events;
        total->commands += child->commands;
        total->virtual_us += child->virtual_us;
        total->cpu_seconds += child->cpu_seconds;
        for (unsigned mark = 0; mark < MARK_COUNT; mark++)
            total->marks.counts[mark] += child->marks.counts[mark];
    }
}

void report_progress(const struct child *children, unsigned jobs, double seconds)
{
    struct total total;
    add_up(children, jobs, &total);
    printf("%6.0f s  %" PRIu64 " seeds  %.1f seeds/s  %" PRIu64 " events\n", seconds, total.seeds,
           (double)total.seeds / seconds, total.events);
    fflush(stdout);
}

static void print_marks(const struct marks *marks)
{
    printf("marks:");
    for (unsigned i = 0; i < MARK_COUNT; i++)
        printf("%s%s=%" PRIu64, i % 6 == 0 ? "\n  " : "  ", mark_name((enum mark)i),
               marks->counts[i]);
    printf("\n");
}

void report_summary(const struct child *children, unsigned jobs, double seconds,
                    enum verdict verdict)
{
    struct total total;
    add_up(children, jobs, &total);
    double hours = (double)total.virtual_us / 3.6e9;
    print_marks(&total.marks);
    printf("%s: %" PRIu64 " seeds (%" PRIu64 " twice) in %.1f s, %.2f seeds/s, %" PRIu64
           " commands, %" PRIu64
           " events, %.2f simulated hours, %.0f simulated hours per CPU hour, "
           "%" PRIu64 " failed\n",
           verdict == VERDICT_OK ? "ok" : "FAILED", total.seeds, total.twice, seconds,
           (double)total.seeds / seconds, total.commands, total.events, hours,
           total.cpu_seconds > 0 ? hours / (total.cpu_seconds / 3600) : 0, total.failures);
}

void report_script(const struct options *options, const struct child *children, double seconds,
                   enum verdict verdict)
{
    const struct script *script = script_find(options->profile);
    struct total total;
    add_up(children, options->jobs, &total);
    printf("%-6s %2u %-24s %s (%" PRIu64 " seeds, %.1f s)\n",
           verdict == VERDICT_OK ? "ok" : "FAILED", script->row, script->name, script->about,
           total.seeds, seconds);
    fflush(stdout);
}

unsigned report_unhit_marks(const struct child *children, unsigned jobs)
{
    struct total total;
    unsigned count = 0;
    add_up(children, jobs, &total);
    for (unsigned i = 0; i < MARK_COUNT; i++) {
        if (total.marks.counts[i] > 0)
            continue;
        printf("%s%s", count++ == 0 ? "never hit: " : " ", mark_name((enum mark)i));
    }
    printf("%s", count > 0 ? "\n" : "");
    return count;
}
