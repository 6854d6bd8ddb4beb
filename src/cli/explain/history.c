/* Reading a customer's past from three topics. */
#include "cli/explain/history.h"

#include <inttypes.h>

#include "cli/results/result_join.h"
#include "cli/show.h"
#include "cli/text.h"
#include "planlift/decide.h"
#include "wire/json_result.h"

struct reading {
    struct pl_session *session;
    struct pl_bytes customer;
    struct pl_bytes request_id;
    struct pl_history *history;
    struct pl_result_join *join;
};

/* Room for one more item. */
static void *grow(struct pl_arena *arena, void *items, size_t count, size_t *capacity, size_t size)
{
    if (count == *capacity) {
        size_t more = count == 0 ? 64 : 2 * count;

        items = pl_arena_grow(arena, items, count, more, size);
        *capacity = more;
    }
    return items;
}

static bool is_of_customer(const struct reading *reading, const struct pl_scan_event *event)
{
    return event->kind == PL_SCAN_RECORD && pl_bytes_equal(event->record.key, reading->customer);
}

/* ---- inputs ---------------------------------------------------------------------------------- */

/* Dead letters have changed nothing, and are passed over. */
static enum pl_status take_event(void *self, const struct pl_scan_event *scanned,
                                 struct pl_error *error)
{
    struct reading *reading = self;
    struct pl_history *history = reading->history;
    struct pl_arena *arena = &reading->session->arena;
    struct pl_past_event past = {.offset = scanned->record.offset};
    struct pl_refusal refusal;
    enum pl_status status;

    if (!is_of_customer(reading, scanned)) {
        return PL_OK;
    }
    status = pl_decode_event(reading->session->decoder, scanned->record.value, arena, &past.event,
                             &refusal, error);
    if (status != PL_OK) {
        return status == PL_BAD_DATA ? PL_OK : status;
    }
    if (pl_bytes_equal(past.event.customer_id, reading->customer) &&
        pl_event_fault(&past.event) == NULL) {
        history->events = grow(arena, history->events, history->event_count,
                               &history->event_capacity, sizeof(*history->events));
        history->events[history->event_count++] = past;
    }
    return PL_OK;
}

static enum pl_status take_request(void *self, const struct pl_scan_event *scanned,
                                   struct pl_error *error)
{
    struct reading *reading = self;
    struct pl_history *history = reading->history;
    struct pl_arena *arena = &reading->session->arena;
    struct pl_past_request past = {.offset = scanned->record.offset};
    struct pl_refusal refusal;
    enum pl_status status;

    if (!is_of_customer(reading, scanned)) {
        return PL_OK;
    }
    status = pl_decode_request(reading->session->decoder, scanned->record.value, arena,
                               &past.request, &refusal, error);
    if (status != PL_OK) {
        return status == PL_BAD_DATA ? PL_OK : status;
    }
    if (pl_bytes_equal(past.request.customer_id, reading->customer)) {
        history->requests = grow(arena, history->requests, history->request_count,
                                 &history->request_capacity, sizeof(*history->requests));
        history->requests[history->request_count++] = past;
    }
    return PL_OK;
}

/* ---- results --------------------------------------------------------------------------------- */

struct pl_bytes pl_result_json(const struct pl_result *result, struct pl_arena *arena)
{
    struct pl_buffer buffer = {NULL, 0, 0};
    struct pl_bytes json;

    pl_json_result_write(result, &buffer);
    json = pl_arena_copy(arena, pl_buffer_since(&buffer, 0));
    pl_buffer_done(&buffer);
    return json;
}

static struct pl_error_list without_texts(const struct pl_error_list *errors,
                                          struct pl_arena *arena)
{
    struct pl_error_list plain = *errors;

    plain.items = pl_arena_alloc(arena, (errors->count + 1) * sizeof(*plain.items));
    for (size_t i = 0; i < errors->count; i++) {
        plain.items[i] = errors->items[i];
        plain.items[i].message = PL_BYTES_LITERAL("");
    }
    return plain;
}

static const struct pl_affected_account *plain_accounts(const struct pl_result *result,
                                                        struct pl_arena *arena)
{
    struct pl_affected_account *plain =
        pl_arena_alloc(arena, (result->affected_account_count + 1) * sizeof(*plain));

    for (size_t i = 0; i < result->affected_account_count; i++) {
        plain[i] = result->affected_accounts[i];
        if (plain[i].license_error != NULL) {
            struct pl_upgrade_error *error = pl_arena_alloc(arena, sizeof(*error));

            *error = *plain[i].license_error;
            error->message = PL_BYTES_LITERAL("");
            plain[i].license_error = error;
        }
    }
    return plain;
}

