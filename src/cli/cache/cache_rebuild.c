/* `planlift cache rebuild`: what the service does when it finds nothing in Redis, done now. A
 * running service and this command keep out of each other's way by the checkpoint, which each
 * replaces only as it knows it (I3); who sees another's leaves the partition to that one. */
#include <inttypes.h>

#include "cli/cache/cache.h"
#include "cli/cache/cache_work.h"
#include "cli/field_map.h"
#include "cli/show.h"
#include "cli/state_scan.h"
#include "pipeline/slice.h"
#include "wire/json_write.h"

#define COMMAND "planlift cache rebuild"
#define DROP_TRIES 50

static int parse(int argc, char **argv, struct pl_cache_given *given)
{
    const struct pl_usage usage = {
        .command = COMMAND,
        .operands = "[OPTIONS]",
        .about =
            "Makes what Redis holds anew from the state topic, partition after partition. It may\n"
            "be used while the service runs: the service notices, and either goes on with what is\n"
            "rebuilt, or rebuilds the partition itself. Nothing is dropped before the state topic\n"
            "has been read to its end and is good.",
        .examples = "  planlift cache rebuild && planlift cache verify\n"
                    "  planlift cache rebuild --partition 3",
        .exit_codes = "0 done, 1 failed, 2 wrong use or configuration"};

    return pl_cache_work_parse(usage, "one JSON object a line for each partition", argc, argv,
                               given);
}

/* ---- one partition --------------------------------------------------------------------------- */

struct rebuild {
    struct pl_cache_work *work;
    int32_t partition;
    struct pl_state_scan scan;
    int64_t until;               /* the log below it is rebuilt from */
    struct pl_buffer checkpoint; /* that Redis has by our doing; empty: none */
    struct pl_field_map map;     /* while the log is checked */
    struct pl_arena arena;       /* of that, then of the slice */
    struct pl_slice slice;
};

static struct pl_bytes checkpoint_of(const struct rebuild *rebuild)
{
    return rebuild->checkpoint.len == 0 ? PL_NULL_BYTES : pl_buffer_since(&rebuild->checkpoint, 0);
}

static void seal(const struct rebuild *rebuild, int64_t next_offset, bool is_whole,
                 struct pl_buffer *ret_checkpoint)
{
    const struct pl_session *session = rebuild->work->session;
    struct pl_checkpoint checkpoint = {.cluster_id = pl_bytes_of(rebuild->work->cluster_id),
                                       .next_offset = next_offset,
                                       .progress_offset = rebuild->scan.progress_offset,
                                       .written_ms =
                                           session->world.ops->now_ms(session->world.self),
                                       .is_whole = is_whole,
                                       .progress = rebuild->scan.progress};

    checkpoint.progress.group_id = pl_bytes_of(session->settings.kafka.group_id);
    checkpoint.progress.catalogue_version = pl_catalogue_version(session->catalogue);
    checkpoint.progress.catalogue_sha256 = pl_catalogue_sha256(session->catalogue);
    pl_checkpoint_encode(&checkpoint, ret_checkpoint);
}

static enum pl_status fail_taken(struct pl_error *error)
{
    return pl_fail(error, PL_ABORT, "somebody else has taken it over");
}

/* Write what has gathered. PL_ABORT: the checkpoint is not ours any more. */
static enum pl_status write_slice(struct rebuild *rebuild, int64_t next_offset, bool is_whole,
                                  struct pl_error *error)
{
    struct pl_buffer sealed = {NULL, 0, 0};
    enum pl_status status;

    seal(rebuild, next_offset, is_whole, &sealed);
    status =
        pl_slice_write(&rebuild->slice, checkpoint_of(rebuild), pl_buffer_since(&sealed, 0), error);
    rebuild->checkpoint.len = 0;
    pl_buffer_put(&rebuild->checkpoint, sealed.data, sealed.len);
    pl_buffer_done(&sealed);
    return status;
}

static enum pl_status take_piece(void *self, int64_t offset, struct pl_bytes field,
                                 struct pl_bytes value, struct pl_error *error)
{
    struct rebuild *rebuild = self;

    pl_slice_add(&rebuild->slice, field, value);
    return pl_slice_is_full(&rebuild->slice) ? write_slice(rebuild, offset + 1, false, error)
                                             : PL_OK;
}

/* Note whether the field is there in the end. */
static enum pl_status count_piece(void *self, int64_t offset, struct pl_bytes field,
                                  struct pl_bytes value, struct pl_error *error)
{
    struct rebuild *rebuild = self;

