/* Errors of librdkafka, in all their shapes. */
#include "io/kafka_error.h"

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
