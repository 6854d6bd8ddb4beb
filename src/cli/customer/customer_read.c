/* A customer's pieces: what Redis holds of them as of its checkpoint, and over that what the state
 * topic says from there on; or all of it from the state topic. */
#include "cli/customer/customer_read.h"

#include "cli/field_map.h"
#include "cli/state_scan.h"

/* The checkpoint of a partition in use is younger than this, and no tombstone behind it is gone. */
#define CHECKPOINT_MAX_AGE_MS 600000

struct reading {
    struct pl_session *session;
    struct pl_bytes customer_id;
    struct pl_customer_view *view;
    struct pl_field_map fields; /* of the customer */
    struct pl_state_scan scan;
    int64_t from; /* records at or after it count; below it Redis has spoken */
};

static enum pl_status find_until(const struct reading *reading, struct pl_error *error)
{
    int64_t unused;

    return pl_kafka_scan_range(reading->session->scan, PL_TOPIC_STATE, reading->view->partition,
                               &unused, &reading->view->until, error);
}

/* ---- from Redis ------------------------------------------------------------------------------ */

/* Read fields; *ret_checkpoint is that of the same moment. Errors: PL_AGAIN. */
static enum pl_status read_cache(const struct reading *reading, struct pl_cache_field *fields,
                                 size_t count, struct pl_bytes *ret_checkpoint,
                                 struct pl_error *error)
{
    struct pl_session *session = reading->session;
    struct pl_cache cache = pl_redis_port(session->redis);
    struct pl_cache_read read = {
        .partition = reading->view->partition, .fields = fields, .field_count = count};
    enum pl_status status = cache.ops->read(cache.self, &read, 1, &session->arena, error);

    if (status == PL_OK) {
        *ret_checkpoint = read.checkpoint;
    }
    return status;
}

/* Add the pieces of the licences; those of answered requests are not shown. */
static void list_chunks(const struct pl_customer *customer, struct pl_pieces *pieces,
                        struct pl_arena *arena)
{
    for (size_t i = 0; i < customer->subscription_count; i++) {
        const struct pl_subscription *subscription = &customer->subscriptions[i];

        for (size_t j = 0; j < subscription->chunk_count; j++) {
            const struct pl_chunk *chunk = &subscription->chunks[j];

            if (!chunk->is_loaded) {
                pl_pieces_add(pieces,
                              (struct pl_piece){.kind = PL_PIECE_CHUNK,
                                                .ordinal = subscription->ordinal,
                                                .chunk_depth = chunk->depth,
                                                .chunk_start = chunk->start},
                              arena);
            }
        }
    }
}

static void keep(struct reading *reading, const struct pl_cache_field *field)
{
    if (!pl_bytes_is_null(field->value)) {
        pl_map_field_keep(pl_field_map_get(&reading->fields, field->field), field->value);
    }
}

/* The chunks that the head tells of. They may be newer than the head's checkpoint: then the log
 * tells of them behind it as well. */
static enum pl_status read_cached_chunks(struct reading *reading, const struct pl_cache_field *head,
                                         struct pl_error *error)
{
    struct pl_arena *arena = &reading->session->arena;
    struct pl_pieces pieces = {NULL, 0, 0};
    struct pl_customer customer;
    struct pl_cache_field *fields;
    struct pl_bytes unused;
    enum pl_status status;

    pl_customer_init(&customer, reading->customer_id);
    status = pl_state_decode_head(head->field, head->value, arena, &customer, error);
    if (status != PL_OK) {
        return status;
    }
    list_chunks(&customer, &pieces, arena);
    fields = pl_arena_zalloc(arena, pieces.count, sizeof(*fields));
    for (size_t i = 0; i < pieces.count; i++) {
        fields[i].field = pl_state_field(&pieces.items[i], reading->customer_id, arena);
    }
    if (pieces.count > 0) {
        status = read_cache(reading, fields, pieces.count, &unused, error);
    }
    for (size_t i = 0; status == PL_OK && i < pieces.count; i++) {
        keep(reading, &fields[i]);
    }
    return status;
}

