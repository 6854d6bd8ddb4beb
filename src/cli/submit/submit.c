/* `planlift submit`: sends requests, as an order platform does. */
#include "cli/submit/submit.h"

#include <string.h>

#include "cli/file.h"
#include "cli/show.h"
#include "cli/submit/submission.h"
#include "cli/text.h"
#include "planlift/json.h"
#include "wire/json_write.h"
#include "wire/utf8.h"

#define COMMAND "planlift submit"
#define USUAL_TIMEOUT_S 30
#define STANDARD_INPUT "/dev/stdin"

struct given {
    struct pl_session_given session;
    const char *file;
    const char *request_id;
    const char *order_id;
    const char *customer_id;
    const char *partner_id;
    const char *subscription_id;
    const char *operation;
    const char *target_offer_id;
    struct pl_optional_int quantity;
    struct pl_optional_long expected_version;
    bool require_license_transfer;
    const char *user_id;
    const char *role;
    const char *requested_at;
    bool is_waiting;
    struct pl_optional_int timeout_s;
    bool is_json;
};

/* ---- the command line ------------------------------------------------------------------------ */

static const char about[] =
    "Sends an upgrade request to the service through Kafka, as an order platform does, with the\n"
    "schema and the partition that it must have. With --file it sends many: one REQUEST a line,\n"
    "in JSON as `planlift decide` takes it; where a line is bad, nothing is sent.\n"
    "\n"
    "A request id is answered once: who sends one again, because it is not known whether it has\n"
    "arrived, gives it the same --request-id.";

static int parse_with(const struct pl_option *options, size_t count, int argc, char **argv)
{
    const struct pl_usage usage = {
        .command = COMMAND,
        .operands = "[OPTIONS]",
        .about = about,
        .options = options,
        .option_count = count,
        .examples = "  planlift submit --customer-id contoso --partner-id p1 \\\n"
                    "      --subscription-id s1 --operation CHECK --wait\n"
                    "  planlift submit --customer-id contoso --partner-id p1 \\\n"
                    "      --subscription-id s1 --operation UPGRADE \\\n"
                    "      --target-offer-id o365-enterprise-e3 --expected-version 12 --wait\n"
                    "  planlift submit --file requests.ndjson --wait --json",
        .exit_codes = "0 sent, and with --wait answered, 1 failed, or no answer in time, 2 wrong "
                      "use or configuration"};

    return pl_options_parse(&usage, argc, argv, NULL);
}

/* Options for the fields of the record UpgradeRequest. */
#define FIELD_OPTIONS(given)                                                                       \
    {.name = "customer-id", .argument = "ID", .meaning = "whose", .text = &(given)->customer_id},  \
        {.name = "partner-id",                                                                     \
         .argument = "ID",                                                                         \
         .meaning = "who asks",                                                                    \
         .text = &(given)->partner_id},                                                            \
        {.name = "subscription-id",                                                                \
         .argument = "ID",                                                                         \
         .meaning = "which",                                                                       \
         .text = &(given)->subscription_id},                                                       \
        {.name = "operation",                                                                      \
         .argument = "OP",                                                                         \
         .meaning = "CHECK, UPGRADE or ADD_LICENSES",                                              \
         .text = &(given)->operation},                                                             \
        {.name = "target-offer-id",                                                                \
         .argument = "OFFER",                                                                      \
         .meaning = "what to upgrade to; with CHECK: look at this target alone",                   \
         .text = &(given)->target_offer_id},                                                       \
        {.name = "quantity",                                                                       \
         .argument = "N",                                                                          \
         .meaning =                                                                                \
             "seats after an upgrade (those of the subscription unless given), or seats to "       \
             "add",                                                                                \
         .number = &(given)->quantity},                                                            \
        {.name = "expected-version",                                                               \
         .argument = "N",                                                                          \
         .meaning = "refuse unless the customer has this version",                                 \
         .large_number = &(given)->expected_version},                                              \
        {.name = "require-license-transfer",                                                       \
         .meaning = "refuse where not every licence can be moved",                                 \
         .is_given = &(given)->require_license_transfer},                                          \
        {.name = "request-id",                                                                     \
         .argument = "ID",                                                                         \
         .meaning = "a new UUID unless given",                                                     \
         .text = &(given)->request_id},                                                            \
        {.name = "order-id",                                                                       \
         .argument = "ID",                                                                         \
         .meaning = "goes into the result",                                                        \
         .text = &(given)->order_id},                                                              \
        {.name = "user-id",                                                                        \
         .argument = "ID",                                                                         \
         .meaning = "who asks in person; planlift-submit unless given",                            \
         .text = &(given)->user_id},                                                               \
        {.name = "role",                                                                           \
         .argument = "ROLE",                                                                       \
         .meaning = "in which role; ADMIN_AGENT unless given",                                     \
         .text = &(given)->role},                                                                  \
    {                                                                                              \
        .name = "requested-at", .argument = "TIME",                                                \
        .meaning = "now unless given; for people alone", .text = &(given)->requested_at            \
    }

