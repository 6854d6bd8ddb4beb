/* What lies in the topics and in the cache afterwards, as text to compare, and whether it all fits
 * together. */
#ifndef PL_TESTS_PIPELINE_OUTCOME_H
#define PL_TESTS_PIPELINE_OUTCOME_H

#include <inttypes.h>

#include "fixture.h"
#include "wire/json_state.h"

#define TEXT(bytes) (int)(bytes).len, (bytes).len > 0 ? (bytes).data : ""

static inline void add_text(struct pl_buffer *text, struct fixture *fixture, struct pl_bytes more)
{
    (void)fixture;
    pl_buffer_put(text, more.data, more.len);
}

static inline const char *close_text(struct pl_buffer *text, struct fixture *fixture)
{
    struct pl_bytes copy;

    pl_buffer_put_byte(text, '\0');
    copy = pl_arena_copy(&fixture->arena, pl_buffer_since(text, 0));
    pl_buffer_done(text);
    return copy.data;
}

static inline struct pl_bytes header_of(const struct pl_fake_entry *entry, const char *name)
{
    for (size_t i = 0; i < entry->header_count; i++) {
        if (pl_bytes_equal(entry->headers[i].name, pl_bytes_of(name))) {
            return entry->headers[i].value;
        }
    }
    return PL_NULL_BYTES;
}

/* ---- results and dead letters ---------------------------------------------------------------- */

static inline struct pl_result_record decode_entry(struct fixture *fixture,
                                                   const struct pl_fake_entry *entry)
{
    struct pl_result_record record = {.part = 0};
    struct pl_refusal refusal = {.message = ""};

    if (pl_decode_result(fixture->parts->decoder, entry->value, &fixture->arena, &record, &refusal,
                         &fixture->error) != PL_OK) {
        fail_msg("a result that cannot be read: %s", refusal.message);
    }
    return record;
}

static inline struct pl_bytes result_text(struct fixture *fixture,
                                          const struct pl_fake_entry *entry)
{
    struct pl_result_record record = decode_entry(fixture, entry);
    const struct pl_result *result = &record.result;
    const char *first_error =
        result->errors.count == 0 ? "" : pl_error_code_names[result->errors.items[0].code];

    return pl_arena_format(&fixture->arena, "%.*s/%.*s %s%s%s v%" PRId64 " %zu accounts\n",
                           TEXT(result->customer_id), TEXT(result->request_id),
                           pl_outcome_names[result->outcome], first_error[0] == '\0' ? "" : " ",
                           first_error, result->customer_version, result->affected_account_count);
}

/* "customer/request OUTCOME first-error vVERSION N accounts", a line each, by partition. */
static inline const char *results_text(struct fixture *fixture)
{
    struct pl_buffer text = {NULL, 0, 0};

    for (int32_t partition = 0; partition < PARTITIONS; partition++) {
        const struct pl_fake_log *log =
            pl_fake_log(&fixture->world.broker, PL_TOPIC_RESULTS, partition);
        const struct pl_fake_entry *entry = pl_fake_next(log, 0);

        for (; entry != NULL; entry = pl_fake_next(log, entry->offset + 1)) {
            add_text(&text, fixture, result_text(fixture, entry));
        }
    }
    return close_text(&text, fixture);
}

/* "code topic/partition/offset", a line each, those of events first. Each letter must be its
 * record, byte for byte. */
static inline const char *dead_letters_text(struct fixture *fixture)
{
    struct pl_buffer text = {NULL, 0, 0};

    for (int dlq = PL_TOPIC_EVENTS_DLQ; dlq <= PL_TOPIC_REQUESTS_DLQ; dlq++) {
        const struct pl_fake_log *log = pl_fake_log(&fixture->world.broker, (enum pl_topic)dlq, 0);
        const struct pl_fake_entry *entry = pl_fake_next(log, 0);

        for (; entry != NULL; entry = pl_fake_next(log, entry->offset + 1)) {
            add_text(&text, fixture,
                     pl_arena_format(&fixture->arena, "%.*s %.*s/%.*s/%.*s\n",
                                     TEXT(header_of(entry, "planlift-error-code")),
                                     TEXT(header_of(entry, "planlift-topic")),
                                     TEXT(header_of(entry, "planlift-partition")),
                                     TEXT(header_of(entry, "planlift-offset"))));
        }
    }
    return close_text(&text, fixture);
}

/* ---- state ----------------------------------------------------------------------------------- */

