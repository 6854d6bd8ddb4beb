/* The one place that interprets the errors of librdkafka. */
#ifndef PL_IO_KAFKA_ERROR_H
#define PL_IO_KAFKA_ERROR_H

#include <librdkafka/rdkafka.h>

#include "planlift/status.h"

/* Status of a simple error code; text: what was tried. */
enum pl_status pl_kafka_fail(struct pl_error *error, rd_kafka_resp_err_t err, const char *what);

/* Status of an error object, which is destroyed; NULL is PL_OK. */
enum pl_status pl_kafka_consume_error(struct pl_error *error, rd_kafka_error_t *kafka_error,
                                      const char *what);

/* Status of the fatal error that the handle is in. */
enum pl_status pl_kafka_fatal(struct pl_error *error, rd_kafka_t *rk, const char *what);

#endif
