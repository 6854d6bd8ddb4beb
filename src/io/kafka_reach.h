/* Can Kafka be reached, and if not, what does it or TLS have against us? */
#ifndef PL_IO_KAFKA_REACH_H
#define PL_IO_KAFKA_REACH_H

#include "io/kafka.h"
#include "planlift/status.h"

/* Kafka did not answer: why not, as a client of its own finds out in a few seconds. Returns
 * PL_AGAIN, or PL_FATAL where it can never get well; the error is left as it was where nothing
 * further is known. */
enum pl_status pl_kafka_reach_explain(const struct pl_kafka_options *options,
                                      struct pl_error *error);

#endif
