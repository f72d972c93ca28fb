/*
 * main.c - ringbench: a load generator and meter for RingDB.
 */
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "chart.h"
#include "client/ringdb.h"
#include "options.h"
#include "report.h"
#include "run.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_UNREACHABLE = 3 };

static volatile bool stopped; /* by SIGINT or SIGTERM: the run ends, and its report is printed */

static void stop(int signal_number)
{
    (void)signal_number;
    stopped = true;
}

static int report(const struct bench_options *options, const struct servers *servers,
                  const struct measure *measure)
{
    if (options->json)
        report_json(stdout, options, servers, measure);
    else
        report_text(stdout, options, servers, measure);
    if (options->chart != NULL && measure->second_count == 0) {
        fprintf(stderr, "ringbench: %s was not written: no whole second was measured\n",
                options->chart);
        return EXIT_FAILED;
    }
    if (options->chart != NULL && !chart_write(options->chart, options, measure)) {
        fprintf(stderr, "ringbench: could not write %s: %s\n", options->chart, strerror(errno));
        return EXIT_FAILED;
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "ringbench: could not write the result\n");
        return EXIT_FAILED;
    }
    return measure_operations(measure) > 0 ? EXIT_OK : EXIT_FAILED;
}

int main(int argc, char **argv)
{
    static struct measure measure;
    static struct servers servers;
    struct bench_options options;
    char message[RINGDB_MESSAGE_MAX];
    if (!options_parse(argc, argv, &options))
        return EXIT_USAGE;
    if (options.help) {
        options_print_help();
        return EXIT_OK;
    }
    if (options.version) {
        printf("ringbench %s\n", PACKAGE_VERSION);
        return EXIT_OK;
    }
    if (!servers_find(options.hosts, options.user, options.password, &servers, message)) {
        fprintf(stderr, "ringbench: no node answers: %s; name others with --hosts\n", message);
        return EXIT_UNREACHABLE;
    }
    struct sigaction action = {.sa_handler = stop};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (!run(&options, &servers, &stopped, &measure, message)) {
        fprintf(stderr, "ringbench: %s\n", message);
        return EXIT_FAILED;
    }
    int code = options.runs ? report(&options, &servers, &measure) : EXIT_OK;
    measure_deinit(&measure);
    return code;
}
