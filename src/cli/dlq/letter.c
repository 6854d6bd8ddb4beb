/* Dead letters: reading, choosing, telling. */
#include "cli/dlq/letter.h"

#include <inttypes.h>

#include "cli/show.h"
#include "cli/text.h"
#include "wire/json_event.h"
#include "wire/json_request.h"
#include "wire/json_write.h"

static const struct {
    enum pl_topic dlq;
    enum pl_topic input;
} pairs[PL_INPUT_COUNT] = {{PL_TOPIC_EVENTS_DLQ, PL_TOPIC_EVENTS},
                           {PL_TOPIC_REQUESTS_DLQ, PL_TOPIC_REQUESTS}};

static struct pl_bytes name_of(const struct pl_session *session, enum pl_topic topic)
{
    return pl_bytes_of(session->settings.kafka.topics[topic]);
}

/* Is it what the topic or its input is called? */
static bool is_called(const struct pl_session *session, size_t pair, struct pl_bytes name)
{
    return pl_bytes_equal(name, name_of(session, pairs[pair].dlq)) ||
           pl_bytes_equal(name, name_of(session, pairs[pair].input));
}

enum pl_topic pl_letter_input(const struct pl_letter *letter)
{
    return letter->record.topic == pairs[0].dlq ? pairs[0].input : pairs[1].input;
}

/* ---- what is asked for ----------------------------------------------------------------------- */

static enum pl_status fail_topic(const struct pl_session *session, struct pl_bytes name,
                                 struct pl_error *error)
{
    return pl_fail(error, PL_BAD_DATA, "%.*s is no topic of dead letters; they are %s and %s",
                   PL_ARG(name), session->settings.kafka.topics[pairs[0].dlq],
                   session->settings.kafka.topics[pairs[1].dlq]);
}

enum pl_status pl_letter_place_parse(const struct pl_session *session, const char *text,
                                     struct pl_letter_place *ret_place, struct pl_error *error)
{
    struct pl_bytes name;

    if (!pl_place_parse(pl_bytes_of(text), &name, &ret_place->partition, &ret_place->offset)) {
        return pl_fail(error, PL_BAD_DATA,
                       "\"%s\" is no place: wants TOPIC/PARTITION/OFFSET, as planlift dlq list "
                       "shows them",
                       text);
    }
    for (size_t i = 0; i < PL_COUNT(pairs); i++) {
        if (is_called(session, i, name)) {
            ret_place->topic = pairs[i].dlq;
            return PL_OK;
        }
    }
    return fail_topic(session, name, error);
}

static enum pl_status fail_code(struct pl_bytes code, struct pl_error *error)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_bytes codes = PL_BYTES_LITERAL("");

    for (size_t i = 0; i < PL_DEAD_LETTER_COUNT; i++) {
        codes = pl_show_append(codes, ", ", pl_bytes_of(pl_dead_letter_names[i]), &arena);
    }
    (void)pl_fail(error, PL_BAD_DATA, "there is no code %.*s; they are %.*s", PL_ARG(code),
                  PL_ARG(codes));
    pl_arena_done(&arena);
    return PL_BAD_DATA;
}

static struct pl_bytes optional(const char *text)
{
    return text == NULL ? PL_NULL_BYTES : pl_bytes_of(text);
}

enum pl_status pl_letter_choose(const struct pl_session *session,
                                const struct pl_letter_given *given,
                                struct pl_letter_choice *ret_choice, struct pl_error *error)
{
    const struct pl_world *world = &session->world;
    struct pl_letter_choice choice = {.topic = optional(given->topic),
                                      .code = optional(given->code),
                                      .customer = optional(given->customer)};
    enum pl_status status = PL_OK;

