/* recover: after partitions were assigned, or after anything went wrong. Order matters (I8): stable
 * group offsets first, then the end of the state log as read_uncommitted sees it, then the state
 * log read_committed up to there; so that nothing that a group offset promises is missing. */
#include <inttypes.h>

#include "flow.h"
#include "planlift/log.h"

#define READ_WAIT_MS 100
#define STALL_MS 30000                /* a state log that says nothing for so long is away */
#define SLICE_BYTES ((size_t)1 << 20) /* written to the cache at once */
#define SERVE_EVERY_RECORDS 2000
#define SHORT_TRIES 3 /* rebuilds in a row that find records missing: then the topic lacks them */
#define REPORT_EVERY_MS 5000

/* Bringing one partition's cache up to the end of its state log. */
struct restore {
    struct pl_run *run;
    struct pl_partition *partition;
    int64_t first, end; /* of the state log */
    int64_t from;       /* records at or after it go into the cache */
    bool is_rebuild;    /* from nothing */
    bool is_last_try;   /* what does not fit now never will */
    bool has_progress;  /* a progress record of the log itself was seen */
    int64_t loose;      /* offset of the first record behind the last progress record; -1: none */
    struct pl_cache_write *writes;
    size_t write_count, write_capacity, write_bytes;
    int64_t records;
    int64_t started_ms, reported_ms;
};

static int64_t monotonic_ms(const struct pl_run *run)
{
    return run->options->world.ops->monotonic_ms(run->options->world.self);
}

/* ---- where to start -------------------------------------------------------------------------- */

static void set_checkpoint(struct pl_partition *partition, struct pl_bytes sealed)
{
    partition->checkpoint.len = 0;
    pl_buffer_put(&partition->checkpoint, sealed.data, sealed.len);
}

/* Strings of what was read do not outlive it; ours stand for them. */
static void set_progress(struct restore *restore, const struct pl_progress *progress)
{
    const struct pl_pipeline_options *options = restore->run->options;

    restore->partition->progress = *progress;
    restore->partition->progress.group_id = options->group_id;
    restore->partition->progress.catalogue_version = pl_catalogue_version(options->catalogue);
}

const char *pl_checkpoint_fault(const struct pl_pipeline_options *options,
                                const struct pl_checkpoint *checkpoint, int64_t first, int64_t end)
{
    int64_t age = options->world.ops->now_ms(options->world.self) - checkpoint->written_ms;

    if (!pl_bytes_equal(checkpoint->cluster_id, options->cluster_id) ||
        !pl_bytes_equal(checkpoint->progress.group_id, options->group_id)) {
        return "it is of another cluster or group";
    }
    if (checkpoint->next_offset > end) {
        return "it is ahead of the state log";
    }
    if (checkpoint->next_offset < first || checkpoint->progress_offset < 0) {
        return "the state log no longer reaches back to it";
    }
    if (age > options->state_delete_retention_ms / 2) { /* tombstones may be gone (A10) */
        return "it is too old";
    }
    return NULL;
}

static enum pl_status start_from_nothing(struct restore *restore, struct pl_error *error)
{
    const struct pl_cache *cache = &restore->run->options->cache;
    struct pl_partition *partition = restore->partition;
    enum pl_status status =
        cache->ops->drop(cache->self, partition->number, pl_partition_checkpoint(partition), error);

    restore->is_rebuild = true;
    restore->from = restore->first;
    partition->checkpoint.len = 0;
    partition->progress_offset = -1;
    partition->progress = (struct pl_progress){.pieces = 0};
    return status;
}

/* What the cache holds now: its checkpoint if it can be gone on from, else it is dropped. */
static enum pl_status find_start(struct restore *restore, struct pl_error *error)
{
    const struct pl_cache *cache = &restore->run->options->cache;
    struct pl_cache_read read = {.partition = restore->partition->number};
    struct pl_checkpoint checkpoint;
    const char *fault = "it is empty";
    enum pl_status status = cache->ops->read(cache->self, &read, 1, &restore->run->arena, error);

