/* The pipeline's ports, watched. What a call says of Kafka and Redis:
 *
 *   PL_AGAIN   it cannot be reached, or not be used
 *   PL_OK      it can again, if the same call said the opposite before; that another one works says
 *              little (a full Redis is read from, but not written to)
 *
 * Once every partition is restored both have done all that is asked of them. While there is nothing
 * to do nobody would notice that one is away, so we look from time to time. */
#include "cli/run/watched.h"

#include <string.h>

#define OWN_WORK "own work"
#define LOOK_EVERY_MS 2000
#define CATCH_UP_STEP 256 /* records of the state log between two notes of how much is left */

static const char assigned_anew[] = "the group is giving out the partitions anew";
static const char being_restored[] = "the state of our partitions is being restored";

/* ---- what calls say -------------------------------------------------------------------------- */

static void meet(struct pl_watched *watched, enum pl_condition condition)
{
    watched->failed[condition] = NULL;
    pl_health_set(watched->health, condition, true, NULL);
}

/* After a call of `condition`'s server; returns status. */
static enum pl_status judge(struct pl_watched *watched, enum pl_condition condition,
                            const char *stage, enum pl_status status, const struct pl_error *error)
{
    const char *failed = watched->failed[condition];

    pl_health_beat(watched->health, OWN_WORK);
    if (status == PL_AGAIN) {
        watched->failed[condition] = stage;
        pl_health_set(watched->health, condition, false, error == NULL ? "no answer" : error->text);
    } else if (status == PL_OK && (failed == NULL || strcmp(failed, stage) == 0)) {
        meet(watched, condition); /* the watchdog may have said that it is not */
    } else if (status == PL_FATAL) {
        watched->fatal = pl_condition_name(condition);
    }
    return status;
}

static enum pl_status judge_kafka(struct pl_watched *watched, const char *stage,
                                  enum pl_status status, const struct pl_error *error)
{
    return judge(watched, PL_CONDITION_KAFKA, stage, status, error);
}

static enum pl_status judge_redis(struct pl_watched *watched, const char *stage,
                                  enum pl_status status, const struct pl_error *error)
{
    return judge(watched, PL_CONDITION_REDIS, stage, status, error);
}

static void set_restored(struct pl_watched *watched, bool is_restored)
{
    watched->is_restored = is_restored;
    pl_health_set(watched->health, PL_CONDITION_RESTORED, is_restored, being_restored);
    if (is_restored) {
        meet(watched, PL_CONDITION_KAFKA);
        meet(watched, PL_CONDITION_REDIS);
    }
}

/* ---- feed ------------------------------------------------------------------------------------ */

static void look_at_redis(struct pl_watched *watched)
{
    static const char stage[] = "looking at Redis";
    struct pl_error error = {""};
    enum pl_status status;

    if (watched->check_redis == NULL) {
        return;
    }
    pl_health_beat(watched->health, stage);
    status = watched->check_redis(watched->redis, &error);
    /* One that has come to evict would stop a start; here it is told. PL_NOT_FOUND: it answers, if
     * not to that question. */
    status = status == PL_OK || status == PL_NOT_FOUND ? PL_OK : PL_AGAIN;
    (void)judge_redis(watched, stage, status, &error);
}

static void look_at_kafka(struct pl_watched *watched)
{
    static const char stage[] = "looking at Kafka";
    struct pl_error error = {""};
    int64_t first;
    int64_t end;
    enum pl_status status;

    pl_health_beat(watched->health, stage);
    status = watched->feed.ops->log_range(watched->feed.self, PL_TOPIC_REQUESTS, 0, &first, &end,
                                          &error);
    (void)judge_kafka(watched, stage, status == PL_OK ? PL_OK : PL_AGAIN, &error);
}

/* In the loop's thread, which alone may replace the consumer that is asked. */
static void note_end(struct pl_watched *watched, int32_t partition)
{
    for (int input = 0; watched->input_end != NULL && input < PL_INPUT_COUNT; input++) {
        pl_metrics_set_end(watched->metrics, partition, input,
                           watched->input_end(watched->kafka, input, partition));
    }
}

