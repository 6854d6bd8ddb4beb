/* Our membership in the consumer group: joining it, being told that we are fenced, joining anew. */
#ifndef PL_IO_KAFKA_MEMBER_H
#define PL_IO_KAFKA_MEMBER_H

#include <stdatomic.h>
#include <stdbool.h>

#include <librdkafka/rdkafka.h>

#include "io/kafka.h"
#include "planlift/compiler.h"
#include "planlift/status.h"

/* In place. */
struct pl_member {
    const struct pl_kafka_options *options;
    void (*on_rebalance)(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                         rd_kafka_topic_partition_list_t *list, void *opaque);
    void *opaque;            /* for on_rebalance */
    rd_kafka_t *rk;          /* the consumer; NULL: not joined */
    atomic_bool is_in_doubt; /* somebody was told that we are fenced: is it so? */
    bool must_rejoin;        /* with a new consumer, once all records are released */
};

/* Join with a new consumer; before that the slot is noted as ours. Errors: PL_AGAIN (the book of
 * the slots is away), PL_BAD_DATA (a property is refused), PL_FATAL. */
PL_MUST_CHECK enum pl_status pl_member_join(struct pl_member *member, struct pl_error *error);
void pl_member_leave(struct pl_member *member);

/* Find out whether another process has our slot. Where nobody has it, must_rejoin is set. Where it
 * cannot be told now, waits; to be asked again. Errors: PL_FENCED, PL_FATAL. */
PL_MUST_CHECK enum pl_status pl_member_judge(struct pl_member *member, int timeout_ms,
                                             struct pl_error *error);

/* Join anew; where the slot cannot be noted now, waits; to be tried again. */
PL_MUST_CHECK enum pl_status pl_member_rejoin(struct pl_member *member, int timeout_ms,
                                              struct pl_error *error);

#endif
