/* What the pipeline asks of the world, in bytes: five small ports. The adapters in src/io implement
 * them on Kafka and Redis; the simulation implements them in memory. Thread: the pipeline's own,
 * but for the transaction from produce to commit or abort: that may be the helper's, while the
 * pipeline's uses no other call of it than message_limit and partition_count. */
#ifndef PL_PORTS_H
#define PL_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "planlift/arena.h"
#include "planlift/bytes.h"
#include "planlift/status.h"

enum pl_topic {
    PL_TOPIC_EVENTS,
    PL_TOPIC_REQUESTS,
    PL_TOPIC_EVENTS_DLQ,
    PL_TOPIC_REQUESTS_DLQ,
    PL_TOPIC_RESULTS,
    PL_TOPIC_STATE
};
enum { PL_TOPIC_COUNT = PL_TOPIC_STATE + 1 };

/* The two inputs come first, so that arrays of PL_INPUT_COUNT are indexed by their enumerators. */
enum { PL_INPUT_COUNT = PL_TOPIC_REQUESTS + 1 };

struct pl_header {
    struct pl_bytes name;
    struct pl_bytes value; /* null stays null */
};

/* One input record. Views are valid until it is released. */
struct pl_record {
    enum pl_topic topic;
    int32_t partition;
    int64_t offset;
    struct pl_bytes key;   /* may be null */
    struct pl_bytes value; /* may be null */
    size_t size;           /* bytes of key, value and headers together */
    void *handle;          /* the feed's own */
};

/* One output record. Views are valid until produce returns. */
struct pl_message {
    enum pl_topic topic;
    int32_t partition;
    struct pl_bytes key;   /* may be null */
    struct pl_bytes value; /* null: a tombstone */
    const struct pl_header *headers;
    size_t header_count;
};

/* ---- feed: the consumer group ---------------------------------------------------------------- */

enum pl_feed_event_kind {
    PL_FEED_IDLE,     /* nothing came in time */
    PL_FEED_RECORD,   /* record */
    PL_FEED_ASSIGNED, /* this process owns `partitions` now, paused until started */
    PL_FEED_REVOKED   /* it owns none any more: what is not committed is dropped */
};

struct pl_feed_event {
    enum pl_feed_event_kind kind;
    struct pl_record record;
    /* ASSIGNED: partition numbers, of both inputs alike (I10); valid until the next poll */
    const int32_t *partitions;
    size_t partition_count;
};

struct pl_feed_ops {
    /* The next event, waiting at most timeout_ms. Errors: PL_FENCED (another process has our slot),
     * PL_FATAL (offset out of range, split assignment, unequal partition counts, ...). */
    enum pl_status (*poll)(void *self, int timeout_ms, struct pl_feed_event *ret_event,
                           struct pl_error *error);
    void (*release)(void *self, struct pl_record *record);
    /* All headers of a record that is not released yet. */
    enum pl_status (*headers)(void *self, const struct pl_record *record, struct pl_arena *arena,
                              const struct pl_header **ret_headers, size_t *ret_count);
    /* Stable committed offsets of the group for each given partition, by input: -1 = none (I8).
     * Errors: PL_AGAIN (the coordinator is away); PL_NOT_FOUND: it answers, but offsets of a
     * transaction without its end stay pending; those before them are given all the same. */
    enum pl_status (*committed)(void *self, const int32_t *partitions, size_t count,
                                int64_t (*ret_offsets)[PL_INPUT_COUNT], struct pl_error *error);
    /* First offset and end of the log (high watermark, read_uncommitted) of an input partition. */
    enum pl_status (*log_range)(void *self, enum pl_topic input, int32_t partition,
                                int64_t *ret_first, int64_t *ret_end, struct pl_error *error);
    /* Deliver an owned partition from these offsets on. */
    enum pl_status (*start)(void *self, int32_t partition, const int64_t offsets[PL_INPUT_COUNT],
                            struct pl_error *error);
    /* Deliver nothing any more until partitions are started again; those owned stay owned. What was
     * polled stays valid until it is released. */
    enum pl_status (*stop)(void *self, struct pl_error *error);
    /* The partition that a record with this key belongs in (contract 2, partitioner); -1: any. */
    int32_t (*partition_of)(void *self, struct pl_bytes key);
    /* --drain: true once contract 8 `run --drain` is fulfilled. May take a moment. */
    enum pl_status (*drained)(void *self, bool *ret_drained, struct pl_error *error);
};
struct pl_feed {
    const struct pl_feed_ops *ops;
    void *self;
};