/* Nothing came. Before all is restored the pipeline itself talks with both. */
static void look_around(struct pl_watched *watched)
{
    int64_t now = watched->world.ops->monotonic_ms(watched->world.self);

    if (watched->is_restored && now - watched->looked_ms >= LOOK_EVERY_MS) {
        look_at_redis(watched);
        look_at_kafka(watched);
        for (int32_t partition = 0; partition < watched->partition_count; partition++) {
            note_end(watched, partition);
        }
        watched->looked_ms = watched->world.ops->monotonic_ms(watched->world.self);
    }
}

static void note_share(struct pl_watched *watched, bool is_assigned, size_t count)
{
    watched->owned_count = count;
    watched->started_count = 0;
    pl_health_set(watched->health, PL_CONDITION_ASSIGNED, is_assigned, assigned_anew);
    set_restored(watched, is_assigned && count == 0);
}

static enum pl_status poll(void *self, int timeout_ms, struct pl_feed_event *ret_event,
                           struct pl_error *error)
{
    static const char stage[] = "polling the consumer group";
    struct pl_watched *watched = self;
    enum pl_status status;

    pl_health_beat(watched->health, stage);
    status = watched->feed.ops->poll(watched->feed.self, timeout_ms, ret_event, error);
    (void)judge_kafka(watched, stage, status, error);
    if (status != PL_OK) {
        return status;
    }
    switch (ret_event->kind) {
    case PL_FEED_IDLE:
        look_around(watched);
        break;
    case PL_FEED_RECORD:
        break;
    case PL_FEED_ASSIGNED:
        note_share(watched, true, ret_event->partition_count);
        pl_metrics_set_share(watched->metrics, ret_event->partitions, ret_event->partition_count);
        break;
    case PL_FEED_REVOKED:
        note_share(watched, false, 0);
        pl_metrics_set_share(watched->metrics, NULL, 0);
        break;
    }
    return PL_OK;
}

static void release(void *self, struct pl_record *record)
{
    struct pl_watched *watched = self;

    watched->feed.ops->release(watched->feed.self, record);
}

static enum pl_status headers(void *self, const struct pl_record *record, struct pl_arena *arena,
                              const struct pl_header **ret_headers, size_t *ret_count)
{
    struct pl_watched *watched = self;

    return watched->feed.ops->headers(watched->feed.self, record, arena, ret_headers, ret_count);
}

static enum pl_status committed(void *self, const int32_t *partitions, size_t count,
                                int64_t (*ret_offsets)[PL_INPUT_COUNT], struct pl_error *error)
{
    static const char stage[] = "asking for the group's offsets";
    struct pl_watched *watched = self;
    enum pl_status status;

    pl_health_beat(watched->health, stage);
    status =
        watched->feed.ops->committed(watched->feed.self, partitions, count, ret_offsets, error);
    return judge_kafka(watched, stage, status, error);
}

static enum pl_status log_range(void *self, enum pl_topic input, int32_t partition,
                                int64_t *ret_first, int64_t *ret_end, struct pl_error *error)
{
    static const char stage[] = "asking for an input's range";
    struct pl_watched *watched = self;
    enum pl_status status;

    pl_health_beat(watched->health, stage);
    status = watched->feed.ops->log_range(watched->feed.self, input, partition, ret_first, ret_end,
                                          error);
    return judge_kafka(watched, stage, status, error);
}

static enum pl_status start(void *self, int32_t partition, const int64_t offsets[PL_INPUT_COUNT],
                            struct pl_error *error)
{
    struct pl_watched *watched = self;
    enum pl_status status = watched->feed.ops->start(watched->feed.self, partition, offsets, error);

    if (status != PL_OK) {
        return status;
    }
    pl_metrics_start(watched->metrics, partition, offsets);
    if (++watched->started_count == watched->owned_count) {
        set_restored(watched, true);
    }
    return PL_OK;
}

static enum pl_status stop(void *self, struct pl_error *error)
{
    struct pl_watched *watched = self;

    watched->started_count = 0;
    set_restored(watched, false);
    pl_metrics_stop(watched->metrics);
    return watched->feed.ops->stop(watched->feed.self, error);
}

static int32_t partition_of(void *self, struct pl_bytes key)
{
    struct pl_watched *watched = self;

    return watched->feed.ops->partition_of(watched->feed.self, key);
}

