/* The demo's own corner of Kafka and Redis. */
#include "cli/demo/demo_stage.h"

#include <inttypes.h>
#include <string.h>

#include "cli/run/service.h"
#include "io/kafka_scan.h"

#define PARTITIONS "2"
#define PARTITION_COUNT 2
#define FLUSH_TIMEOUT_MS 10000
#define TOPICS_TIMEOUT_MS 10000
#define TOPICS_WAIT_MS 20
#define READ_TIMEOUT_MS 100
#define CUT_BYTES 6 /* of the time that a request ends with */

/* ---- opening and closing --------------------------------------------------------------------- */

static void draw_name(struct pl_demo_stage *stage)
{
    unsigned char id[16];

    stage->world.ops->random_id(stage->world.self, id);
    (void)snprintf(stage->name, sizeof(stage->name), "planlift-demo-%02x%02x%02x%02x", id[0], id[1],
                   id[2], id[3]); /* fits */
}

static enum pl_status load_settings(struct pl_demo_stage *stage, const char *path, bool is_verbose,
                                    struct pl_error *error)
{
    static const char *const topics[] = {".events", ".requests", ".results", ".state"};
    char names[4][sizeof(stage->name) + 16];
    const struct pl_config_fixed fixed[] = {
        {PL_SETTING_GROUP_ID, stage->name},
        {PL_SETTING_TOPIC_EVENTS, names[0]},
        {PL_SETTING_TOPIC_REQUESTS, names[1]},
        {PL_SETTING_TOPIC_RESULTS, names[2]},
        {PL_SETTING_TOPIC_STATE, names[3]},
        {PL_SETTING_TOPIC_PARTITIONS, PARTITIONS},
        /* The story is one of the shipped catalogue, written with the shipped schemas; the port may
         * be that of a service beside us. */
        {PL_SETTING_CATALOGUE_PATH, NULL},
        {PL_SETTING_SCHEMAS_PATH, NULL},
        {PL_SETTING_SCHEMA_REGISTRY_URL, NULL},
        {PL_SETTING_HTTP_LISTEN, NULL},
        /* The Kafka client warns of each try to connect. The last: verbose leaves it as it is. */
        {PL_SETTING_LOG_LEVEL, "error"}};
    size_t count = PL_COUNT(fixed);

    for (size_t i = 0; i < PL_COUNT(topics); i++) {
        (void)snprintf(names[i], sizeof(names[i]), "%s%s", stage->name, topics[i]); /* fits */
    }
    return pl_settings_load_fixed(path, fixed, is_verbose ? count - 1 : count, &stage->settings,
                                  error);
}

enum pl_status pl_demo_stage_open(struct pl_demo_stage *stage, const char *path, bool is_verbose,
                                  const volatile sig_atomic_t *stop, struct pl_error *error)
{
    enum pl_status status;

    *stage = (struct pl_demo_stage){.stop = stop, .system = {.stop = stop}};
    stage->world = pl_system_world_port(&stage->system);
    draw_name(stage);
    status = load_settings(stage, path, is_verbose, error);
    if (status == PL_OK) {
        status = pl_settings_redis(&stage->settings, &stage->redis, error);
    }
    if (status == PL_OK) {
        status = pl_kafka_reader_new(&stage->settings.kafka, &stage->reader, error);
    }
    return status == PL_OK ? PL_OK : PL_BAD_DATA;
}

static enum pl_status drop_cache(struct pl_demo_stage *stage, struct pl_error *error)
{
    struct pl_cache cache = pl_redis_port(stage->redis);
    struct pl_arena arena = PL_ARENA_INIT;
    enum pl_status status = PL_OK;

    for (int32_t partition = 0; status == PL_OK && partition < PARTITION_COUNT; partition++) {
        struct pl_cache_read read = {.partition = partition};

        status = cache.ops->read(cache.self, &read, 1, &arena, error);
        if (status == PL_OK) {
            status = cache.ops->drop(cache.self, partition, read.checkpoint, error);
        }
    }
    pl_arena_done(&arena);
    if (status == PL_OK) {
        status = pl_redis_slot_forget(stage->redis, stage->settings.instance_id, error);
    }
    return status == PL_OK
               ? PL_OK
               : pl_fail_at(error, status, "cache entries of %s are left behind", stage->name);
}

static enum pl_status drop_topics(struct pl_demo_stage *stage, struct pl_error *error)
{
    enum pl_status status = pl_kafka_topics_delete(&stage->settings.kafka, error);

