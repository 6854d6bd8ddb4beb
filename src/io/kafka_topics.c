/* Set-up: looking at the topics before anything is done, and making them (contract 2). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/kafka_client.h"
#include "io/kafka_error.h"
#include "io/kafka_partitions.h"
#include "planlift/log.h"

/* Dead letters carry a record's bytes and some headers more: their topics must take what the inputs
 * took. */
#define VISIBLE_WAIT_MS 100
#define CREATED_TRIES 100
#define MISSING_TRIES 50 /* then a topic that nobody shows is not there */
#define DLQ_MAX_MESSAGE_BYTES "16777216"

/* A plain handle for asking and administering; it knows all our topics. */
struct admin {
    const struct pl_kafka_options *options;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    rd_kafka_topic_t *topics[PL_TOPIC_COUNT];
};

static void admin_done(struct admin *admin)
{
    for (int topic = 0; topic < PL_TOPIC_COUNT; topic++) {
        if (admin->topics[topic] != NULL) {
            rd_kafka_topic_destroy(admin->topics[topic]);
        }
    }
    if (admin->queue != NULL) {
        rd_kafka_queue_destroy(admin->queue);
    }
    if (admin->rk != NULL) {
        rd_kafka_destroy(admin->rk);
    }
}

/* A handle that knows no topics yet. It is a consumer's: Kafka by default makes every topic that a
 * producer asks about, so that merely looking would make ours, and the wrong way. */
static enum pl_status admin_open(struct admin *admin, const struct pl_kafka_options *options,
                                 struct pl_error *error)
{
    static const struct pl_property forced[] = {{"allow.auto.create.topics", "false"},
                                                {NULL, NULL}};
    static const struct pl_client_plan plan = {
        .type = RD_KAFKA_CONSUMER, .use = PL_KAFKA_OF_QUESTIONS, .forced = forced};
    enum pl_status status;

    *admin = (struct admin){.options = options};
    status = pl_kafka_client_new(options, &plan, &admin->rk, error);
    if (status == PL_OK) {
        admin->queue = rd_kafka_queue_new(admin->rk);
    }
    return status;
}

static enum pl_status admin_init(struct admin *admin, const struct pl_kafka_options *options,
                                 struct pl_error *error)
{
    enum pl_status status = admin_open(admin, options, error);

    if (status != PL_OK) {
        return status;
    }
    for (int topic = 0; topic < PL_TOPIC_COUNT; topic++) {
        admin->topics[topic] = rd_kafka_topic_new(admin->rk, options->topics[topic], NULL);
        if (admin->topics[topic] == NULL) {
            status = pl_kafka_fail(error, rd_kafka_last_error(), options->topics[topic]);
            admin_done(admin);
            return status;
        }
    }
    return PL_OK;
}

/* A broker may get to know of a topic a while after it was made by another: ask again for a time
 * before any of them is taken to be missing (a count below 1). is_patient: ask again as well where
 * there is no answer, or a topic has no leader yet. */
static enum pl_status await_topics(struct admin *admin, int tries, bool is_patient,
                                   int32_t counts[PL_TOPIC_COUNT], struct pl_error *error)
{
    enum pl_status status = PL_OK;
    bool goes_on = true;

    for (int i = 0; goes_on && i < tries; i++) {
        if (i > 0) {
            (void)rd_kafka_poll(admin->rk, VISIBLE_WAIT_MS);
        }
        status = pl_kafka_partition_counts(admin->rk, admin->options, counts, error);
        goes_on = status == PL_AGAIN && is_patient;
        for (int topic = 0; status == PL_OK && topic < PL_TOPIC_COUNT; topic++) {
            goes_on = goes_on || counts[topic] < 1;
        }
    }
    return status;
}

/* ---- check ----------------------------------------------------------------------------------- */

static bool is_dlq(int topic)
{
    return topic == PL_TOPIC_EVENTS_DLQ || topic == PL_TOPIC_REQUESTS_DLQ;
}