    if (status != PL_OK) {
        return status;
    }
    set_checkpoint(restore->partition, read.checkpoint);
    if (!pl_bytes_is_null(read.checkpoint)) {
        status = pl_checkpoint_decode(read.checkpoint, &checkpoint, error);
        if (status == PL_FATAL) {
            return status;
        }
        fault = status == PL_OK ? pl_checkpoint_fault(restore->run->options, &checkpoint,
                                                      restore->first, restore->end)
                                : "it is damaged";
    }
    if (fault != NULL) {
        if (restore->end > restore->first) {
            pl_log(WARN, "cache_rebuild", PL_F_INT("partition", restore->partition->number),
                   PL_F_TEXT("reason", fault));
        }
        return start_from_nothing(restore, error);
    }
    set_progress(restore, &checkpoint.progress);
    restore->partition->progress_offset = checkpoint.progress_offset;
    restore->partition->next_offset = checkpoint.next_offset;
    restore->from = checkpoint.next_offset;
    restore->is_rebuild = false;
    return PL_OK;
}

/* ---- records --------------------------------------------------------------------------------- */

static enum pl_status changed_meanwhile(const struct restore *restore, struct pl_error *error)
{
    return pl_fail(error, PL_ABORT,
                   "the cache of partition %" PRId32 " was changed by somebody else during the "
                   "restore",
                   restore->partition->number);
}

/* Write what has gathered, and make next_offset the place that the cache now stands for. */
static enum pl_status write_slice(struct restore *restore, int64_t next_offset, bool is_whole,
                                  struct pl_error *error)
{
    const struct pl_cache *cache = &restore->run->options->cache;
    struct pl_buffer sealed = {NULL, 0, 0};
    struct pl_cache_update update = {.partition = restore->partition->number,
                                     .expected = pl_partition_checkpoint(restore->partition),
                                     .writes = restore->writes,
                                     .write_count = restore->write_count};
    enum pl_status status;

    restore->partition->next_offset = next_offset;
    pl_partition_seal(restore->run, restore->partition, is_whole, &sealed);
    update.checkpoint = pl_buffer_since(&sealed, 0);
    status = cache->ops->update(cache->self, &update, 1, error);
    if (status == PL_OK && !update.is_applied) {
        status = changed_meanwhile(restore, error);
    }
    if (status == PL_OK) {
        set_checkpoint(restore->partition, update.checkpoint);
    }
    pl_buffer_done(&sealed);
    pl_arena_reset(&restore->run->arena); /* the slice's copies */
    restore->writes = NULL;
    restore->write_count = restore->write_capacity = restore->write_bytes = 0;
    return status;
}

static void add_write(struct restore *restore, const struct pl_state_event *event)
{
    struct pl_arena *arena = &restore->run->arena;

    if (restore->write_count == restore->write_capacity) {
        size_t capacity = restore->write_capacity == 0 ? 1024 : restore->write_capacity * 2;

        restore->writes = pl_arena_grow(arena, restore->writes, restore->write_count, capacity,
                                        sizeof(*restore->writes));
        restore->write_capacity = capacity;
    }
    restore->writes[restore->write_count++] = (struct pl_cache_write){
        pl_arena_copy(arena, event->key), pl_arena_copy(arena, event->value)};
    restore->write_bytes += event->key.len + event->value.len;
}

enum pl_status pl_progress_check(const struct pl_run *run, int32_t partition,
                                 const struct pl_state_event *event,
                                 struct pl_progress *ret_progress, struct pl_error *error)
{
    const struct pl_pipeline_options *options = run->options;
    const char *topic = options->topics[PL_TOPIC_STATE].data;
    enum pl_status status = pl_progress_decode(event->value, ret_progress, error);

