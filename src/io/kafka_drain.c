/* Draining: every input partition up to the end it had at start, whoever commits it. What lies
 * between a committed offset and the end may be nothing but markers and aborted records, so the
 * only sure way is to look: read on from there until a record or the end shows. */
#include "io/kafka_drain.h"

#include <stdlib.h>

#include "planlift/arena.h"

#define READ_TIMEOUT_MS 100
#define READS_A_CHECK 20

struct target {
    int64_t end;
    bool is_done;
};

struct pl_drain {
    struct pl_kafka_reader *reader;
    int32_t partition_count;
    struct target (*targets)[PL_INPUT_COUNT]; /* by partition */
};

enum pl_status pl_drain_new(struct pl_kafka_reader *reader, int32_t partition_count,
                            struct pl_drain **ret_drain, struct pl_error *error)
{
    struct pl_drain *drain = calloc(1, sizeof(*drain));
    enum pl_status status = PL_OK;

    if (drain == NULL) {
        pl_out_of_memory(sizeof(*drain));
    }
    drain->reader = reader;
    drain->partition_count = partition_count;
    drain->targets = calloc((size_t)partition_count, sizeof(*drain->targets));
    if (drain->targets == NULL) {
        pl_out_of_memory((size_t)partition_count * sizeof(*drain->targets));
    }
    for (int32_t partition = 0; partition < partition_count; partition++) {
        for (int input = 0; status == PL_OK && input < PL_INPUT_COUNT; input++) {
            int64_t first;

            status = pl_kafka_reader_range(reader, (enum pl_topic)input, partition, &first,
                                           &drain->targets[partition][input].end, error);
        }
    }
    if (status != PL_OK) {
        pl_drain_free(drain);
        return status;
    }
    *ret_drain = drain;
    return PL_OK;
}

void pl_drain_free(struct pl_drain *drain)
{
    if (drain != NULL) {
        free(drain->targets);
        free(drain);
    }
}

/* Is there no record from `from` up to the target's end? Unknown after a while counts as no. */
static enum pl_status look(struct pl_drain *drain, enum pl_topic input, int32_t partition,
                           int64_t from, struct pl_error *error)
{
    struct target *target = &drain->targets[partition][input];
    struct pl_reader_event event = {.kind = PL_STATE_IDLE};
    enum pl_status status = pl_kafka_reader_open(drain->reader, input, partition, from, error);

    for (int reads = 0; status == PL_OK && reads < READS_A_CHECK; reads++) {
        status = pl_kafka_reader_read(drain->reader, READ_TIMEOUT_MS, &event, error);
        if (status == PL_OK && event.kind != PL_STATE_IDLE) {
            break;
        }
    }
    pl_kafka_reader_close(drain->reader);
    /* A record or a position at or past the end: nothing is left below it. The end of what
     * read_committed may see can lie before it, while a transaction is open. */
    target->is_done = status == PL_OK && event.kind != PL_STATE_IDLE && event.offset >= target->end;
    return status;
}

static enum pl_status check_target(struct pl_drain *drain, enum pl_topic input, int32_t partition,
                                   int64_t committed, struct pl_error *error)
{
    struct target *target = &drain->targets[partition][input];
    int64_t first;
    int64_t end;
    int64_t from;
    enum pl_status status;

    if (target->is_done || committed >= target->end) {
        target->is_done = true;
        return PL_OK;
    }
    status = pl_kafka_reader_range(drain->reader, input, partition, &first, &end, error);
    if (status != PL_OK) {
        return status;
    }
    from = committed > first ? committed : first;
    if (from >= target->end) {
        target->is_done = true;
        return PL_OK;
    }
    return look(drain, input, partition, from, error);
}

enum pl_status pl_drain_check(struct pl_drain *drain, int64_t (*committed)[PL_INPUT_COUNT],
                              bool *ret_done, struct pl_error *error)
{
    *ret_done = false;
    for (int32_t partition = 0; partition < drain->partition_count; partition++) {
        for (int input = 0; input < PL_INPUT_COUNT; input++) {
            enum pl_status status = check_target(drain, (enum pl_topic)input, partition,
                                                 committed[partition][input], error);

            if (status != PL_OK || !drain->targets[partition][input].is_done) {
                return status; /* one that is not done is enough */
            }
        }
    }
    *ret_done = true;
    return PL_OK;
}
