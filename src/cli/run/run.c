/* `planlift run`. */
#include "cli/run/run.h"

#include "base/signals.h"
#include "cli/options.h"
#include "cli/run/service.h"
#include "config/reference.h"
#include "planlift/exit_reason.h"
#include "planlift/log.h"

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

static int parse(int argc, char **argv, const char **ret_path, bool *ret_drain)
{
    const struct pl_option options[] = {
        {.letter = 'c',
         .name = "config",
         .argument = "FILE",
         .meaning = "settings, as key=value lines",
         .text = ret_path},
        {.letter = 'd',
         .name = "drain",
         .meaning = "end with exit code 0 once everything is taken in that the input topics held "
                    "at the start",
         .is_given = ret_drain}};
    const struct pl_usage usage = {
        .command = "planlift run",
        .operands = "[--config FILE] [--drain]",
        .about =
            "The service: reads subscription events and upgrade requests from Kafka, decides each\n"
            "request against the customer's state cached in Redis, and publishes the results. "
            "Runs\n"
            "until it is sent SIGTERM or SIGINT.\n"
            "\n"
            "With http.listen it answers /livez (200: the loop goes on), /readyz (200, or 503 "
            "with\n"
            "a line for each thing it waits for) and /metrics (for Prometheus).",
        .options = options,
        .option_count = PL_COUNT(options),
        .exit_codes =
            "0 stopped or drained, 1 failed, 2 wrong use or configuration. The last line of one "
            "that failed is exit_reason= and one word, which also goes to /dev/termination-log "
            "where there is one: configuration, topics, kafka, redis, registry, state, fenced "
            "(another "
            "process has the slot), hung (a call never came back), out_of_memory, crashed, failed",
        .print_more = pl_config_help};

    return pl_options_parse(&usage, argc, argv, NULL);
}

int pl_cli_run(int argc, char **argv)
{
    const char *path = NULL;
    bool drain = false;
    int code = parse(argc, argv, &path, &drain);

    return code == PL_GO_ON ? run(path, drain) : code;
}