/* What the state log says, its progress record set apart. NULL: do not care. */
static inline void fold_state(struct fixture *fixture, int32_t partition, struct pl_fake_map *map,
                              struct pl_bytes *ret_progress, int64_t *ret_progress_offset)
{
    const struct pl_fake_log *log = pl_fake_log(&fixture->world.broker, PL_TOPIC_STATE, partition);
    const struct pl_fake_entry *entry = pl_fake_next(log, 0);

    for (; entry != NULL; entry = pl_fake_next(log, entry->offset + 1)) {
        if (!pl_bytes_equal(entry->key, PL_PROGRESS_FIELD)) {
            pl_fake_map_put(map, entry->key, entry->value);
            continue;
        }
        if (ret_progress != NULL) {
            *ret_progress = entry->value;
            *ret_progress_offset = entry->offset;
        }
    }
}

static inline void decode_stored(struct fixture *fixture, const struct pl_fake_map *map,
                                 const struct pl_piece *piece, struct pl_customer *customer)
{
    struct pl_bytes field = pl_state_field(piece, customer->customer_id, &fixture->arena);
    enum pl_status status = pl_state_decode_piece(piece, field, pl_fake_map_get(map, field),
                                                  &fixture->arena, customer, &fixture->error);

    if (status != PL_OK) {
        fail_msg("%.*s: %s", TEXT(field), fixture->error.text);
    }
}

/* A customer with all its pieces. */
static inline void load_stored(struct fixture *fixture, const struct pl_fake_map *map,
                               struct pl_bytes customer_id, struct pl_customer *ret_customer)
{
    const struct pl_piece head = {.kind = PL_PIECE_HEAD};
    struct pl_bytes field = pl_state_field(&head, customer_id, &fixture->arena);

    pl_customer_init(ret_customer, customer_id);
    assert_int_equal(pl_state_decode_head(field, pl_fake_map_get(map, field), &fixture->arena,
                                          ret_customer, &fixture->error),
                     PL_OK);
    for (uint32_t segment = 0; segment < PL_ANSWERED_SEGMENTS; segment++) {
        const struct pl_piece piece = {.kind = PL_PIECE_ANSWERED, .segment = segment};

        if (!ret_customer->answered_is_loaded[segment]) {
            decode_stored(fixture, map, &piece, ret_customer);
        }
    }
    for (size_t i = 0; i < ret_customer->subscription_count; i++) {
        const struct pl_subscription *subscription = &ret_customer->subscriptions[i];

        for (size_t j = 0; j < subscription->chunk_count; j++) {
            const struct pl_chunk *chunk = &subscription->chunks[j];
            const struct pl_piece piece = {.kind = PL_PIECE_CHUNK,
                                           .ordinal = subscription->ordinal,
                                           .chunk_depth = chunk->depth,
                                           .chunk_start = chunk->start};

            if (!chunk->is_loaded) {
                decode_stored(fixture, map, &piece, ret_customer);
            }
        }
    }
}

/* Every customer of the state log as JSON, a line each, by partition and id. */
static inline const char *customers_text(struct fixture *fixture)
{
    struct pl_buffer text = {NULL, 0, 0};

    for (int32_t partition = 0; partition < PARTITIONS; partition++) {
        struct pl_fake_map map = {NULL, 0, 0};

        fold_state(fixture, partition, &map, NULL, NULL);
        for (size_t i = 0; i < map.count; i++) {
            struct pl_bytes key = map.pairs[i].key;
            struct pl_customer customer;

            if (key.data[0] == 'h') {
                struct pl_bytes id = {key.data + 2, key.len - 2};

                load_stored(fixture, &map, pl_arena_copy(&fixture->arena, id), &customer);
                pl_json_state_write(&customer, &fixture->arena, &text);
                pl_buffer_put_byte(&text, '\n');
            }
        }
        pl_fake_map_clear(&map);
    }
    return close_text(&text, fixture);
}

/* All that anybody can see of what was done, in one text. */
static inline const char *outcome_text(struct fixture *fixture)
{
    return pl_arena_format(&fixture->arena, "%s--\n%s--\n%s", results_text(fixture),
                           dead_letters_text(fixture), customers_text(fixture))
        .data;
}

/* ---- does it all fit together? --------------------------------------------------------------- */