    if (status != PL_OK) {
        return pl_fail_at(error, PL_FATAL, "%s/%" PRId32 " offset %" PRId64, topic, partition,
                          event->offset);
    }
    if (!pl_bytes_equal(ret_progress->group_id, options->group_id)) {
        return pl_fail(error, PL_FATAL,
                       "topic %s holds the state of another deployment (group.id %.*s, ours is "
                       "%.*s); give each deployment a state topic of its own",
                       topic, (int)ret_progress->group_id.len, ret_progress->group_id.data,
                       (int)options->group_id.len, options->group_id.data);
    }
    return PL_OK;
}

/* A progress record: whose state this is, and since when, must be what we think (I3). */
static enum pl_status take_progress(struct restore *restore, const struct pl_state_event *event,
                                    struct pl_error *error)
{
    struct pl_partition *partition = restore->partition;
    struct pl_progress progress;
    enum pl_status status =
        pl_progress_check(restore->run, partition->number, event, &progress, error);

    if (status != PL_OK) {
        return status;
    }
    if (partition->progress_offset >= 0 &&
        memcmp(progress.incarnation, partition->progress.incarnation, 16) != 0) {
        return PL_NOT_FOUND; /* another history than the cache's */
    }
    if (event->offset < restore->from && event->offset > partition->progress_offset) {
        restore->loose =
            event->offset; /* before the marker of our last transaction, and not ours */
        return PL_OK;
    }
    restore->has_progress = true;
    restore->loose = -1;
    if (event->offset >= restore->from) {
        set_progress(restore, &progress);
        partition->progress_offset = event->offset;
    }
    return PL_OK;
}

/* A piece goes into the cache as it is; what is damaged shows when it is needed, but what a newer
 * planlift wrote must not be served by this one at all. */
static enum pl_status take_piece(struct restore *restore, const struct pl_state_event *event,
                                 struct pl_error *error)
{
    if (!pl_bytes_is_null(event->value) &&
        pl_state_check(event->key, event->value, error) == PL_FATAL) {
        return pl_fail_at(error, PL_FATAL, "%s/%" PRId32 " offset %" PRId64,
                          restore->run->options->topics[PL_TOPIC_STATE].data,
                          restore->partition->number, event->offset);
    }
    add_write(restore, event);
    return PL_OK;
}

static void report(struct restore *restore)
{
    int64_t now = monotonic_ms(restore->run);

    if (now - restore->reported_ms >= REPORT_EVERY_MS) {
        restore->reported_ms = now;
        pl_log(INFO, "restoring", PL_F_INT("partition", restore->partition->number),
               PL_F_INT("records", restore->records), PL_F_INT("end", restore->end),
               PL_F_INT("elapsed_ms", now - restore->started_ms));
    }
}

static enum pl_status take_record(struct restore *restore, const struct pl_state_event *event,
                                  struct pl_error *error)
{
    enum pl_status status = PL_OK;

    if (pl_bytes_equal(event->key, PL_PROGRESS_FIELD)) {
        status = take_progress(restore, event, error);
    } else {
        restore->loose = restore->loose < 0 ? event->offset : restore->loose;
        status = event->offset >= restore->from ? take_piece(restore, event, error) : PL_OK;
    }
    if (status == PL_OK && restore->write_bytes >= SLICE_BYTES) {
        status = write_slice(restore, event->offset + 1, false, error);
    }
    if (status == PL_OK && ++restore->records % SERVE_EVERY_RECORDS == 0) {
        report(restore);
        status = pl_serve_group(restore->run, 0, error);
    }
    return status;
}

/* Read up to the end. *ret_position is past it. */
static enum pl_status read_log(struct restore *restore, int64_t from, int64_t *ret_position,
                               struct pl_error *error)
{
    const struct pl_state_log *log = &restore->run->options->state_log;
    int64_t heard_ms = monotonic_ms(restore->run);
    enum pl_status status = log->ops->open(log->self, restore->partition->number, from, error);

