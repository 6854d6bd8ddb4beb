/* Kafka handles and errors. */
#include "kafka_client.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "io/kafka_login.h"
#include "planlift/log.h"

/* librdkafka's own log lines; connection trouble comes here as well. */
static void log_line(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    if (level <= LOG_ERR) {
        pl_log(WARN, "kafka_client", PL_F_TEXT("facility", facility), PL_F_TEXT("text", text));
    } else {
        pl_log(DEBUG, "kafka_client", PL_F_TEXT("facility", facility), PL_F_TEXT("text", text));
    }
}

static enum pl_status set_property(rd_kafka_conf_t *conf, const char *name, const char *value,
                                   struct pl_error *error)
{
    char text[512];

    if (rd_kafka_conf_set(conf, name, value, text, sizeof(text)) == RD_KAFKA_CONF_OK) {
        return PL_OK;
    }
    return pl_fail(error, PL_BAD_DATA, "kafka.%s is refused: %s", name, text);
}

/* A consumer's property means nothing to a producer and the other way round: librdkafka takes both
 * but warns; the warning goes to the debug log. */
static enum pl_status set_all(rd_kafka_conf_t *conf, const struct pl_kafka_options *options,
                              const struct pl_property *defaults, const struct pl_property *forced,
                              struct pl_error *error)
{
    char unused[256];
    enum pl_status status = set_property(conf, "client.id", options->client_id, error);

    if (status == PL_OK) {
        status = set_property(conf, "bootstrap.servers", PL_KAFKA_DEFAULT_SERVERS, error);
    }
    if (status == PL_OK) { /* ten seconds by default: too long after a broker is back */
        status = set_property(conf, "reconnect.backoff.max.ms", "1000", error);
    }
    if (status == PL_OK) {
        status = set_property(conf, "socket.connection.setup.timeout.ms", "3000", error);
    }
    /* Not known before 2.3.0, which see kafka_reader.c; a second by default from then on. */
    (void)rd_kafka_conf_set(conf, "fetch.queue.backoff.ms", "10", unused, sizeof(unused));
    for (; status == PL_OK && defaults->name != NULL; defaults++) {
        status = set_property(conf, defaults->name, defaults->value, error);
    }
    for (size_t i = 0; status == PL_OK && i < options->property_count; i++) {
        status = set_property(conf, options->properties[i][0], options->properties[i][1], error);
    }
    for (; status == PL_OK && forced->name != NULL; forced++) {
        status = set_property(conf, forced->name, forced->value, error);
    }
    return status;
}

enum pl_status pl_kafka_client_new(const struct pl_kafka_options *options,
                                   const struct pl_client_plan *plan, rd_kafka_t **ret_rk,
                                   struct pl_error *error)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char text[512];
    rd_kafka_t *rk;
    enum pl_status status;

    rd_kafka_conf_set_log_cb(conf, log_line);
    rd_kafka_conf_set_opaque(conf, plan->opaque);
    status = set_all(conf, options, plan->defaults, plan->forced, error);
    if (status == PL_OK) {
        status = pl_kafka_login_prepare(options, conf, error);
    }
    if (status == PL_OK && plan->prepare != NULL) {
        status = plan->prepare(conf, plan->opaque, error);
    }
    if (status != PL_OK) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    rk = rd_kafka_new(plan->type, conf, text, sizeof(text)); /* takes conf on success only */
    if (rk == NULL) {
        rd_kafka_conf_destroy(conf);
        return pl_fail(error, PL_BAD_DATA,
                       "Kafka client cannot be made of the kafka.* settings: %s", text);
    }
    pl_kafka_login_serve(options, rk);
    *ret_rk = rk;
    return PL_OK;
}

/* ---- topics ---------------------------------------------------------------------------------- */

static enum pl_status count_of(const struct rd_kafka_metadata *metadata, const char *topic,
                               int32_t *ret_count, struct pl_error *error)
{
    *ret_count = -1;
    for (int i = 0; i < metadata->topic_cnt; i++) {
        const struct rd_kafka_metadata_topic *found = &metadata->topics[i];

        if (strcmp(found->topic, topic) != 0 ||
            found->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
            continue;
        }
        if (found->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            (void)pl_kafka_fail(error, found->err, topic);
            return found->err == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION              ? PL_BAD_DATA
                   : found->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ? PL_FATAL
                                                                                : PL_AGAIN;
        }
        *ret_count = found->partition_cnt;
    }
    return PL_OK;
}

