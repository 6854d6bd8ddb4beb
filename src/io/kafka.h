/* The Kafka side of the ports: consumer group, transactions, reading the state topic, set-up. */
#ifndef PL_IO_KAFKA_H
#define PL_IO_KAFKA_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/secret.h"
#include "planlift/ports.h"
#include "planlift/status.h"

/* Where Kafka is unless the user says. */
#define PL_KAFKA_DEFAULT_SERVERS "localhost:9092"

/* Where each process that joins with a slot says so first: Kafka cannot tell who has it, for there
 * a member that takes another one's place inherits its name. A process that is told that it is
 * fenced looks there whether that is so, or its own earlier join the culprit, and who has the slot.
 * Nothing is wrong where the book is lost: then the one that joined last has the slot. */
struct pl_slot_book {
    /* Note our name (pl_kafka_options.client_id). Errors: PL_AGAIN. NULL: there is no book. */
    enum pl_status (*claim)(void *self, struct pl_error *error);
    /* Who was the last to claim our slot? Errors: PL_NOT_FOUND (nobody is noted), PL_AGAIN. */
    enum pl_status (*holder)(void *self, char *ret_name, size_t size, struct pl_error *error);
    void *self;
};

/* Borrowed for the life of everything made from it. */
struct pl_kafka_options {
    const char *const (*properties)[2]; /* the user's kafka.* settings: name, value */
    size_t property_count;
    const char *group_id;
    const char *instance_id; /* group.id-slot: group.instance.id and transactional.id (I10) */
    const char *client_id;   /* client.id unless the user sets one: host and process, as no other */
    const char *topics[PL_TOPIC_COUNT];
    const char *partitioner;   /* murmur2_random, consistent_random or none */
    int64_t message_max_bytes; /* kafka.message.max.bytes as the user set it, or Kafka's default */
    struct pl_slot_book book;
    struct pl_secret sasl_password;       /* kafka.sasl.password, if it has a file of its own */
    const volatile sig_atomic_t *hangups; /* how often the process was asked to read secrets anew
                                              (SIGHUP); NULL: it cannot be */
};

/* A kafka.* setting of the user's; NULL: not set. */
const char *pl_kafka_property(const struct pl_kafka_options *options, const char *name);

/* Where Kafka is, and how to log in ("" where no mechanism is set): each has two names. */
const char *pl_kafka_servers(const struct pl_kafka_options *options);
const char *pl_kafka_sasl_mechanism(const struct pl_kafka_options *options);

/* ---- does it answer? ------------------------------------------------------------------------- */

/* Does Kafka let us in? Errors: PL_AGAIN with the reason; PL_FATAL with the remedy where this build
 * can never get in; PL_BAD_DATA (a property is refused). */
PL_MUST_CHECK enum pl_status pl_kafka_reach(const struct pl_kafka_options *options,
                                            struct pl_error *error);

/* Does Kafka answer at all? Asked by a client of its own, so from any thread. Errors: PL_AGAIN (not
 * in time), PL_BAD_DATA (a property is refused). */
PL_MUST_CHECK enum pl_status pl_kafka_ping(const struct pl_kafka_options *options, int timeout_ms,
                                           struct pl_error *error);

/* ---- topics ---------------------------------------------------------------------------------- */

/* What start-up learns of the topics. */
struct pl_kafka_topics {
    int32_t partition_count; /* of inputs, results and state alike (contract 2) */
    int32_t dlq_partition_count[PL_INPUT_COUNT]; /* by input */
    int64_t max_message_bytes[PL_TOPIC_COUNT];   /* max.message.bytes of each topic */
    int64_t state_delete_retention_ms;           /* how long tombstones live (A10) */
    char cluster_id[128];
};

/* Look at every topic and refuse what cannot work: a missing topic, unequal partition counts, a
 * subscription-state that is not compacted (contract 2). Errors: PL_FATAL with the remedy, PL_AGAIN
 * (Kafka cannot be reached). */
PL_MUST_CHECK enum pl_status pl_kafka_topics_check(const struct pl_kafka_options *options,
                                                   struct pl_kafka_topics *ret_topics,
                                                   struct pl_error *error);

/* Make the topics that are not there. replication_factor -1: the broker's default. report is called
 * for each topic with what happened. Errors: PL_FATAL, PL_AGAIN. */
PL_MUST_CHECK enum pl_status pl_kafka_topics_create(
    const struct pl_kafka_options *options, int32_t partitions, int32_t replication_factor,
    void (*report)(const char *topic, const char *outcome), struct pl_error *error);

/* Remove the topics, with all that is in them; those that are not there are none to remove.
 * Errors: PL_FATAL, PL_AGAIN. */
PL_MUST_CHECK enum pl_status pl_kafka_topics_delete(const struct pl_kafka_options *options,
                                                    struct pl_error *error);

/* The partition that a record with this key belongs in (contract 2, partitioner); -1: any. */
int32_t pl_kafka_partition_of(const struct pl_kafka_options *options, struct pl_bytes key,
                              int32_t partition_count);

/* ---- slots ----------------------------------------------------------------------------------- */

/* Does any member of the group hold our slot? Errors: PL_NOT_FOUND (none does), PL_AGAIN (Kafka
 * does not answer), PL_FATAL. */
PL_MUST_CHECK enum pl_status pl_kafka_slot_check(const struct pl_kafka_options *options,
                                                 struct pl_error *error);

/* ---- ports ----------------------------------------------------------------------------------- */

struct pl_kafka_feed;
struct pl_kafka_txn;
struct pl_kafka_reader;

/* Joins the group at once. topics and reader are borrowed. drain: note the ends of the inputs
 * now, for drained().
 * Errors: PL_FATAL, PL_AGAIN. */
PL_MUST_CHECK enum pl_status pl_kafka_feed_new(const struct pl_kafka_options *options,
                                               const struct pl_kafka_topics *topics,
                                               struct pl_kafka_reader *reader, bool drain,
                                               struct pl_kafka_feed **ret_feed,
                                               struct pl_error *error);
struct pl_feed pl_kafka_feed_port(struct pl_kafka_feed *feed);
void pl_kafka_feed_free(
    struct pl_kafka_feed *feed); /* leaves as a static member: keeps its place */

/* The transactional producer of this slot; fences the one that held the slot before. feed: whose
 * group the offsets belong to, borrowed. Errors: PL_FATAL, PL_AGAIN, PL_FENCED. */
PL_MUST_CHECK enum pl_status
pl_kafka_txn_new(const struct pl_kafka_options *options, const struct pl_kafka_topics *topics,
                 struct pl_kafka_feed *feed, struct pl_kafka_txn **ret_txn, struct pl_error *error);
struct pl_txn pl_kafka_txn_port(struct pl_kafka_txn *txn);
void pl_kafka_txn_free(struct pl_kafka_txn *txn);

/* Reads single partitions outside the group. Errors: PL_FATAL. */
PL_MUST_CHECK enum pl_status pl_kafka_reader_new(const struct pl_kafka_options *options,
                                                 struct pl_kafka_reader **ret_reader,
                                                 struct pl_error *error);
struct pl_state_log pl_kafka_state_log_port(struct pl_kafka_reader *reader);
void pl_kafka_reader_free(struct pl_kafka_reader *reader);

#endif
