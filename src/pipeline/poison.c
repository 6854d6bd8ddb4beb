/* poison: one record whose own content keeps every batch with it from being committed. It is found
 * by halving the batch, tried once more alone, and becomes the dead letter `unprocessable` (I9).
 * Kafka away, fenced or timed out is never taken for poison. */
#include <inttypes.h>

#include "flow.h"
#include "planlift/log.h"

#define TRIES_ALONE 2 /* contract 7: processing it alone fails twice */

static bool is_at(const struct pl_poison *poison, const struct pl_record *record)
{
    return poison->failures > 0 && poison->topic == record->topic &&
           poison->partition == record->partition && poison->offset == record->offset;
}

bool pl_poison_is(const struct pl_run *run, const struct pl_record *record)
{
    return run->poison.failures >= TRIES_ALONE && is_at(&run->poison, record);
}

enum pl_status pl_poison_search(struct pl_run *run, const struct pl_batch *batch,
                                struct pl_error *error)
{
    struct pl_poison *poison = &run->poison;
    const struct pl_record *record;

    if (batch == NULL || batch->count == 0) { /* not of any record */
        return PL_FATAL;
    }
    if (batch->count > 1) {
        run->batch_limit = (batch->count + 1) / 2;
        return PL_OK;
    }
    record = batch->items[0].record;
    if (batch->items[0].kind == PL_ITEM_DEAD) {
        return pl_fail_at(error, PL_FATAL,
                          "the dead letter of %s/%" PRId32 " offset %" PRId64 " is not accepted; "
                          "raise max.message.bytes of the topic's .dlq",
                          run->options->topics[record->topic].data, record->partition,
                          record->offset);
    }
    if (!is_at(poison, record)) {
        *poison = (struct pl_poison){0, record->topic, record->partition, record->offset};
    }
    if (++poison->failures >= TRIES_ALONE) {
        pl_log(WARN, "unprocessable", PL_F_TEXT("topic", run->options->topics[record->topic].data),
               PL_F_INT("partition", record->partition), PL_F_INT("offset", record->offset),
               PL_F_TEXT("reason", error->text));
    }
    return PL_OK;
}

void pl_poison_pass(struct pl_run *run)
{
    struct pl_poison *poison = &run->poison;

    if (run->batch_limit < run->options->batch_max_records) {
        run->batch_limit *= 2;
    }
    if (poison->failures > 0 &&
        run->partitions[poison->partition].progress.next[poison->topic] > poison->offset) {
        poison->failures = 0; /* it is behind us */
    }
}
