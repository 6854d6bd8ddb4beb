/* The composition root: makes every part, hands the ports to the pipeline, and takes all down. */
#include "cli/run/service.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/supervisor.h"
#include "base/watchdog.h"
#include "cli/catalogue.h"
#include "cli/run/fencing.h"
#include "cli/run/metrics_page.h"
#include "cli/run/watched.h"
#include "cli/schemas.h"
#include "io/http.h"
#include "io/kafka_lag.h"
#include "io/world.h"
#include "pipeline/pipeline.h"
#include "planlift/log.h"

#define AWAY_WAIT_MS 500
#define AWAY_REPORT_MS 10000
#define TRANSACTION_TIMEOUT_MS 4000 /* unless the user sets kafka.transaction.timeout.ms */
#define LEAST_LIMIT_S 30            /* without a sign of the loop */
#define PING_MS 3000
#define SLOT_LOOK_MS 3000 /* between two looks whether our slot is free */
#define HOLDER_BYTES 256
#define FENCED_BY_STOP_MS 10000 /* who lost the slot while standing still learns it sooner */

struct service {
    const struct pl_settings *settings;
    struct pl_kafka_options kafka; /* of the settings, and who can tell of slots */
    const char *reason;            /* of the end, as it stands: exit_reason's word */
    struct pl_health *health;
    struct pl_metrics *metrics;
    struct pl_metrics_about about;
    struct pl_watchdog *watchdog;
    struct pl_supervisor *supervisor;
    struct pl_http *http;
    struct pl_fencing fencing;
    struct pl_watched watched;
    struct pl_system_world system;
    struct pl_world world;
    struct pl_catalogue *catalogue;
    struct pl_schemas *schemas;
    struct pl_schema_source source; /* the decoder borrows it */
    struct pl_decoder *decoder;
    uint32_t result_schema_id;
    struct pl_redis *redis;
    struct pl_kafka_topics topics;
    struct pl_kafka_reader *reader;
    struct pl_kafka_feed *feed;
    struct pl_kafka_txn *txn;
    bool drain;
};

/* ---- health ---------------------------------------------------------------------------------- */

/* Twice what a transaction may take: what lasts longer never ends. */
static unsigned hung_limit_s(const struct pl_config *config)
{
    const char *set = pl_config_kafka_value(config, "transaction.timeout.ms");
    long long timeout_ms = set == NULL ? TRANSACTION_TIMEOUT_MS : strtoll(set, NULL, 10);
    long long limit_s = timeout_ms / 500; /* librdkafka itself refuses what is no such time */

    return limit_s < LEAST_LIMIT_S ? LEAST_LIMIT_S
           : limit_s > INT_MAX     ? INT_MAX
                                   : (unsigned)limit_s;
}

/* librdkafka has calls without a limit, which come back once Kafka does (sending offsets, while the
 * coordinator is away). In the watchdog's thread. */
static bool is_kafka_away(void *self, const char *stage)
{
    struct service *service = self;
    struct pl_error error = {""};

    if (pl_kafka_ping(&service->kafka, PING_MS, &error) != PL_AGAIN) {
        return false;
    }
    pl_log(WARN, "kafka_away", PL_F_TEXT("in", stage), PL_F_TEXT("reason", error.text));
    pl_health_set(service->health, PL_CONDITION_KAFKA, false, error.text);
    return true;
}

/* Every second, in the watchdog's thread. */
static void tell_supervisor(void *self)
{
    struct service *service = self;

    pl_supervisor_tell_health(service->supervisor, service->health);
}

/* In the HTTP port's thread. */
static void put_metrics(void *self, struct pl_buffer *page)
{
    const struct service *service = self;

    pl_metrics_page(service->metrics, service->health, &service->about, page);
}

/* Likewise. */
static void put_about(void *self, struct pl_buffer *page)
{
    const struct service *service = self;

    pl_metrics_put_catalogue(service->metrics, page);
}

