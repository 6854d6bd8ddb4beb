/* What the tools of the benchmarks share: Kafka clients from a list of settings, and giving up. */
#ifndef PL_BENCH_KAFKA_TOOL_H
#define PL_BENCH_KAFKA_TOOL_H

#include <librdkafka/rdkafka.h>

#include "planlift/compiler.h"

struct bench_setting {
    const char *name; /* NULL: the end of the list */
    const char *value;
};

/* Say why, and end the process. */
PL_NORETURN void bench_die(const char *what, const char *why);

/* A client with these settings. A producer whose records are not accepted ends the process. */
rd_kafka_t *bench_client(rd_kafka_type_t type, const struct bench_setting *settings);

#endif