    if (given->since != NULL) {
        status =
            pl_time_parse(given->since, world->ops->now_ms(world->self), &choice.since_ms, error);
    }
    if (status != PL_OK) {
        return status;
    }
    if (given->topic != NULL && !is_called(session, 0, choice.topic) &&
        !is_called(session, 1, choice.topic)) {
        return fail_topic(session, choice.topic, error);
    }
    if (given->code != NULL &&
        pl_symbol_index(pl_dead_letter_names, PL_DEAD_LETTER_COUNT, choice.code) < 0) {
        return fail_code(choice.code, error);
    }
    *ret_choice = choice;
    return PL_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

struct reading {
    struct pl_session *session;
    const struct pl_letter_choice *choice; /* NULL: all */
    pl_letter_take_fn *take;
    void *self;
    bool is_taken; /* any */
    bool is_enough;
};

static void fill(const struct pl_session *session, const struct pl_scan_event *event,
                 struct pl_arena *arena, struct pl_letter *letter)
{
    *letter = (struct pl_letter){.record = event->record, .stored_ms = event->stored_ms};
    pl_kafka_scan_headers(session->scan, arena, &letter->headers, &letter->header_count);
    for (size_t i = 0; i < letter->header_count; i++) {
        int index = pl_dead_letter_header_index(letter->headers[i].name);

        if (index >= 0) {
            letter->ours[index] = letter->headers[i].value;
        }
    }
}

static bool is_chosen(const struct pl_letter_choice *choice, const struct pl_letter *letter)
{
    return choice == NULL ||
           ((pl_bytes_is_null(choice->code) ||
             pl_bytes_equal(choice->code, letter->ours[PL_DEAD_LETTER_HEADER_ERROR_CODE])) &&
            (pl_bytes_is_null(choice->customer) ||
             pl_bytes_equal(choice->customer, letter->record.key)));
}

static enum pl_status take_record(void *self, const struct pl_scan_event *event,
                                  struct pl_error *error)
{
    struct reading *reading = self;
    struct pl_letter letter;
    enum pl_status status = PL_OK;

    fill(reading->session, event, &reading->session->arena, &letter);
    if (is_chosen(reading->choice, &letter)) {
        reading->is_taken = true;
        status = reading->take(reading->self, &letter, error);
        reading->is_enough = status == PL_NOT_FOUND;
    }
    pl_arena_reset(&reading->session->arena);
    return status;
}

enum pl_status pl_letters_read(struct pl_session *session, const struct pl_letter_choice *choice,
                               pl_letter_take_fn *take, void *self, struct pl_error *error)
{
    struct reading reading = {.session = session, .choice = choice, .take = take, .self = self};
    enum pl_status status = PL_OK;

    for (size_t i = 0; status == PL_OK && !reading.is_enough && i < PL_COUNT(pairs); i++) {
        const struct pl_kafka_scan_plan plan = {.topic = pairs[i].dlq,
                                                .partition = PL_SCAN_ALL_PARTITIONS,
                                                .start = choice->since_ms > 0 ? PL_SCAN_FROM_TIME
                                                                              : PL_SCAN_FROM_FIRST,
                                                .at = choice->since_ms,
                                                .until = PL_SCAN_TO_END};

        if (pl_bytes_is_null(choice->topic) || is_called(session, i, choice->topic)) {
            status = pl_session_read(session, &plan, take_record, &reading, error);
        }
    }
    return status;
}

enum pl_status pl_letter_read(struct pl_session *session, const struct pl_letter_place *place,
                              pl_letter_take_fn *take, void *self, struct pl_error *error)
{
    const struct pl_kafka_scan_plan plan = {.topic = place->topic,
                                            .partition = place->partition,
                                            .start = PL_SCAN_FROM_OFFSET,
                                            .at = place->offset,
                                            .until = place->offset + 1};
    struct reading reading = {.session = session, .take = take, .self = self};
    int64_t first = 0;
    int64_t end = 0;
    int32_t count = 0;
    enum pl_status status = pl_kafka_scan_partitions(session->scan, place->topic, &count, error);

    if (status == PL_OK && place->partition < count) {
        status =
            pl_kafka_scan_range(session->scan, place->topic, place->partition, &first, &end, error);
    }
    if (status == PL_OK && place->offset >= first && place->offset < end) {
        status = pl_session_read(session, &plan, take_record, &reading, error);
    }
    if (status == PL_OK && !reading.is_taken) {
        return pl_fail(error, PL_NOT_FOUND, "there is no dead letter at %s/%" PRId32 "/%" PRId64,
                       session->settings.kafka.topics[place->topic], place->partition,
                       place->offset);
    }
    return status;
}

/* ---- telling --------------------------------------------------------------------------------- */

struct pl_bytes pl_letter_place_text(const struct pl_session *session,
                                     const struct pl_letter *letter, struct pl_arena *arena)
{
    return pl_arena_format(arena, "%s/%" PRId32 "/%" PRId64,
                           session->settings.kafka.topics[letter->record.topic],
                           letter->record.partition, letter->record.offset);
}

bool pl_letter_write_content(struct pl_session *session, const struct pl_letter *letter,
                             struct pl_buffer *buffer, struct pl_refusal *ret_refusal)
{
    struct pl_error unused;
    struct pl_request request;
    struct pl_event event;

