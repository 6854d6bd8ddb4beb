/* What the transaction needs of the feed: the group its offsets belong to. */
#ifndef PL_IO_KAFKA_FEED_H
#define PL_IO_KAFKA_FEED_H

#include <librdkafka/rdkafka.h>

#include "io/kafka.h"

/* Group metadata as it is now (I4). Owns: rd_kafka_consumer_group_metadata_destroy. */
rd_kafka_consumer_group_metadata_t *pl_kafka_feed_metadata(struct pl_kafka_feed *feed);

/* For questions that are answered from the client's own memory. Thread: the one that polls. */
rd_kafka_t *pl_kafka_feed_handle(struct pl_kafka_feed *feed);
const char *pl_kafka_feed_topic(const struct pl_kafka_feed *feed, int input);
/* What it reads single partitions with; borrowed. */
struct pl_kafka_reader *pl_kafka_feed_reader(struct pl_kafka_feed *feed);

/* Somebody was told that our instance id belongs to another member: the next poll asks whether it
 * is so. From any thread. */
void pl_kafka_feed_doubt(struct pl_kafka_feed *feed);

#endif
