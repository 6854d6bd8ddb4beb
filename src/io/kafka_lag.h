/* How far the inputs' logs reach, as the last fetch has told: asks nobody. */
#ifndef PL_IO_KAFKA_LAG_H
#define PL_IO_KAFKA_LAG_H

#include <stdint.h>

#include "io/kafka.h"

/* The end of an input partition; -1 where it is not known, for it was not fetched yet. feed: a
 * struct pl_kafka_feed. Thread: the one that polls it. */
int64_t pl_kafka_input_end(void *feed, int input, int32_t partition);

#endif