    if (pl_letter_input(letter) == PL_TOPIC_REQUESTS) {
        if (pl_decode_request(session->decoder, letter->record.value, &session->arena, &request,
                              ret_refusal, &unused) == PL_OK) {
            pl_json_request_write(&request, buffer);
            return true;
        }
    } else if (pl_decode_event(session->decoder, letter->record.value, &session->arena, &event,
                               ret_refusal, &unused) == PL_OK) {
        pl_json_event_write(&event, buffer);
        return true;
    }
    return false;
}

static void put_text(struct pl_buffer *buffer, const char *key, struct pl_bytes text)
{
    pl_json_put_key(buffer, key);
    pl_json_put_bytes(buffer, text);
}

/* As the number it should be, or null. */
static void put_number(struct pl_buffer *buffer, const char *key, struct pl_bytes text)
{
    int64_t number;

    pl_json_put_key(buffer, key);
    if (pl_number_parse(text, INT64_MAX, &number)) {
        pl_json_put_integer(buffer, number);
    } else {
        pl_json_put_null(buffer);
    }
}

static void put_headers(const struct pl_letter *letter, struct pl_buffer *buffer)
{
    pl_json_put_key(buffer, "headers");
    pl_buffer_put_byte(buffer, '[');
    for (size_t i = 0; i < letter->header_count; i++) {
        if (pl_dead_letter_header_index(letter->headers[i].name) < 0) {
            pl_json_put_separator(buffer);
            pl_buffer_put_byte(buffer, '{');
            put_text(buffer, "name", letter->headers[i].name);
            put_text(buffer, "value", letter->headers[i].value);
            pl_json_put_key(buffer, "valueBase64");
            pl_json_put_base64(buffer, letter->headers[i].value);
            pl_buffer_put_byte(buffer, '}');
        }
    }
    pl_buffer_put_byte(buffer, ']');
}

static void put_value(struct pl_session *session, const struct pl_letter *letter,
                      struct pl_buffer *buffer)
{
    struct pl_buffer content = {NULL, 0, 0};
    struct pl_refusal unused;

    put_headers(letter, buffer);
    pl_json_put_key(buffer, "valueBase64");
    pl_json_put_base64(buffer, letter->record.value);
    pl_json_put_key(buffer, "content");
    if (pl_letter_write_content(session, letter, &content, &unused)) {
        pl_buffer_put(buffer, content.data, content.len);
    } else {
        pl_json_put_null(buffer);
    }
    pl_buffer_done(&content);
}

void pl_letter_write(struct pl_session *session, const struct pl_letter *letter, bool with_value,
                     struct pl_buffer *buffer)
{
    const struct pl_bytes *ours = letter->ours;

    pl_buffer_put_byte(buffer, '{');
    put_text(buffer, "topic", name_of(session, letter->record.topic));
    pl_json_put_key(buffer, "partition");
    pl_json_put_integer(buffer, letter->record.partition);
    pl_json_put_key(buffer, "offset");
    pl_json_put_integer(buffer, letter->record.offset);
    put_text(buffer, "code", ours[PL_DEAD_LETTER_HEADER_ERROR_CODE]);
    put_text(buffer, "message", ours[PL_DEAD_LETTER_HEADER_ERROR_MESSAGE]);
    put_text(buffer, "time", ours[PL_DEAD_LETTER_HEADER_TIME]);
    put_text(buffer, "sourceTopic", ours[PL_DEAD_LETTER_HEADER_TOPIC]);
    put_number(buffer, "sourcePartition", ours[PL_DEAD_LETTER_HEADER_PARTITION]);
    put_number(buffer, "sourceOffset", ours[PL_DEAD_LETTER_HEADER_OFFSET]);
    put_text(buffer, "key", letter->record.key);
    pl_json_put_key(buffer, "keyBase64");
    pl_json_put_base64(buffer, letter->record.key);
    if (with_value) {
        put_value(session, letter, buffer);
    }
    pl_buffer_put_byte(buffer, '}');
}