static enum pl_status check_counts(const struct pl_kafka_options *options,
                                   const int32_t counts[PL_TOPIC_COUNT],
                                   struct pl_kafka_topics *topics, struct pl_error *error)
{
    topics->partition_count = counts[PL_TOPIC_EVENTS];
    for (int topic = 0; topic < PL_TOPIC_COUNT; topic++) {
        if (counts[topic] < 1) {
            return pl_fail(error, PL_FATAL,
                           "topic %s does not exist; make the topics with: planlift topics create",
                           options->topics[topic]);
        }
        if (!is_dlq(topic) && counts[topic] != topics->partition_count) {
            return pl_fail(error, PL_FATAL,
                           "topic %s has %d partitions and %s has %d: %s, %s, %s and %s must have "
                           "the same number, for a customer lives in one partition number of each; "
                           "make new topics with equal counts",
                           options->topics[PL_TOPIC_EVENTS], topics->partition_count,
                           options->topics[topic], counts[topic], options->topics[PL_TOPIC_EVENTS],
                           options->topics[PL_TOPIC_REQUESTS], options->topics[PL_TOPIC_RESULTS],
                           options->topics[PL_TOPIC_STATE]);
        }
    }
    topics->dlq_partition_count[PL_TOPIC_EVENTS] = counts[PL_TOPIC_EVENTS_DLQ];
    topics->dlq_partition_count[PL_TOPIC_REQUESTS] = counts[PL_TOPIC_REQUESTS_DLQ];
    return PL_OK;
}

static const char *config_value(const rd_kafka_ConfigEntry_t *const *entries, size_t count,
                                const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), name) == 0) {
            return rd_kafka_ConfigEntry_value(entries[i]);
        }
    }
    return NULL;
}

static int64_t config_number(const rd_kafka_ConfigEntry_t *const *entries, size_t count,
                             const char *name, int64_t otherwise)
{
    const char *value = config_value(entries, count, name);

    return value == NULL ? otherwise : strtoll(value, NULL, 10);
}

static enum pl_status take_config(const struct pl_kafka_options *options, int topic,
                                  const rd_kafka_ConfigResource_t *resource,
                                  struct pl_kafka_topics *topics, struct pl_error *error)
{
    size_t count;
    const rd_kafka_ConfigEntry_t **listed = rd_kafka_ConfigResource_configs(resource, &count);
    const rd_kafka_ConfigEntry_t *const *entries = listed;
    const char *policy = config_value(entries, count, "cleanup.policy");

    if (rd_kafka_ConfigResource_error(resource) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return pl_fail(error, PL_FATAL,
                       "settings of topic %s cannot be read: %s (the service needs "
                       "the ACL DescribeConfigs on it)",
                       options->topics[topic],
                       rd_kafka_err2str(rd_kafka_ConfigResource_error(resource)));
    }
    topics->max_message_bytes[topic] =
        config_number(entries, count, "max.message.bytes", 1048588); /* Kafka's default */
    if (topic != PL_TOPIC_STATE) {
        return PL_OK;
    }
    topics->state_delete_retention_ms =
        config_number(entries, count, "delete.retention.ms", 86400000);
    if (policy == NULL || strcmp(policy, "compact") != 0) {
        return pl_fail(error, PL_FATAL,
                       "topic %s has cleanup.policy=%s, but it is the source of truth and must be "
                       "compacted, never deleted from; set cleanup.policy=compact",
                       options->topics[topic], policy == NULL ? "?" : policy);
    }
    return PL_OK;
}

/* Wait for an admin call's answer. Owns: destroy *ret_event. */
static enum pl_status admin_answer(struct admin *admin, const char *what,
                                   rd_kafka_event_t **ret_event, struct pl_error *error)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(admin->queue, 4 * PL_KAFKA_CALL_TIMEOUT_MS);
    enum pl_status status;

    if (event == NULL) {
        return pl_fail(error, PL_AGAIN, "%s: Kafka does not answer", what);
    }
    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        status = pl_kafka_fail(error, rd_kafka_event_error(event), what);
        rd_kafka_event_destroy(event);
        return status;
    }
    *ret_event = event;
    return PL_OK;
}

static enum pl_status check_configs(struct admin *admin, struct pl_kafka_topics *topics,
                                    struct pl_error *error)
{
    rd_kafka_ConfigResource_t *resources[PL_TOPIC_COUNT];
    rd_kafka_event_t *event = NULL;
    const rd_kafka_ConfigResource_t **found;
    size_t found_count;
    enum pl_status status;