static enum pl_status open_health(struct service *service, struct pl_error *error)
{
    const char *listen = pl_config_text(service->settings->config, PL_SETTING_HTTP_LISTEN);
    unsigned limit_s = hung_limit_s(service->settings->config);
    struct pl_watchdog_options options = {.limit_ticks = limit_s,
                                          .tick_ms = 1000,
                                          .is_excused = is_kafka_away,
                                          .on_tick = tell_supervisor,
                                          .on_hung = pl_watchdog_end_process,
                                          .self = service};
    struct pl_http_source source = {
        .put_metrics = put_metrics, .put_about = put_about, .self = service};
    enum pl_status status;

    service->health = pl_health_new(limit_s);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes the environment */
    service->supervisor = pl_supervisor_new(getenv("NOTIFY_SOCKET"));
    service->metrics = pl_metrics_new();
    service->about.started_ms = service->world.ops->now_ms(service->world.self);
    service->about.topics[PL_TOPIC_EVENTS] = service->kafka.topics[PL_TOPIC_EVENTS];
    service->about.topics[PL_TOPIC_REQUESTS] = service->kafka.topics[PL_TOPIC_REQUESTS];
    options.health = source.health = service->health;
    status = pl_watchdog_new(&options, &service->watchdog, error);
    if (status == PL_OK && listen != NULL) {
        status = pl_http_new(listen, &source, &service->http, error);
    }
    return status;
}

static void close_health(struct service *service)
{
    pl_http_free(service->http);
    pl_watchdog_free(service->watchdog);
    pl_supervisor_free(service->supervisor);
    pl_metrics_free(service->metrics);
    pl_health_free(service->health);
}

/* ---- what needs nobody else: refused now or never -------------------------------------------- */

static enum pl_status prepare(struct service *service, struct pl_error *error)
{
    const struct pl_config *config = service->settings->config;
    enum pl_status status = pl_cli_catalogue_load(pl_config_text(config, PL_SETTING_CATALOGUE_PATH),
                                                  error, &service->catalogue);

    if (status == PL_OK) {
        pl_metrics_set_catalogue(service->metrics, pl_catalogue_version(service->catalogue),
                                 pl_catalogue_sha256(service->catalogue));
        status = pl_schemas_open(service->settings, &service->world, service->health,
                                 service->metrics, error, &service->schemas);
    }
    if (status == PL_OK) {
        const struct pl_own_schemas own = pl_schemas_own();

        service->source = pl_schemas_source(service->schemas);
        status = pl_decoder_new(&own, &service->source, error, &service->decoder);
    }
    if (status == PL_OK) {
        status = pl_settings_redis(service->settings, &service->redis, error);
    }
    return status == PL_OK ? PL_OK : PL_BAD_DATA;
}

/* ---- what may be away at first --------------------------------------------------------------- */

/* The slot book is kept in Redis. */
static enum pl_status claim_slot(void *self, struct pl_error *error)
{
    struct service *service = self;

    return pl_redis_slot_claim(service->redis, service->settings->instance_id,
                               service->settings->client_id, error);
}

static enum pl_status find_holder(void *self, char *ret_name, size_t size, struct pl_error *error)
{
    struct service *service = self;

    return pl_redis_slot_holder(service->redis, service->settings->instance_id, ret_name, size,
                                error);
}

/* Fit for use, and open to writes: the slot is claimed once more before the group is joined. */
static enum pl_status check_redis(struct service *service, struct pl_error *error)
{
    enum pl_status status = pl_redis_check(service->redis, error);

    if (status == PL_NOT_FOUND) {
        pl_log(WARN, "redis_unchecked", PL_F_TEXT("reason", error->text));
        status = PL_OK;
    }
    return status == PL_OK ? claim_slot(service, error) : status;
}

static enum pl_status start_schemas(struct service *service, struct pl_error *error)
{
    enum pl_status status = pl_schemas_start(service->schemas, service->decoder, error);