/* Whether the log can be read on from where the checkpoint says: its progress record will have to
 * be found there. */
static enum pl_status take_checkpoint(struct reading *reading, struct pl_bytes sealed,
                                      struct pl_error *error)
{
    const struct pl_world *world = &reading->session->world;
    struct pl_checkpoint checkpoint;
    enum pl_status status;

    if (pl_bytes_is_null(sealed)) {
        return pl_fail(error, PL_ABORT, "it holds nothing of the partition");
    }
    status = pl_checkpoint_decode(sealed, &checkpoint, error);
    if (status != PL_OK) {
        return status;
    }
    /* The log may lack the marker of a transaction that was acknowledged a moment ago. */
    if (checkpoint.progress_offset < 0 || checkpoint.next_offset > reading->view->until + 1 ||
        (checkpoint.next_offset < reading->view->until &&
         world->ops->now_ms(world->self) - checkpoint.written_ms > CHECKPOINT_MAX_AGE_MS)) {
        return pl_fail(error, PL_ABORT, "its checkpoint does not fit the state topic");
    }
    reading->from = checkpoint.next_offset;
    reading->scan.progress = checkpoint.progress;
    reading->scan.has_incarnation = true;
    reading->view->is_cached = true;
    /* For the reading to begin with it. */
    reading->scan.progress_offset = checkpoint.progress_offset < checkpoint.next_offset
                                        ? checkpoint.progress_offset
                                        : checkpoint.next_offset;
    return PL_OK;
}

static enum pl_status begin_with_cache(struct reading *reading, struct pl_error *error)
{
    static const struct pl_piece head_piece = {.kind = PL_PIECE_HEAD};
    struct pl_cache_field head = {
        .field = pl_state_field(&head_piece, reading->customer_id, &reading->session->arena)};
    struct pl_bytes checkpoint = PL_NULL_BYTES;
    enum pl_status status = pl_session_redis(reading->session, error);

    if (status == PL_OK) {
        status = read_cache(reading, &head, 1, &checkpoint, error);
    }
    if (status == PL_OK && !pl_bytes_is_null(head.value)) {
        keep(reading, &head);
        status = read_cached_chunks(reading, &head, error);
    }
    if (status == PL_OK) {
        status = find_until(reading, error); /* now: a checkpoint must lie before it */
    }
    return status == PL_OK ? take_checkpoint(reading, checkpoint, error) : status;
}

/* ---- from the state topic -------------------------------------------------------------------- */

/* "h/<customerId>", "l0.0.0/<customerId>": what stands before the slash has none in it. */
static bool is_of(struct pl_bytes field, struct pl_bytes customer_id)
{
    const char *slash = field.len == 0 ? NULL : memchr(field.data, '/', field.len);
    struct pl_bytes id;

    if (slash == NULL) {
        return false;
    }
    id = (struct pl_bytes){slash + 1, field.len - (size_t)(slash + 1 - field.data)};
    return pl_bytes_equal(id, customer_id);
}

static enum pl_status take_piece(void *self, int64_t offset, struct pl_bytes field,
                                 struct pl_bytes value, struct pl_error *error)
{
    struct reading *reading = self;

    (void)error;
    if (offset >= reading->from && is_of(field, reading->customer_id)) {
        pl_map_field_keep(pl_field_map_get(&reading->fields, field), value);
    }
    return PL_OK;
}

/* PL_ABORT: what Redis had is of no use. */
static enum pl_status read_log(struct reading *reading, struct pl_error *error)
{
    int64_t from = PL_STATE_FROM_FIRST;
    enum pl_status status;

    if (reading->view->is_cached) {
        from = reading->scan.progress_offset;
        reading->scan.progress_offset = -1;
    }
    status = pl_state_scan_read(&reading->scan, from, reading->view->until, error);
    if (status == PL_OK && reading->view->is_cached && reading->scan.progress_offset < 0) {
        return pl_fail(error, PL_ABORT, "its checkpoint is of another log");
    }
    return status;
}

