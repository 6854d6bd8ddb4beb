/* A little Kafka: partitioned logs, transactions and the offsets of one consumer group.
 *
 * As in Kafka, a transaction's records take their offsets when they are produced, its end takes one
 * more for a marker in each partition touched, and a read_committed reader sees nothing at or past
 * the first record whose transaction has no marker yet. The end of a transaction is acknowledged
 * before the markers are there, if marker_delay_ms says so (reliability A2). A producer that is
 * opened again fences the one before it, whose transaction is aborted; one that lasts too long is
 * aborted too. */
#ifndef PL_TESTS_FAKE_BROKER_H
#define PL_TESTS_FAKE_BROKER_H

#include <stdbool.h>
#include <stdint.h>

#include "planlift/ports.h"

enum { PL_FAKE_MAX_PARTITIONS = 16, PL_FAKE_MAX_PRODUCERS = 16 };

struct pl_fake_world;

enum pl_fake_entry_kind {
    PL_FAKE_ENTRY_RECORD,
    PL_FAKE_ENTRY_COMMIT_MARKER,
    PL_FAKE_ENTRY_ABORT_MARKER
};
enum pl_fake_entry_state { PL_FAKE_ENTRY_COMMITTED, PL_FAKE_ENTRY_OPEN, PL_FAKE_ENTRY_ABORTED };

/* What stands at one offset of a log. */
struct pl_fake_entry {
    int64_t offset;
    uint64_t stamp; /* order of arrival over all logs */
    enum pl_fake_entry_kind kind;
    enum pl_fake_entry_state state; /* OPEN: the marker is not there yet */
    bool is_gone;                   /* compacted away */
    int producer;                   /* index; -1: outside of transactions */
    struct pl_bytes key, value;
    const struct pl_header *headers;
    size_t header_count;
};

struct pl_fake_log {
    struct pl_fake_entry **entries; /* by offset */
    int64_t end;
    int64_t capacity;
    int64_t first; /* deleted below */
};

enum pl_fake_txn_state {
    PL_FAKE_TXN_NONE,
    PL_FAKE_TXN_OPEN,
    PL_FAKE_TXN_COMMITTING, /* acknowledged; markers are still to come */
    PL_FAKE_TXN_ABORTING
};

/* One transactional id. */
struct pl_fake_producer {
    const char *id;
    int epoch;
    uint64_t sequence; /* of the transaction, over all epochs */
    enum pl_fake_txn_state state;
    enum pl_fake_txn_state ended; /* how the epoch's last one did: COMMITTING, ABORTING; NONE */
    int timed_out_epoch;          /* the last that lost a transaction to its timeout; 0: none */
    bool is_touched[PL_TOPIC_COUNT][PL_FAKE_MAX_PARTITIONS]; /* takes part, and has no marker yet */
    bool has_offsets;         /* the group takes part, or offsets are pending: those are unstable */
    bool has_hanging_offsets; /* pending for ever */
    bool has_marker;          /* one of those of the transaction's end is there */
    int64_t offsets[PL_FAKE_MAX_PARTITIONS][PL_INPUT_COUNT]; /* -1: none */
};

/* What a client holds: which producer, and as of when. */
struct pl_fake_session {
    int producer; /* -1: none */
    int epoch;
};

struct pl_fake_broker {
    struct pl_fake_world *world;
    int32_t partition_count;
    int32_t dlq_partition_count;
    struct pl_fake_log logs[PL_TOPIC_COUNT][PL_FAKE_MAX_PARTITIONS];
    uint64_t stamps;
    struct pl_fake_producer producers[PL_FAKE_MAX_PRODUCERS];
    int producer_count;
    int64_t marker_delay_ms; /* 0: markers are there when the end is acknowledged */
    unsigned hangs_ended;    /* transactions whose pending offsets hung and found an end later */
    unsigned timeouts;       /* transactions that were aborted for lasting too long */
    int64_t transaction_timeout_ms;                                /* 10000 */
    int64_t group_offsets[PL_FAKE_MAX_PARTITIONS][PL_INPUT_COUNT]; /* -1: none */
    int generation;                                                /* of the group */
    unsigned offsets_went_back;            /* how often a commit lowered one: must not happen */
    size_t message_limits[PL_TOPIC_COUNT]; /* that clients are told: key, value and headers */
    size_t broker_limits[PL_TOPIC_COUNT];  /* that they find out about in a delivery report */
};

/* Of a topic, input or output. */
int32_t pl_fake_partition_count(const struct pl_fake_broker *broker, enum pl_topic topic);
struct pl_fake_log *pl_fake_log(struct pl_fake_broker *broker, enum pl_topic topic,
                                int32_t partition);

/* ---- writing --------------------------------------------------------------------------------- */

