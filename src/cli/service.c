/* The composition root: makes every part, hands the ports to the pipeline, and takes all down. */
#include "cli/service.h"

#include <string.h>

#include "cli/catalogue.h"
#include "cli/schemas.h"
#include "io/world.h"
#include "pipeline/pipeline.h"
#include "planlift/log.h"

#define AWAY_WAIT_MS 500
#define AWAY_REPORT_MS 10000

struct service {
    const struct pl_settings *settings;
    struct pl_system_world system;
    struct pl_world world;
    struct pl_catalogue *catalogue;
    struct pl_schemas *schemas;
    struct pl_schema_source source; /* the decoder borrows it */
    struct pl_decoder *decoder;
    struct pl_redis *redis;
    struct pl_kafka_topics topics;
    struct pl_kafka_reader *reader;
    struct pl_kafka_feed *feed;
    struct pl_kafka_txn *txn;
    bool drain;
};

/* What needs nobody else: refused now or never. */
static enum pl_status prepare(struct service *service, struct pl_error *error)
{
    const struct pl_config *config = service->settings->config;
    enum pl_status status = pl_cli_catalogue_load(pl_config_text(config, PL_SETTING_CATALOGUE_PATH),
                                                  error, &service->catalogue);

    if (status == PL_OK) {
        status = pl_schemas_load(pl_config_text(config, PL_SETTING_SCHEMAS_PATH), error,
                                 &service->schemas);
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

static enum pl_status check_redis(struct service *service, struct pl_error *error)
{
    enum pl_status status = pl_redis_check(service->redis, error);

    if (status == PL_NOT_FOUND) {
        pl_log(WARN, "redis_unchecked", PL_F_TEXT("reason", error->text));
        return PL_OK;
    }
    return status;
}

static enum pl_status check_topics(struct service *service, struct pl_error *error)
{
    return pl_kafka_topics_check(&service->settings->kafka, &service->topics, error);
}

static enum pl_status open_reader(struct service *service, struct pl_error *error)
{
    return pl_kafka_reader_new(&service->settings->kafka, &service->reader, error);
}

static enum pl_status open_feed(struct service *service, struct pl_error *error)
{
    return pl_kafka_feed_new(&service->settings->kafka, &service->topics, service->reader,
                             service->drain, &service->feed, error);
}

static enum pl_status open_txn(struct service *service, struct pl_error *error)
{
    return pl_kafka_txn_new(&service->settings->kafka, &service->topics, service->feed,
                            &service->txn, error);
}

static bool should_stop(const struct service *service)
{
    return service->world.ops->should_stop(service->world.self);
}

/* Try until it works, cannot work, or we are asked to stop (PL_AGAIN then). */
static enum pl_status insist(struct service *service,
                             enum pl_status (*step)(struct service *service,
                                                    struct pl_error *error),
                             struct pl_error *error)
{
    int64_t reported_ms = 0;
    enum pl_status status = step(service, error);

    while (status == PL_AGAIN && !should_stop(service)) {
        int64_t now = service->world.ops->monotonic_ms(service->world.self);

        if (reported_ms == 0 || now - reported_ms >= AWAY_REPORT_MS) {
            reported_ms = now;
            pl_log(WARN, "waiting", PL_F_TEXT("for", error->text));
        }
        service->world.ops->wait_ms(service->world.self, AWAY_WAIT_MS);
        status = step(service, error);
    }
    return status;
}

static enum pl_status connect_all(struct service *service, struct pl_error *error)
{
    static enum pl_status (*const steps[])(struct service * service, struct pl_error * error) = {
        check_topics, check_redis, open_reader, open_feed, open_txn};
    enum pl_status status = PL_OK;

    for (size_t i = 0; status == PL_OK && i < sizeof(steps) / sizeof(steps[0]); i++) {
        status = insist(service, steps[i], error);
    }
    return status;
}

/* ---- running --------------------------------------------------------------------------------- */

static enum pl_status run_pipeline(struct service *service, struct pl_error *error)
{
    const struct pl_config *config = service->settings->config;
    struct pl_pipeline_options options = {
        .feed = pl_kafka_feed_port(service->feed),
        .txn = pl_kafka_txn_port(service->txn),
        .state_log = pl_kafka_state_log_port(service->reader),
        .cache = pl_redis_port(service->redis),
        .world = service->world,
        .catalogue = service->catalogue,
        .decoder = service->decoder,
        .result_schema_id = pl_schemas_own().result_id,
        .cluster_id = pl_bytes_of(service->topics.cluster_id),
        .group_id = pl_bytes_of(pl_config_text(config, PL_SETTING_GROUP_ID)),
        .partition_count = service->topics.partition_count,
        .batch_max_records = (size_t)pl_config_number(config, PL_SETTING_BATCH_MAX_RECORDS),
        .batch_max_wait_ms = (int)pl_config_number(config, PL_SETTING_BATCH_MAX_WAIT_MS),
        .result_max_accounts = (size_t)pl_config_number(config, PL_SETTING_RESULT_MAX_ACCOUNTS),
        .state_delete_retention_ms = service->topics.state_delete_retention_ms,
        .drain = service->drain};

    for (int topic = 0; topic < PL_TOPIC_COUNT; topic++) {
        options.topics[topic] = pl_bytes_of(service->settings->kafka.topics[topic]);
    }
    return pl_pipeline_run(&options, error);
}

static void take_down(struct service *service)
{
    pl_kafka_txn_free(service->txn);
    pl_kafka_feed_free(service->feed);
    pl_kafka_reader_free(service->reader);
    pl_redis_free(service->redis);
    pl_decoder_free(service->decoder);
    pl_schemas_free(service->schemas);
    pl_catalogue_free(service->catalogue);
}

/* Contract 8: the older of two processes with one slot says which host took it. */
static enum pl_status tell_holder(const struct pl_settings *settings, struct pl_error *error)
{
    char holder[256];

    pl_kafka_slot_holder(&settings->kafka, holder, sizeof(holder));
    return pl_fail_at(error, PL_FENCED, "slot %s is held by %s now", settings->instance_id, holder);
}

enum pl_status pl_service_run(const struct pl_settings *settings, bool drain,
                              const volatile sig_atomic_t *stop, struct pl_error *error)
{
    struct service service = {.settings = settings, .system = {.stop = stop}, .drain = drain};
    enum pl_status status;

    service.world = pl_system_world_port(&service.system);
    status = prepare(&service, error);
    if (status == PL_OK) {
        status = connect_all(&service, error);
    }
    if (status == PL_OK) {
        pl_log(INFO, "started", PL_F_TEXT("instance", settings->instance_id),
               PL_F_INT("partitions", service.topics.partition_count));
        status = run_pipeline(&service, error);
    }
    if (status == PL_AGAIN && should_stop(&service)) {
        status = PL_OK; /* asked to stop before it had begun */
    }
    take_down(&service);
    return status == PL_FENCED ? tell_holder(settings, error) : status;
}