/* ---- transaction: the transactional producer ------------------------------------------------- */

/* The position after the last record handled, per partition and input; -1: none handled. */
struct pl_position {
    int32_t partition;
    int64_t next[PL_INPUT_COUNT];
};

struct pl_txn_ops {
    /* Replace a tainted producer now (I7), which ends what its last transaction left open: offsets
     * and state read afterwards are final. Nothing to do for a sound one. Errors: PL_AGAIN,
     * PL_FENCED, PL_FATAL. */
    enum pl_status (*renew)(void *self, struct pl_error *error);
    /* Was a connection to a broker lost since `unended` was asked last? The broker may have
     * crashed, and come back without the end of our last transaction: to be looked at after a
     * renewal, which is due then. Costs nothing. */
    bool (*has_lost_contact)(void *self);
    /* Which partitions' outputs hold records of a transaction, anybody's, that has no end a moment
     * after the call: ret_hangs, by partition; *ret_any: there is one. Errors: PL_AGAIN. */
    enum pl_status (*unended)(void *self, bool *ret_hangs, bool *ret_any, struct pl_error *error);
    /* Abort what a broker that crashed has left without an end of this slot's transactions, after a
     * renewal, in all outputs and the group's offsets; next: what the visible state of a partition
     * has taken in, for each that hangs or is owned. Errors: PL_AGAIN (not now, or not without a
     * doubt: the text says why), PL_FENCED, PL_FATAL. */
    enum pl_status (*settle)(void *self, const struct pl_position *positions, size_t count,
                             struct pl_error *error);
    /* Takes the group's metadata as it is now, for commit (I4). */
    enum pl_status (*begin)(void *self, struct pl_error *error);
    /* Copies the message. Errors: PL_BAD_DATA (too large for Kafka: nothing was produced, the
     * transaction must still be aborted), PL_ABORT, PL_FENCED, PL_FATAL. Waits where a queue is
     * full. */
    enum pl_status (*produce)(void *self, const struct pl_message *message, struct pl_error *error);
    /* Wait until every produced record is acknowledged, and count the reports (I6). Errors:
     * PL_ABORT (one failed), PL_BAD_DATA (the broker refused one as too large). */
    enum pl_status (*flush)(void *self, struct pl_error *error);
    /* After flush: offsets of the first and last record of this transaction in a state partition;
     * PL_NOT_FOUND if it has none there, PL_ABORT if they are not contiguous (I5). */
    enum pl_status (*state_offsets)(void *self, int32_t partition, int64_t *ret_first,
                                    int64_t *ret_last, struct pl_error *error);
    /* Add the positions with the group's metadata of begin (I4), then commit. Errors: PL_ABORT,
     * PL_FENCED, PL_AGAIN (outcome unknown: the producer is renewed before the next begin, I7;
     * restore). */
    enum pl_status (*commit)(void *self, const struct pl_position *positions, size_t count,
                             struct pl_error *error);
    enum pl_status (*abort)(void *self, struct pl_error *error);
    /* Largest key + value + headers a message to the topic may have (contract 3). */
    size_t (*message_limit)(void *self, enum pl_topic topic);
    /* Partitions of an output topic (for dead letters). */
    int32_t (*partition_count)(void *self, enum pl_topic topic);
};
struct pl_txn {
    const struct pl_txn_ops *ops;
    void *self;
};

/* ---- state log: reading a partition of subscription-state back ------------------------------- */

enum pl_state_event_kind { PL_STATE_IDLE, PL_STATE_RECORD, PL_STATE_END };

