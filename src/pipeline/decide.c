/* decide: each record in order against its customer as the records before left it. Results are
 * encoded at once, for the customer they show goes on changing. */
#include "planlift/decide.h"

#include <inttypes.h>

#include "flow.h"
#include "planlift/trace.h"

/* A batch that has grown so large ends there (I13); what is left waits for the next. */
#define OUTBOX_ENOUGH_BYTES ((size_t)16 * 1024 * 1024)
#define DECIDED_ENOUGH_BYTES ((size_t)16 * 1024 * 1024) /* of the arena, since loading */

static struct pl_outgoing *add_outgoing(struct pl_batch *batch)
{
    if (batch->outgoing_count == batch->outgoing_capacity) {
        size_t capacity =
            batch->outgoing_capacity == 0 ? batch->count : batch->outgoing_capacity * 2;

        batch->outgoing = pl_arena_grow(&batch->arena, batch->outgoing, batch->outgoing_count,
                                        capacity, sizeof(*batch->outgoing));
        batch->outgoing_capacity = capacity;
    }
    return &batch->outgoing[batch->outgoing_count++];
}

/* The record's headers; what the log will say of its trace is among them. */
static enum pl_status read_headers(struct pl_run *run, struct pl_batch *batch, struct pl_item *item,
                                   const struct pl_header **ret_headers, size_t *ret_count,
                                   struct pl_error *error)
{
    const struct pl_feed *feed = &run->options->feed;
    enum pl_status status =
        feed->ops->headers(feed->self, item->record, &batch->arena, ret_headers, ret_count);

    if (status != PL_OK) {
        return pl_fail(error, status, "the headers of a record cannot be read");
    }
    item->trace_id = pl_trace_id(*ret_headers, *ret_count).data;
    return PL_OK;
}

/* ---- dead letters ---------------------------------------------------------------------------- */

static enum pl_status add_dead_letter(struct pl_run *run, struct pl_batch *batch,
                                      struct pl_item *item, struct pl_error *error)
{
    const struct pl_txn *txn = &run->options->txn;
    const struct pl_record *record = item->record;
    enum pl_topic topic =
        record->topic == PL_TOPIC_EVENTS ? PL_TOPIC_EVENTS_DLQ : PL_TOPIC_REQUESTS_DLQ;
    const struct pl_header *original = NULL;
    size_t original_count = 0;
    struct pl_outgoing *outgoing;
    enum pl_status status = read_headers(run, batch, item, &original, &original_count, error);

    if (status != PL_OK) {
        return status;
    }
    outgoing = add_outgoing(batch);
    *outgoing = (struct pl_outgoing){.topic = topic,
                                     .partition = record->partition %
                                                  txn->ops->partition_count(txn->self, topic),
                                     .key = record->key,
                                     .is_view = true,
                                     .value = record->value};
    pl_dead_letter_headers(item->refusal, run->options->topics[record->topic], record->partition,
                           record->offset, batch->now_ms, original, original_count, &batch->arena,
                           &outgoing->headers, &outgoing->header_count);
    return PL_OK;
}

/* ---- results --------------------------------------------------------------------------------- */

static enum pl_status origin_of(struct pl_run *run, struct pl_batch *batch, struct pl_item *item,
                                struct pl_result_origin *ret_origin, struct pl_error *error)
{
    *ret_origin = (struct pl_result_origin){.topic = run->options->topics[PL_TOPIC_REQUESTS],
                                            .partition = item->record->partition,
                                            .offset = item->record->offset};
    return read_headers(run, batch, item, &ret_origin->headers, &ret_origin->header_count, error);
}

static enum pl_status add_result(struct pl_run *run, struct pl_batch *batch, struct pl_item *item,
                                 const struct pl_result *result, struct pl_error *error)
{
    const struct pl_txn *txn = &run->options->txn;
    const struct pl_result_limits limits = {
        .max_accounts = run->options->result_max_accounts,
        .max_message_bytes = txn->ops->message_limit(txn->self, PL_TOPIC_RESULTS)};
    struct pl_result_origin origin;
    struct pl_result_part *parts = NULL;
    size_t count = 0;
    enum pl_status status = origin_of(run, batch, item, &origin, error);

    if (status == PL_OK) {
        status = pl_result_encode(run->options->result_schema_id, result, &origin, &limits,
                                  &batch->arena, &batch->outbox, &parts, &count, error);
    }
    for (size_t i = 0; status == PL_OK && i < count; i++) {
        *add_outgoing(batch) = (struct pl_outgoing){.topic = PL_TOPIC_RESULTS,
                                                    .partition = item->record->partition,
                                                    .key = item->record->key,
                                                    .value_position = parts[i].value_position,
                                                    .value_len = parts[i].value_len,
                                                    .headers = parts[i].headers,
                                                    .header_count = parts[i].header_count};
    }
    return status;
}