static enum pl_status drained(void *self, bool *ret_drained, struct pl_error *error)
{
    static const char stage[] = "asking whether all is drained";
    struct pl_watched *watched = self;
    enum pl_status status;

    pl_health_beat(watched->health, stage);
    status = watched->feed.ops->drained(watched->feed.self, ret_drained, error);
    return judge_kafka(watched, stage, status, error);
}

struct pl_feed pl_watched_feed(struct pl_watched *watched)
{
    static const struct pl_feed_ops ops = {.poll = poll,
                                           .release = release,
                                           .headers = headers,
                                           .committed = committed,
                                           .log_range = log_range,
                                           .start = start,
                                           .stop = stop,
                                           .partition_of = partition_of,
                                           .drained = drained};

    return (struct pl_feed){&ops, watched};
}

/* ---- transaction ----------------------------------------------------------------------------- */

static enum pl_status renew(void *self, struct pl_error *error)
{
    static const char stage[] = "renewing the producer";
    struct pl_watched *watched = self;

    pl_health_beat(watched->health, stage);
    return judge_kafka(watched, stage, watched->txn.ops->renew(watched->txn.self, error), error);
}

static bool has_lost_contact(void *self)
{
    struct pl_watched *watched = self;

    return watched->txn.ops->has_lost_contact(watched->txn.self);
}

static enum pl_status unended(void *self, bool *ret_hangs, bool *ret_any, struct pl_error *error)
{
    static const char stage[] = "asking whether a transaction hangs";
    struct pl_watched *watched = self;
    enum pl_status status;

    pl_health_beat(watched->health, stage);
    status = watched->txn.ops->unended(watched->txn.self, ret_hangs, ret_any, error);
    return judge_kafka(watched, stage, status, error);
}

static enum pl_status settle(void *self, const struct pl_position *positions, size_t count,
                             struct pl_error *error)
{
    static const char stage[] = "settling a hanging transaction";
    struct pl_watched *watched = self;
    enum pl_status status;

    pl_health_beat(watched->health, stage);
    status = watched->txn.ops->settle(watched->txn.self, positions, count, error);
    return judge_kafka(watched, stage, status, error);
}

static enum pl_status begin(void *self, struct pl_error *error)
{
    static const char stage[] = "beginning a transaction";
    struct pl_watched *watched = self;

    pl_health_beat(watched->health, stage);
    return judge_kafka(watched, stage, watched->txn.ops->begin(watched->txn.self, error), error);
}

static enum pl_status produce(void *self, const struct pl_message *message, struct pl_error *error)
{
    static const char stage[] = "producing";
    struct pl_watched *watched = self;

    pl_health_beat(watched->health, stage);
    return judge_kafka(watched, stage, watched->txn.ops->produce(watched->txn.self, message, error),
                       error);
}

static enum pl_status flush(void *self, struct pl_error *error)
{
    static const char stage[] = "waiting for delivery reports";
    struct pl_watched *watched = self;
    int64_t then = pl_metrics_clock(watched->metrics);
    enum pl_status status;

    pl_health_beat(watched->health, stage);
    status = watched->txn.ops->flush(watched->txn.self, error);
    (void)pl_metrics_lap(watched->metrics, PL_STAGE_FLUSH, then);
    return judge_kafka(watched, stage, status, error);
}

static enum pl_status state_offsets(void *self, int32_t partition, int64_t *ret_first,
                                    int64_t *ret_last, struct pl_error *error)
{
    struct pl_watched *watched = self;

    return watched->txn.ops->state_offsets(watched->txn.self, partition, ret_first, ret_last,
                                           error);
}

static enum pl_status commit(void *self, const struct pl_position *positions, size_t count,
                             struct pl_error *error)
{
    static const char stage[] = "committing a transaction";
    struct pl_watched *watched = self;
    int64_t then = pl_metrics_clock(watched->metrics);
    enum pl_status status;

    pl_health_beat(watched->health, stage);
    status = watched->txn.ops->commit(watched->txn.self, positions, count, error);
    (void)pl_metrics_lap(watched->metrics, PL_STAGE_COMMIT, then);
    if (status == PL_OK) {
        pl_metrics_commit(watched->metrics, positions, count);
    }
    return judge_kafka(watched, stage, status, error);
}

