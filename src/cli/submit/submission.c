/* Sending requests, and telling their answers by the headers that name their records. */
#include "cli/submit/submission.h"

#include <inttypes.h>
#include <stdlib.h>

#include "cli/results/result_join.h"
#include "cli/schemas.h"
#include "cli/show.h"
#include "cli/text.h"

#define FLUSH_TIMEOUT_MS 30000
#define POLL_MS 20
#define SOURCE_HEADER "planlift-source"

/* ---- sending --------------------------------------------------------------------------------- */

static enum pl_status send_one(struct pl_session *session, struct pl_submission *submission,
                               struct pl_buffer *value, struct pl_error *error)
{
    struct pl_message message = {
        .topic = PL_TOPIC_REQUESTS, .partition = -1, .key = submission->request.customer_id};
    uint32_t schema_id;
    enum pl_status status;

    status = pl_schemas_own_id(session->schemas, PL_TOPIC_REQUESTS, &schema_id, error);
    if (status != PL_OK) {
        return status;
    }
    value->len = 0;
    pl_request_encode(schema_id, &submission->request, value);
    message.value = pl_buffer_since(value, 0);
    status = pl_kafka_send_noting(session->sender, &message, &submission->place, error);
    if (status == PL_AGAIN) { /* the queue is full */
        status = pl_kafka_sender_flush(session->sender, FLUSH_TIMEOUT_MS, error);
        if (status == PL_OK) {
            status = pl_kafka_send_noting(session->sender, &message, &submission->place, error);
        }
    }
    return status == PL_BAD_DATA ? PL_FATAL : status; /* too large is no wrong use */
}

static int compare_places(const void *a, const void *b)
{
    const struct pl_place *one = &((const struct pl_submission *)a)->place;
    const struct pl_place *other = &((const struct pl_submission *)b)->place;

    if (one->partition != other->partition) {
        return one->partition < other->partition ? -1 : 1;
    }
    return (one->offset > other->offset) - (one->offset < other->offset);
}

enum pl_status pl_submissions_send(struct pl_session *session, struct pl_submissions *submissions,
                                   struct pl_error *error)
{
    struct pl_buffer value = {NULL, 0, 0};
    enum pl_status status = pl_session_sender(session, error);

    if (status == PL_OK) {
        status = pl_session_schemas(session, error);
    }
    for (size_t i = 0; status == PL_OK && i < submissions->count; i++) {
        status = send_one(session, &submissions->items[i], &value, error);
    }
    if (status == PL_OK) {
        status = pl_kafka_sender_flush(session->sender, FLUSH_TIMEOUT_MS, error);
    }
    pl_buffer_done(&value);
    return status;
}

/* ---- listening ------------------------------------------------------------------------------- */

enum { RESULTS, DEAD_LETTERS, ANSWER_KINDS };

struct pl_answers {
    struct pl_session *session;
    struct pl_kafka_scan *scans[ANSWER_KINDS];
    struct pl_result_join *join;
    struct pl_arena arena; /* of one record */
    struct pl_submissions *submissions;
    struct pl_result_printer *printer;
    size_t answered;
    size_t dead;
};

static enum pl_status listen(struct pl_answers *answers, int kind, struct pl_error *error)
{
    const struct pl_kafka_scan_plan plan = {.topic = kind == RESULTS ? PL_TOPIC_RESULTS
                                                                     : PL_TOPIC_REQUESTS_DLQ,
                                            .partition = PL_SCAN_ALL_PARTITIONS,
                                            .start = PL_SCAN_FROM_NOW,
                                            .is_endless = true};
    enum pl_status status =
        pl_kafka_scan_new(&answers->session->settings.kafka, &answers->scans[kind], error);

    return status == PL_OK ? pl_kafka_scan_start(answers->scans[kind], &plan, error) : status;
}

enum pl_status pl_answers_listen(struct pl_session *session, struct pl_answers **ret_answers,
                                 struct pl_error *error)
{
    struct pl_answers *answers = calloc(1, sizeof(*answers));
    int32_t count = 0;
    enum pl_status status;

    if (answers == NULL) {
        pl_out_of_memory(sizeof(*answers));
    }
    answers->session = session;
    status = pl_session_decoder(session, error);
    for (int kind = 0; status == PL_OK && kind < ANSWER_KINDS; kind++) {
        status = listen(answers, kind, error);
    }
    if (status == PL_OK) {
        status = pl_kafka_scan_partitions(answers->scans[RESULTS], PL_TOPIC_RESULTS, &count, error);
    }
    if (status != PL_OK) {
        pl_answers_free(answers);
        return status;
    }
    answers->join = pl_result_join_new(count);
    *ret_answers = answers;
    return PL_OK;
}

void pl_answers_free(struct pl_answers *answers)
{
    if (answers == NULL) {
        return;
    }
    for (int kind = 0; kind < ANSWER_KINDS; kind++) {
        pl_kafka_scan_free(answers->scans[kind]);
    }
    pl_result_join_free(answers->join);
    pl_arena_done(&answers->arena);
    free(answers);
}

/* ---- answers --------------------------------------------------------------------------------- */

static struct pl_bytes header(const struct pl_answers *answers, int kind, const char *name,
                              struct pl_arena *arena)
{
    const struct pl_header *headers;
    size_t count;

