/* `planlift run`. */
#include "cli/run/run.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/signals.h"
#include "cli/run/service.h"
#include "config/reference.h"
#include "planlift/exit_reason.h"
#include "planlift/log.h"

static const char usage[] =
    "Usage: planlift run [--config FILE] [--drain]\n"
    "\n"
    "The service: reads subscription events and upgrade requests from Kafka, decides each\n"
    "request against the customer's state cached in Redis, and publishes the results. Runs\n"
    "until it is sent SIGTERM or SIGINT.\n"
    "\n"
    "  -c, --config FILE    settings, as key=value lines\n"
    "  -d, --drain          end with exit code 0 once everything is taken in that the input\n"
    "                       topics held at the start\n"
    "  -h, --help           show this text\n"
    "\n"
    "With http.listen it answers /livez (200: the loop goes on), /readyz (200, or 503 with a line\n"
    "for each thing it waits for) and /metrics (for Prometheus).\n"
    "\n"
    "Exit codes: 0 stopped or drained, 1 failed, 2 wrong use or configuration. The last line of\n"
    "one that failed is exit_reason= and one word, which also goes to /dev/termination-log where\n"
    "there is one: configuration, topics, kafka, redis, state, fenced (another process has the\n"
    "slot), hung (a call never came back), out_of_memory, crashed, failed.\n\n";

static int tell_end(enum pl_status status, bool is_stopped, const char *reason,
                    const struct pl_error *error)
{
    if (status == PL_OK) {
        pl_log(INFO, "stopped", PL_F_TEXT("reason", is_stopped ? "signal" : "drained"));
        return 0;
    }
    pl_log(ERROR, "failed", PL_F_TEXT("reason", error->text));
    pl_exit_reason_tell(reason);
    return status == PL_BAD_DATA ? 2 : 1;
}

static int run(const char *path, bool drain)
{
    struct pl_settings settings;
    struct pl_error error = {""};
    const volatile sig_atomic_t *stop = NULL;
    const char *reason = "configuration";
    enum pl_status status;

    pl_signals_tell_crash();
    status = pl_settings_load(path, &settings, &error);
    if (status == PL_OK) {
        stop = pl_signals_catch_stop(); /* the loop then ends after the batch under way */
        settings.kafka.hangups = pl_signals_catch_hangup();
        status = pl_service_run(&settings, drain, stop, &reason, &error);
        pl_settings_done(&settings);
    }
    return tell_end(status, stop != NULL && *stop != 0, reason, &error);
}

int pl_cli_run(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"drain", no_argument, NULL, 'd'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *path = NULL;
    bool drain = false;
    int option;

    /* NOLINTNEXTLINE(concurrency-mt-unsafe): called before there are threads */
    while ((option = getopt_long(argc, argv, "c:dh", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            path = optarg;
            break;
        case 'd':
            drain = true;
            break;
        case 'h':
            (void)fputs(usage, stdout);
            pl_config_help(stdout);
            return 0;
        default:
            (void)fputs("planlift run: see planlift run --help\n", stderr);
            return 2;
        }
    }
    if (optind < argc) {
        (void)fprintf(stderr, "planlift run: unexpected argument %s; see --help\n", argv[optind]);
        return 2;
    }
    return run(path, drain);
}
