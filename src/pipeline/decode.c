/* decode: bytes to events and requests, or to the reason why not (contract 7). */
#include <inttypes.h>
#include <stdio.h>

#include "flow.h"
#include "planlift/decide.h"

/* A batch is cut where its decoded records take this: a record that lists many names takes many
 * times its own size. Five thousand ordinary ones take a quarter of it. */
#define DECODED_ENOUGH_BYTES ((size_t)8 * 1024 * 1024)

/* A batch is cut where a schema registry took this long over its records: the group is served
 * between batches. */
#define DECODING_MOST_MS 5000

static void refuse(struct pl_batch *batch, struct pl_item *item, const struct pl_refusal *refusal)
{
    item->kind = PL_ITEM_DEAD;
    item->refusal = pl_arena_grow(&batch->arena, refusal, 1, 1, sizeof(*refusal)); /* a copy */
}

static void refuse_as(struct pl_batch *batch, struct pl_item *item, enum pl_dead_letter code,
                      const char *message)
{
    struct pl_refusal refusal = {.code = code};

    (void)snprintf(refusal.message, sizeof(refusal.message), "%s", message);
    refuse(batch, item, &refusal);
}

static enum pl_status decode_value(struct pl_batch *batch, struct pl_item *item,
                                   struct pl_error *error)
{
    const struct pl_record *record = item->record;
    struct pl_refusal refusal;
    enum pl_status status;

    if (record->topic == PL_TOPIC_EVENTS) {
        item->kind = PL_ITEM_EVENT;
        status = pl_decode_event(batch->run->options->decoder, record->value, &batch->arena,
                                 &item->event, &refusal, error);
    } else {
        item->kind = PL_ITEM_REQUEST;
        status = pl_decode_request(batch->run->options->decoder, record->value, &batch->arena,
                                   &item->request, &refusal, error);
    }
    if (status == PL_BAD_DATA) {
        refuse(batch, item, &refusal);
        return PL_OK;
    }
    return status;
}

static struct pl_bytes customer_of(const struct pl_item *item)
{
    return item->kind == PL_ITEM_EVENT ? item->event.customer_id : item->request.customer_id;
}

/* A record in another place than its customer's could meet the wrong state (contract 2). */
static void check_place(struct pl_batch *batch, struct pl_item *item)
{
    const struct pl_feed *feed = &batch->run->options->feed;
    const struct pl_record *record = item->record;
    int32_t right;

    if (pl_bytes_is_empty(record->key)) {
        refuse_as(batch, item, PL_DEAD_LETTER_KEY_MISMATCH,
                  pl_bytes_is_null(record->key) ? "the key is null; it must be the customerId"
                                                : "the key is empty; it must be the customerId");
        return;
    }
    if (!pl_bytes_equal(record->key, customer_of(item))) {
        refuse_as(batch, item, PL_DEAD_LETTER_KEY_MISMATCH,
                  "the key is not the customerId of the value");
        return;
    }
    right = feed->ops->partition_of(feed->self, record->key);
    if (right >= 0 && right != record->partition) {
        struct pl_refusal refusal = {.code = PL_DEAD_LETTER_WRONG_PARTITION};

        (void)snprintf(refusal.message, sizeof(refusal.message),
                       "the key belongs in partition %" PRId32 ", the record is in %" PRId32
                       "; use the partitioner that planlift is configured for",
                       right, record->partition);
        refuse(batch, item, &refusal);
    }
}

static void check_event(struct pl_batch *batch, struct pl_item *item)
{
    const char *fault = pl_event_fault(&item->event);

    if (fault != NULL) {
        refuse_as(batch, item, PL_DEAD_LETTER_INVALID_EVENT, fault);
    }
}

/* Deciding asks for it several times. */
static void note_digest(struct pl_batch *batch, struct pl_request *request)
{
    struct pl_answered *digest = pl_arena_alloc(&batch->arena, sizeof(*digest));

    *digest = pl_request_digest(request->customer_id, request);
    request->digest = digest;
}

static enum pl_status decode_item(struct pl_run *run, struct pl_batch *batch, struct pl_item *item,
                                  struct pl_error *error)
{
    enum pl_status status = decode_value(batch, item, error);

    if (status != PL_OK) {
        return status;
    }
    if (item->kind != PL_ITEM_DEAD) {
        check_place(batch, item);
    }
    if (item->kind == PL_ITEM_EVENT) {
        check_event(batch, item);
    }
    if (item->kind != PL_ITEM_DEAD && pl_poison_is(run, item->record)) {
        refuse_as(
            batch, item, PL_DEAD_LETTER_UNPROCESSABLE,
            "its result or the customer's new state is larger than Kafka accepts, or processing "
            "it alone failed repeatedly; nothing was changed");
    }
    if (item->kind == PL_ITEM_REQUEST) {
        note_digest(batch, &item->request);
    }
    return PL_OK;
}

/* Was a schema registry asked once more, and the time is over? Without one the clock need not be
 * looked at for every record. */
static bool has_asked_too_long(const struct pl_run *run, int64_t deadline_ms, size_t *asked)
{
    size_t before = *asked;

    *asked = pl_decoder_asked(run->options->decoder);
    return *asked > before && pl_monotonic_ms(run) > deadline_ms;
}

enum pl_status pl_decode_batch(struct pl_run *run, struct pl_batch *batch, struct pl_error *error)
{
    size_t count = run->inbox.count < run->batch_limit ? run->inbox.count : run->batch_limit;
    int64_t deadline_ms = pl_monotonic_ms(run) + DECODING_MOST_MS;
    size_t asked = 0;

    pl_decoder_ask_anew(run->options->decoder);
    batch->items = pl_arena_zalloc(&batch->arena, count, sizeof(*batch->items));
    for (size_t i = 0; i < count; i++) {
        struct pl_item *item = &batch->items[i];
        enum pl_status status;

        item->record = &run->inbox.records[i];
        status = decode_item(run, batch, item, error);
        if (status == PL_AGAIN && i > 0) {
            break; /* go on with what can be read; the rest waits */
        }
        if (status != PL_OK) {
            return status;
        }
        batch->count = i + 1;
        if (batch->arena.used_bytes > DECODED_ENOUGH_BYTES ||
            has_asked_too_long(run, deadline_ms, &asked)) {
            break; /* I13: what is left waits for the next batch */
        }
    }
    return PL_OK;
}
