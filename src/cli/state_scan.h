/* Reading a partition of the state topic: whose state it is and what it has taken in is checked and
 * noted on the way, the pieces of customers are handed on. */
#ifndef PL_CLI_STATE_SCAN_H
#define PL_CLI_STATE_SCAN_H

#include "cli/session.h"
#include "planlift/state.h"

#define PL_STATE_FROM_FIRST (-1)

/* A piece's record. value null: a tombstone. PL_NOT_FOUND: that was enough. */
typedef enum pl_status pl_state_take_fn(void *self, int64_t offset, struct pl_bytes field,
                                        struct pl_bytes value, struct pl_error *error);

/* In place; nothing to release. One partition; may be read on later, from where it ended. */
struct pl_state_scan {
    struct pl_session *session;
    int32_t partition;
    int64_t progress_offset;     /* of the newest progress record that was read; -1: none */
    struct pl_progress progress; /* its content, but for the strings */
    bool has_incarnation;        /* progress.incarnation is known, all must have it */
    bool is_whole;               /* a progress record was the last: no transaction is cut */
    int64_t records;             /* read so far */
    pl_state_take_fn *take;
    void *self;
};

/* Read below `until`, from an offset or PL_STATE_FROM_FIRST on. Errors: PL_AGAIN; PL_ABORT (a
 * progress record of another history than the one known); PL_FATAL (another deployment's, a
 * progress record that is damaged, or a newer planlift's); those of take. */
PL_MUST_CHECK enum pl_status pl_state_scan_read(struct pl_state_scan *scan, int64_t from,
                                                int64_t until, struct pl_error *error);

#endif