    while (status == PL_OK) {
        struct pl_state_event event;

        status = log->ops->read(log->self, READ_WAIT_MS, &event, error);
        if (status != PL_OK) {
            break;
        }
        if (event.kind == PL_STATE_RECORD) {
            heard_ms = monotonic_ms(restore->run);
            status = take_record(restore, &event, error);
        } else if (event.kind == PL_STATE_END && event.offset >= restore->end) {
            *ret_position = event.offset;
            break;
        } else {
            /* Before the end: markers of a transaction that was acknowledged are still to come. */
            status = pl_serve_group(restore->run, 0, error);
            if (status == PL_OK && monotonic_ms(restore->run) - heard_ms > STALL_MS) {
                status = pl_fail(error, PL_AGAIN, "the state log says nothing more");
            }
        }
    }
    log->ops->close(log->self);
    return status;
}

/* ---- one partition --------------------------------------------------------------------------- */

/* I2: every piece that the log tells of is in the hash, and nothing else is. */
static enum pl_status check_count(struct restore *restore, struct pl_error *error)
{
    const struct pl_cache *cache = &restore->run->options->cache;
    struct pl_cache_read read = {.partition = restore->partition->number};
    int64_t expected = restore->partition->progress.pieces + 1;
    enum pl_status status = cache->ops->read(cache->self, &read, 1, &restore->run->arena, error);

    if (status == PL_OK &&
        !pl_bytes_equal(read.checkpoint, pl_partition_checkpoint(restore->partition))) {
        return changed_meanwhile(restore, error); /* what is there now is not what was restored */
    }
    if (status != PL_OK || read.stored_fields == expected) {
        return status;
    }
    if (!restore->is_last_try) {
        return PL_NOT_FOUND; /* start from nothing */
    }
    if (++restore->partition->damaged_count <
        SHORT_TRIES) { /* the cache may have lost some again */
        return pl_fail(error, PL_ABORT,
                       "the cache of partition %" PRId32 " does not hold what was written to it",
                       restore->partition->number);
    }
    return pl_fail(error, PL_FATAL,
                   "%s/%" PRId32 " holds %" PRId64 " pieces of customers, its progress record says "
                   "%" PRId64 ": records are missing (was cleanup.policy ever other than compact?)",
                   restore->run->options->topics[PL_TOPIC_STATE].data, restore->partition->number,
                   read.stored_fields - 1, expected - 1);
}

/* The log has nothing at all: a history begins. Its incarnation tells it from any other (I3). */
static void begin_history(struct restore *restore, int64_t position)
{
    const struct pl_world *world = &restore->run->options->world;
    struct pl_progress progress = {.pieces = 0};

    world->ops->random_id(world->self, progress.incarnation);
    set_progress(restore, &progress);
    restore->partition->progress_offset = -1;
    restore->partition->next_offset = position;
}

/* Every transaction of ours ends with its progress record, and none of ours is committed behind
 * somebody else's record (I5): so whatever is behind the last one was written by somebody else. It
 * may lie before the marker of our last transaction, and so before next_offset. */
static enum pl_status refuse_intruder(const struct restore *restore, struct pl_error *error)
{
    return pl_fail(error, PL_FATAL,
                   "%s/%" PRId32 " offset %" PRId64 " was not written by planlift: somebody else "
                   "writes to its state topic, and a decision from it could be wrong. Stop that "
                   "(ACL), then start with a new group.id and a new %s",
                   restore->run->options->topics[PL_TOPIC_STATE].data, restore->partition->number,
                   restore->loose, restore->run->options->topics[PL_TOPIC_STATE].data);
}

static enum pl_status finish(struct restore *restore, int64_t position, struct pl_error *error)
{
    enum pl_status status;

