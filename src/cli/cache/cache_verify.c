/* `planlift cache verify`: folds the state topic up to where Redis says it is, and compares. Each
 * read of Redis comes with the checkpoint of that moment; where a running service has moved it, the
 * fold goes on to there before the values are looked at. */
#include <inttypes.h>

#include "cli/cache/cache.h"
#include "cli/cache/cache_work.h"
#include "cli/field_map.h"
#include "cli/show.h"
#include "cli/state_scan.h"
#include "cli/text.h"
#include "io/redis_names.h"
#include "wire/json_write.h"

#define COMMAND "planlift cache verify"
#define READ_FIELDS 500
#define TRIES 5
#define MARKER_WAIT_MS 50
#define MARKER_LIMIT_MS 5000

static int parse(int argc, char **argv, struct pl_cache_given *given)
{
    const struct pl_usage usage = {
        .command = COMMAND,
        .operands = "[OPTIONS]",
        .about =
            "Compares what Redis holds with the state topic, and prints each difference. It may "
            "be\n"
            "used while the service runs. A Redis that is behind is no difference, the service\n"
            "catches up; nor is a difference a danger, as long as the service finds it first: it\n"
            "checks what it reads. `planlift cache rebuild` mends all of them.",
        .examples = "  planlift cache verify\n"
                    "  planlift cache verify --partition 3 --json",
        .exit_codes =
            "0 no differences, 1 differences, or a failure, 2 wrong use or configuration"};

    return pl_cache_work_parse(usage, "one JSON object a line for each difference", argc, argv,
                               given);
}

/* ---- differences ----------------------------------------------------------------------------- */

struct verify {
    struct pl_cache_work *work;
    int64_t differences; /* in all */
    int64_t fields;      /* compared in all */
    /* Of the partition. */
    int32_t partition;
    struct pl_state_scan scan;
    struct pl_arena arena; /* of the fields */
    struct pl_field_map map;
    struct pl_field_map strangers; /* fields of Redis that the map lacks */
    int64_t folded;                /* the map is the state below this offset */
    int64_t end;                   /* of the log, when it was last asked for */
    int64_t named; /* differences of the number of fields that were told one by one */
};

static const struct pl_column columns[] = {
    {"Partition", PL_FIT_NUMBER}, {"Field", PL_FIT_WRAP}, {"Difference", PL_FIT_WRAP}};
static const size_t widths[] = {9, 40, 47};

static struct pl_table new_table(const struct verify *verify, struct pl_arena *arena)
{
    struct pl_table table = pl_table_of(columns, PL_COUNT(columns), arena);

    table.widths = widths;
    table.has_before = verify->differences > 0;
    return table;
}

/* field null: of the partition as a whole. */
static void tell(struct verify *verify, struct pl_bytes field, const char *what)
{
    struct pl_session *session = verify->work->session;
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_buffer line = {NULL, 0, 0};

    pl_session_progress_end(session);
    if (verify->work->given->is_json) {
        pl_buffer_put_byte(&line, '{');
        pl_json_put_key(&line, "partition");
        pl_json_put_integer(&line, verify->partition);
        pl_json_put_key(&line, "field");
        pl_json_put_bytes(&line, field);
        pl_json_put_key(&line, "difference");
        pl_json_put_string(&line, pl_bytes_of(what));
        pl_buffer_put_byte(&line, '}');
        pl_session_put_line(session, &line);
        pl_buffer_done(&line);
    } else {
        struct pl_table table = new_table(verify, &arena);

        table.has_after = true;
        pl_table_add(&table,
                     (const struct pl_cell[]){
                         pl_show_number(verify->partition, &arena),
                         pl_show_plain(pl_bytes_is_null(field) ? PL_BYTES_LITERAL("-") : field),
                         {pl_bytes_of(what), PL_TONE_BAD}});
        pl_table_print(&table, &session->page);
    }
    verify->differences++;
    pl_arena_done(&arena);
}

/* ---- the fold -------------------------------------------------------------------------------- */

static enum pl_status take_piece(void *self, int64_t offset, struct pl_bytes field,
                                 struct pl_bytes value, struct pl_error *error)
{
    struct verify *verify = self;

    (void)offset, (void)error;
    pl_map_field_digest(pl_field_map_get(&verify->map, field), value);
    return PL_OK;
}

/* Go on to an offset of the log. */
static enum pl_status fold_to(struct verify *verify, int64_t offset, struct pl_error *error)
{
    enum pl_status status;