static enum pl_status abort_transaction(void *self, struct pl_error *error)
{
    static const char stage[] = "aborting a transaction";
    struct pl_watched *watched = self;

    pl_metrics_add_failed_transaction(watched->metrics);
    pl_health_beat(watched->health, stage);
    return judge_kafka(watched, stage, watched->txn.ops->abort(watched->txn.self, error), error);
}

static size_t message_limit(void *self, enum pl_topic topic)
{
    struct pl_watched *watched = self;

    return watched->txn.ops->message_limit(watched->txn.self, topic);
}

static int32_t partition_count(void *self, enum pl_topic topic)
{
    struct pl_watched *watched = self;

    return watched->txn.ops->partition_count(watched->txn.self, topic);
}

struct pl_txn pl_watched_txn(struct pl_watched *watched)
{
    static const struct pl_txn_ops ops = {.renew = renew,
                                          .has_lost_contact = has_lost_contact,
                                          .unended = unended,
                                          .settle = settle,
                                          .begin = begin,
                                          .produce = produce,
                                          .flush = flush,
                                          .state_offsets = state_offsets,
                                          .commit = commit,
                                          .abort = abort_transaction,
                                          .message_limit = message_limit,
                                          .partition_count = partition_count};

    return (struct pl_txn){&ops, watched};
}

/* ---- state log ------------------------------------------------------------------------------- */

static enum pl_status range(void *self, int32_t partition, int64_t *ret_first, int64_t *ret_end,
                            struct pl_error *error)
{
    static const char stage[] = "asking for the state topic's range";
    struct pl_watched *watched = self;
    enum pl_status status;

    pl_health_beat(watched->health, stage);
    status = watched->state_log.ops->range(watched->state_log.self, partition, ret_first, ret_end,
                                           error);
    if (status == PL_OK) {
        watched->state_first = *ret_first;
        watched->state_end = *ret_end;
    }
    return judge_kafka(watched, stage, status, error);
}

static enum pl_status stable_end(void *self, int32_t partition, int64_t *ret_end,
                                 struct pl_error *error)
{
    static const char stage[] = "asking for the state topic's stable end";
    struct pl_watched *watched = self;
    enum pl_status status;

    pl_health_beat(watched->health, stage);
    status = watched->state_log.ops->stable_end(watched->state_log.self, partition, ret_end, error);
    return judge_kafka(watched, stage, status, error);
}

static enum pl_status open_log(void *self, int32_t partition, int64_t from, struct pl_error *error)
{
    static const char stage[] = "opening the state topic";
    struct pl_watched *watched = self;
    enum pl_status status;

    pl_health_beat(watched->health, stage);
    status = watched->state_log.ops->open(watched->state_log.self, partition, from, error);
    return judge_kafka(watched, stage, status, error);
}

/* How much of the state log is still to be read, every few records. */
static void note_catch_up(struct pl_watched *watched, const struct pl_state_event *event)
{
    int64_t left = watched->state_end - event->offset;

    if (event->kind == PL_STATE_END || left % CATCH_UP_STEP == 0) {
        pl_metrics_set_catch_up(watched->metrics, event->partition,
                                event->kind == PL_STATE_END || left < 0 ? 0 : left);
    }
}

static enum pl_status read_log(void *self, int timeout_ms, struct pl_state_event *ret_event,
                               struct pl_error *error)
{
    static const char stage[] = "reading the state topic";
    struct pl_watched *watched = self;
    enum pl_status status;

    pl_health_beat(watched->health, stage);
    status = watched->state_log.ops->read(watched->state_log.self, timeout_ms, ret_event, error);
    if (status == PL_OK && ret_event->kind != PL_STATE_IDLE) {
        note_catch_up(watched, ret_event);
    }
    return judge_kafka(watched, stage, status, error);
}

static void close_log(void *self)
{
    struct pl_watched *watched = self;

    pl_health_beat(watched->health, "closing the state topic");
    watched->state_log.ops->close(watched->state_log.self);
    pl_health_beat(watched->health, OWN_WORK);
}

struct pl_state_log pl_watched_state_log(struct pl_watched *watched)
{
    static const struct pl_state_log_ops ops = {.range = range,
                                                .stable_end = stable_end,
                                                .open = open_log,
                                                .read = read_log,
                                                .close = close_log};

