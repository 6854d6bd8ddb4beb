/* What the steps of the pipeline share: the run's state, and the batch on its way through them.
 * Each step is a file of its own with one entry function, declared here in the order of the
 * flow. */
#ifndef PL_PIPELINE_FLOW_H
#define PL_PIPELINE_FLOW_H

#include "pipeline/pipeline.h"
#include "planlift/arena.h"
#include "planlift/buffer.h"
#include "planlift/customer.h"
#include "planlift/dead_letter.h"
#include "planlift/model.h"
#include "planlift/state.h"

/* ---- the run --------------------------------------------------------------------------------- */

/* A partition this process owns, as its last committed transaction left it. Invariants while the
 * run is restored: next_offset is where the next record of ours in the state partition will be
 * (I5); Redis holds exactly `checkpoint` (I1, I3). */
struct pl_partition {
    int32_t number;
    bool is_owned;
    int64_t next_offset;
    int64_t progress_offset;     /* of the newest progress record; -1: none */
    bool is_catalogue_new;       /* its newest progress record does not name ours yet */
    int damaged_count;           /* how often its cache was found damaged since the last commit */
    struct pl_progress progress; /* strings borrowed from the options and the catalogue */
    struct pl_buffer checkpoint; /* the sealed bytes; empty: Redis has none */
};

/* Input records in the order they came, not yet part of a committed batch. */
struct pl_inbox {
    struct pl_record *records;
    size_t count;
    size_t capacity;
    size_t bytes;
};

/* A record that failed alone, by its own content (I9). */
struct pl_poison {
    unsigned failures; /* of it alone; 0: none is looked at */
    enum pl_topic topic;
    int32_t partition;
    int64_t offset;
};

/* Dead letters among the last records. */
struct pl_brake {
    size_t records;
    size_t dead;
    int64_t hold_until_ms; /* monotonic */
    int64_t reported_ms;
};

/* ---- the batch ------------------------------------------------------------------------------- */

/* A customer that the batch touches, as the records before left it (the overlay). */
struct pl_entry {
    struct pl_customer customer;
    uint64_t hash;
    int32_t partition;
    bool is_read;             /* its head was asked for */
    unsigned wanted_segments; /* bits: answered segments asked for already */
    struct pl_entry *next;    /* of the same partition, in the order of first touch */
};

struct pl_overlay {
    struct pl_entry **slots; /* open addressing; NULL: free */
    size_t capacity;
    size_t count;
};

enum pl_item_kind { PL_ITEM_EVENT, PL_ITEM_REQUEST, PL_ITEM_DEAD };

/* What a request was answered, for the metrics. */
struct pl_answer {
    bool is_given; /* false: not yet, or it repeats one that was answered before */
    enum pl_outcome outcome;
    uint32_t codes; /* bits by enum pl_error_code */
    size_t affected_accounts;
};

struct pl_item {
    const struct pl_record *record;
    enum pl_item_kind kind;
    union {
        struct pl_event event;
        struct pl_request request;
    };
    const struct pl_refusal *refusal; /* PL_ITEM_DEAD */
    struct pl_entry *entry;           /* events and requests */
    struct pl_answer answer;          /* requests */
    const char *trace_id; /* of dead letters and requests, once decided: 32 digits; NULL: none */
};

/* A result or dead letter waiting to be produced. */
struct pl_outgoing {
    enum pl_topic topic;
    int32_t partition;
    struct pl_bytes key;
    bool is_view;          /* value is a view (a dead letter's), not in the outbox */
    struct pl_bytes value; /* if is_view */
    size_t value_position; /* else */
    size_t value_len;
    const struct pl_header *headers;
    size_t header_count;
};

/* What the batch does to one partition. */
struct pl_part {
    struct pl_partition *partition;
    struct pl_entry *first, *last; /* customers touched */
    struct pl_progress progress;   /* after the batch */
    struct pl_state_changes changes;
    const struct pl_state_change **change_slots; /* the changes by field (pl_change_find) */
    size_t change_capacity;
    size_t progress_position; /* of the new progress record in the outbox */
    size_t progress_len;
    int64_t first_offset; /* of our state records, once acknowledged */
    int64_t last_offset;
};

