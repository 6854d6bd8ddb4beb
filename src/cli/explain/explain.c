/* `planlift explain`: a past decision, shown again and checked. */
#include "cli/explain/explain.h"

#include "cli/catalogue.h"
#include "cli/explain/explain_show.h"
#include "wire/utf8.h"

#define COMMAND "planlift explain"

struct given {
    struct pl_session_given session;
    struct pl_bytes customer;
    struct pl_bytes request;
    const char *catalogue_path;
    bool is_json;
};

static int parse(int argc, char **argv, struct given *given)
{
    const struct pl_option options[] = {
        {.name = "catalogue",
         .argument = "FILE",
         .meaning = "decide by this catalogue, not by the configured one",
         .text = &given->catalogue_path},
        {.letter = 'j',
         .name = "json",
         .meaning = "one JSON object: published and replayed (RESULT each), equal, rules, customer "
                    "(STATE that was decided on), missing",
         .is_given = &given->is_json},
        PL_SESSION_OPTIONS(&given->session)};
    const struct pl_usage usage = {
        .command = COMMAND,
        .operands = "[OPTIONS] CUSTOMER REQUEST",
        .about =
            "Shows a past decision again: takes in what the input topics still have of the\n"
            "customer, up to the request, decides it anew, tells what each rule said, and checks\n"
            "the outcome against the published result. Says what is missing where that cannot be.\n"
            "Reads the customer's partition of three topics from their beginning; changes nothing.",
        .options = options,
        .option_count = PL_COUNT(options),
        .examples =
            "  planlift explain contoso 6f1c\n"
            "  planlift explain contoso 6f1c --catalogue catalogue-of-then.json\n"
            "  planlift explain contoso 6f1c --json | jq '.rules[] | select(.errors != [])'",
        .exit_codes = "0 the replay gives the published result, 1 it does not, cannot be done, or "
                      "a failure, 2 wrong use or configuration"};
    int operand;
    int code = pl_options_parse(&usage, argc, argv, &operand);

    if (code != PL_GO_ON) {
        return code;
    }
    if (argc - operand != 2) {
        return pl_options_wrong(COMMAND, "wants a customer id and a request id", "");
    }
    given->customer = pl_bytes_of(argv[operand]);
    given->request = pl_bytes_of(argv[operand + 1]);
    if (given->customer.len == 0 || !pl_utf8_is_valid(given->customer) || given->request.len == 0 ||
        !pl_utf8_is_valid(given->request)) {
        return pl_options_wrong(COMMAND, "ids are UTF-8, and not empty", "");
    }
    return PL_GO_ON;
}

static void show(struct pl_session *session, const struct given *given,
                 const struct pl_replay *replay)
{
    struct pl_bytes version = pl_catalogue_version(session->catalogue);
    struct pl_buffer line = {NULL, 0, 0};

    pl_session_progress_end(session);
    if (given->is_json) {
        pl_explain_write(replay, version, &session->arena, &line);
        pl_session_put_line(session, &line);
    } else {
        pl_explain_show(&session->page, replay, version, &session->arena);
    }
    pl_buffer_done(&line);
}

/* PL_NOT_FOUND: no such result in this partition. */
static enum pl_status explain_in(struct pl_session *session, const struct given *given,
                                 int32_t partition, struct pl_error *error)
{
    struct pl_history history;
    struct pl_replay replay;
    enum pl_status status =
        pl_history_read(session, given->customer, given->request, partition, &history, error);

    if (status != PL_OK) {
        return status;
    }
    pl_replay_run(&history, session->catalogue, given->customer, given->request, &session->arena,
                  &replay);
    if (replay.published == NULL) {
        return pl_fail(error, PL_NOT_FOUND,
                       "%s has no result of request %.*s of customer %.*s: it was not answered, "
                       "is a dead letter (planlift dlq list), or its result is not retained",
                       session->settings.kafka.topics[PL_TOPIC_RESULTS], (int)given->request.len,
                       given->request.data, (int)given->customer.len, given->customer.data);
    }
    show(session, given, &replay);
    if (!replay.is_decided) {
        return pl_fail(error, PL_FATAL, "the decision cannot be replayed from what is retained");
    }
    return replay.is_equal ? PL_OK : pl_fail(error, PL_FATAL, "the replay gives another result");
}

/* Where the partitioner does not say, a customer may be in any partition. */
static enum pl_status explain_all(struct pl_session *session, const struct given *given,
                                  struct pl_error *error)
{
    int32_t count = 0;
    int32_t only = -1;
    enum pl_status status =
        pl_kafka_scan_partitions(session->scan, PL_TOPIC_RESULTS, &count, error);

    if (status != PL_OK) {
        return status;
    }
    only = pl_kafka_partition_of(&session->settings.kafka, given->customer, count);
    if (only >= 0) {
        return explain_in(session, given, only, error);
    }
    status = PL_NOT_FOUND;
    for (int32_t partition = 0; status == PL_NOT_FOUND && partition < count; partition++) {
        status = explain_in(session, given, partition, error);
    }
    return status;
}

static enum pl_status explain(struct pl_session *session, const void *self, struct pl_error *error)
{
    const struct given *given = self;
    enum pl_status status = PL_OK;

    if (given->catalogue_path != NULL &&
        pl_cli_catalogue_load(given->catalogue_path, error, &session->catalogue) != PL_OK) {
        return PL_BAD_DATA;
    }
    status = pl_session_catalogue(session, error);
    if (status == PL_OK) {
        status = pl_session_decoder(session, error);
    }
    if (status == PL_OK) {
        status = pl_session_scan(session, error);
    }
    return status == PL_OK ? explain_all(session, given, error) : status;
}

int pl_cli_explain(int argc, char **argv)
{
    struct given given = {.is_json = false};
    int code = parse(argc, argv, &given);

    return code == PL_GO_ON ? pl_session_run(COMMAND, &given.session, explain, &given) : code;
}