    if (!restore->has_progress && restore->is_rebuild && restore->records == 0) {
        begin_history(restore, position);
        return PL_OK;
    }
    if (!restore->has_progress && restore->is_rebuild) {
        return pl_fail(error, PL_FATAL,
                       "topic %s has records in partition %" PRId32 " that planlift did not write; "
                       "it must have a state topic of its own",
                       restore->run->options->topics[PL_TOPIC_STATE].data,
                       restore->partition->number);
    }
    if (!restore->has_progress) {
        return PL_NOT_FOUND; /* the checkpoint's progress record is not in the log: another log */
    }
    if (restore->loose >= 0) {
        return refuse_intruder(restore, error);
    }
    status = write_slice(restore, position, true, error);
    return status == PL_OK ? check_count(restore, error) : status;
}

static enum pl_status restore_from(struct restore *restore, struct pl_error *error)
{
    int64_t position = 0;
    int64_t from = restore->from;
    enum pl_status status;

    restore->has_progress = false;
    restore->loose = -1;
    restore->records = 0;
    if (!restore->is_rebuild && restore->partition->progress_offset >= restore->first &&
        restore->partition->progress_offset < from) { /* that of a half-written batch is ahead */
        from = restore->partition->progress_offset;   /* to see that it is there (take_progress) */
    }
    status = read_log(restore, from, &position, error);
    return status == PL_OK ? finish(restore, position, error) : status;
}

static enum pl_status restore_partition(struct pl_run *run, struct pl_partition *partition,
                                        struct pl_error *error)
{
    const struct pl_state_log *log = &run->options->state_log;
    struct restore restore = {.run = run, .partition = partition};
    enum pl_status status =
        log->ops->range(log->self, partition->number, &restore.first, &restore.end, error);

    restore.started_ms = restore.reported_ms = monotonic_ms(run);
    pl_arena_reset(&run->arena);
    if (status == PL_OK) {
        status = find_start(&restore, error);
    }
    if (status == PL_OK) {
        status = restore_from(&restore, error);
    }
    if (status == PL_NOT_FOUND) { /* the cache is not what this log tells */
        pl_log(WARN, "cache_rebuild", PL_F_INT("partition", partition->number),
               PL_F_TEXT("reason", "it does not fit the state log"));
        pl_arena_reset(&run->arena);
        restore.writes = NULL;
        restore.write_count = restore.write_capacity = restore.write_bytes = 0;
        restore.is_last_try = true;
        status = start_from_nothing(&restore, error);
        if (status == PL_OK) {
            status = restore_from(&restore, error);
        }
        if (status == PL_NOT_FOUND) {
            status =
                pl_fail(error, PL_FATAL,
                        "%s/%" PRId32 " holds two histories (two incarnations): it was written "
                        "by somebody else than planlift",
                        run->options->topics[PL_TOPIC_STATE].data, partition->number);
        }
    }
    if (status == PL_OK) {
        pl_log(INFO, "restored", PL_F_INT("partition", partition->number),
               PL_F_INT("records", restore.records),
               PL_F_INT("next_offset", partition->next_offset),
               PL_F_INT("pieces", partition->progress.pieces),
               PL_F_INT("elapsed_ms", monotonic_ms(run) - restore.started_ms));
    }
    return status;
}

/* ---- positions ------------------------------------------------------------------------------- */

enum pl_status pl_position_check(const struct pl_run *run, const struct pl_position_claim *claim,
                                 struct pl_error *error)
{
    const char *topic = run->options->topics[claim->input].data;
    const char *state = run->options->topics[PL_TOPIC_STATE].data;
    const struct pl_feed *feed = &run->options->feed;
    int32_t number = claim->partition;
    int64_t first;
    int64_t end;
    enum pl_status status =
        feed->ops->log_range(feed->self, (enum pl_topic)claim->input, number, &first, &end, error);