/* ---- from pieces to the customer ------------------------------------------------------------- */

static struct pl_bytes value_of(const struct pl_field_map *fields, struct pl_bytes name)
{
    const struct pl_map_field *field = pl_field_map_find(fields, name);

    return field == NULL || !field->is_live ? PL_NULL_BYTES : pl_buffer_since(&field->value, 0);
}

/* A customer that outlives the fields. PL_BAD_DATA: they do not fit together. */
static enum pl_status put_together(struct reading *reading, struct pl_error *error)
{
    static const struct pl_piece head_piece = {.kind = PL_PIECE_HEAD};
    struct pl_arena *arena = &reading->session->arena;
    struct pl_customer *customer = &reading->view->customer;
    struct pl_bytes name = pl_state_field(&head_piece, reading->customer_id, arena);
    struct pl_bytes value = pl_arena_copy(arena, value_of(&reading->fields, name));
    struct pl_pieces pieces = {NULL, 0, 0};
    enum pl_status status;

    pl_customer_init(customer, reading->customer_id);
    status = pl_state_decode_head(name, value, arena, customer, error);
    if (status != PL_OK) {
        return status;
    }
    reading->view->is_known = customer->is_stored;
    list_chunks(customer, &pieces, arena);
    for (size_t i = 0; status == PL_OK && i < pieces.count; i++) {
        name = pl_state_field(&pieces.items[i], reading->customer_id, arena);
        value = pl_arena_copy(arena, value_of(&reading->fields, name));
        status = pl_state_decode_piece(&pieces.items[i], name, value, arena, customer, error);
    }
    return status;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static enum pl_status read_with(struct reading *reading, bool use_cache, struct pl_error *error)
{
    enum pl_status status;

    reading->from = 0;
    reading->view->is_cached = false;
    reading->fields = (struct pl_field_map){.arena = &reading->session->arena};
    reading->scan = (struct pl_state_scan){.session = reading->session,
                                           .partition = reading->view->partition,
                                           .progress_offset = -1,
                                           .take = take_piece,
                                           .self = reading};
    status = use_cache ? begin_with_cache(reading, error) : find_until(reading, error);
    if (status == PL_OK) {
        status = read_log(reading, error);
    }
    if (status == PL_OK) {
        status = put_together(reading, error);
    }
    pl_field_map_done(&reading->fields);
    return status;
}

static enum pl_status find_behind(const struct reading *reading, struct pl_error *error)
{
    struct pl_customer_view *view = reading->view;
    enum pl_status status = PL_OK;

    for (int input = 0; status == PL_OK && input < PL_INPUT_COUNT; input++) {
        int64_t next = reading->scan.progress_offset < 0 ? 0 : reading->scan.progress.next[input];
        int64_t first;
        int64_t end;

        status = pl_kafka_scan_range(reading->session->scan, (enum pl_topic)input, view->partition,
                                     &first, &end, error);
        if (status == PL_OK) {
            next = next < first ? first : next;
            view->behind[input] = end > next ? end - next : 0;
        }
    }
    return status;
}

enum pl_status pl_customer_read(struct pl_session *session, struct pl_bytes customer_id,
                                int32_t partition, bool use_cache,
                                struct pl_customer_view *ret_view, struct pl_error *error)
{
    struct reading reading = {.session = session, .customer_id = customer_id, .view = ret_view};
    enum pl_status status = PL_ABORT;

    *ret_view = (struct pl_customer_view){.partition = partition};
    if (use_cache) {
        status = read_with(&reading, true, error);
        if (status != PL_OK) {
            pl_session_note(session, "Redis is passed over: %s", error->text);
        }
    }
    if (status != PL_OK) {
        status = read_with(&reading, false, error);
    }
    if (status == PL_OK) {
        status = find_behind(&reading, error);
    }
    return status == PL_BAD_DATA || status == PL_ABORT ? PL_FATAL : status;
}
