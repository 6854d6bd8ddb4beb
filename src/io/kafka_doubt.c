/* Interceptors on the requests that a transaction is made of. */
#include "io/kafka_doubt.h"

#define NAME "planlift-doubt"

/* Kafka protocol, API keys. */
enum {
    ADD_PARTITIONS_TO_TXN = 24,
    ADD_OFFSETS_TO_TXN = 25,
    END_TXN = 26,
    TXN_OFFSET_COMMIT = 28,
};

static bool is_transactional(int16_t api_key)
{
    return api_key == ADD_PARTITIONS_TO_TXN || api_key == ADD_OFFSETS_TO_TXN ||
           api_key == END_TXN || api_key == TXN_OFFSET_COMMIT;
}

/* The signatures are librdkafka's.
 * NOLINTBEGIN(readability-function-size, readability-non-const-parameter) */
static rd_kafka_resp_err_t on_sent(rd_kafka_t *rk, int socket, const char *broker,
                                   int32_t broker_id, int16_t api_key, int16_t api_version,
                                   int32_t correlation_id, size_t size, void *opaque)
{
    struct pl_kafka_doubt *doubt = opaque;

    (void)rk, (void)socket, (void)broker, (void)broker_id;
    (void)api_version, (void)correlation_id, (void)size;
    if (api_key == END_TXN) {
        (void)atomic_fetch_add(&doubt->ends_sent, 1);
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* err tells whether there was an answer, not what it says: a broker's refusal has no effect and
 * leaves no doubt. May be called twice for one answer. */
static rd_kafka_resp_err_t on_answer(rd_kafka_t *rk, int socket, const char *broker,
                                     int32_t broker_id, int16_t api_key, int16_t api_version,
                                     int32_t correlation_id, size_t size, int64_t took,
                                     rd_kafka_resp_err_t err, void *opaque)
{
    struct pl_kafka_doubt *doubt = opaque;

    (void)rk, (void)socket, (void)broker, (void)broker_id;
    (void)api_version, (void)correlation_id, (void)size, (void)took;
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR && is_transactional(api_key)) {
        atomic_store(&doubt->is_unanswered, true);
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *opaque,
                                  char *text, size_t size)
{
    rd_kafka_resp_err_t err = rd_kafka_interceptor_add_on_request_sent(rk, NAME, on_sent, opaque);

    (void)conf, (void)text, (void)size;
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        err = rd_kafka_interceptor_add_on_response_received(rk, NAME, on_answer, opaque);
    }
    return err;
}

/* NOLINTEND(readability-function-size, readability-non-const-parameter) */

enum pl_status pl_kafka_doubt_watch(struct pl_kafka_doubt *doubt, rd_kafka_conf_t *conf,
                                    struct pl_error *error)
{
    rd_kafka_resp_err_t err = rd_kafka_conf_interceptor_add_on_new(conf, NAME, on_new, doubt);

    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return pl_fail(error, PL_FATAL, "the producer cannot be watched: %s",
                       rd_kafka_err2str(err));
    }
    return PL_OK;
}

void pl_kafka_doubt_clear(struct pl_kafka_doubt *doubt)
{
    atomic_store(&doubt->ends_sent, 0);
    atomic_store(&doubt->is_unanswered, false);
}

bool pl_kafka_doubt_is_raised(struct pl_kafka_doubt *doubt)
{
    return atomic_load(&doubt->is_unanswered) || atomic_load(&doubt->ends_sent) > 1;
}