static int parse(int argc, char **argv, struct given *given)
{
    const struct pl_option options[] = {
        FIELD_OPTIONS(given),
        {.letter = 'f',
         .name = "file",
         .argument = "FILE",
         .meaning = "send the requests of a file; -: of standard input",
         .text = &given->file},
        {.letter = 'w',
         .name = "wait",
         .meaning = "until the results are there, and show them",
         .is_given = &given->is_waiting},
        {.letter = 't',
         .name = "timeout",
         .argument = "SECONDS",
         .meaning = "wait so long at most; 30 unless given",
         .number = &given->timeout_s},
        {.letter = 'j',
         .name = "json",
         .meaning = "one JSON object a line: where the record lies, or with --wait the RESULT",
         .is_given = &given->is_json},
        PL_SESSION_OPTIONS(&given->session)};

    return parse_with(options, PL_COUNT(options), argc, argv);
}

/* ---- one request of options ------------------------------------------------------------------ */

static enum pl_status take_text(const char *name, const char *text, bool is_wanted,
                                struct pl_bytes *ret_text, struct pl_error *error)
{
    *ret_text = text == NULL ? PL_NULL_BYTES : pl_bytes_of(text);
    if (text == NULL && is_wanted) {
        return pl_fail(error, PL_BAD_DATA, "--%s is missing", name);
    }
    if (text != NULL && !pl_utf8_is_valid(*ret_text)) {
        return pl_fail(error, PL_BAD_DATA, "--%s is not UTF-8", name);
    }
    return PL_OK;
}

static enum pl_status take_texts(const struct given *given, struct pl_request *request,
                                 struct pl_error *error)
{
    const struct {
        const char *name;
        const char *text;
        bool is_wanted;
        struct pl_bytes *target;
    } texts[] = {{"customer-id", given->customer_id, true, &request->customer_id},
                 {"partner-id", given->partner_id, true, &request->partner_id},
                 {"subscription-id", given->subscription_id, true, &request->subscription_id},
                 {"target-offer-id", given->target_offer_id, false, &request->target_offer_id},
                 {"request-id", given->request_id, false, &request->request_id},
                 {"order-id", given->order_id, false, &request->order_id},
                 {"user-id", given->user_id == NULL ? "planlift-submit" : given->user_id, true,
                  &request->requested_by_user_id},
                 {"role", given->role == NULL ? "ADMIN_AGENT" : given->role, true,
                  &request->requested_by_role}};
    enum pl_status status = PL_OK;

    for (size_t i = 0; status == PL_OK && i < PL_COUNT(texts); i++) {
        status =
            take_text(texts[i].name, texts[i].text, texts[i].is_wanted, texts[i].target, error);
    }
    return status;
}

static enum pl_status make_request(struct pl_session *session, const struct given *given,
                                   struct pl_request *request, struct pl_error *error)
{
    int64_t now_ms = session->world.ops->now_ms(session->world.self);
    int operation = given->operation == NULL
                        ? -1
                        : pl_symbol_index(pl_operation_names, PL_OPERATION_COUNT,
                                          pl_bytes_of(given->operation));
    enum pl_status status = take_texts(given, request, error);