    return status == PL_OK ? PL_OK
                           : pl_fail_at(error, status, "topics %s.* are left behind", stage->name);
}

enum pl_status pl_demo_stage_close(struct pl_demo_stage *stage, struct pl_error *error)
{
    enum pl_status status = PL_OK;

    pl_kafka_reader_free(stage->reader); /* before the topics: it would ask for them */
    if (stage->has_topics) {
        enum pl_status cache;

        status = drop_topics(stage, error);
        cache = drop_cache(stage, status == PL_OK ? error : NULL); /* the first failure is told */
        status = status == PL_OK ? cache : status;
    }
    pl_redis_free(stage->redis);
    pl_settings_done(&stage->settings);
    *stage = (struct pl_demo_stage){.name = ""};
    return status;
}

/* ---- where they are -------------------------------------------------------------------------- */

struct pl_bytes pl_demo_stage_kafka(const struct pl_demo_stage *stage, struct pl_arena *arena)
{
    return pl_arena_format(arena, "%s", pl_kafka_servers(&stage->settings.kafka));
}

struct pl_bytes pl_demo_stage_redis(const struct pl_demo_stage *stage, struct pl_arena *arena)
{
    const char *text = pl_config_text(stage->settings.config, PL_SETTING_REDIS_URL);
    struct pl_redis_url url;
    struct pl_error unused;
    struct pl_bytes place;

    if (pl_redis_url_parse(text, &url, &unused) != PL_OK) { /* it was good when it was opened */
        return PL_BYTES_LITERAL("redis.url");
    }
    place = url.path != NULL
                ? pl_arena_format(arena, "%s", url.path)
                : pl_arena_format(arena, "%s:%d", url.places[0].host, url.places[0].port);
    pl_redis_url_done(&url);
    return place;
}

/* ---- setting up ------------------------------------------------------------------------------ */

enum pl_status pl_demo_stage_check_kafka(struct pl_demo_stage *stage, struct pl_error *error)
{
    int32_t unused[PL_TOPIC_COUNT];

    return pl_kafka_reader_partitions(stage->reader, unused, error);
}

enum pl_status pl_demo_stage_check_redis(struct pl_demo_stage *stage, struct pl_error *error)
{
    enum pl_status status = pl_redis_check(stage->redis, error);

    return status == PL_NOT_FOUND ? PL_OK : status; /* it does not tell: the service warns of it */
}

static bool is_stopped(const struct pl_demo_stage *stage)
{
    return stage->world.ops->should_stop(stage->world.self);
}

static void ignore_report(const char *topic, const char *outcome)
{
    (void)topic;
    (void)outcome;
}

static enum pl_status look_for_leaders(struct pl_demo_stage *stage, struct pl_error *error)
{
    enum pl_status status = PL_OK;
    int64_t unused[2];

    for (int topic = 0; topic < PL_TOPIC_COUNT; topic++) {
        for (int32_t partition = 0; status == PL_OK && partition < PARTITION_COUNT; partition++) {
            status = pl_kafka_reader_range(stage->reader, (enum pl_topic)topic, partition,
                                           &unused[0], &unused[1], error);
        }
    }
    return status;
}

enum pl_status pl_demo_stage_set_up(struct pl_demo_stage *stage, struct pl_error *error)
{
    const struct pl_settings *settings = &stage->settings;
    int64_t start = stage->world.ops->monotonic_ms(stage->world.self);
    enum pl_status status;

    stage->has_topics = true; /* also where it fails: some may have been made */
    status = pl_kafka_topics_create(
        &settings->kafka, PARTITION_COUNT,
        (int32_t)pl_config_number(settings->config, PL_SETTING_TOPIC_REPLICATION_FACTOR),
        ignore_report, error);
    if (status != PL_OK) {
        return status;
    }
    /* A topic that was just made may have no leaders yet. */
    status = look_for_leaders(stage, error);
    while (status == PL_AGAIN && !is_stopped(stage) &&
           stage->world.ops->monotonic_ms(stage->world.self) - start < TOPICS_TIMEOUT_MS) {
        stage->world.ops->wait_ms(stage->world.self, TOPICS_WAIT_MS);
        status = look_for_leaders(stage, error);
    }
    return status;
}

/* ---- playing --------------------------------------------------------------------------------- */

static enum pl_status send_value(struct pl_kafka_sender *sender, enum pl_topic topic,
                                 struct pl_bytes customer_id, struct pl_bytes value,
                                 struct pl_error *error)
{
    const struct pl_message message = {
        .topic = topic, .partition = -1, .key = customer_id, .value = value};