struct pl_batch {
    struct pl_arena arena;     /* all that the batch is made of */
    struct pl_buffer outbox;   /* bytes of its messages and state */
    struct pl_record *records; /* its own once it is launched; before, they are the inbox's first */
    size_t record_count;
    struct pl_item *items;
    size_t count;
    struct pl_overlay overlay;
    struct pl_pieces needed; /* by the item at hand; its memory serves one after the other */
    struct pl_part **parts;  /* by partition number; NULL: not touched */
    struct pl_outgoing *outgoing;
    size_t outgoing_count;
    size_t outgoing_capacity;
    int64_t now_ms; /* stamps decidedAt; no rule reads it */
    struct pl_run *run;
    enum pl_status status; /* of sending it, once that has ended */
    struct pl_error error;
};

/* ---- the run, again -------------------------------------------------------------------------- */

struct pl_run {
    const struct pl_pipeline_options *options;
    struct pl_partition *partitions; /* by number */
    size_t owned_count;
    bool is_member; /* the group has told us our share of the partitions, which may be none */
    bool is_misconfigured; /* the trouble that ends it is one of its settings */
    bool is_settled;  /* nothing of our last transaction hangs, unless contact was lost since */
    bool is_restored; /* every owned partition is as its invariants say, and started */
    struct pl_inbox inbox;
    size_t batch_limit; /* records in the next batch; below the maximum while looking for poison */
    struct pl_poison poison;
    struct pl_brake brake;
    /* While one is in flight (being sent by the helper thread, which alone uses it and the
     * transaction until it has landed) the other is decided. */
    struct pl_batch batches[2];
    struct pl_batch *flying;        /* NULL: none */
    const struct pl_batch *suspect; /* the one that the last trouble was with; NULL: none */
    struct pl_arena arena;          /* of recovery */
    int64_t restore_told_ms;        /* when the log last told how far a restore is */
};

static inline int64_t pl_monotonic_ms(const struct pl_run *run)
{
    return run->options->world.ops->monotonic_ms(run->options->world.self);
}

static inline bool pl_should_stop(const struct pl_run *run)
{
    return run->options->world.ops->should_stop(run->options->world.self);
}

/* ---- the steps ------------------------------------------------------------------------------- */

/* consume: put a record into the inbox (takes it); let all or the first count of them go. */
void pl_inbox_add(struct pl_run *run, const struct pl_record *record);
void pl_inbox_drop(struct pl_run *run, size_t count);
/* Move the first batch->count records out of the inbox, into the batch. */
void pl_inbox_hand_over(struct pl_run *run, struct pl_batch *batch);
/* Is there no room for a further record? */
bool pl_inbox_is_full(const struct pl_run *run);

/* decode: the inbox's first records into the batch's items. Errors: PL_AGAIN (a schema cannot be
 * fetched now). */
PL_MUST_CHECK enum pl_status pl_decode_batch(struct pl_run *run, struct pl_batch *batch,
                                             struct pl_error *error);

/* load: the customers' heads and what of their pieces the batch will need. Errors: PL_AGAIN (the
 * cache is away, or it is ahead of us: another process has taken over), PL_ABORT (it is not
 * current: restore), PL_FATAL (a newer format). */
PL_MUST_CHECK enum pl_status pl_load_batch(struct pl_run *run, struct pl_batch *batch,
                                           struct pl_error *error);

/* Load what one item still needs, as the records before left its customer. Errors: as above. */
PL_MUST_CHECK enum pl_status pl_load_item(struct pl_run *run, struct pl_batch *batch,
                                          struct pl_item *item, struct pl_error *error);

/* decide: every item in order, into results, dead letters and changed customers. May end early when
 * the batch has grown enough (batch->count is then smaller). Errors: those of load; PL_BAD_DATA
 * (the result of item batch->count - 1 is too large). */
PL_MUST_CHECK enum pl_status pl_decide_batch(struct pl_run *run, struct pl_batch *batch,
                                             struct pl_error *error);

/* encode: the changed customers and the progress of each partition touched, into the outbox. */
void pl_encode_batch(struct pl_run *run, struct pl_batch *batch);

/* commit: everything in one transaction. On PL_OK each partition's next_offset and progress are
 * those after the batch. Errors: PL_BAD_DATA (a record is too large for Kafka), PL_ABORT,
 * PL_AGAIN (outcome unknown), PL_FENCED, PL_FATAL; the transaction is aborted then. */
PL_MUST_CHECK enum pl_status pl_commit_batch(struct pl_run *run, struct pl_batch *batch,
                                             struct pl_error *error);

/* The same in two parts, between which the helper thread sends and commits: run->flying. Errors of
 * the first: those of beginning a transaction, no batch is in flight then; of the second: as
 * above. */
PL_MUST_CHECK enum pl_status pl_launch_batch(struct pl_run *run, struct pl_batch *batch,
                                             struct pl_error *error);
