/* Which partitions the group gave us, and at which offset each goes on. */
#ifndef PL_IO_KAFKA_PLACES_H
#define PL_IO_KAFKA_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <librdkafka/rdkafka.h>

#include "io/kafka.h"

struct pl_place {
    bool is_owned[PL_INPUT_COUNT];
    bool is_started;
    int64_t next[PL_INPUT_COUNT]; /* offset to be delivered next */
};

/* In place. */
struct pl_places {
    const struct pl_kafka_options *options; /* names the inputs */
    struct pl_place *items;                 /* by partition number */
    int32_t count;
    int32_t *owned; /* numbers of those that are ours, ascending */
    size_t owned_count;
};

/* options is borrowed. */
void pl_places_init(struct pl_places *places, const struct pl_kafka_options *options,
                    int32_t partition_count);
void pl_places_done(struct pl_places *places);

/* Nothing is ours. */
void pl_places_forget(struct pl_places *places);

/* These are ours, and no others; none is started. False: that cannot be worked with, for a
 * partition is not known, or ours in only one of the inputs (I10). */
PL_MUST_CHECK bool pl_places_assign(struct pl_places *places,
                                    const rd_kafka_topic_partition_list_t *list);

/* Go on at these offsets; false: the partition is not ours. */
PL_MUST_CHECK bool pl_places_start(struct pl_places *places, int32_t partition,
                                   const int64_t offsets[PL_INPUT_COUNT]);
void pl_places_stop(struct pl_places *places); /* all */

/* What was started, and where it goes on. Owns: rd_kafka_topic_partition_list_destroy. */
rd_kafka_topic_partition_list_t *pl_places_started(const struct pl_places *places);

/* Is the record to be delivered? Then what comes after it is next. One below what is next was
 * delivered already (2.0.2 may repeat). */
bool pl_places_take(struct pl_places *places, const char *topic, int32_t partition, int64_t offset,
                    enum pl_topic *ret_input);

#endif
