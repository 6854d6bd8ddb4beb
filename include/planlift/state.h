/* How a customer and a partition's progress look in subscription-state and in Redis (design I2,
 * I3). A state topic key is the name of the Redis hash field; both hold the same value bytes: a
 * format version, a check sum over field name and body, and an Avro body (schemas/state-*.avsc). */
#ifndef PL_STATE_H
#define PL_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "planlift/arena.h"
#include "planlift/buffer.h"
#include "planlift/bytes.h"
#include "planlift/customer.h"
#include "planlift/ports.h"
#include "planlift/status.h"

/* ---- pieces of a customer -------------------------------------------------------------------- */

/* "h/<customerId>", "a<segment>/<customerId>", "l<ordinal>.<depth>.<start in hex>/<customerId>". */
struct pl_bytes pl_state_field(const struct pl_piece *piece, struct pl_bytes customer_id,
                               struct pl_arena *arena);

/* One changed piece, ready for the state topic and the cache. */
struct pl_state_change {
    struct pl_bytes field;
    bool is_deleted;
    size_t value_position; /* into the buffer; unless deleted */
    size_t value_len;
};
struct pl_state_changes {
    struct pl_state_change *items;
    size_t count;
    size_t capacity;
    int64_t pieces_delta; /* by how many the stored pieces of the partition grow */
};

/* Append what differs from the store: deletions first, then chunks, answered segments, head. Gives
 * each dirty chunk its next revision, so call it once, at the batch's end. */
void pl_state_encode(struct pl_customer *customer, struct pl_arena *arena, struct pl_buffer *buffer,
                     struct pl_state_changes *changes);

/* Fill an empty customer from its stored head: views borrow from value. Chunks and answered
 * segments that the store has are left unloaded. value null: the store has none, the customer
 * stays empty.
 * Errors: PL_BAD_DATA (damaged), PL_FATAL (written by a newer planlift than this). */
PL_MUST_CHECK enum pl_status pl_state_decode_head(struct pl_bytes field, struct pl_bytes value,
                                                  struct pl_arena *arena,
                                                  struct pl_customer *customer,
                                                  struct pl_error *error);

/* Load a further piece into its customer. Errors: PL_BAD_DATA (missing, stale or damaged: not what
 * the head says), PL_FATAL (newer format). */
PL_MUST_CHECK enum pl_status
pl_state_decode_piece(const struct pl_piece *piece, struct pl_bytes field, struct pl_bytes value,
                      struct pl_arena *arena, struct pl_customer *customer, struct pl_error *error);

/* Whether a stored value can be read by this version: format and check sum, not the body.
 * Errors: PL_BAD_DATA (null, damaged), PL_FATAL (written by a newer planlift). */
PL_MUST_CHECK enum pl_status pl_state_check(struct pl_bytes field, struct pl_bytes value,
                                            struct pl_error *error);

/* ---- progress and checkpoint ----------------------------------------------------------------- */

/* Field and key of both: no piece of a customer starts so. */
#define PL_PROGRESS_FIELD PL_BYTES_LITERAL("#")

/* The last record of every transaction in a state partition: what its state has taken in. */
struct pl_progress {
    struct pl_bytes group_id;          /* whose state this is */
    unsigned char incarnation[16];     /* drawn once, in the partition's first progress record */
    int64_t next[PL_INPUT_COUNT];      /* input offset after the last one taken in */
    int64_t pieces;                    /* pieces of customers that the partition holds */
    struct pl_bytes catalogue_version; /* that decided last */
    struct pl_bytes catalogue_sha256;  /* empty: planlift did not yet tell (format version 1) */
};

/* What Redis holds in the reserved field: the state log up to an offset is in the hash (I1, I3). */
struct pl_checkpoint {
    struct pl_bytes cluster_id;
    int64_t next_offset; /* of the state partition: everything below is in the hash */
    /* Of the progress record below it: must be found there again, or a later one, of the same
     * incarnation; -1: the log has none yet. */
    int64_t progress_offset;
    int64_t written_ms; /* wall clock; how old the cache is when it is found again (A10) */
    bool is_whole;      /* false: a transaction's records are only partly in the hash */
    struct pl_progress progress;
};

/* Append the sealed value of a progress record, or of a checkpoint. */
void pl_progress_encode(const struct pl_progress *progress, struct pl_buffer *buffer);
void pl_checkpoint_encode(const struct pl_checkpoint *checkpoint, struct pl_buffer *buffer);

/* Views borrow from value. Errors: PL_BAD_DATA (damaged or null), PL_FATAL (newer format). */
PL_MUST_CHECK enum pl_status
pl_progress_decode(struct pl_bytes value, struct pl_progress *ret_progress, struct pl_error *error);
PL_MUST_CHECK enum pl_status pl_checkpoint_decode(struct pl_bytes value,
                                                  struct pl_checkpoint *ret_checkpoint,
                                                  struct pl_error *error);

#endif