/* Outside of transactions: visible at once. Returns the offset. */
int64_t pl_fake_append(struct pl_fake_broker *broker, const struct pl_message *message);

/* Open a transactional id, as init_transactions does: fences and aborts what was there. */
struct pl_fake_session pl_fake_open_producer(struct pl_fake_broker *broker, const char *id);

/* The calls of a transaction. Errors: PL_FENCED: the session's epoch is not the producer's any
 * more, or its transaction timed out; nothing happened. */
enum pl_status pl_fake_begin(struct pl_fake_broker *broker, struct pl_fake_session session);
enum pl_status pl_fake_produce(struct pl_fake_broker *broker, struct pl_fake_session session,
                               const struct pl_message *message, int64_t *ret_offset);
enum pl_status pl_fake_add_offsets(struct pl_fake_broker *broker, struct pl_fake_session session,
                                   const struct pl_position *positions, size_t count);
enum pl_status pl_fake_end(struct pl_fake_broker *broker, struct pl_fake_session session,
                           bool is_commit);

/* A lone broker crashes between the end of transactions and their markers, and comes back without
 * them: what they wrote and committed stays pending for ever, though the coordinator takes them for
 * done. Only those of which no marker is there yet. To Kafka what hangs in a partition is a part of
 * the producer's next transaction there. Returns how many transactions hang now. */
unsigned pl_fake_lose_markers(struct pl_fake_broker *broker);
/* All markers that are still to come are there now. */
void pl_fake_end_markers(struct pl_fake_broker *broker);

/* The end of a transaction that is under way for so long. As the old protocol has it, it ends
 * whatever transaction the same epoch has open by then (KAFKA-17754, reliability A1). */
void pl_fake_end_later(struct pl_fake_broker *broker, struct pl_fake_session session,
                       bool is_commit, int64_t delay_ms);

/* ---- writing, request by request ------------------------------------------------------------- */

/* The same as a real client asks it: a transaction begins at the broker with the first partition or
 * group that is added to it, and nobody waits for markers in the broker's place. */
enum pl_fake_answer {
    PL_FAKE_DONE,
    PL_FAKE_CONCURRENT,   /* CONCURRENT_TRANSACTIONS: markers are still to come, ask again */
    PL_FAKE_OLD_EPOCH,    /* PRODUCER_FENCED, INVALID_PRODUCER_EPOCH */
    PL_FAKE_INVALID_STATE /* INVALID_TXN_STATE */
};

/* InitProducerId: *ret_session is set where it is DONE. */
enum pl_fake_answer pl_fake_ask_producer(struct pl_fake_broker *broker, const char *id,
                                         struct pl_fake_session *ret_session);
/* AddPartitionsToTxn: the partition gets a marker at the end even if nothing is produced there. */
enum pl_fake_answer pl_fake_ask_partition(struct pl_fake_broker *broker,
                                          struct pl_fake_session session, enum pl_topic topic,
                                          int32_t partition);
/* AddOffsetsToTxn. */
enum pl_fake_answer pl_fake_ask_group(struct pl_fake_broker *broker,
                                      struct pl_fake_session session);
/* EndTxn; again after it was done: DONE or CONCURRENT where it says the same. */
enum pl_fake_answer pl_fake_ask_end(struct pl_fake_broker *broker, struct pl_fake_session session,
                                    bool is_commit);

/* ---- reading --------------------------------------------------------------------------------- */

/* Where a read_committed reader stops: the first open record, or the end. */
int64_t pl_fake_stable_end(const struct pl_fake_log *log);

/* The first record at or after an offset that a read_committed reader gets; NULL if none yet. */
const struct pl_fake_entry *pl_fake_next(const struct pl_fake_log *log, int64_t from);

/* The group's offsets of a partition. Errors: PL_AGAIN: a transaction has some pending (unstable).
 */
enum pl_status pl_fake_group_offsets(const struct pl_fake_broker *broker, int32_t partition,
                                     int64_t ret_offsets[PL_INPUT_COUNT]);

/* ---- what befalls a log ---------------------------------------------------------------------- */

/* Of each key keep the newest committed record only; tombstones go too if they are not kept. */
void pl_fake_compact(struct pl_fake_log *log, bool keeps_tombstones);
/* The same for the log below an offset only, as a cleaner leaves the newest segment alone. Returns
 * how many records went. */
int64_t pl_fake_compact_before(struct pl_fake_log *log, int64_t end, bool keeps_tombstones);
/* Delete what is below an offset. */
void pl_fake_delete_before(struct pl_fake_log *log, int64_t first);
/* Delete the topic's partition and make it anew. */
void pl_fake_recreate(struct pl_fake_log *log);
/* Lose what is at or past an offset, as after an unclean election. */
void pl_fake_truncate(struct pl_fake_log *log, int64_t end);

#endif
