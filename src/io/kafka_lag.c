/* The ends of the inputs' logs, from librdkafka's own memory. */
#include "io/kafka_lag.h"

#include "io/kafka_feed.h"

int64_t pl_kafka_input_end(void *feed, int input, int32_t partition)
{
    struct pl_kafka_feed *self = feed;
    int64_t first = -1;
    int64_t end = -1;

    if (rd_kafka_get_watermark_offsets(pl_kafka_feed_handle(self), pl_kafka_feed_topic(self, input),
                                       partition, &first, &end) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        end < 0) {
        return -1;
    }
    return end;
}