    for (int topic = 0; topic < PL_TOPIC_COUNT; topic++) {
        resources[topic] =
            rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, admin->options->topics[topic]);
    }
    rd_kafka_DescribeConfigs(admin->rk, resources, PL_TOPIC_COUNT, NULL, admin->queue);
    rd_kafka_ConfigResource_destroy_array(resources, PL_TOPIC_COUNT);
    status = admin_answer(admin, "reading the topics' settings", &event, error);
    if (status != PL_OK) {
        return status;
    }
    found = rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event),
                                                      &found_count);
    for (size_t i = 0; status == PL_OK && i < found_count; i++) {
        for (int topic = 0; status == PL_OK && topic < PL_TOPIC_COUNT; topic++) {
            if (strcmp(rd_kafka_ConfigResource_name(found[i]), admin->options->topics[topic]) ==
                0) {
                status = take_config(admin->options, topic, found[i], topics, error);
            }
        }
    }
    rd_kafka_event_destroy(event);
    return status;
}

static enum pl_status note_cluster(struct admin *admin, struct pl_kafka_topics *topics,
                                   struct pl_error *error)
{
    char *id = rd_kafka_clusterid(admin->rk, PL_KAFKA_CALL_TIMEOUT_MS);

    if (id == NULL) {
        return pl_fail(error, PL_AGAIN, "Kafka does not tell its cluster id");
    }
    (void)snprintf(topics->cluster_id, sizeof(topics->cluster_id), "%s", id); /* cut to fit */
    rd_kafka_mem_free(admin->rk, id);
    return PL_OK;
}

enum pl_status pl_kafka_topics_check(const struct pl_kafka_options *options,
                                     struct pl_kafka_topics *ret_topics, struct pl_error *error)
{
    int32_t counts[PL_TOPIC_COUNT];
    struct admin admin;
    enum pl_status status = admin_init(&admin, options, error);

    if (status != PL_OK) {
        return status;
    }
    memset(ret_topics, 0, sizeof(*ret_topics));
    status = await_topics(&admin, MISSING_TRIES, false, counts, error);
    if (status == PL_OK) {
        status = check_counts(options, counts, ret_topics, error);
    }
    if (status == PL_OK) {
        status = check_configs(&admin, ret_topics, error);
    }
    if (status == PL_OK) {
        status = note_cluster(&admin, ret_topics, error);
    }
    admin_done(&admin);
    return status;
}

/* ---- create ---------------------------------------------------------------------------------- */

static rd_kafka_NewTopic_t *new_topic(const struct pl_kafka_options *options, int topic,
                                      int32_t partitions, int32_t replication_factor)
{
    char unused[128];
    rd_kafka_NewTopic_t *wanted = rd_kafka_NewTopic_new(options->topics[topic], partitions,
                                                        replication_factor, unused, sizeof(unused));
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;

    if (wanted != NULL && topic == PL_TOPIC_STATE) {
        err = rd_kafka_NewTopic_set_config(wanted, "cleanup.policy", "compact");
    }
    if (wanted != NULL && is_dlq(topic)) {
        err = rd_kafka_NewTopic_set_config(wanted, "max.message.bytes", DLQ_MAX_MESSAGE_BYTES);
    }
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_NewTopic_destroy(wanted);
        return NULL;
    }
    return wanted;
}

static enum pl_status report_results(rd_kafka_event_t *event,
                                     void (*report)(const char *topic, const char *outcome),
                                     struct pl_error *error)
{
    size_t count;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    enum pl_status status = PL_OK;

    for (size_t i = 0; i < count; i++) {
        rd_kafka_resp_err_t err = rd_kafka_topic_result_error(results[i]);
        const char *name = rd_kafka_topic_result_name(results[i]);

        if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            report(name, "created");
        } else if (err == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
            report(name, "exists");
        } else {
            report(name, "failed");
            status = pl_fail(error, PL_FATAL, "topic %s: %s", name,
                             rd_kafka_topic_result_error_string(results[i]) != NULL
                                 ? rd_kafka_topic_result_error_string(results[i])
                                 : rd_kafka_err2str(err));
        }
    }
    return status;
}