    return status == PL_OK ? pl_schemas_own_id(service->schemas, PL_TOPIC_RESULTS,
                                               &service->result_schema_id, error)
                           : status;
}

static enum pl_status reach_kafka(struct service *service, struct pl_error *error)
{
    return pl_kafka_reach(&service->kafka, error);
}

static enum pl_status check_topics(struct service *service, struct pl_error *error)
{
    return pl_kafka_topics_check(&service->kafka, &service->topics, error);
}

static enum pl_status open_reader(struct service *service, struct pl_error *error)
{
    return pl_kafka_reader_new(&service->kafka, &service->reader, error);
}

static enum pl_status open_feed(struct service *service, struct pl_error *error)
{
    return pl_kafka_feed_new(&service->kafka, &service->topics, service->reader, service->drain,
                             &service->feed, error);
}

static enum pl_status open_txn(struct service *service, struct pl_error *error)
{
    return pl_kafka_txn_new(&service->kafka, &service->topics, service->feed, &service->txn, error);
}

static bool should_stop(const struct service *service)
{
    return service->world.ops->should_stop(service->world.self);
}

/* A step of the start, and what is said where it does not work. */
struct step {
    enum pl_status (*take)(struct service *service, struct pl_error *error);
    enum pl_condition condition;
    const char *stage;
    const char *reason; /* of the end, if it cannot work */
};

static enum pl_status take_step(struct service *service, const struct step *step,
                                struct pl_error *error)
{
    enum pl_status status;

    pl_health_beat(service->health, step->stage);
    status = step->take(service, error);
    pl_health_beat(service->health, step->stage);
    if (status == PL_OK || status == PL_AGAIN) {
        pl_health_set(service->health, step->condition, status == PL_OK, error->text);
    }
    return status;
}

/* Try until it works, cannot work, or we are asked to stop (PL_AGAIN then). */
static enum pl_status insist(struct service *service, const struct step *step,
                             struct pl_error *error)
{
    int64_t reported_ms = 0;
    enum pl_status status = take_step(service, step, error);

    while (status == PL_AGAIN && !should_stop(service)) {
        int64_t now = service->world.ops->monotonic_ms(service->world.self);

        if (reported_ms == 0 || now - reported_ms >= AWAY_REPORT_MS) {
            reported_ms = now;
            pl_log(WARN, "waiting", PL_F_TEXT("for", error->text));
        }
        service->world.ops->wait_ms(service->world.self, AWAY_WAIT_MS);
        status = take_step(service, step, error);
    }
    return status;
}

static enum pl_status connect_all(struct service *service, struct pl_error *error)
{
    static const struct step steps[] = {
        {reach_kafka, PL_CONDITION_KAFKA, "reaching Kafka", "kafka"},
        {check_topics, PL_CONDITION_KAFKA, "checking the topics", "topics"},
        {start_schemas, PL_CONDITION_REGISTRY, "reading schemas", "registry"},
        {check_redis, PL_CONDITION_REDIS, "checking Redis", "redis"},
        {open_reader, PL_CONDITION_KAFKA, "opening the reader", "kafka"},
        {open_feed, PL_CONDITION_KAFKA, "joining the group", "kafka"},
        {open_txn, PL_CONDITION_KAFKA, "starting the producer", "kafka"}};
    enum pl_status status = PL_OK;

    for (size_t i = 0; status == PL_OK && i < PL_COUNT(steps); i++) {
        service->reason = steps[i].reason;
        status = insist(service, &steps[i], error);
    }
    return status;
}

/* ---- running --------------------------------------------------------------------------------- */

/* While there is nothing else to do. A registry that was away tells our readiness by itself. */
static enum pl_status check_redis_again(void *self, struct pl_error *error)
{
    struct service *service = self;

    pl_schemas_look(service->schemas);
    return pl_redis_check(service->redis, error);
}

