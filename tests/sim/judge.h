/* What must hold at the end of a schedule, whatever befell it. */
#ifndef PL_TESTS_SIM_JUDGE_H
#define PL_TESTS_SIM_JUDGE_H

#include <stdio.h>

#include "sim.h"

/* Look at a world at rest: each partition's hash in Redis is the fold of its state log, the group's
 * offsets are the progress and reach the ends of the inputs, transactions lie whole in the state
 * log, and no process ended otherwise than the faults explain. Writes a frame V for each violation
 * (dump.h). With a foreign writer only: nothing of ours was committed behind what it wrote. */
void sim_judge(struct sim *sim, FILE *out);

#endif