    if (status != PL_OK) {
        return status;
    }
    if (claim->committed > claim->progress && !claim->has_state) {
        return pl_fail(error, PL_FATAL,
                       "the group's offset of %s/%" PRId32 " is %" PRId64 ", ahead of what the "
                       "state has taken in (%" PRId64 "): %s holds nothing for this partition, "
                       "was lost or made anew, or the offset was set before the first start. Put "
                       "the state back, or delete the group's offsets (kafka-consumer-groups.sh "
                       "--delete) to begin at the earliest record, which answers all requests that "
                       "are still there again",
                       topic, number, claim->committed, claim->progress, state);
    }
    if (claim->committed > claim->progress) {
        return pl_fail(error, PL_FATAL,
                       "the group's offset of %s/%" PRId32 " is %" PRId64 ", ahead of what the "
                       "state has taken in (%" PRId64 "): records between would be skipped. Set "
                       "the group's offset back to %" PRId64 " (kafka-consumer-groups.sh "
                       "--reset-offsets) and start again",
                       topic, number, claim->committed, claim->progress, claim->progress);
    }
    if (claim->progress > end) {
        return pl_fail(error, PL_FATAL,
                       "the state has taken in %s/%" PRId32 " up to %" PRId64 ", but the log ends "
                       "at %" PRId64 ": the topic was made anew or lost records. Start with a new "
                       "group.id and a new %s",
                       topic, number, claim->progress, end, state);
    }
    if (claim->progress < first) {
        return pl_fail(error, PL_FATAL,
                       "%s/%" PRId32 " begins at %" PRId64 ", but planlift has taken it in only up "
                       "to %" PRId64
                       ": records between were deleted unread. Restore them, or start "
                       "with a new group.id and a new %s",
                       topic, number, first, claim->progress, state);
    }
    return PL_OK;
}

/* The offsets to go on from: the progress in the state log says what was applied (contract 2). */
static enum pl_status find_positions(struct pl_run *run, struct pl_partition *partition,
                                     const int64_t committed[PL_INPUT_COUNT], bool *ret_is_behind,
                                     struct pl_error *error)
{
    const struct pl_feed *feed = &run->options->feed;
    enum pl_status status = PL_OK;

    *ret_is_behind = partition->progress_offset < 0;
    for (int input = 0; status == PL_OK && input < PL_INPUT_COUNT; input++) {
        int64_t *next = &partition->progress.next[input];
        int64_t end;

        if (partition->progress_offset < 0) { /* the very first start: from the earliest record */
            status = feed->ops->log_range(feed->self, (enum pl_topic)input, partition->number, next,
                                          &end, error);
        }
        if (status == PL_OK) {
            const struct pl_position_claim claim = {.partition = partition->number,
                                                    .input = input,
                                                    .committed = committed[input],
                                                    .progress = *next,
                                                    .has_state = partition->progress_offset >= 0};

            status = pl_position_check(run, &claim, error);
        }
        if (status == PL_OK && committed[input] != *next) {
            *ret_is_behind = true;
            if (partition->progress_offset >= 0) {
                pl_log(WARN, "group_offset_behind",
                       PL_F_TEXT("topic", run->options->topics[input].data),
                       PL_F_INT("partition", partition->number),
                       PL_F_INT("committed", committed[input]), PL_F_INT("going_on_from", *next));
            }
        }
    }
    return status;
}

/* Make group offsets and progress agree, with a transaction that handles no record (I4). */
static enum pl_status commit_positions(struct pl_run *run, const bool *is_behind,
                                       struct pl_error *error)
{
    struct pl_batch batch;
    bool is_needed = false;
    enum pl_status status;

    pl_batch_begin(run, &batch);
    for (int32_t number = 0; number < run->options->partition_count; number++) {
        if (run->partitions[number].is_owned && is_behind[number]) {
            (void)pl_batch_part(run, &batch, number);
            is_needed = true;
        }
    }
    if (!is_needed) {
        return PL_OK;
    }
    pl_encode_batch(run, &batch);
    status = pl_commit_batch(run, &batch, error);
    return status == PL_OK ? pl_cache_batch(run, &batch, error) : status;
}

/* ---- all partitions -------------------------------------------------------------------------- */