    if (status == PL_OK && operation < 0) {
        return pl_fail(error, PL_BAD_DATA, "--operation must be CHECK, UPGRADE or ADD_LICENSES");
    }
    if (status == PL_OK && request->customer_id.len == 0) {
        return pl_fail(error, PL_BAD_DATA, "--customer-id is empty");
    }
    request->requested_at_ms = now_ms;
    if (status == PL_OK && given->requested_at != NULL) {
        status = pl_time_parse(given->requested_at, now_ms, &request->requested_at_ms, error);
    }
    if (status != PL_OK) {
        return status;
    }
    if (pl_bytes_is_null(request->request_id)) {
        request->request_id = pl_uuid_new(&session->world, &session->arena);
    }
    request->operation = (enum pl_operation)operation;
    request->quantity = given->quantity;
    request->expected_version = given->expected_version;
    request->require_license_transfer = given->require_license_transfer;
    return PL_OK;
}

/* ---- many of a file -------------------------------------------------------------------------- */

static void add(struct pl_session *session, struct pl_submissions *submissions,
                const struct pl_request *request)
{
    size_t count = submissions->count;

    if ((count & (count - 1)) == 0) { /* doubled at each power of two */
        submissions->items = pl_arena_grow(&session->arena, submissions->items, count,
                                           count == 0 ? 1 : 2 * count, sizeof(*submissions->items));
    }
    submissions->items[submissions->count++] = (struct pl_submission){.request = *request};
}

static enum pl_status take_line(struct pl_session *session, struct pl_bytes line, size_t number,
                                struct pl_submissions *submissions, struct pl_error *error)
{
    struct pl_request request;
    enum pl_status status;

    if (line.len == 0 || (line.len == 1 && line.data[0] == '\r')) {
        return PL_OK;
    }
    status = pl_request_line_parse(line, &session->arena, error, &request);
    if (status != PL_OK) {
        return pl_fail_at(error, status, "nothing is sent: line %zu", number);
    }
    add(session, submissions, &request);
    return PL_OK;
}

static enum pl_status take_file(struct pl_session *session, const char *path,
                                struct pl_submissions *submissions, struct pl_error *error)
{
    struct pl_buffer text = {NULL, 0, 0};
    enum pl_status status =
        pl_file_read(strcmp(path, "-") == 0 ? STANDARD_INPUT : path, error, &text);
    size_t position = 0;

    for (size_t number = 1; status == PL_OK && position < text.len; number++) {
        const char *start = text.data + position;
        const char *end = memchr(start, '\n', text.len - position);
        size_t len = end == NULL ? text.len - position : (size_t)(end - start);

        status = take_line(session, (struct pl_bytes){start, len}, number, submissions, error);
        position += len + 1;
    }
    pl_buffer_done(&text);
    return status == PL_OK ? PL_OK : PL_BAD_DATA;
}

static bool has_field(const struct given *given)
{
    return given->customer_id != NULL || given->partner_id != NULL ||
           given->subscription_id != NULL || given->operation != NULL ||
           given->target_offer_id != NULL || given->quantity.is_set ||
           given->expected_version.is_set || given->require_license_transfer ||
           given->request_id != NULL || given->order_id != NULL || given->user_id != NULL ||
           given->role != NULL || given->requested_at != NULL;
}

static enum pl_status take_requests(struct pl_session *session, const struct given *given,
                                    struct pl_submissions *submissions, struct pl_error *error)
{
    struct pl_request request = {.request_id = PL_NULL_BYTES};
    enum pl_status status;

    if (given->timeout_s.is_set && given->timeout_s.value < 1) {
        return pl_fail(error, PL_BAD_DATA, "--timeout wants a number from 1 on");
    }
    if (given->file != NULL && has_field(given)) {
        return pl_fail(error, PL_BAD_DATA, "with --file the fields of requests are in the file");
    }
    if (given->file != NULL) {
        return take_file(session, given->file, submissions, error);
    }
    status = make_request(session, given, &request, error);
    if (status == PL_OK) {
        add(session, submissions, &request);
    }
    return status;
}