static void watch_ports(struct service *service)
{
    service->watched = (struct pl_watched){.health = service->health,
                                           .feed = pl_kafka_feed_port(service->feed),
                                           .txn = pl_kafka_txn_port(service->txn),
                                           .state_log = pl_kafka_state_log_port(service->reader),
                                           .cache = pl_redis_port(service->redis),
                                           .world = service->world,
                                           .check_redis = check_redis_again,
                                           .redis = service,
                                           .metrics = service->metrics,
                                           .partition_count = service->topics.partition_count,
                                           .input_end = pl_kafka_input_end,
                                           .kafka = service->feed};
    pl_metrics_set_partitions(service->metrics, (size_t)service->topics.partition_count);
}

static enum pl_status run_pipeline(struct service *service, struct pl_error *error)
{
    const struct pl_config *config = service->settings->config;
    struct pl_pipeline_options options = {
        .feed = pl_watched_feed(&service->watched),
        .txn = pl_watched_txn(&service->watched),
        .state_log = pl_watched_state_log(&service->watched),
        .cache = pl_watched_cache(&service->watched),
        .world = pl_watched_world(&service->watched),
        .catalogue = service->catalogue,
        .decoder = service->decoder,
        .result_schema_id = service->result_schema_id,
        .cluster_id = pl_bytes_of(service->topics.cluster_id),
        .group_id = pl_bytes_of(pl_config_text(config, PL_SETTING_GROUP_ID)),
        .partition_count = service->topics.partition_count,
        .batch_max_records = (size_t)pl_config_number(config, PL_SETTING_BATCH_MAX_RECORDS),
        .batch_max_wait_ms = (int)pl_config_number(config, PL_SETTING_BATCH_MAX_WAIT_MS),
        .result_max_accounts = (size_t)pl_config_number(config, PL_SETTING_RESULT_MAX_ACCOUNTS),
        .state_delete_retention_ms = service->topics.state_delete_retention_ms,
        .drain = service->drain,
        .health = service->health,
        .metrics = service->metrics};
    enum pl_status status;

    for (int topic = 0; topic < PL_TOPIC_COUNT; topic++) {
        options.topics[topic] = pl_bytes_of(service->settings->kafka.topics[topic]);
    }
    status = pl_pipeline_run(&options, error);
    service->reason = service->watched.fatal == NULL ? "state" : service->watched.fatal;
    return status;
}

/* Each may wait for the network. */
static void leave_kafka(struct service *service)
{
    static const char why[] = "the service is ending";

    pl_health_set(service->health, PL_CONDITION_ASSIGNED, false, why);
    pl_health_set(service->health, PL_CONDITION_RESTORED, false, why);
    pl_health_beat(service->health, "closing the producer");
    pl_kafka_txn_free(service->txn);
    service->txn = NULL;
    pl_health_beat(service->health, "leaving the group");
    pl_kafka_feed_free(service->feed);
    service->feed = NULL;
    pl_health_beat(service->health, "closing the reader");
    pl_kafka_reader_free(service->reader);
    service->reader = NULL;
    pl_health_beat(service->health, "ending");
}

static void take_down(struct service *service)
{
    pl_supervisor_tell_stopping(service->supervisor);
    leave_kafka(service);
    pl_worker_free(service->system.worker);
    pl_redis_free(service->redis);
    pl_decoder_free(service->decoder);
    pl_schemas_free(service->schemas);
    pl_catalogue_free(service->catalogue);
    close_health(service);
}

/* ---- fenced ---------------------------------------------------------------------------------- */

static enum pl_status check_slot(struct service *service)
{
    struct pl_error error = {""};
    enum pl_status status;

    pl_health_beat(service->health, "asking who is in the group");
    status = pl_kafka_slot_check(&service->kafka, &error);
    pl_health_beat(service->health, "waiting for our slot");
    return status;
}

