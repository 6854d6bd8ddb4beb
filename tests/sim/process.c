/* One simulated planlift: adapters and pipeline put together as src/cli/run/service.c does, but
 * with a catalogue and a decoder that all processes share. The decoder is stateless between calls
 * but for schemas it has learnt, and no process can be left in the middle of a call of it. */
#include "cli/catalogue.h"
#include "cli/schemas.h"
#include "io/redis.h"
#include "io/world.h"
#include "pipeline/pipeline.h"
#include "sim.h"

#define AWAY_WAIT_MS 500
#define PROPERTY_COUNT 1

struct service {
    struct sim_process *process;
    struct pl_kafka_options kafka;
    struct pl_system_world system;
    struct pl_world world;
    struct pl_kafka_topics topics;
    struct pl_redis *redis;
    struct pl_kafka_reader *reader;
    struct pl_kafka_feed *feed;
    struct pl_kafka_txn *txn;
};

static const char *const properties[PROPERTY_COUNT][2] = {{"bootstrap.servers", "simulated:9092"}};

enum pl_status sim_base_load(struct sim_base *ret_base, struct pl_error *error)
{
    static struct pl_schema_source source; /* the decoder borrows it for good */
    struct pl_schemas *schemas = NULL;
    const struct pl_own_schemas own = pl_schemas_own();
    enum pl_status status = pl_cli_catalogue_load(NULL, error, &ret_base->catalogue);

    if (status == PL_OK) {
        status = pl_schemas_load(NULL, error, &schemas);
    }
    if (status == PL_OK) {
        source = pl_schemas_source(schemas);
        status = pl_decoder_new(&own, &source, error, &ret_base->decoder);
    }
    ret_base->result_schema_id = own.result_id;
    return status;
}

/* ---- the start ------------------------------------------------------------------------------- */

static struct pl_kafka_options kafka_options(const struct sim_process *process)
{
    struct pl_kafka_options options = {.properties = properties,
                                       .property_count = PROPERTY_COUNT,
                                       .group_id = process->sim->group_id,
                                       .instance_id = process->instance_id,
                                       .client_id = process->host,
                                       .partitioner = "murmur2_random",
                                       .message_max_bytes = 1000000};

    for (int topic = 0; topic < PL_TOPIC_COUNT; topic++) {
        options.topics[topic] = process->sim->topics[topic];
    }
    return options;
}

static enum pl_status check_topics(struct service *service, struct pl_error *error)
{
    return pl_kafka_topics_check(&service->kafka, &service->topics, error);
}

static enum pl_status check_redis(struct service *service, struct pl_error *error)
{
    enum pl_status status = pl_redis_check(service->redis, error);

    return status == PL_NOT_FOUND ? PL_OK : status;
}

static enum pl_status claim_slot(void *self, struct pl_error *error)
{
    struct service *service = self;

    return pl_redis_slot_claim(service->redis, service->kafka.instance_id, service->kafka.client_id,
                               error);
}

static enum pl_status find_holder(void *self, char *ret_name, size_t size, struct pl_error *error)
{
    struct service *service = self;

    return pl_redis_slot_holder(service->redis, service->kafka.instance_id, ret_name, size, error);
}

static enum pl_status open_reader(struct service *service, struct pl_error *error)
{
    return pl_kafka_reader_new(&service->kafka, &service->reader, error);
}

static enum pl_status open_feed(struct service *service, struct pl_error *error)
{
    return pl_kafka_feed_new(&service->kafka, &service->topics, service->reader, false,
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

static enum pl_status start(struct service *service, struct pl_error *error)
{
    static enum pl_status (*const steps[])(struct service * service, struct pl_error * error) = {
        check_topics, check_redis, open_reader, open_feed, open_txn};
    enum pl_status status = PL_OK;

    for (size_t i = 0; status == PL_OK && i < sizeof(steps) / sizeof(steps[0]); i++) {
        status = steps[i](service, error);
        while (status == PL_AGAIN && !should_stop(service)) {
            service->world.ops->wait_ms(service->world.self, AWAY_WAIT_MS);
            status = steps[i](service, error);
        }
    }
    return status;
}

/* ---- the run --------------------------------------------------------------------------------- */

static enum pl_status run_pipeline(struct service *service, struct pl_error *error)
{
    const struct sim *sim = service->process->sim;
    struct pl_pipeline_options options = {.feed = pl_kafka_feed_port(service->feed),
                                          .txn = pl_kafka_txn_port(service->txn),
                                          .state_log = pl_kafka_state_log_port(service->reader),
                                          .cache = pl_redis_port(service->redis),
                                          .world = service->world,
                                          .catalogue = sim->options.base->catalogue,
                                          .decoder = sim->options.base->decoder,
                                          .result_schema_id = sim->options.base->result_schema_id,
                                          .cluster_id = pl_bytes_of(service->topics.cluster_id),
                                          .group_id = pl_bytes_of(sim->group_id),
                                          .partition_count = service->topics.partition_count,
                                          .batch_max_records = sim->batch_max_records,
                                          .batch_max_wait_ms = sim->batch_max_wait_ms,
                                          .result_max_accounts = sim->result_max_accounts,
                                          .state_delete_retention_ms =
                                              service->topics.state_delete_retention_ms};

    for (int topic = 0; topic < PL_TOPIC_COUNT; topic++) {
        options.topics[topic] = pl_bytes_of(sim->topics[topic]);
    }
    return pl_pipeline_run(&options, error);
}

static enum pl_status open_redis(struct service *service, struct pl_error *error)
{
    struct pl_redis_url url;
    enum pl_status status = pl_redis_url_parse("redis://simulated:6379", &url, error);

    if (status == PL_OK) {
        service->redis = pl_redis_new(&url, NULL, service->process->sim->group_id);
        pl_redis_url_done(&url);
    }
    return status;
}

void sim_process_main(struct sim_process *process)
{
    struct service service = {.process = process, .system = {.stop = &process->stop}};
    enum pl_status status;

    service.kafka = kafka_options(process);
    service.kafka.book = (struct pl_slot_book){claim_slot, find_holder, &service};
    service.world = pl_system_world_port(&service.system);
    status = open_redis(&service, &process->error);
    if (status == PL_OK) {
        status = start(&service, &process->error);
    }
    if (status == PL_OK) {
        status = pl_worker_new(&service.system.worker, &process->error);
    }
    if (status == PL_OK) {
        status = run_pipeline(&service, &process->error);
    }
    if (status == PL_AGAIN && should_stop(&service)) {
        status = PL_OK; /* asked to stop before it had begun */
    }
    pl_worker_free(service.system.worker);
    pl_kafka_txn_free(service.txn);
    pl_kafka_feed_free(service.feed);
    pl_kafka_reader_free(service.reader);
    pl_redis_free(service.redis);
    process->status = status;
}
