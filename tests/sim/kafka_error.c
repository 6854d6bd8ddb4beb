/* librdkafka's error codes and error objects. Names are those of rdkafka.c's table. */
#include <stdarg.h>
#include <stdlib.h>

#include "kafka_sim.h"
#include "planlift/arena.h"

/* X(code): those that the simulation knows of. */
#define ERRORS(X)                                                                                  \
    X(_FAIL)                                                                                       \
    X(_TRANSPORT)                                                                                  \
    X(_UNKNOWN_PARTITION)                                                                          \
    X(_FS)                                                                                         \
    X(_UNKNOWN_TOPIC)                                                                              \
    X(_INVALID_ARG)                                                                                \
    X(_TIMED_OUT)                                                                                  \
    X(_QUEUE_FULL)                                                                                 \
    X(_UNKNOWN_GROUP)                                                                              \
    X(_ASSIGN_PARTITIONS)                                                                          \
    X(_REVOKE_PARTITIONS)                                                                          \
    X(_CONFLICT)                                                                                   \
    X(_STATE)                                                                                      \
    X(_NO_OFFSET)                                                                                  \
    X(_OUTDATED)                                                                                   \
    X(_PARTITION_EOF)                                                                              \
    X(_MSG_TIMED_OUT)                                                                              \
    X(_PURGE_QUEUE)                                                                                \
    X(_PURGE_INFLIGHT)                                                                             \
    X(_INCONSISTENT)                                                                               \
    X(_FATAL)                                                                                      \
    X(_FENCED)                                                                                     \
    X(_PREV_IN_PROGRESS)                                                                           \
    X(_NOT_CONFIGURED)                                                                             \
    X(_AUTO_OFFSET_RESET)                                                                          \
    X(_NOENT)                                                                                      \
    X(UNKNOWN)                                                                                     \
    X(NO_ERROR)                                                                                    \
    X(OFFSET_OUT_OF_RANGE)                                                                         \
    X(INVALID_MSG)                                                                                 \
    X(UNKNOWN_TOPIC_OR_PART)                                                                       \
    X(LEADER_NOT_AVAILABLE)                                                                        \
    X(NOT_LEADER_FOR_PARTITION)                                                                    \
    X(REQUEST_TIMED_OUT)                                                                           \
    X(MSG_SIZE_TOO_LARGE)                                                                          \
    X(COORDINATOR_LOAD_IN_PROGRESS)                                                                \
    X(COORDINATOR_NOT_AVAILABLE)                                                                   \
    X(NOT_COORDINATOR)                                                                             \
    X(ILLEGAL_GENERATION)                                                                          \
    X(UNKNOWN_MEMBER_ID)                                                                           \
    X(REBALANCE_IN_PROGRESS)                                                                       \
    X(OUT_OF_ORDER_SEQUENCE_NUMBER)                                                                \
    X(DUPLICATE_SEQUENCE_NUMBER)                                                                   \
    X(INVALID_PRODUCER_EPOCH)                                                                      \
    X(INVALID_TXN_STATE)                                                                           \
    X(INVALID_PRODUCER_ID_MAPPING)                                                                 \
    X(CONCURRENT_TRANSACTIONS)                                                                     \
    X(FENCED_INSTANCE_ID)                                                                          \
    X(UNSTABLE_OFFSET_COMMIT)                                                                      \
    X(PRODUCER_FENCED)

const char *rd_kafka_err2name(rd_kafka_resp_err_t err)
{
    switch ((int)err) { /* of those that are not listed there is no name here */
#define X(code)                                                                                    \
    case RD_KAFKA_RESP_ERR_##code:                                                                 \
        return #code;
        ERRORS(X)
#undef X
    default:
        return "UNLISTED";
    }
}

const char *rd_kafka_err2str(rd_kafka_resp_err_t err)
{
    return rd_kafka_err2name(err); /* texts are for people only */
}

/* Per thread in librdkafka; here nobody asks for it after another call. */
rd_kafka_resp_err_t rd_kafka_last_error(void)
{
    return RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
}

/* ---- error objects --------------------------------------------------------------------------- */

rd_kafka_error_t *sim_error_new(rd_kafka_resp_err_t code, const char *format, ...)
{
    rd_kafka_error_t *error = calloc(1, sizeof(*error));
    va_list arguments;

    if (error == NULL) {
        pl_out_of_memory(sizeof(*error));
    }
    error->code = code;
    va_start(arguments, format);
    (void)vsnprintf(error->text, sizeof(error->text), format, arguments); /* cut to fit */
    va_end(arguments);
    return error;
}

rd_kafka_error_t *sim_error_retriable(rd_kafka_error_t *error)
{
    error->is_retriable = true;
    return error;
}

rd_kafka_error_t *sim_error_fatal(rd_kafka_error_t *error)
{
    error->is_fatal = true;
    return error;
}

rd_kafka_error_t *sim_error_requires_abort(rd_kafka_error_t *error)
{
    error->requires_abort = true;
    return error;
}

rd_kafka_resp_err_t rd_kafka_error_code(const rd_kafka_error_t *error)
{
    return error == NULL ? RD_KAFKA_RESP_ERR_NO_ERROR : error->code;
}

const char *rd_kafka_error_name(const rd_kafka_error_t *error)
{
    return rd_kafka_err2name(rd_kafka_error_code(error));
}

const char *rd_kafka_error_string(const rd_kafka_error_t *error)
{
    return error == NULL ? "" : error->text;
}

int rd_kafka_error_is_fatal(const rd_kafka_error_t *error)
{
    return error != NULL && error->is_fatal ? 1 : 0;
}

int rd_kafka_error_is_retriable(const rd_kafka_error_t *error)
{
    return error != NULL && error->is_retriable ? 1 : 0;
}

int rd_kafka_error_txn_requires_abort(const rd_kafka_error_t *error)
{
    return error != NULL && error->requires_abort ? 1 : 0;
}

void rd_kafka_error_destroy(rd_kafka_error_t *error)
{
    free(error);
}
