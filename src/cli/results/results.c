/* `planlift results`: what was decided, read from the results topic. */
#include "cli/results/results.h"

#include <inttypes.h>

#include "cli/results/result_join.h"
#include "cli/results/result_print.h"
#include "cli/text.h"

#define COMMAND "planlift results"
#define USUALLY_SINCE "1h"

struct given {
    struct pl_session_given session;
    bool is_json;
    bool is_following;
    bool from_beginning;
    const char *customer;
    const char *since;
    struct pl_optional_long most;
};

static int check(const struct given *given)
{
    if (given->from_beginning && given->since != NULL) {
        return pl_options_wrong(COMMAND, "--from-beginning and --since exclude each other", "");
    }
    if (given->most.is_set && given->most.value < 1) {
        return pl_options_wrong(COMMAND, "--max wants a number from 1 on", "");
    }
    return PL_GO_ON;
}

static int parse(int argc, char **argv, struct given *given)
{
    const struct pl_option options[] = {
        {.letter = 'f',
         .name = "follow",
         .meaning = "go on with results as they are published, until Ctrl-C; starts with the next "
                    "one unless --since or --from-beginning says otherwise",
         .is_given = &given->is_following},
        {.letter = 'j',
         .name = "json",
         .meaning = "one RESULT a line, as `planlift decide` gives it",
         .is_given = &given->is_json},
        {.name = "customer",
         .argument = "ID",
         .meaning = "only results of this customer",
         .text = &given->customer},
        {.name = "since",
         .argument = "TIME",
         .meaning =
             "from the first result stored then or later: 2026-02-03T04:05:06Z, "
             "2026-02-03, or how long ago, as 90s, 15m, 2h, 7d; " USUALLY_SINCE " unless given",
         .text = &given->since},
        {.name = "from-beginning",
         .meaning = "all results that are still there",
         .is_given = &given->from_beginning},
        {.letter = 'n',
         .name = "max",
         .argument = "N",
         .meaning = "end after so many results",
         .large_number = &given->most},
        PL_SESSION_OPTIONS(&given->session)};
    const struct pl_usage usage = {
        .command = COMMAND,
        .operands = "[OPTIONS]",
        .about = "Results that the service has published, as a table or one JSON object a line;\n"
                 "ordered by partition and, within it, as they were decided. A result that was\n"
                 "published in several parts is shown as one.",
        .options = options,
        .option_count = PL_COUNT(options),
        .examples = "  planlift results --since 15m\n"
                    "  planlift results --follow --customer contoso\n"
                    "  planlift results --from-beginning --json | jq -r .outcome | sort | uniq -c",
        .exit_codes = "0 done, 1 failed or stopped before the end, 2 wrong use or configuration"};
    int code = pl_options_parse(&usage, argc, argv, NULL);

    return code == PL_GO_ON ? check(given) : code;
}

/* ---- reading --------------------------------------------------------------------------------- */

struct reading {
    struct pl_session *session;
    struct pl_bytes customer; /* null: all */
    int64_t most;
    struct pl_result_join *join;
    struct pl_result_printer printer;
    size_t unreadable;
};

static enum pl_status take(void *self, const struct pl_scan_event *event, struct pl_error *error)
{
    struct reading *reading = self;
    const struct pl_record *record = &event->record;
    const struct pl_result *result;
    enum pl_status status;

    if (event->kind != PL_SCAN_RECORD) {
        return pl_session_flush(reading->session, error); /* nothing more for now: show it */
    }
    if (!pl_bytes_is_null(reading->customer) && !pl_bytes_equal(reading->customer, record->key)) {
        return PL_OK;
    }
    status = pl_result_join_take(reading->join, reading->session->decoder, record->partition,
                                 record->value, &result, error);
    if (status == PL_BAD_DATA) {
        pl_session_note(reading->session, "%s/%" PRId32 "/%" PRId64 " is left out: %s",
                        reading->session->settings.kafka.topics[PL_TOPIC_RESULTS],
                        record->partition, record->offset, error->text);
        reading->unreadable++;
        return PL_OK;
    }
    if (status == PL_OK && result != NULL) {
        pl_result_print(&reading->printer, result);
        return (int64_t)reading->printer.count == reading->most ? PL_NOT_FOUND : PL_OK;
    }
    return status;
}

static enum pl_status plan_start(const struct pl_session *session, const struct given *given,
                                 struct pl_kafka_scan_plan *plan, struct pl_error *error)
{
    int64_t now_ms = session->world.ops->now_ms(session->world.self);

    if (given->from_beginning) {
        plan->start = PL_SCAN_FROM_FIRST;
        return PL_OK;
    }
    if (given->is_following && given->since == NULL) {
        plan->start = PL_SCAN_FROM_NOW;
        return PL_OK;
    }
    plan->start = PL_SCAN_FROM_TIME;
    return pl_time_parse(given->since == NULL ? USUALLY_SINCE : given->since, now_ms, &plan->at,
                         error);
}

static enum pl_status read_results(struct reading *reading, const struct pl_kafka_scan_plan *plan,
                                   int32_t partition_count, struct pl_error *error)
{
    enum pl_status status;

    reading->join = pl_result_join_new(partition_count);
    status = pl_session_read(reading->session, plan, take, reading, error);
    pl_result_print_end(&reading->printer);
    if (pl_result_join_broken(reading->join) > 0) {
        pl_session_note(reading->session,
                        "%zu results are left out, of which only some parts are there",
                        pl_result_join_broken(reading->join));
    }
    if (status == PL_OK && reading->printer.count == 0 && !reading->printer.is_json) {
        pl_session_note(reading->session, "no results%s",
                        plan->start == PL_SCAN_FROM_TIME
                            ? " since then; --since and --from-beginning go further back"
                            : "");
    }
    pl_result_join_free(reading->join);
    return status;
}

static enum pl_status show_results(struct pl_session *session, const void *self,
                                   struct pl_error *error)
{
    const struct given *given = self;
    struct reading reading = {.session = session,
                              .customer = given->customer == NULL ? PL_NULL_BYTES
                                                                  : pl_bytes_of(given->customer),
                              .most = given->most.is_set ? given->most.value : INT64_MAX,
                              .printer = {.session = session, .is_json = given->is_json}};
    struct pl_kafka_scan_plan plan = {.topic = PL_TOPIC_RESULTS,
                                      .partition = PL_SCAN_ALL_PARTITIONS,
                                      .until = PL_SCAN_TO_END,
                                      .is_endless = given->is_following};
    int32_t count = 0;
    enum pl_status status = plan_start(session, given, &plan, error);

    if (status == PL_OK) {
        status = pl_session_decoder(session, error);
    }
    if (status == PL_OK) {
        status = pl_session_scan(session, error);
    }
    if (status == PL_OK) {
        status = pl_kafka_scan_partitions(session->scan, PL_TOPIC_RESULTS, &count, error);
    }
    if (status == PL_OK && given->customer != NULL) {
        plan.partition = pl_kafka_partition_of(&session->settings.kafka, reading.customer, count);
    }
    return status == PL_OK ? read_results(&reading, &plan, count, error) : status;
}

int pl_cli_results(int argc, char **argv)
{
    struct given given = {.is_json = false};
    int code = parse(argc, argv, &given);

    return code == PL_GO_ON ? pl_session_run(COMMAND, &given.session, show_results, &given) : code;
}