    if (offset == verify->folded) {
        return PL_OK;
    }
    status = pl_state_scan_read(
        &verify->scan, verify->folded == 0 ? PL_STATE_FROM_FIRST : verify->folded, offset, error);
    verify->folded = offset;
    return status == PL_ABORT ? PL_FATAL : status; /* the log itself holds two histories */
}

static enum pl_status ask_end(struct verify *verify, struct pl_error *error)
{
    int64_t unused;

    return pl_kafka_scan_range(verify->work->session->scan, PL_TOPIC_STATE, verify->partition,
                               &unused, &verify->end, error);
}

/* The commit marker of a transaction that was acknowledged may be written a moment later. */
static enum pl_status await_end(struct verify *verify, int64_t offset, struct pl_error *error)
{
    const struct pl_world *world = &verify->work->session->world;
    enum pl_status status = PL_OK;

    for (int waited = 0; status == PL_OK && verify->end < offset && waited < MARKER_LIMIT_MS;
         waited += MARKER_WAIT_MS) {
        if (waited > 0) {
            world->ops->wait_ms(world->self, MARKER_WAIT_MS);
        }
        status = ask_end(verify, error);
    }
    return status;
}

/* ---- checkpoints ----------------------------------------------------------------------------- */

/* Why the hash cannot be compared at all; NULL if it can. */
static const char *checkpoint_fault(const struct verify *verify,
                                    const struct pl_checkpoint *checkpoint)
{
    const struct pl_session *session = verify->work->session;

    if (!pl_bytes_equal(checkpoint->cluster_id, pl_bytes_of(verify->work->cluster_id)) ||
        !pl_bytes_equal(checkpoint->progress.group_id,
                        pl_bytes_of(session->settings.kafka.group_id))) {
        return "the checkpoint is of another cluster or group";
    }
    if (checkpoint->next_offset > verify->end) {
        return "the checkpoint is ahead of the state topic";
    }
    return NULL;
}

/* What the checkpoint says of the log up to its offset. */
static const char *progress_fault(const struct verify *verify,
                                  const struct pl_checkpoint *checkpoint)
{
    const struct pl_progress *ours = &checkpoint->progress;
    const struct pl_progress *theirs = &verify->scan.progress;

    if (verify->scan.progress_offset >= 0 &&
        memcmp(ours->incarnation, theirs->incarnation, sizeof(ours->incarnation)) != 0) {
        return "the checkpoint is of another history of the topic";
    }
    if (checkpoint->is_whole && (checkpoint->progress_offset != verify->scan.progress_offset ||
                                 (checkpoint->progress_offset >= 0 &&
                                  (memcmp(ours->next, theirs->next, sizeof(ours->next)) != 0 ||
                                   ours->pieces != theirs->pieces)))) {
        return "the checkpoint's progress is not that of the state topic";
    }
    return NULL;
}

/* Take a checkpoint that came with a read, and fold up to it. *ret_is_good false: what came with it
 * cannot be compared, and that is told. Errors: PL_ABORT (the hash was made anew meanwhile). */
static enum pl_status take_checkpoint(struct verify *verify, struct pl_bytes sealed,
                                      bool *ret_is_good, struct pl_error *error)
{
    struct pl_checkpoint checkpoint;
    const char *fault = "the checkpoint is damaged";
    enum pl_status status =
        pl_bytes_is_null(sealed) ? PL_ABORT : pl_checkpoint_decode(sealed, &checkpoint, error);

    if (status == PL_OK) {
        status = await_end(verify, checkpoint.next_offset, error);
    }
    if (status == PL_OK && checkpoint.next_offset < verify->folded) {
        status = PL_ABORT;
    }
    if (status != PL_OK && status != PL_BAD_DATA) {
        return status;
    }
    fault = status == PL_OK ? checkpoint_fault(verify, &checkpoint) : fault;
    if (fault == NULL) {
        status = fold_to(verify, checkpoint.next_offset, error);
        if (status != PL_OK) {
            return status;
        }
        fault = progress_fault(verify, &checkpoint);
    }
    *ret_is_good = fault == NULL;
    if (fault != NULL) {
        tell(verify, PL_NULL_BYTES, fault);
    }
    return PL_OK;
}

/* ---- comparing ------------------------------------------------------------------------------- */

static int64_t live_count(const struct verify *verify)
{
    int64_t count = 0;

    for (size_t i = 0; i < verify->map.count; i++) {
        count += verify->map.items[i]->is_live;
    }
    return count;
}