    return (struct pl_state_log){&ops, watched};
}

/* ---- cache ----------------------------------------------------------------------------------- */

static enum pl_status read_cache(void *self, struct pl_cache_read *reads, size_t count,
                                 struct pl_arena *arena, struct pl_error *error)
{
    static const char stage[] = "reading from Redis";
    struct pl_watched *watched = self;
    int64_t then = pl_metrics_clock(watched->metrics);
    enum pl_status status;

    pl_health_beat(watched->health, stage);
    status = watched->cache.ops->read(watched->cache.self, reads, count, arena, error);
    (void)pl_metrics_lap(watched->metrics, PL_STAGE_CACHE_READ, then);
    return judge_redis(watched, stage, status, error);
}

static enum pl_status update_cache(void *self, struct pl_cache_update *updates, size_t count,
                                   struct pl_error *error)
{
    static const char stage[] = "writing to Redis";
    struct pl_watched *watched = self;
    int64_t then = pl_metrics_clock(watched->metrics);
    enum pl_status status;

    pl_health_beat(watched->health, stage);
    status = watched->cache.ops->update(watched->cache.self, updates, count, error);
    (void)pl_metrics_lap(watched->metrics, PL_STAGE_CACHE_WRITE, then);
    for (size_t i = 0; i < count; i++) {
        note_end(watched, updates[i].partition);
    }
    return judge_redis(watched, stage, status, error);
}

static enum pl_status drop_cache(void *self, int32_t partition, struct pl_bytes expected,
                                 struct pl_error *error)
{
    static const char stage[] = "dropping a partition from Redis";
    struct pl_watched *watched = self;
    enum pl_status status;

    pl_health_beat(watched->health, stage);
    status = watched->cache.ops->drop(watched->cache.self, partition, expected, error);
    if (status == PL_OK && watched->state_end > watched->state_first) { /* there is something */
        pl_metrics_add_rebuild(watched->metrics);
    }
    return judge_redis(watched, stage, status, error);
}

struct pl_cache pl_watched_cache(struct pl_watched *watched)
{
    static const struct pl_cache_ops ops = {
        .read = read_cache, .update = update_cache, .drop = drop_cache};

    return (struct pl_cache){&ops, watched};
}

/* ---- world ----------------------------------------------------------------------------------- */

static int64_t now_ms(void *self)
{
    struct pl_watched *watched = self;

    return watched->world.ops->now_ms(watched->world.self);
}

static int64_t monotonic_ms(void *self)
{
    struct pl_watched *watched = self;

    return watched->world.ops->monotonic_ms(watched->world.self);
}

static void random_id(void *self, unsigned char ret_id[16])
{
    struct pl_watched *watched = self;

    watched->world.ops->random_id(watched->world.self, ret_id);
}

static void wait_ms(void *self, int ms)
{
    struct pl_watched *watched = self;

    watched->world.ops->wait_ms(watched->world.self, ms);
}

static bool should_stop(void *self)
{
    struct pl_watched *watched = self;

    return watched->world.ops->should_stop(watched->world.self);
}

static void launch(void *self, void (*job)(void *arg), void *arg)
{
    struct pl_watched *watched = self;

    watched->world.ops->launch(watched->world.self, job, arg);
}

/* The calls of the helper's thread are beats as well; ours is told of where none come. */
static bool await(void *self, int timeout_ms)
{
    struct pl_watched *watched = self;
    bool has_ended;

    if (timeout_ms == 0) {
        return watched->world.ops->await(watched->world.self, timeout_ms);
    }
    pl_health_beat(watched->health, "sending and committing a batch");
    has_ended = watched->world.ops->await(watched->world.self, timeout_ms);
    pl_health_beat(watched->health, OWN_WORK);
    return has_ended;
}

struct pl_world pl_watched_world(struct pl_watched *watched)
{
    static const struct pl_world_ops ops = {.now_ms = now_ms,
                                            .monotonic_ms = monotonic_ms,
                                            .random_id = random_id,
                                            .wait_ms = wait_ms,
                                            .should_stop = should_stop,
                                            .launch = launch,
                                            .await = await};

    return (struct pl_world){&ops, watched};
}