struct pl_bytes pl_result_essence(const struct pl_result *result, struct pl_arena *arena)
{
    struct pl_result plain = *result;
    struct pl_possible_upgrade *possible =
        pl_arena_alloc(arena, (result->possible_upgrade_count + 1) * sizeof(*possible));

    plain.errors = without_texts(&result->errors, arena);
    plain.affected_accounts = plain_accounts(result, arena);
    for (size_t i = 0; i < result->possible_upgrade_count; i++) {
        possible[i] = result->possible_upgrades[i];
        possible[i].errors = without_texts(&possible[i].errors, arena);
    }
    plain.possible_upgrades = possible;
    plain.catalogue_version = PL_BYTES_LITERAL(""); /* compared, and told, by itself */
    return pl_result_json(&plain, arena);
}

/* The offset in the header planlift-source, "topic/partition/offset"; -1: there is none. */
static int64_t source_offset(struct reading *reading)
{
    const struct pl_header *headers;
    size_t count;

    pl_kafka_scan_headers(reading->session->scan, &reading->session->arena, &headers, &count);
    for (size_t i = 0; i < count; i++) {
        struct pl_bytes topic;
        int32_t partition;
        int64_t offset;

        if (pl_bytes_equal(headers[i].name, PL_BYTES_LITERAL("planlift-source")) &&
            pl_place_parse(headers[i].value, &topic, &partition, &offset)) {
            return offset;
        }
    }
    return -1;
}

static void keep_result(struct reading *reading, const struct pl_result *result, int64_t source)
{
    struct pl_history *history = reading->history;
    struct pl_arena *arena = &reading->session->arena;
    struct pl_past_result past = {.source_offset = source,
                                  .customer_version = result->customer_version,
                                  .decided_at_ms = result->decided_at_ms,
                                  .outcome = result->outcome,
                                  .request_id = pl_arena_copy(arena, result->request_id),
                                  .catalogue_version =
                                      pl_arena_copy(arena, result->catalogue_version)};

    if (pl_bytes_equal(result->request_id, reading->request_id)) {
        past.json = pl_result_json(result, arena);
        past.essence = pl_result_essence(result, arena);
        past.consequence = pl_arena_copy(arena, pl_show_consequence(result, arena));
    }
    history->results = grow(arena, history->results, history->result_count,
                            &history->result_capacity, sizeof(*history->results));
    history->results[history->result_count++] = past;
}

static enum pl_status take_result(void *self, const struct pl_scan_event *scanned,
                                  struct pl_error *error)
{
    struct reading *reading = self;
    const struct pl_result *result;
    enum pl_status status;

    if (!is_of_customer(reading, scanned)) {
        return PL_OK;
    }
    status = pl_result_join_take(reading->join, reading->session->decoder,
                                 scanned->record.partition, scanned->record.value, &result, error);
    if (status == PL_BAD_DATA) {
        pl_session_note(reading->session, "a result is left out: %s", error->text);
        return PL_OK;
    }
    if (status == PL_OK && result != NULL) {
        keep_result(reading, result, source_offset(reading));
    }
    return status;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static enum pl_status read_topic(struct reading *reading, enum pl_topic topic,
                                 pl_session_take_fn *take, struct pl_error *error)
{
    const struct pl_kafka_scan_plan plan = {.topic = topic,
                                            .partition = reading->history->partition,
                                            .start = PL_SCAN_FROM_FIRST,
                                            .until = PL_SCAN_TO_END};

    return pl_session_read(reading->session, &plan, take, reading, error);
}

enum pl_status pl_history_read(struct pl_session *session, struct pl_bytes customer,
                               struct pl_bytes request_id, int32_t partition,
                               struct pl_history *ret_history, struct pl_error *error)
{
    struct reading reading = {
        .session = session, .customer = customer, .request_id = request_id, .history = ret_history};
    enum pl_status status = PL_OK;

    *ret_history = (struct pl_history){.partition = partition};
    for (int input = 0; status == PL_OK && input < PL_INPUT_COUNT; input++) {
        int64_t unused;

        status = pl_kafka_scan_range(session->scan, (enum pl_topic)input, partition,
                                     &ret_history->first[input], &unused, error);
    }
    reading.join = pl_result_join_new(partition + 1);
    if (status == PL_OK) {
        status = read_topic(&reading, PL_TOPIC_RESULTS, take_result, error);
    }
    if (status == PL_OK) {
        status = read_topic(&reading, PL_TOPIC_REQUESTS, take_request, error);
    }
    if (status == PL_OK) {
        status = read_topic(&reading, PL_TOPIC_EVENTS, take_event, error);
    }
    pl_result_join_free(reading.join);
    return status;
}