static void compare(struct verify *verify, const struct pl_cache_field *read)
{
    const struct pl_map_field *field = pl_field_map_find(&verify->map, read->field);

    verify->fields++;
    if (field->is_live && pl_bytes_is_null(read->value)) {
        tell(verify, read->field, "is missing in Redis");
        verify->named--;
    } else if (!field->is_live && !pl_bytes_is_null(read->value)) {
        tell(verify, read->field, "is in Redis, but deleted in the state topic");
        verify->named++;
    } else if (field->is_live && !pl_map_field_has_digest(field, read->value)) {
        tell(verify, read->field,
             pl_state_check(read->field, read->value, NULL) == PL_OK
                 ? "has another value than in the state topic"
                 : "is damaged");
    }
}

static struct pl_bytes key_of(const struct verify *verify, struct pl_arena *arena)
{
    return pl_arena_format(arena, "planlift:{%s:p%" PRId32 "}",
                           verify->work->session->settings.kafka.group_id, verify->partition);
}

/* A field of Redis that the topic, as far as it is folded, does not have. */
static void take_name(void *self, struct pl_bytes name)
{
    struct verify *verify = self;

    if (!pl_bytes_equal(name, PL_PROGRESS_FIELD) && pl_field_map_find(&verify->map, name) == NULL) {
        (void)pl_field_map_get(&verify->strangers, name);
    }
}

static enum pl_status read_names(struct verify *verify, struct pl_error *error)
{
    const struct pl_config *config = verify->work->session->settings.config;
    struct pl_redis_url url;
    enum pl_status status =
        pl_redis_url_parse(pl_config_text(config, PL_SETTING_REDIS_URL), &url, error);

    if (status == PL_OK) {
        struct pl_secret password =
            pl_settings_secret(&verify->work->session->settings, PL_SETTING_REDIS_PASSWORD);

        status = pl_redis_names(&url, &password, key_of(verify, &verify->arena), take_name, verify,
                                error);
        pl_redis_url_done(&url);
    }
    return status;
}

/* Tell of the strangers that the topic has not got to know since; returns how many. */
static int64_t tell_strangers(struct verify *verify)
{
    int64_t count = 0;

    for (size_t i = 0; i < verify->strangers.count; i++) {
        struct pl_bytes name = verify->strangers.items[i]->name;

        if (pl_field_map_find(&verify->map, name) == NULL) {
            tell(verify, name, "is in Redis, but not in the state topic");
            count++;
        }
    }
    return count;
}

/* With all fields looked at: are there others? Where Redis is behind, the topic may have lost the
 * records of fields that it still has to compaction, which leaves the later ones alone. */
static enum pl_status check_count(struct verify *verify, int64_t stored_fields,
                                  struct pl_error *error)
{
    int64_t extra = stored_fields - 1 - live_count(verify) - verify->named;
    size_t known = verify->map.count;
    struct pl_error unnamed = {""};
    char what[80];
    enum pl_status status;

    if (extra <= 0) {
        return PL_OK;
    }
    (void)read_names(verify, &unnamed); /* not all may ask for them: then they are but counted */
    status = ask_end(verify, error);
    if (status == PL_OK) {
        status = fold_to(verify, verify->end, error);
    }
    if (status == PL_OK) {
        extra -= tell_strangers(verify) + (int64_t)(verify->map.count - known);
    }
    if (status == PL_OK && extra > 0) {
        (void)snprintf(what, sizeof(what), "%" PRId64 " fields in Redis are not in the topic",
                       extra);
        tell(verify, PL_NULL_BYTES, what);
    }
    return status;
}

/* Compare the fields from *position on, as many as are read at once. */
static enum pl_status compare_some(struct verify *verify, size_t *position, bool *ret_is_good,
                                   struct pl_error *error)
{
    const struct pl_cache *cache = &verify->work->cache;
    struct pl_arena *arena = &verify->work->session->arena;
    struct pl_cache_field fields[READ_FIELDS];
    struct pl_cache_read read = {.partition = verify->partition, .fields = fields};
    enum pl_status status;

    for (; *position < verify->map.count && read.field_count < READ_FIELDS; (*position)++) {
        fields[read.field_count++] =
            (struct pl_cache_field){verify->map.items[*position]->name, PL_NULL_BYTES};
    }
    status = cache->ops->read(cache->self, &read, 1, arena, error);
    if (status == PL_OK) {
        status = take_checkpoint(verify, read.checkpoint, ret_is_good, error);
    }
    for (size_t i = 0; status == PL_OK && *ret_is_good && i < read.field_count; i++) {
        compare(verify, &fields[i]);
    }
    if (status == PL_OK && *ret_is_good && *position == verify->map.count) {
        status = check_count(verify, read.stored_fields, error);
        *position = verify->map.count; /* what came later is not compared: it is not in Redis yet */
    }
    pl_arena_reset(arena);
    return status;
}