    return pl_kafka_send(sender, &message, error);
}

static enum pl_status send_facts(struct pl_demo_stage *stage, struct pl_kafka_sender *sender,
                                 const struct pl_demo_story *story, struct pl_error *error)
{
    int64_t now = stage->world.ops->now_ms(stage->world.self);
    struct pl_buffer value = {NULL, 0, 0};
    enum pl_status status = PL_OK;

    for (size_t i = 0; status == PL_OK && i < story->fact_count; i++) {
        char id[32];

        (void)snprintf(id, sizeof(id), "fact-%zu", i + 1); /* fits */
        value.len = 0;
        pl_event_encode(pl_schemas_own().event_id, pl_bytes_of(id), now, &story->facts[i], &value);
        status = send_value(sender, PL_TOPIC_EVENTS, story->facts[i].customer_id,
                            pl_buffer_since(&value, 0), error);
    }
    pl_buffer_done(&value);
    return status;
}

static enum pl_status send_requests(struct pl_demo_stage *stage, struct pl_kafka_sender *sender,
                                    const struct pl_demo_story *story, struct pl_error *error)
{
    struct pl_buffer value = {NULL, 0, 0};
    enum pl_status status = PL_OK;

    for (size_t i = 0; status == PL_OK && i < story->request_count; i++) {
        struct pl_request request = story->requests[i].request;

        request.requested_at_ms = stage->world.ops->now_ms(stage->world.self);
        value.len = 0;
        pl_request_encode(pl_schemas_own().request_id, &request, &value);
        if (story->requests[i].is_cut) {
            value.len -= CUT_BYTES;
        }
        status = send_value(sender, PL_TOPIC_REQUESTS, request.customer_id,
                            pl_buffer_since(&value, 0), error);
    }
    pl_buffer_done(&value);
    return status;
}

/* The real service, until it has taken in all that is there. */
static enum pl_status run_service(struct pl_demo_stage *stage, struct pl_error *error)
{
    enum pl_status status = pl_service_run(&stage->settings, true, stage->stop, NULL, error);

    if (status == PL_OK && is_stopped(stage)) {
        return pl_fail(error, PL_AGAIN, "the service was stopped before it was done");
    }
    return status;
}

enum pl_status pl_demo_stage_play(struct pl_demo_stage *stage, const struct pl_demo_story *story,
                                  struct pl_error *error)
{
    static enum pl_status (*const acts[])(
        struct pl_demo_stage * stage, struct pl_kafka_sender * sender,
        const struct pl_demo_story *story, struct pl_error *error) = {send_facts, send_requests};
    struct pl_kafka_sender *sender = NULL;
    enum pl_status status = pl_kafka_sender_new(&stage->settings.kafka, &sender, error);

    for (size_t i = 0; status == PL_OK && i < PL_COUNT(acts); i++) {
        status = acts[i](stage, sender, story, error);
        if (status == PL_OK) {
            status = pl_kafka_sender_flush(sender, FLUSH_TIMEOUT_MS, error);
        }
        if (status == PL_OK) {
            status = run_service(stage, error);
        }
    }
    pl_kafka_sender_free(sender);
    return status;
}

/* ---- reading back ---------------------------------------------------------------------------- */

/* What a reader of answers needs. */
struct reading {
    struct pl_demo_stage *stage;
    struct pl_kafka_scan *scan;
    struct pl_decoder *decoder;
    struct pl_arena *arena;
    struct pl_demo_answers *answers;
};

static enum pl_status take_result(const struct reading *reading, const struct pl_record *record,
                                  struct pl_error *error)
{
    struct pl_demo_answers *answers = reading->answers;
    struct pl_result_record result;
    struct pl_refusal refusal;
    enum pl_status status =
        pl_decode_result(reading->decoder, record->value, reading->arena, &result, &refusal, error);

    if (status == PL_BAD_DATA) {
        return pl_fail(error, status, "a result cannot be read: %s: %s",
                       pl_dead_letter_names[refusal.code], refusal.message);
    }
    if (status == PL_OK) {
        answers->results = pl_arena_grow(reading->arena, answers->results, answers->result_count,
                                         answers->result_count + 1, sizeof(result));
        answers->results[answers->result_count++] = result;
    }
    return status;
}

static struct pl_bytes header_value(const struct pl_header *headers, size_t count, const char *name,
                                    struct pl_arena *arena)
{
    for (size_t i = 0; i < count; i++) {
        if (pl_bytes_equal(headers[i].name, pl_bytes_of(name))) {
            return pl_arena_copy(arena, headers[i].value);
        }
    }
    return PL_BYTES_LITERAL("?");
}