PL_MUST_CHECK enum pl_status pl_land_batch(struct pl_run *run, struct pl_error *error);

/* cache: the same changes into Redis. Errors: PL_AGAIN, PL_ABORT: restore. */
PL_MUST_CHECK enum pl_status pl_cache_batch(struct pl_run *run, struct pl_batch *batch,
                                            struct pl_error *error);

/* ---- beside the flow ------------------------------------------------------------------------- */

/* Make the batch empty: its memory is used again. */
void pl_batch_begin(struct pl_run *run, struct pl_batch *batch);
void pl_batch_done(struct pl_batch *batch);
/* Give its records back to the feed. */
void pl_batch_release(struct pl_run *run, struct pl_batch *batch);
/* The batch's part of an owned partition, made when first asked for. */
struct pl_part *pl_batch_part(struct pl_run *run, struct pl_batch *batch, int32_t partition);
/* The entry of a customer, made (empty, unread) when first asked for. */
struct pl_entry *pl_batch_entry(struct pl_run *run, struct pl_batch *batch, int32_t partition,
                                struct pl_bytes customer_id);

/* How a partition is after the batch in flight, or else after the last that was committed. */
const struct pl_progress *pl_progress_of(const struct pl_run *run, int32_t partition);

/* The changes of an encoded batch's part, by field: what the cache will hold once the batch in
 * flight has landed is read from here. NULL: not changed. */
void pl_change_index(struct pl_batch *batch, struct pl_part *part);
const struct pl_state_change *pl_change_find(const struct pl_part *part, struct pl_bytes field);
/* The value that a change writes; null: it deletes. */
struct pl_bytes pl_change_value(const struct pl_batch *batch, const struct pl_state_change *change);

/* Note what Redis is to hold, or holds, for the partition. */
void pl_partition_seal(const struct pl_run *run, const struct pl_partition *partition,
                       bool is_whole, struct pl_buffer *ret_checkpoint);
struct pl_bytes pl_partition_checkpoint(const struct pl_partition *partition); /* null: none */

/* recover: bring every owned partition to where its invariants hold, and start the feed (I8).
 * Errors: PL_AGAIN (Kafka or Redis is away), PL_ABORT (the group gave us other partitions
 * meanwhile: look at them), PL_FENCED, PL_FATAL. */
PL_MUST_CHECK enum pl_status pl_recover(struct pl_run *run, struct pl_error *error);

/* settle: after a broker may have crashed, rid all partitions, also those that were ours once, of
 * what it left of our last transaction without an end. Nothing to do where none may have. Errors:
 * as pl_recover. */
PL_MUST_CHECK enum pl_status pl_settle(struct pl_run *run, struct pl_error *error);

/* poison: the batch (NULL: none) can never be committed as it is: look for the record that makes it
 * so, by halves (I9). PL_OK: try again, with what the run now knows. Errors: PL_FATAL (it is not a
 * record's fault). */
PL_MUST_CHECK enum pl_status pl_poison_search(struct pl_run *run, const struct pl_batch *batch,
                                              struct pl_error *error);
/* After a batch that was committed: go on searching in larger batches, or end the search. */
void pl_poison_pass(struct pl_run *run);
/* Has the record shown to be unprocessable (contract 7)? */
bool pl_poison_is(const struct pl_run *run, const struct pl_record *record);

/* count: note what a request is answered; tell the metrics of a batch that was committed. */
void pl_count_answer(struct pl_item *item, const struct pl_result *result);
void pl_count_batch(struct pl_run *run, const struct pl_batch *batch);

/* tell: lines of the log on single records of a batch that was committed and is not released yet:
 * its dead letters, and below INFO its answers. */
void pl_tell_batch(const struct pl_run *run, const struct pl_batch *batch);

/* brake: count the dead letters of a committed batch; too many hold the flow for a moment. */
void pl_brake_count(struct pl_run *run, const struct pl_batch *batch);
/* Wait as long as the brake holds. */
void pl_brake_wait(struct pl_run *run);

/* group: note what the group did, or keep the record that it delivered. *ret_is_rebalance:
 * partitions came or went. Errors: PL_FENCED, PL_FATAL. */
PL_MUST_CHECK enum pl_status pl_poll_group(struct pl_run *run, int timeout_ms, bool *ret_is_idle,
                                           bool *ret_is_rebalance, struct pl_error *error);
/* Serve the group while something else takes long. Errors: PL_ABORT: partitions were given or
 * taken, the run has noted it, or it was asked to stop; PL_FENCED, PL_FATAL. */