static enum pl_status create(struct admin *admin, rd_kafka_NewTopic_t **wanted,
                             void (*report)(const char *topic, const char *outcome),
                             struct pl_error *error)
{
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(admin->rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_event_t *event = NULL;
    char unused[128];
    enum pl_status status = PL_OK;

    /* Wait until the cluster has carried it out, so that what comes next finds the topics. */
    if (rd_kafka_AdminOptions_set_operation_timeout(options, 15000, unused, sizeof(unused)) !=
        RD_KAFKA_RESP_ERR_NO_ERROR) {
        status = pl_fail(error, PL_FATAL, "making topics: %s", unused);
    }
    if (status == PL_OK) {
        rd_kafka_CreateTopics(admin->rk, wanted, PL_TOPIC_COUNT, options, admin->queue);
        status = admin_answer(admin, "making topics", &event, error);
    }
    if (status == PL_OK) {
        status = report_results(event, report, error);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_AdminOptions_destroy(options);
    return status;
}

enum pl_status pl_kafka_topics_create(const struct pl_kafka_options *options, int32_t partitions,
                                      int32_t replication_factor,
                                      void (*report)(const char *topic, const char *outcome),
                                      struct pl_error *error)
{
    rd_kafka_NewTopic_t *wanted[PL_TOPIC_COUNT] = {NULL};
    int32_t counts[PL_TOPIC_COUNT];
    struct admin admin;
    enum pl_status status = admin_init(&admin, options, error);

    if (status != PL_OK) {
        return status;
    }
    for (int topic = 0; status == PL_OK && topic < PL_TOPIC_COUNT; topic++) {
        wanted[topic] = new_topic(options, topic, partitions, replication_factor);
        if (wanted[topic] == NULL) {
            status = pl_fail(error, PL_FATAL, "topic %s with %d partitions cannot be made",
                             options->topics[topic], partitions);
        }
    }
    if (status == PL_OK) {
        status = create(&admin, wanted, report, error);
    }
    if (status == PL_OK) {
        status = await_topics(&admin, CREATED_TRIES, true, counts, error);
    }
    for (int topic = 0; topic < PL_TOPIC_COUNT && wanted[topic] != NULL; topic++) {
        rd_kafka_NewTopic_destroy(wanted[topic]);
    }
    admin_done(&admin);
    return status;
}

/* ---- delete ---------------------------------------------------------------------------------- */

static enum pl_status delete_results(rd_kafka_event_t *event, struct pl_error *error)
{
    size_t count;
    const rd_kafka_topic_result_t **results =
        rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count);
    enum pl_status status = PL_OK;

    for (size_t i = 0; i < count; i++) {
        rd_kafka_resp_err_t err = rd_kafka_topic_result_error(results[i]);

        if (err != RD_KAFKA_RESP_ERR_NO_ERROR && err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
            status = pl_kafka_fail(error, err, rd_kafka_topic_result_name(results[i]));
        }
    }
    return status;
}

static enum pl_status delete_all(struct admin *admin, struct pl_error *error)
{
    rd_kafka_DeleteTopic_t *unwanted[PL_TOPIC_COUNT];
    rd_kafka_event_t *event = NULL;
    enum pl_status status;

    for (int topic = 0; topic < PL_TOPIC_COUNT; topic++) {
        unwanted[topic] = rd_kafka_DeleteTopic_new(admin->options->topics[topic]);
    }
    rd_kafka_DeleteTopics(admin->rk, unwanted, PL_TOPIC_COUNT, NULL, admin->queue);
    rd_kafka_DeleteTopic_destroy_array(unwanted, PL_TOPIC_COUNT);
    status = admin_answer(admin, "deleting topics", &event, error);
    if (status == PL_OK) {
        status = delete_results(event, error);
        rd_kafka_event_destroy(event);
    }
    return status;
}

enum pl_status pl_kafka_topics_delete(const struct pl_kafka_options *options,
                                      struct pl_error *error)
{
    struct admin admin;
    enum pl_status status = admin_open(&admin, options, error);

    if (status == PL_OK) {
        status = delete_all(&admin, error);
        admin_done(&admin);
    }
    return status;
}