/* Topics without the name that those of this run share. */
static struct pl_bytes short_name(const struct pl_demo_stage *stage, struct pl_bytes topic)
{
    size_t len = strlen(stage->name) + 1;

    return topic.len > len && memcmp(topic.data, stage->name, len - 1) == 0
               ? (struct pl_bytes){topic.data + len, topic.len - len}
               : topic;
}

static enum pl_status take_dead_letter(const struct reading *reading,
                                       const struct pl_record *record, struct pl_error *error)
{
    const struct pl_demo_stage *stage = reading->stage;
    struct pl_demo_answers *answers = reading->answers;
    struct pl_demo_dead_letter letter;
    struct pl_bytes source[3];
    const struct pl_header *headers;
    size_t count;

    (void)error;
    pl_kafka_scan_headers(reading->scan, reading->arena, &headers, &count);
    source[0] = short_name(stage, header_value(headers, count, "planlift-topic", reading->arena));
    source[1] = header_value(headers, count, "planlift-partition", reading->arena);
    source[2] = header_value(headers, count, "planlift-offset", reading->arena);
    letter = (struct pl_demo_dead_letter){
        .topic = short_name(stage, pl_bytes_of(stage->settings.kafka.topics[record->topic])),
        .code = header_value(headers, count, "planlift-error-code", reading->arena),
        .message = header_value(headers, count, "planlift-error-message", reading->arena),
        .source = pl_arena_format(reading->arena, "%.*s/%.*s/%.*s", (int)source[0].len,
                                  source[0].data, (int)source[1].len, source[1].data,
                                  (int)source[2].len, source[2].data)};
    answers->dead_letters =
        pl_arena_grow(reading->arena, answers->dead_letters, answers->dead_letter_count,
                      answers->dead_letter_count + 1, sizeof(letter));
    answers->dead_letters[answers->dead_letter_count++] = letter;
    return PL_OK;
}

static enum pl_status read_topic(const struct reading *reading, enum pl_topic topic,
                                 enum pl_status (*take)(const struct reading *reading,
                                                        const struct pl_record *record,
                                                        struct pl_error *error),
                                 struct pl_error *error)
{
    const struct pl_kafka_scan_plan plan = {
        .topic = topic, .partition = PL_SCAN_ALL_PARTITIONS, .until = PL_SCAN_TO_END};
    struct pl_scan_event event = {.kind = PL_SCAN_IDLE};
    enum pl_status status = pl_kafka_scan_start(reading->scan, &plan, error);

    while (status == PL_OK && event.kind != PL_SCAN_END) {
        status = pl_kafka_scan_next(reading->scan, READ_TIMEOUT_MS, &event, error);
        if (status == PL_OK && is_stopped(reading->stage)) {
            status = pl_fail(error, PL_AGAIN, "it was stopped");
        }
        if (status == PL_OK && event.kind == PL_SCAN_RECORD) {
            status = take(reading, &event.record, error);
        }
    }
    return status;
}

enum pl_status pl_demo_stage_read(struct pl_demo_stage *stage, struct pl_arena *arena,
                                  struct pl_demo_answers *ret_answers, struct pl_error *error)
{
    const struct pl_own_schemas own = pl_schemas_own();
    struct pl_demo_answers answers = {NULL, 0, NULL, 0};
    struct reading reading = {.stage = stage, .arena = arena, .answers = &answers};
    struct pl_schema_source source;
    struct pl_schemas *schemas = NULL;
    enum pl_status status = pl_schemas_load(NULL, error, &schemas);

    if (status != PL_OK) {
        return status;
    }
    source = pl_schemas_source(schemas);
    status = pl_decoder_new(&own, &source, error, &reading.decoder);
    if (status == PL_OK) {
        status = pl_kafka_scan_new(&stage->settings.kafka, &reading.scan, error);
    }
    if (status == PL_OK) {
        status = read_topic(&reading, PL_TOPIC_RESULTS, take_result, error);
    }
    if (status == PL_OK) {
        status = read_topic(&reading, PL_TOPIC_REQUESTS_DLQ, take_dead_letter, error);
    }
    if (status == PL_OK) {
        status = read_topic(&reading, PL_TOPIC_EVENTS_DLQ, take_dead_letter, error);
    }
    pl_kafka_scan_free(reading.scan);
    pl_decoder_free(reading.decoder);
    pl_schemas_free(schemas);
    *ret_answers = answers;
    return status;
}