static inline struct pl_checkpoint stored_checkpoint(struct fixture *fixture, int32_t partition)
{
    struct pl_checkpoint checkpoint = {.next_offset = -1};
    struct pl_bytes value = pl_fake_map_get(&fixture->world.hashes[partition], PL_PROGRESS_FIELD);

    if (pl_checkpoint_decode(value, &checkpoint, &fixture->error) != PL_OK) {
        fail_msg("checkpoint of partition %d: %s", (int)partition, fixture->error.text);
    }
    return checkpoint;
}

static inline struct pl_progress last_progress(struct fixture *fixture, int32_t partition,
                                               int64_t *ret_offset)
{
    struct pl_fake_map map = {NULL, 0, 0};
    struct pl_progress progress = {.pieces = -1};
    struct pl_bytes value = PL_NULL_BYTES;

    fold_state(fixture, partition, &map, &value, ret_offset);
    pl_fake_map_clear(&map);
    if (pl_progress_decode(value, &progress, &fixture->error) != PL_OK) {
        fail_msg("progress of partition %d: %s", (int)partition, fixture->error.text);
    }
    return progress;
}

/* The cache is the state log, whole, and the checkpoint says so (I1, I2, I3). */
static inline void assert_cache_is_current(struct fixture *fixture, int32_t partition)
{
    const struct pl_fake_log *log = pl_fake_log(&fixture->world.broker, PL_TOPIC_STATE, partition);
    struct pl_checkpoint checkpoint = stored_checkpoint(fixture, partition);
    struct pl_fake_map folded = {NULL, 0, 0};
    struct pl_fake_map hash = {NULL, 0, 0};
    int64_t offset = -1;
    struct pl_progress progress = last_progress(fixture, partition, &offset);

    fold_state(fixture, partition, &folded, NULL, NULL);
    pl_fake_map_copy(&fixture->world.hashes[partition], &hash);
    pl_fake_map_put(&hash, PL_PROGRESS_FIELD, PL_NULL_BYTES);
    assert_true(pl_fake_map_equal(&folded, &hash));
    assert_int_equal(progress.pieces, folded.count);
    pl_fake_map_clear(&folded);
    pl_fake_map_clear(&hash);

    assert_true(checkpoint.is_whole);
    assert_int_equal(checkpoint.next_offset, log->end);
    assert_int_equal(checkpoint.progress_offset, offset);
    assert_bytes(checkpoint.cluster_id, CLUSTER_ID);
    assert_bytes(checkpoint.progress.group_id, GROUP_ID);
    assert_int_equal(checkpoint.progress.pieces, progress.pieces);
    assert_memory_equal(checkpoint.progress.incarnation, progress.incarnation, 16);
    assert_memory_equal(checkpoint.progress.next, progress.next, sizeof(progress.next));
}

/* What was committed is what the state has taken in, and it never went back (I4). */
static inline void assert_offsets_agree(struct fixture *fixture, int32_t partition)
{
    int64_t unused;
    struct pl_progress progress = last_progress(fixture, partition, &unused);
    int64_t offsets[PL_INPUT_COUNT];

    assert_int_equal(pl_fake_group_offsets(&fixture->world.broker, partition, offsets), PL_OK);
    assert_memory_equal(offsets, progress.next, sizeof(offsets));
    assert_int_equal(fixture->world.broker.offsets_went_back, 0);
}

/* No request has two answers (contract 6); parts of one count as one. */
static inline void assert_answered_once(struct fixture *fixture, int32_t partition)
{
    const struct pl_fake_log *log =
        pl_fake_log(&fixture->world.broker, PL_TOPIC_RESULTS, partition);
    struct pl_fake_map seen = {NULL, 0, 0};
    const struct pl_fake_entry *entry = pl_fake_next(log, 0);

    for (; entry != NULL; entry = pl_fake_next(log, entry->offset + 1)) {
        struct pl_bytes source = header_of(entry, "planlift-source");
        struct pl_result_record record = decode_entry(fixture, entry);
        struct pl_bytes part =
            pl_arena_format(&fixture->arena, "%.*s part %d", TEXT(source), (int)record.part);

        assert_null(pl_fake_map_get(&seen, part).data);
        pl_fake_map_put(&seen, part, PL_BYTES_LITERAL("x"));
    }
    pl_fake_map_clear(&seen);
}

static inline void assert_settled(struct fixture *fixture)
{
    for (int32_t partition = 0; partition < PARTITIONS; partition++) {
        assert_cache_is_current(fixture, partition);
        assert_offsets_agree(fixture, partition);
        assert_answered_once(fixture, partition);
    }
    assert_false(fixture->process.is_over_call_limit);
}

#endif
