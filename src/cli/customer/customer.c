/* `planlift customer`: the state of a customer, and what it could be upgraded to. */
#include "cli/customer/customer.h"

#include "cli/customer/customer_show.h"
#include "wire/utf8.h"

#define COMMAND "planlift customer"

struct given {
    struct pl_session_given session;
    struct pl_bytes id;
    bool is_json;
    bool is_uncached;
};

static int parse(int argc, char **argv, struct given *given)
{
    const struct pl_option options[] = {
        {.letter = 'j',
         .name = "json",
         .meaning = "one JSON object: customer (STATE as `planlift decide` takes it), and checks, "
                    "a RESULT for each subscription",
         .is_given = &given->is_json},
        {.name = "no-cache",
         .meaning = "read the state topic alone, from its beginning, and do not ask Redis",
         .is_given = &given->is_uncached},
        PL_SESSION_OPTIONS(&given->session)};
    const struct pl_usage usage = {
        .command = COMMAND,
        .operands = "[OPTIONS] CUSTOMER",
        .about =
            "A customer's subscriptions, the licences in use, who has delegated admin rights, and\n"
            "what each subscription could be upgraded to, or why not. It is the state that Kafka\n"
            "holds now, also while no service runs or Redis is away; where the service has not\n"
            "taken all in yet, that is said. Changes nothing.",
        .options = options,
        .option_count = PL_COUNT(options),
        .examples = "  planlift customer contoso\n"
                    "  planlift customer contoso --json | jq .customer.subscriptions",
        .exit_codes = "0 shown, 1 there is no such customer, or a failure, 2 wrong use or "
                      "configuration"};
    int operand;
    int code = pl_options_parse(&usage, argc, argv, &operand);

    if (code != PL_GO_ON) {
        return code;
    }
    if (argc - operand != 1) {
        return pl_options_wrong(COMMAND, "wants one customer id", "");
    }
    given->id = pl_bytes_of(argv[operand]);
    if (given->id.len == 0 || !pl_utf8_is_valid(given->id)) {
        return pl_options_wrong(COMMAND, "a customer id is UTF-8, and not empty", "");
    }
    return PL_GO_ON;
}

static void show(struct pl_session *session, const struct given *given,
                 const struct pl_customer_view *view)
{
    struct pl_buffer line = {NULL, 0, 0};

    if (given->is_json) {
        pl_customer_write(session->catalogue, view, session->world.ops->now_ms(session->world.self),
                          &session->arena, &line);
        pl_session_put_line(session, &line);
    } else {
        pl_customer_show(&session->page, session->catalogue, view, &session->arena);
    }
    pl_buffer_done(&line);
}

/* Where the partitioner does not say, a customer may be in any partition, and in several. */
static enum pl_status show_all(struct pl_session *session, const struct given *given,
                               struct pl_error *error)
{
    struct pl_bytes id = given->id;
    struct pl_customer_view view;
    int32_t count = 0;
    int32_t only = -1;
    bool is_found = false;
    enum pl_status status = pl_kafka_scan_partitions(session->scan, PL_TOPIC_STATE, &count, error);

    if (status == PL_OK) {
        only = pl_kafka_partition_of(&session->settings.kafka, id, count);
    }
    for (int32_t partition = 0; status == PL_OK && partition < count; partition++) {
        if (only >= 0 && partition != only) {
            continue;
        }
        status = pl_customer_read(session, id, partition, !given->is_uncached, &view, error);
        if (status == PL_OK && view.is_known) {
            show(session, given, &view);
            is_found = true;
        }
    }
    if (status == PL_OK && !is_found) {
        return pl_fail(error, PL_NOT_FOUND, "%s knows no customer %.*s",
                       session->settings.kafka.topics[PL_TOPIC_STATE], (int)id.len, id.data);
    }
    return status;
}

static enum pl_status show_customer(struct pl_session *session, const void *given,
                                    struct pl_error *error)
{
    enum pl_status status = pl_session_catalogue(session, error);

    if (status == PL_OK) {
        status = pl_session_scan(session, error);
    }
    return status == PL_OK ? show_all(session, given, error) : status;
}

int pl_cli_customer(int argc, char **argv)
{
    struct given given = {.is_json = false};
    int code = parse(argc, argv, &given);

    return code == PL_GO_ON ? pl_session_run(COMMAND, &given.session, show_customer, &given) : code;
}