/* ---- what was sent --------------------------------------------------------------------------- */

static void put_sent(struct pl_session *session, const struct pl_submission *submission)
{
    struct pl_buffer line = {NULL, 0, 0};

    pl_buffer_put_byte(&line, '{');
    pl_json_put_key(&line, "requestId");
    pl_json_put_string(&line, submission->request.request_id);
    pl_json_put_key(&line, "customerId");
    pl_json_put_string(&line, submission->request.customer_id);
    pl_json_put_key(&line, "topic");
    pl_json_put_string(&line, pl_bytes_of(session->settings.kafka.topics[PL_TOPIC_REQUESTS]));
    pl_json_put_key(&line, "partition");
    pl_json_put_integer(&line, submission->place.partition);
    pl_json_put_key(&line, "offset");
    pl_json_put_integer(&line, submission->place.offset);
    pl_buffer_put_byte(&line, '}');
    pl_session_put_line(session, &line);
    pl_buffer_done(&line);
}

static void show_sent(struct pl_session *session, const struct pl_submissions *submissions)
{
    static const struct pl_column columns[] = {{"Request", PL_FIT_WRAP},
                                               {"Customer", PL_FIT_WRAP},
                                               {"Operation", PL_FIT_WRAP},
                                               {"Partition", PL_FIT_NUMBER},
                                               {"Offset", PL_FIT_NUMBER}};
    struct pl_arena *arena = &session->arena;
    struct pl_table table = pl_table_of(columns, PL_COUNT(columns), arena);

    for (size_t i = 0; i < submissions->count; i++) {
        const struct pl_submission *submission = &submissions->items[i];
        const struct pl_request *request = &submission->request;

        pl_table_add(&table,
                     (const struct pl_cell[]){
                         pl_show_plain(request->request_id), pl_show_plain(request->customer_id),
                         pl_show_plain(pl_bytes_of(pl_operation_names[request->operation])),
                         pl_show_number(submission->place.partition, arena),
                         pl_show_number(submission->place.offset, arena)});
    }
    pl_table_print(&table, &session->page);
}

static void tell_sent(struct pl_session *session, const struct given *given,
                      const struct pl_submissions *submissions)
{
    if (!given->is_json) {
        show_sent(session, submissions);
        return;
    }
    for (size_t i = 0; i < submissions->count; i++) {
        put_sent(session, &submissions->items[i]);
    }
}

/* ---- the subcommand -------------------------------------------------------------------------- */

static enum pl_status submit(struct pl_session *session, const void *self, struct pl_error *error)
{
    const struct given *given = self;
    struct pl_result_printer printer = {.session = session, .is_json = given->is_json};
    int64_t timeout_s = given->timeout_s.is_set ? given->timeout_s.value : USUAL_TIMEOUT_S;
    struct pl_submissions submissions = {NULL, 0};
    struct pl_answers *answers = NULL;
    int32_t unused;
    enum pl_status status = take_requests(session, given, &submissions, error);

    if (status == PL_OK) {
        status = pl_session_scan(session, error);
    }
    if (status == PL_OK) { /* else Kafka might make a topic of another kind than ours */
        status = pl_kafka_scan_partitions(session->scan, PL_TOPIC_REQUESTS, &unused, error);
    }
    if (status == PL_OK && given->is_waiting) {
        status = pl_answers_listen(session, &answers, error);
    }
    if (status == PL_OK) {
        status = pl_submissions_send(session, &submissions, error);
    }
    if (status == PL_OK && !given->is_waiting) {
        tell_sent(session, given, &submissions);
    } else if (status == PL_OK) {
        printer.is_single = submissions.count == 1;
        status = pl_answers_await(answers, &submissions, &printer, timeout_s * 1000, error);
    }
    pl_answers_free(answers);
    return status;
}

int pl_cli_submit(int argc, char **argv)
{
    struct given given = {.file = NULL};
    int code = parse(argc, argv, &given);

    return code == PL_GO_ON ? pl_session_run(COMMAND, &given.session, submit, &given) : code;
}