static enum pl_status look_at_all(struct pl_run *run, int64_t (*committed)[PL_INPUT_COUNT],
                                  struct pl_error *error)
{
    size_t i = 0;
    enum pl_status status = PL_OK;

    for (int32_t number = 0; status == PL_OK && number < run->options->partition_count; number++) {
        if (run->partitions[number].is_owned) {
            status = pl_look(run, number, committed[i++], error);
        }
    }
    return status;
}

static enum pl_status restore_all(struct pl_run *run, int64_t (*committed)[PL_INPUT_COUNT],
                                  bool *is_behind, struct pl_error *error)
{
    size_t i = 0;
    enum pl_status status = PL_OK;

    for (int32_t number = 0; status == PL_OK && number < run->options->partition_count; number++) {
        struct pl_partition *partition = &run->partitions[number];

        if (!partition->is_owned) {
            continue;
        }
        status = pl_serve_group(run, 0, error);
        if (status == PL_OK) {
            status = restore_partition(run, partition, error);
        }
        if (status == PL_OK) {
            status = find_positions(run, partition, committed[i++], &is_behind[number], error);
        }
    }
    return status;
}

static enum pl_status start_all(struct pl_run *run, struct pl_error *error)
{
    const struct pl_feed *feed = &run->options->feed;
    enum pl_status status = PL_OK;

    for (int32_t number = 0; status == PL_OK && number < run->options->partition_count; number++) {
        const struct pl_partition *partition = &run->partitions[number];

        if (partition->is_owned) {
            status = feed->ops->start(feed->self, number, partition->progress.next, error);
        }
    }
    return status;
}

/* What recovering needs for itself while the batch's arena is used for slices. */
struct scratch {
    int32_t *owned;
    int64_t (*committed)[PL_INPUT_COUNT];
    bool *is_behind;
};

static void list_owned(const struct pl_run *run, struct scratch *scratch, struct pl_arena *arena)
{
    size_t most = (size_t)run->options->partition_count;
    size_t count = 0;

    scratch->owned = pl_arena_zalloc(arena, most, sizeof(*scratch->owned));
    scratch->committed = pl_arena_zalloc(arena, most, sizeof(*scratch->committed));
    scratch->is_behind = pl_arena_zalloc(arena, most, sizeof(*scratch->is_behind));
    for (size_t number = 0; number < most; number++) {
        if (run->partitions[number].is_owned) {
            scratch->owned[count++] = (int32_t)number;
        }
    }
}

static enum pl_status recover_with(struct pl_run *run, struct scratch *scratch,
                                   struct pl_error *error)
{
    const struct pl_feed *feed = &run->options->feed;
    const struct pl_txn *txn = &run->options->txn;
    enum pl_status status = txn->ops->renew(txn->self, error);

    if (status == PL_OK) {
        status = feed->ops->committed(feed->self, scratch->owned, run->owned_count,
                                      scratch->committed, error);
    }
    if (status == PL_OK) {
        status = look_at_all(run, scratch->committed, error);
    }
    if (status == PL_OK) {
        status = restore_all(run, scratch->committed, scratch->is_behind, error);
    }
    if (status == PL_OK) {
        status = commit_positions(run, scratch->is_behind, error);
    }
    return status == PL_OK ? start_all(run, error) : status;
}

enum pl_status pl_recover(struct pl_run *run, struct pl_error *error)
{
    const struct pl_feed *feed = &run->options->feed;
    struct pl_arena arena = PL_ARENA_INIT;
    struct scratch scratch;
    enum pl_status status = feed->ops->stop(feed->self, error);

    pl_inbox_drop(run, run->inbox.count);
    if (status == PL_OK && run->owned_count > 0) {
        list_owned(run, &scratch, &arena);
        status = recover_with(run, &scratch, error);
    }
    run->is_restored = status == PL_OK;
    pl_arena_done(&arena);
    return status;
}