struct pl_state_event {
    enum pl_state_event_kind kind;
    int32_t partition;
    int64_t offset;        /* RECORD: its offset; END: the position, which is past every marker */
    struct pl_bytes key;   /* RECORD; valid until the next read */
    struct pl_bytes value; /* null: a tombstone */
};

struct pl_state_log_ops {
    /* First offset and end through a read_uncommitted handle (I8: the read_committed end is too
     * early). */
    enum pl_status (*range)(void *self, int32_t partition, int64_t *ret_first, int64_t *ret_end,
                            struct pl_error *error);
    /* Where read_committed ends now: before the first record of a transaction without an end. */
    enum pl_status (*stable_end)(void *self, int32_t partition, int64_t *ret_end,
                                 struct pl_error *error);
    /* Read one partition read_committed from an offset up to its end; replaces what was open. */
    enum pl_status (*open)(void *self, int32_t partition, int64_t from, struct pl_error *error);
    enum pl_status (*read)(void *self, int timeout_ms, struct pl_state_event *ret_event,
                           struct pl_error *error);
    void (*close)(void *self);
};
struct pl_state_log {
    const struct pl_state_log_ops *ops;
    void *self;
};

/* ---- cache: one hash per partition ----------------------------------------------------------- */

/* A field to read; value is filled by the cache, null where the field is absent. */
struct pl_cache_field {
    struct pl_bytes field;
    struct pl_bytes value;
};

/* One read of a partition; any number of them go out together. */
struct pl_cache_read {
    int32_t partition;
    struct pl_cache_field *fields;
    size_t field_count;
    /* Filled: the checkpoint, read in the same command as the fields (I1), may be null; how many
     * fields the hash has, the checkpoint included. */
    struct pl_bytes checkpoint;
    int64_t stored_fields;
};

struct pl_cache_write {
    struct pl_bytes field;
    struct pl_bytes value; /* null: delete */
};

/* An exact compare-and-set of the checkpoint that writes the fields (I3). */
struct pl_cache_update {
    int32_t partition;
    struct pl_bytes expected;            /* null: the hash must not exist */
    struct pl_bytes checkpoint;          /* the new one */
    const struct pl_cache_write *writes; /* in order; a later one of the same field wins */
    size_t write_count;
    bool is_applied; /* filled: false = the stored checkpoint was another, nothing was written */
};

struct pl_cache_ops {
    /* Values are views into the arena. Errors: PL_AGAIN (unreachable, timed out, loading). */
    enum pl_status (*read)(void *self, struct pl_cache_read *reads, size_t count,
                           struct pl_arena *arena, struct pl_error *error);
    /* Errors: PL_AGAIN: the outcome of every update of the call is unknown. */
    enum pl_status (*update)(void *self, struct pl_cache_update *updates, size_t count,
                             struct pl_error *error);
    /* Remove a partition's hash if its checkpoint is the expected one (null: it has none). Errors:
     * PL_AGAIN: the outcome is unknown; PL_ABORT: it is another, nothing was removed. */
    enum pl_status (*drop)(void *self, int32_t partition, struct pl_bytes expected,
                           struct pl_error *error);
};
struct pl_cache {
    const struct pl_cache_ops *ops;
    void *self;
};

/* ---- world: time, chance and a second pair of hands ------------------------------------------ */

#define PL_AWAIT_END (-1)

struct pl_world_ops {
    int64_t (*now_ms)(void *self);       /* wall clock, since 1970, UTC */
    int64_t (*monotonic_ms)(void *self); /* for waiting only */
    void (*random_id)(void *self, unsigned char ret_id[16]);
    void (*wait_ms)(void *self, int ms); /* between two tries of something that is away */
    bool (*should_stop)(void *self);     /* asked to stop (SIGTERM) */
    /* Do job(arg) in the helper thread; the one before must have ended, and been awaited. */
    void (*launch)(void *self, void (*job)(void *arg), void *arg);
    /* Has the job ended? Waits at most timeout_ms; PL_AWAIT_END: until it has. What it wrote is
     * seen here after that. */
    bool (*await)(void *self, int timeout_ms);
};
struct pl_world {
    const struct pl_world_ops *ops;
    void *self;
};

#endif