    (void)offset, (void)error;
    pl_field_map_get(&rebuild->map, field)->is_live = !pl_bytes_is_null(value);
    return PL_OK;
}

static void begin_reading(struct rebuild *rebuild, pl_state_take_fn *take)
{
    rebuild->scan = (struct pl_state_scan){.session = rebuild->work->session,
                                           .partition = rebuild->partition,
                                           .progress_offset = -1,
                                           .take = take,
                                           .self = rebuild};
}

/* Read the partition's log to where it ends now, and on where that is within a transaction that was
 * being written then. What is there for good behind the last progress record is not ours. */
static enum pl_status read_to_end(struct rebuild *rebuild, struct pl_error *error)
{
    struct pl_state_scan *scan = &rebuild->scan;
    int64_t from = PL_STATE_FROM_FIRST;
    int64_t unused;
    enum pl_status status;

    begin_reading(rebuild, count_piece);
    do {
        status = pl_kafka_scan_range(rebuild->work->session->scan, PL_TOPIC_STATE,
                                     rebuild->partition, &unused, &rebuild->until, error);
        if (status == PL_OK && rebuild->until == from) {
            return pl_fail(
                error, PL_FATAL, "%s/%" PRId32 " has records that planlift did not write",
                rebuild->work->session->settings.kafka.topics[PL_TOPIC_STATE], rebuild->partition);
        }
        if (status == PL_OK) {
            status = pl_state_scan_read(scan, from, rebuild->until, error);
        }
        from = rebuild->until;
    } while (status == PL_OK && scan->records > 0 && !scan->is_whole);
    return status;
}

static enum pl_status fail_pieces(const struct rebuild *rebuild, int64_t pieces,
                                  struct pl_error *error)
{
    return pl_fail(error, PL_FATAL,
                   "%s/%" PRId32 " folds to %" PRId64 " pieces of customers, its progress record "
                   "says %" PRId64 ": records are missing, or not planlift's",
                   rebuild->work->session->settings.kafka.topics[PL_TOPIC_STATE],
                   rebuild->partition, pieces, rebuild->scan.progress.pieces);
}

static enum pl_status check_pieces(const struct rebuild *rebuild, struct pl_error *error)
{
    int64_t count = 0;

    for (size_t i = 0; i < rebuild->map.count; i++) {
        count += rebuild->map.items[i]->is_live;
    }
    return count == rebuild->scan.progress.pieces ? PL_OK : fail_pieces(rebuild, count, error);
}

static enum pl_status check_empty(const struct rebuild *rebuild, struct pl_error *error)
{
    const struct pl_kafka_options *kafka = &rebuild->work->session->settings.kafka;
    struct pl_bytes checkpoint;
    int64_t fields = 0;
    enum pl_status status =
        pl_cache_work_look(rebuild->work, rebuild->partition, &checkpoint, &fields, error);

    if (status == PL_OK && fields > 0) {
        return pl_fail(error, PL_FATAL,
                       "%s/%" PRId32 " is empty, but Redis has %" PRId64 " fields, which may be "
                       "the last copy: was the topic made anew? If they are of no use, delete the "
                       "key planlift:{%s:p%" PRId32 "}",
                       kafka->topics[PL_TOPIC_STATE], rebuild->partition, fields, kafka->group_id,
                       rebuild->partition);
    }
    return status;
}

/* Is it good? What would end a rebuild must not have dropped the cache first, which may be the last
 * copy. */
static enum pl_status check_log(struct rebuild *rebuild, struct pl_error *error)
{
    enum pl_status status;

    rebuild->map = (struct pl_field_map){.arena = &rebuild->arena};
    status = read_to_end(rebuild, error);
    if (status == PL_OK && rebuild->scan.records == 0) {
        status = check_empty(rebuild, error);
    } else if (status == PL_OK) {
        status = check_pieces(rebuild, error);
    }
    pl_field_map_done(&rebuild->map);
    pl_arena_reset(&rebuild->arena);
    return status == PL_ABORT ? PL_FATAL : status; /* two histories */
}

/* A running service moves the checkpoint all the time. */
static enum pl_status drop(struct rebuild *rebuild, struct pl_error *error)
{
    const struct pl_cache *cache = &rebuild->work->cache;
    enum pl_status status = PL_ABORT;