/* ---- one record after the other -------------------------------------------------------------- */

static enum pl_status answer_request(struct pl_run *run, struct pl_batch *batch,
                                     struct pl_item *item, struct pl_error *error)
{
    static const struct pl_refusal reused = {
        .code = PL_DEAD_LETTER_REQUEST_ID_REUSED,
        .message = "this customer's request of the same requestId was answered already and "
                   "differs in partnerId, subscriptionId, operation, targetOfferId or "
                   "quantity; send it with a new requestId"};
    struct pl_customer *customer = &item->entry->customer;
    const struct pl_answered *digest = item->request.digest;
    struct pl_result_origin origin;
    struct pl_result result;

    switch (pl_request_once(customer, &item->request, digest)) {
    case PL_ONCE_REPEAT:
        return origin_of(run, batch, item, &origin, error); /* of which the log tells the trace */
    case PL_ONCE_REUSED:
        item->kind = PL_ITEM_DEAD;
        item->refusal = &reused;
        return add_dead_letter(run, batch, item, error);
    case PL_ONCE_NEW:
        break;
    }
    pl_request_decide(run->options->catalogue, customer, &item->request, batch->now_ms,
                      &batch->arena, &result);
    pl_count_answer(item, &result);
    pl_request_remember(customer, &item->request, digest, &batch->arena);
    return add_result(run, batch, item, &result, error);
}

static enum pl_status apply_item(struct pl_run *run, struct pl_batch *batch, struct pl_item *item,
                                 struct pl_error *error)
{
    enum pl_status status;

    if (item->kind == PL_ITEM_DEAD) {
        return add_dead_letter(run, batch, item, error);
    }
    status = pl_load_item(run, batch, item, error);
    if (status != PL_OK) {
        return status;
    }
    if (item->kind == PL_ITEM_EVENT) {
        pl_event_apply(&item->entry->customer, &item->event, &batch->arena);
        return PL_OK;
    }
    return answer_request(run, batch, item, error);
}

enum pl_status pl_decide_batch(struct pl_run *run, struct pl_batch *batch, struct pl_error *error)
{
    size_t loaded = batch->arena.used_bytes;

    for (size_t i = 0; i < batch->count; i++) {
        struct pl_item *item = &batch->items[i];
        const struct pl_record *record = item->record;
        struct pl_part *part = pl_batch_part(run, batch, record->partition);
        enum pl_status status = apply_item(run, batch, item, error);

        if (status != PL_OK) {
            batch->count = i + 1;
            return status;
        }
        part->progress.next[record->topic] = record->offset + 1; /* I4: handled, not position() */
        if (batch->outbox.len > OUTBOX_ENOUGH_BYTES ||
            batch->arena.used_bytes - loaded > DECIDED_ENOUGH_BYTES) {
            batch->count = i + 1;
        }
    }
    return PL_OK;
}

/* ---- encode ---------------------------------------------------------------------------------- */

void pl_encode_batch(struct pl_run *run, struct pl_batch *batch)
{
    for (int32_t number = 0; number < run->options->partition_count; number++) {
        struct pl_part *part = batch->parts[number];

        if (part == NULL) {
            continue;
        }
        for (struct pl_entry *entry = part->first; entry != NULL; entry = entry->next) {
            pl_state_encode(&entry->customer, &batch->arena, &batch->outbox, &part->changes);
        }
        part->progress.pieces += part->changes.pieces_delta;
        part->progress.catalogue_version = pl_catalogue_version(run->options->catalogue);
        part->progress.catalogue_sha256 = pl_catalogue_sha256(run->options->catalogue);
        part->progress_position = batch->outbox.len;
        pl_progress_encode(&part->progress, &batch->outbox);
        part->progress_len = batch->outbox.len - part->progress_position;
        pl_change_index(batch, part);
    }
}