/* Is it a second time within a minute? Not where we had stood still and lost our place by that. */
static bool is_fight(struct service *service)
{
    return pl_fencing_is_fight(&service->fencing,
                               service->world.ops->now_ms(service->world.self)) &&
           !pl_watchdog_saw_a_stop(service->watchdog, FENCED_BY_STOP_MS);
}

/* Two processes with one slot must not fence each other for ever: one of them, this one, keeps out
 * of the group until the other has left it (I10). */
static void wait_for_slot(struct service *service, const struct pl_error *error)
{
    const struct pl_world *world = &service->world;
    enum pl_status status;

    pl_log(WARN, "waiting_for_slot", PL_F_TEXT("instance", service->settings->instance_id),
           PL_F_TEXT("reason", error->text));
    pl_health_set(service->health, PL_CONDITION_SLOT, false, error->text);
    do {
        /* Not at once: whoever took the slot may not have joined the group yet. */
        for (int waited = 0; waited < SLOT_LOOK_MS && !should_stop(service);
             waited += AWAY_WAIT_MS) {
            world->ops->wait_ms(world->self, AWAY_WAIT_MS);
            pl_health_beat(service->health, "waiting for our slot");
        }
        status = should_stop(service) ? PL_OK : check_slot(service);
    } while (!should_stop(service) && (status == PL_OK || status == PL_AGAIN));
}

/* Contract 8: the older of two processes with one slot says which host took it. */
static enum pl_status end_fenced(struct service *service, struct pl_error *error)
{
    struct pl_error unknown;
    char holder[HOLDER_BYTES];

    leave_kafka(service);
    service->reason = "fenced";
    pl_health_beat(service->health, "asking who has our slot");
    if (find_holder(service, holder, sizeof(holder), &unknown) != PL_OK ||
        strcmp(holder, service->settings->client_id) == 0) {
        (void)snprintf(holder, sizeof(holder), "a process that is not known");
    }
    (void)pl_fail_at(error, PL_FENCED, "slot %s is held by %s now", service->settings->instance_id,
                     holder);
    if (is_fight(service)) {
        wait_for_slot(service, error);
    }
    pl_fencing_note(&service->fencing); /* the one that is started in our place is warned */
    return should_stop(service) ? PL_OK : PL_FENCED;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static enum pl_status run(struct service *service, struct pl_error *error)
{
    enum pl_status status = open_health(service, error);

    if (status == PL_OK) {
        status = prepare(service, error);
    }
    if (status == PL_OK) {
        pl_fencing_recall(service->settings->instance_id,
                          service->world.ops->now_ms(service->world.self), &service->fencing);
        status = connect_all(service, error);
    }
    if (status == PL_OK) {
        status = pl_worker_new(&service->system.worker, error);
    }
    if (status == PL_OK) {
        pl_log(INFO, "started", PL_F_TEXT("instance", service->settings->instance_id),
               PL_F_INT("partitions", service->topics.partition_count));
        watch_ports(service);
        status = run_pipeline(service, error);
    }
    if (status == PL_AGAIN && should_stop(service)) {
        status = PL_OK; /* asked to stop before it had begun */
    }
    return status == PL_FENCED ? end_fenced(service, error) : status;
}

enum pl_status pl_service_run(const struct pl_settings *settings, bool drain,
                              const volatile sig_atomic_t *stop, const char **ret_reason,
                              struct pl_error *error)
{
    struct service service = {.settings = settings,
                              .kafka = settings->kafka,
                              .reason = "failed",
                              .system = {.stop = stop},
                              .drain = drain};
    enum pl_status status;

    service.world = pl_system_world_port(&service.system);
    service.kafka.book = (struct pl_slot_book){claim_slot, find_holder, &service};
    status = run(&service, error);
    take_down(&service);
    if (ret_reason != NULL) {
        *ret_reason = status == PL_BAD_DATA ? "configuration" : service.reason;
    }
    return status;
}