/* Redis has nothing of the partition: right where the topic has nothing either. */
static enum pl_status verify_absent(struct verify *verify, int64_t fields, struct pl_error *error)
{
    char what[80];
    enum pl_status status = fold_to(verify, verify->end, error);

    if (status == PL_OK && fields > 0) {
        (void)snprintf(what, sizeof(what), "%" PRId64 " fields in Redis, but no checkpoint",
                       fields);
        tell(verify, PL_NULL_BYTES, what);
    } else if (status == PL_OK && verify->scan.records > 0) {
        (void)snprintf(what, sizeof(what), "nothing in Redis, %" PRId64 " fields in the topic",
                       live_count(verify));
        tell(verify, PL_NULL_BYTES, what);
    }
    return status;
}

static enum pl_status verify_once(struct verify *verify, struct pl_error *error)
{
    struct pl_bytes checkpoint;
    int64_t fields = 0;
    size_t position = 0;
    bool is_good = false;
    bool is_done = false;
    enum pl_status status = ask_end(verify, error);

    if (status == PL_OK) {
        status = pl_cache_work_look(verify->work, verify->partition, &checkpoint, &fields, error);
    }
    if (status == PL_OK && pl_bytes_is_null(checkpoint)) {
        return verify_absent(verify, fields, error);
    }
    if (status == PL_OK) {
        status = take_checkpoint(verify, checkpoint, &is_good, error);
    }
    while (status == PL_OK && is_good && !is_done) {
        status = compare_some(verify, &position, &is_good, error);
        is_done = position == verify->map.count;
        pl_session_progress(verify->work->session, "comparing with Redis", (int64_t)position,
                            (int64_t)verify->map.count);
        if (status == PL_OK && pl_session_is_stopped(verify->work->session)) {
            return pl_fail(error, PL_AGAIN, "stopped before it was done");
        }
    }
    return status;
}

static enum pl_status verify_one(struct pl_cache_work *work, int32_t partition, void *self,
                                 struct pl_error *error)
{
    struct verify *verify = self;
    int64_t before = verify->differences;
    enum pl_status status = PL_ABORT;

    verify->partition = partition;
    for (int tries = 0; status == PL_ABORT && tries < TRIES; tries++) {
        verify->scan = (struct pl_state_scan){.session = work->session,
                                              .partition = partition,
                                              .progress_offset = -1,
                                              .take = take_piece,
                                              .self = verify};
        verify->map = verify->strangers = (struct pl_field_map){.arena = &verify->arena};
        verify->folded = verify->named = 0;
        if (tries > 0) {
            pl_session_note(work->session, "partition %" PRId32 " was made anew meanwhile: again",
                            partition);
            verify->differences = before;
        }
        status = verify_once(verify, error);
        pl_field_map_done(&verify->map);
        pl_field_map_done(&verify->strangers);
        pl_arena_reset(&verify->arena);
    }
    return status == PL_ABORT
               ? pl_fail(error, PL_AGAIN, "partition %" PRId32 " is being rebuilt: try again later",
                         partition)
               : status;
}

static enum pl_status verify_all(struct pl_session *session, const void *given,
                                 struct pl_error *error)
{
    struct pl_cache_work work = {.session = session, .given = given};
    struct verify verify = {.work = &work, .arena = PL_ARENA_INIT};
    enum pl_status status = pl_cache_work_run(&work, verify_one, &verify, error);

    if (!work.given->is_json && verify.differences > 0) {
        struct pl_table table = new_table(&verify, &session->arena);

        pl_table_print(&table, &session->page);
    }
    if (status == PL_OK && verify.differences > 0) {
        status = pl_fail(error, PL_NOT_FOUND, "%" PRId64 " differences", verify.differences);
    } else if (status == PL_OK && !work.given->is_json) {
        (void)fprintf(session->page.out, "no differences, %" PRId64 " fields compared\n",
                      verify.fields);
    }
    pl_arena_done(&verify.arena);
    return status;
}

int pl_cli_cache_verify(int argc, char **argv)
{
    struct pl_cache_given given = {.is_json = false};
    int code = parse(argc, argv, &given);

    return code == PL_GO_ON ? pl_session_run(COMMAND, &given.session, verify_all, &given) : code;
}