    for (int tries = 0; status == PL_ABORT && tries < DROP_TRIES; tries++) {
        struct pl_bytes checkpoint;
        int64_t fields = 0;

        status = pl_cache_work_look(rebuild->work, rebuild->partition, &checkpoint, &fields, error);
        if (status == PL_OK && fields > 0) {
            status = cache->ops->drop(cache->self, rebuild->partition, checkpoint, error);
        }
    }
    return status;
}

/* I2: all that the log tells of is there, and nothing else. */
static enum pl_status check_count(const struct rebuild *rebuild, struct pl_error *error)
{
    struct pl_bytes checkpoint;
    int64_t fields = 0;
    enum pl_status status =
        pl_cache_work_look(rebuild->work, rebuild->partition, &checkpoint, &fields, error);

    if (status == PL_OK && !pl_bytes_equal(checkpoint, checkpoint_of(rebuild))) {
        return fail_taken(error);
    }
    return status == PL_OK && fields - 1 != rebuild->scan.progress.pieces
               ? fail_pieces(rebuild, fields - 1, error)
               : status;
}

/* PL_ABORT: somebody else has taken it over. */
static enum pl_status write_all(struct rebuild *rebuild, struct pl_error *error)
{
    enum pl_status status = drop(rebuild, error);

    begin_reading(rebuild, take_piece);
    if (status == PL_OK) {
        status = pl_state_scan_read(&rebuild->scan, PL_STATE_FROM_FIRST, rebuild->until, error);
    }
    if (status == PL_OK) {
        status = write_slice(rebuild, rebuild->until, true, error);
    }
    return status == PL_OK ? check_count(rebuild, error) : status;
}

/* ---- telling --------------------------------------------------------------------------------- */

static void tell(const struct rebuild *rebuild, bool is_taken)
{
    struct pl_session *session = rebuild->work->session;
    int64_t pieces = rebuild->scan.records == 0 ? 0 : rebuild->scan.progress.pieces;
    struct pl_buffer line = {NULL, 0, 0};

    if (rebuild->work->given->is_json) {
        pl_buffer_put_byte(&line, '{');
        pl_json_put_key(&line, "partition");
        pl_json_put_integer(&line, rebuild->partition);
        pl_json_put_key(&line, "records");
        pl_json_put_integer(&line, rebuild->scan.records);
        pl_json_put_key(&line, "pieces");
        pl_json_put_integer(&line, pieces);
        pl_json_put_key(&line, "takenOver");
        pl_json_put_bool(&line, is_taken);
        pl_buffer_put_byte(&line, '}');
        pl_session_put_line(session, &line);
        pl_buffer_done(&line);
    } else if (is_taken) {
        (void)fprintf(session->page.out,
                      "partition %" PRId32 ": taken over by the running service\n",
                      rebuild->partition);
    } else {
        (void)fprintf(session->page.out,
                      "partition %" PRId32 ": %" PRId64 " records, %" PRId64 " pieces\n",
                      rebuild->partition, rebuild->scan.records, pieces);
    }
}

static enum pl_status rebuild_one(struct pl_cache_work *work, int32_t partition, void *self,
                                  struct pl_error *error)
{
    struct rebuild rebuild = {.work = work, .partition = partition, .arena = PL_ARENA_INIT};
    enum pl_status status;

    rebuild.slice =
        (struct pl_slice){.cache = &work->cache, .arena = &rebuild.arena, .partition = partition};
    status = check_log(&rebuild, error);

    (void)self;
    if (status == PL_OK && rebuild.scan.records > 0) {
        status = write_all(&rebuild, error);
    }
    if (status == PL_OK || status == PL_ABORT) {
        tell(&rebuild, status == PL_ABORT);
        status = PL_OK;
    }
    pl_buffer_done(&rebuild.checkpoint);
    pl_arena_done(&rebuild.arena);
    return status;
}

static enum pl_status rebuild_all(struct pl_session *session, const void *given,
                                  struct pl_error *error)
{
    struct pl_cache_work work = {.session = session, .given = given};
    enum pl_status status = pl_session_catalogue(session, error);

    return status == PL_OK ? pl_cache_work_run(&work, rebuild_one, NULL, error) : status;
}

int pl_cli_cache_rebuild(int argc, char **argv)
{
    struct pl_cache_given given = {.is_json = false};
    int code = parse(argc, argv, &given);

    return code == PL_GO_ON ? pl_session_run(COMMAND, &given.session, rebuild_all, &given) : code;
}