    pl_kafka_scan_headers(answers->scans[kind], arena, &headers, &count);
    for (size_t i = 0; i < count; i++) {
        if (pl_bytes_equal(headers[i].name, pl_bytes_of(name))) {
            return headers[i].value;
        }
    }
    return PL_NULL_BYTES;
}

/* The request whose record is at this place, unless it is answered; NULL: none of ours. */
static struct pl_submission *find(const struct pl_answers *answers, const struct pl_place *place)
{
    const struct pl_submission wanted = {.place = *place};
    struct pl_submission *found =
        bsearch(&wanted, answers->submissions->items, answers->submissions->count, sizeof(wanted),
                compare_places);

    return found == NULL || found->is_answered ? NULL : found;
}

static bool is_requests_topic(const struct pl_answers *answers, struct pl_bytes name)
{
    return pl_bytes_equal(name,
                          pl_bytes_of(answers->session->settings.kafka.topics[PL_TOPIC_REQUESTS]));
}

static enum pl_status take_result(struct pl_answers *answers, const struct pl_record *record,
                                  struct pl_error *error)
{
    struct pl_bytes source = header(answers, RESULTS, SOURCE_HEADER, &answers->arena);
    struct pl_submission *submission = NULL;
    const struct pl_result *result;
    struct pl_bytes topic;
    struct pl_place place;
    enum pl_status status;

    if (pl_place_parse(source, &topic, &place.partition, &place.offset) &&
        is_requests_topic(answers, topic)) {
        submission = find(answers, &place);
    }
    if (submission == NULL) {
        return PL_OK;
    }
    status = pl_result_join_take(answers->join, answers->session->decoder, record->partition,
                                 record->value, &result, error);
    if (status == PL_OK && result != NULL) {
        pl_result_print(answers->printer, result);
        submission->is_answered = true;
        answers->answered++;
    }
    return status == PL_BAD_DATA ? PL_FATAL : status; /* no wrong use */
}

static enum pl_status take_dead_letter(struct pl_answers *answers, const struct pl_record *record,
                                       struct pl_error *error)
{
    struct pl_arena *arena = &answers->arena;
    struct pl_bytes topic = header(answers, DEAD_LETTERS, "planlift-topic", arena);
    struct pl_bytes code = header(answers, DEAD_LETTERS, "planlift-error-code", arena);
    struct pl_bytes message = header(answers, DEAD_LETTERS, "planlift-error-message", arena);
    struct pl_submission *submission = NULL;
    int64_t partition;
    struct pl_place place;

    (void)error;
    if (is_requests_topic(answers, topic) &&
        pl_number_parse(header(answers, DEAD_LETTERS, "planlift-partition", arena), INT32_MAX,
                        &partition) &&
        pl_number_parse(header(answers, DEAD_LETTERS, "planlift-offset", arena), INT64_MAX,
                        &place.offset)) {
        place.partition = (int32_t)partition;
        submission = find(answers, &place);
    }
    if (submission != NULL) {
        pl_session_note(answers->session,
                        "request %.*s is a dead letter, %.*s: %.*s (planlift dlq show "
                        "%s/%" PRId32 "/%" PRId64 ")",
                        PL_ARG(submission->request.request_id), PL_ARG(code), PL_ARG(message),
                        answers->session->settings.kafka.topics[PL_TOPIC_REQUESTS_DLQ],
                        record->partition, record->offset);
        submission->is_answered = true;
        answers->answered++;
        answers->dead++;
    }
    return PL_OK;
}

/* Take what has come of one kind. */
static enum pl_status poll(struct pl_answers *answers, int kind, struct pl_error *error)
{
    struct pl_scan_event event;
    enum pl_status status = pl_kafka_scan_next(answers->scans[kind], POLL_MS, &event, error);

    if (status == PL_OK && event.kind == PL_SCAN_RECORD) {
        status = kind == RESULTS ? take_result(answers, &event.record, error)
                                 : take_dead_letter(answers, &event.record, error);
        pl_arena_reset(&answers->arena);
    }
    return status;
}

enum pl_status pl_answers_await(struct pl_answers *answers, struct pl_submissions *submissions,
                                struct pl_result_printer *printer, int64_t timeout_ms,
                                struct pl_error *error)
{
    const struct pl_world *world = &answers->session->world;
    int64_t end_ms = world->ops->monotonic_ms(world->self) + timeout_ms;
    enum pl_status status = PL_OK;

    qsort(submissions->items, submissions->count, sizeof(*submissions->items), compare_places);
    answers->submissions = submissions;
    answers->printer = printer;
    while (status == PL_OK && answers->answered < submissions->count &&
           !pl_session_is_stopped(answers->session) &&
           world->ops->monotonic_ms(world->self) < end_ms) {
        for (int kind = 0; status == PL_OK && kind < ANSWER_KINDS; kind++) {
            status = poll(answers, kind, error);
        }
    }
    pl_result_print_end(printer);
    if (status == PL_OK && answers->answered < submissions->count) {
        return pl_fail(error, PL_NOT_FOUND,
                       "%zu of %zu requests have no result yet. They are sent: see what comes with "
                       "planlift results. Does a service run? A request id that the customer has "
                       "used before gets no second result",
                       submissions->count - answers->answered, submissions->count);
    }
    if (status == PL_OK && answers->dead > 0) {
        return pl_fail(error, PL_NOT_FOUND, "%zu of %zu requests are dead letters", answers->dead,
                       submissions->count);
    }
    return status;
}
