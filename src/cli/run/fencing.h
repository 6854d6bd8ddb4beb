/* What one process tells the next about a fight for their slot (I10): a file that remembers, for a
 * minute, that a process of this slot was fenced. */
#ifndef PL_CLI_FENCING_H
#define PL_CLI_FENCING_H

#include <stdbool.h>
#include <stdint.h>

struct pl_fencing {
    char path[512];     /* "": there is no place to remember in */
    int64_t claimed_ms; /* when the process was fenced that we stand in for; -1: none was */
};

/* Take over what is remembered of the instance id, so that only one process takes itself for the
 * restart of the one that was fenced. In $RUNTIME_DIRECTORY, else $TMPDIR, else /tmp. now_ms: wall
 * clock. */
void pl_fencing_recall(const char *instance_id, int64_t now_ms, struct pl_fencing *ret_fencing);

/* Is to be fenced now, so soon after the process that we stand in for, a fight? */
bool pl_fencing_is_fight(const struct pl_fencing *fencing, int64_t now_ms);

/* Remember that we are fenced now. Where it cannot be written nothing is remembered. */
void pl_fencing_note(const struct pl_fencing *fencing);

#endif
