/* What Kafka and the partitioner say of partitions. */
#include "io/kafka_partitions.h"

#include <string.h>

#include "io/kafka_client.h"
#include "io/kafka_error.h"
#include "io/kafka_reach.h"

static enum pl_status count_of(const struct rd_kafka_metadata *metadata, const char *topic,
                               int32_t *ret_count, struct pl_error *error)
{
    *ret_count = -1;
    for (int i = 0; i < metadata->topic_cnt; i++) {
        const struct rd_kafka_metadata_topic *found = &metadata->topics[i];

        if (strcmp(found->topic, topic) != 0 ||
            found->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
            continue;
        }
        if (found->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            (void)pl_kafka_fail(error, found->err, topic);
            return found->err == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION              ? PL_BAD_DATA
                   : found->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ? PL_FATAL
                                                                                : PL_AGAIN;
        }
        *ret_count = found->partition_cnt;
    }
    return PL_OK;
}

enum pl_status pl_kafka_partition_counts(rd_kafka_t *rk, const struct pl_kafka_options *options,
                                         int32_t ret_counts[PL_TOPIC_COUNT], struct pl_error *error)
{
    const struct rd_kafka_metadata *metadata;
    enum pl_status status = PL_OK;
    rd_kafka_resp_err_t err = rd_kafka_metadata(rk, 0, NULL, &metadata, PL_KAFKA_CALL_TIMEOUT_MS);

    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)pl_kafka_fail(error, err, "asking Kafka for the topics");
        return pl_kafka_reach_explain(options, error);
    }
    for (int topic = 0; status == PL_OK && topic < PL_TOPIC_COUNT; topic++) {
        status = count_of(metadata, options->topics[topic], &ret_counts[topic], error);
    }
    rd_kafka_metadata_destroy(metadata);
    return status;
}

/* rd_kafka_query_watermark_offsets would be the call for it, but in 2.0.2 it does not keep its
 * time: while the leader is away it waits for socket.timeout.ms (a minute), whatever it was told.
 */
enum pl_status pl_kafka_offsets(rd_kafka_t *rk, int64_t wanted,
                                rd_kafka_topic_partition_list_t *list, struct pl_error *error)
{
    rd_kafka_resp_err_t err;

    for (int i = 0; i < list->cnt; i++) {
        list->elems[i].offset = wanted;
    }
    err = rd_kafka_offsets_for_times(rk, list, PL_KAFKA_CALL_TIMEOUT_MS);
    for (int i = 0; err == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++) {
        err = list->elems[i].err;
    }
    return err == RD_KAFKA_RESP_ERR_NO_ERROR
               ? PL_OK
               : pl_kafka_fail(error, err, "asking for the ends of partitions");
}

int32_t pl_kafka_partition_of(const struct pl_kafka_options *options, struct pl_bytes key,
                              int32_t partition_count)
{
    if (strcmp(options->partitioner, "murmur2_random") == 0) {
        return rd_kafka_msg_partitioner_murmur2(NULL, key.data, key.len, partition_count, NULL,
                                                NULL);
    }
    if (strcmp(options->partitioner, "consistent_random") == 0) {
        return rd_kafka_msg_partitioner_consistent(NULL, key.data, key.len, partition_count, NULL,
                                                   NULL);
    }
    return -1;
}