enum pl_status pl_kafka_partition_counts(rd_kafka_t *rk, const struct pl_kafka_options *options,
                                         int32_t ret_counts[PL_TOPIC_COUNT], struct pl_error *error)
{
    const struct rd_kafka_metadata *metadata;
    enum pl_status status = PL_OK;
    rd_kafka_resp_err_t err = rd_kafka_metadata(rk, 0, NULL, &metadata, PL_KAFKA_CALL_TIMEOUT_MS);

    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)pl_kafka_fail(error, err, "asking Kafka for the topics");
        return pl_kafka_login_explain(options, error);
    }
    for (int topic = 0; status == PL_OK && topic < PL_TOPIC_COUNT; topic++) {
        status = count_of(metadata, options->topics[topic], &ret_counts[topic], error);
    }
    rd_kafka_metadata_destroy(metadata);
    return status;
}

/* ---- headers --------------------------------------------------------------------------------- */

rd_kafka_headers_t *pl_kafka_headers_new(const struct pl_message *message)
{
    rd_kafka_headers_t *list;

    if (message->header_count == 0) {
        return NULL;
    }
    list = rd_kafka_headers_new(message->header_count);
    for (size_t i = 0; i < message->header_count; i++) {
        const struct pl_header *header = &message->headers[i];

        /* Fails only for a read-only list, which a new one is not. */
        (void)rd_kafka_header_add(list, header->name.data, (ssize_t)header->name.len,
                                  header->value.data, (ssize_t)header->value.len);
    }
    return list;
}

void pl_kafka_headers_read(const rd_kafka_message_t *message, struct pl_arena *arena,
                           const struct pl_header **ret_headers, size_t *ret_count)
{
    rd_kafka_headers_t *list;
    struct pl_header *found;
    size_t count;

    *ret_headers = NULL;
    *ret_count = 0;
    if (rd_kafka_message_headers(message, &list) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return; /* it has none */
    }
    count = rd_kafka_header_cnt(list);
    found = pl_arena_alloc(arena, count * sizeof(*found));
    for (size_t i = 0; i < count; i++) {
        const char *name = "";
        const void *value = NULL;
        size_t len = 0;

        if (rd_kafka_header_get_all(list, i, &name, &value, &len) != RD_KAFKA_RESP_ERR_NO_ERROR) {
            break;
        }
        found[i] = (struct pl_header){pl_bytes_of(name), {value, len}};
        *ret_count = i + 1;
    }
    *ret_headers = found;
}

size_t pl_kafka_headers_size(const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *list;
    const char *name;
    const void *value;
    size_t len;
    size_t size = 0;

    if (rd_kafka_message_headers(message, &list) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return 0; /* it has none */
    }
    for (size_t i = 0;
         rd_kafka_header_get_all(list, i, &name, &value, &len) == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        size += strlen(name) + len;
    }
    return size;
}

/* ---- errors ---------------------------------------------------------------------------------- */

static enum pl_status status_of(rd_kafka_resp_err_t err)
{
    switch (err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return PL_OK;
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
        return PL_FENCED;
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR__RETRY:
    case RD_KAFKA_RESP_ERR__PREV_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION: /* of a new connection: secrets may be renewed */
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT:
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
    case RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS:
        return PL_AGAIN;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        return PL_BAD_DATA;
    default:
        return PL_FATAL;
    }
}

enum pl_status pl_kafka_fail(struct pl_error *error, rd_kafka_resp_err_t err, const char *what)
{
    return pl_fail(error, status_of(err), "%s: %s (%s)", what, rd_kafka_err2str(err),
                   rd_kafka_err2name(err));
}

enum pl_status pl_kafka_consume_error(struct pl_error *error, rd_kafka_error_t *kafka_error,
                                      const char *what)
{
    enum pl_status status;

    if (kafka_error == NULL) {
        return PL_OK;
    }
    status = status_of(rd_kafka_error_code(kafka_error));
    if (rd_kafka_error_code(kafka_error) == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID) {
        status = PL_FENCED; /* another process has our place in the group, whatever else is said */
    } else if (rd_kafka_error_is_fatal(kafka_error)) {
        status = status == PL_FENCED ? PL_FENCED : PL_FATAL;
    } else if (rd_kafka_error_txn_requires_abort(kafka_error)) {
        status = status == PL_BAD_DATA ? PL_BAD_DATA : PL_ABORT;
    } else if (rd_kafka_error_is_retriable(kafka_error)) {
        status = PL_AGAIN;
    }
    (void)pl_fail(error, status, "%s: %s (%s)", what, rd_kafka_error_string(kafka_error),
                  rd_kafka_error_name(kafka_error));
    rd_kafka_error_destroy(kafka_error);
    return status;
}

enum pl_status pl_kafka_fatal(struct pl_error *error, rd_kafka_t *rk, const char *what)
{
    char text[512];
    rd_kafka_resp_err_t err = rd_kafka_fatal_error(rk, text, sizeof(text));

    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return pl_fail(error, PL_FATAL, "%s: the Kafka client failed", what);
    }
    return pl_fail(error, status_of(err) == PL_FENCED ? PL_FENCED : PL_FATAL, "%s: %s (%s)", what,
                   text, rd_kafka_err2name(err));
}