PL_MUST_CHECK enum pl_status pl_serve_group(struct pl_run *run, int timeout_ms,
                                            struct pl_error *error);

/* ---- parts of recover ------------------------------------------------------------------------ */

/* look: refuse what can be told to be wrong with an owned partition whose cache cannot be gone on
 * from, before anything is touched. committed: the group's offsets. Errors: as pl_recover. */
PL_MUST_CHECK enum pl_status pl_look(struct pl_run *run, int32_t partition,
                                     const int64_t committed[PL_INPUT_COUNT],
                                     struct pl_error *error);

/* restore: bring the cache of an owned partition to where its state log ends. Its progress,
 * checkpoint and next_offset are as the invariants say then. Errors: as pl_recover. */
PL_MUST_CHECK enum pl_status pl_restore(struct pl_run *run, struct pl_partition *partition,
                                        struct pl_error *error);
/* Why the cache cannot be gone on from; NULL if it can. first, end: of the state log. */
const char *pl_checkpoint_fault(const struct pl_pipeline_options *options,
                                const struct pl_checkpoint *checkpoint, int64_t first, int64_t end);

/* catalogue: the one that decided a partition's state last, as a progress record names it. */
struct pl_decided_by {
    char version[128]; /* cut */
    char sha256[65];   /* "": it does not say */
    bool is_ours;      /* version and content */
    bool is_other_version;
    bool is_other_content; /* of our version */
};
void pl_decided_by_note(const struct pl_run *run, const struct pl_progress *progress,
                        struct pl_decided_by *ret_decided_by);
/* Of the newest progress record. Errors: PL_FATAL (of our version with another content), and the
 * run is misconfigured. */
PL_MUST_CHECK enum pl_status pl_decided_by_check(struct pl_run *run, int32_t partition,
                                                 const struct pl_decided_by *decided_by,
                                                 struct pl_error *error);
/* Log it where it is of another version. */
void pl_decided_by_tell(const struct pl_run *run, int32_t partition,
                        const struct pl_decided_by *decided_by);

/* state_read: one partition of the state log. */
struct pl_state_span {
    int32_t partition;
    int64_t from;
    int64_t end; /* as read_uncommitted sees it (I8) */
};
typedef enum pl_status pl_state_take_fn(void *self, const struct pl_state_event *event,
                                        struct pl_error *error);
/* Read it up to its end, or past it; what is acknowledged and not yet visible is waited for, while
 * the group is served. *ret_position: past all that was read. Errors: PL_AGAIN (it says nothing
 * more); those of take and pl_serve_group. */
PL_MUST_CHECK enum pl_status pl_state_read(struct pl_run *run, const struct pl_state_span *span,
                                           pl_state_take_fn *take, void *self,
                                           int64_t *ret_position, struct pl_error *error);
/* What the newest progress record of a span says. */
struct pl_last_progress {
    int64_t next[PL_INPUT_COUNT];
    struct pl_decided_by decided_by;
};
/* Sought from the end of the span back, once that is visible. Errors: PL_NOT_FOUND (there is none),
 * and those of pl_state_read and pl_progress_check. */
PL_MUST_CHECK enum pl_status pl_find_progress(struct pl_run *run,
                                              const struct pl_state_span *within,
                                              struct pl_last_progress *ret_last,
                                              struct pl_error *error);
/* Read a progress record of the state log. Errors: PL_FATAL (damaged, newer format, another
 * deployment's). */
PL_MUST_CHECK enum pl_status pl_progress_check(const struct pl_run *run, int32_t partition,
                                               const struct pl_state_event *event,
                                               struct pl_progress *ret_progress,
                                               struct pl_error *error);

/* positions: how far an input partition was taken in, by the group's offset and by the state. */
struct pl_position_claim {
    int32_t partition;
    int input;
    int64_t committed; /* -1: none */
    int64_t progress;
    bool has_state; /* false: the very first start, progress is the earliest record */
};
/* Contract 2: whether it can be gone on from there. Errors: PL_AGAIN, PL_FATAL. */
PL_MUST_CHECK enum pl_status pl_position_check(const struct pl_run *run,
                                               const struct pl_position_claim *claim,
                                               struct pl_error *error);
/* The offsets to go on from, into the partition's progress. committed: the group's;
 * *ret_is_behind: they are not what they should be. Errors: as above. */
PL_MUST_CHECK enum pl_status pl_find_positions(struct pl_run *run, struct pl_partition *partition,
                                               const int64_t committed[PL_INPUT_COUNT],
                                               bool *ret_is_behind, struct pl_error *error);

#endif
