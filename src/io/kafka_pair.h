/* Two consumer handles outside the group: a read_committed one that reads, and a read_uncommitted
 * one that asks for ends. The end as read_committed sees it would be too early: a transaction that
 * was acknowledged may not be visible yet (I8, reliability A2). */
#ifndef PL_IO_KAFKA_PAIR_H
#define PL_IO_KAFKA_PAIR_H

#include <librdkafka/rdkafka.h>

#include "io/kafka.h"
#include "io/kafka_defaults.h"
#include "planlift/compiler.h"
#include "planlift/status.h"

/* In place. */
struct pl_kafka_pair {
    const struct pl_kafka_options *options;
    rd_kafka_t *committed;
    rd_kafka_t *uncommitted;
    int committed_hangups_seen, uncommitted_hangups_seen;
    /* Those of which the pair knows. They make the one ask for just these topics, and the other
     * know the leaders before it reads: else its first read takes a second longer. */
    rd_kafka_topic_t *committed_topics[PL_TOPIC_COUNT];
    rd_kafka_topic_t *uncommitted_topics[PL_TOPIC_COUNT];
    rd_kafka_t *reading;         /* the one of the two that was assigned last; NULL: none */
    rd_kafka_message_t *message; /* polled last; NULL: none */
};

/* use: gives the settings; when_gone: auto.offset.reset. Errors: PL_BAD_DATA (a property is
 * refused): to be done with all the same. */
PL_MUST_CHECK enum pl_status pl_kafka_pair_init(struct pl_kafka_pair *pair,
                                                const struct pl_kafka_options *options,
                                                enum pl_kafka_use use, const char *when_gone,
                                                struct pl_error *error);
void pl_kafka_pair_done(struct pl_kafka_pair *pair);

/* The topic is one to be asked about, or read. Errors: PL_BAD_DATA (its name cannot be one). */
PL_MUST_CHECK enum pl_status pl_kafka_pair_know(struct pl_kafka_pair *pair, enum pl_topic topic,
                                                struct pl_error *error);

/* Partitions of each topic that is known; as pl_kafka_partition_counts. */
PL_MUST_CHECK enum pl_status pl_kafka_pair_counts(struct pl_kafka_pair *pair,
                                                  int32_t ret_counts[PL_TOPIC_COUNT],
                                                  struct pl_error *error);

/* First offset and end of a partition's log; open and aborted transactions count. Errors: PL_AGAIN,
 * PL_FATAL. */
PL_MUST_CHECK enum pl_status pl_kafka_pair_range(struct pl_kafka_pair *pair, enum pl_topic topic,
                                                 int32_t partition, int64_t *ret_first,
                                                 int64_t *ret_end, struct pl_error *error);

/* Where each partition of a list ends now, into its offsets: is_stable, before the first record of
 * a transaction without an end; else as above. Errors: as above. */
PL_MUST_CHECK enum pl_status pl_kafka_pair_ends(struct pl_kafka_pair *pair, bool is_stable,
                                                rd_kafka_topic_partition_list_t *list,
                                                struct pl_error *error);

/* Read these partitions from their offsets on, and no others; none: nothing any more. */
rd_kafka_resp_err_t pl_kafka_pair_assign(struct pl_kafka_pair *pair,
                                         const rd_kafka_topic_partition_list_t *list);
/* The same with what is not committed, or never will be. */
rd_kafka_resp_err_t pl_kafka_pair_assign_uncommitted(struct pl_kafka_pair *pair,
                                                     const rd_kafka_topic_partition_list_t *list);

/* The next message, or NULL; borrowed until the next call of this, assign or forget. */
const rd_kafka_message_t *pl_kafka_pair_poll(struct pl_kafka_pair *pair, int timeout_ms);
void pl_kafka_pair_forget(struct pl_kafka_pair *pair);

#endif
