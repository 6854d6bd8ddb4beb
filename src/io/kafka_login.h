/* What a handle needs to log in to Kafka: what cannot work is refused, and a password that has
 * changed in its file is used from then on. */
#ifndef PL_IO_KAFKA_LOGIN_H
#define PL_IO_KAFKA_LOGIN_H

#include <librdkafka/rdkafka.h>

#include "io/kafka.h"
#include "planlift/status.h"

/* For a handle that is being made: the password as it is now, and who serves requests for tokens.
 * Errors: PL_BAD_DATA: this build of librdkafka cannot log in like that; PL_AGAIN: the password's
 * file cannot be read. */
PL_MUST_CHECK enum pl_status pl_kafka_login_prepare(const struct pl_kafka_options *options,
                                                    rd_kafka_conf_t *conf, struct pl_error *error);
void pl_kafka_login_serve(const struct pl_kafka_options *options, rd_kafka_t *rk);

/* Give a handle the password anew if the process was asked to (SIGHUP) since *seen. */
void pl_kafka_login_renew(const struct pl_kafka_options *options, rd_kafka_t *rk, int *seen);

#endif
