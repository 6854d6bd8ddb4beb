/* What contract 7 does not allow, and what it allows but few expect. */
#ifndef PL_TESTS_SIM_WORKLOAD_BREAK_H
#define PL_TESTS_SIM_WORKLOAD_BREAK_H

#include "workload_draw.h"

/* Some headers: a trace, one of the sender's own, one that only planlift should write. */
void sim_add_headers(struct sim_draw *draw, struct pl_message *message);

/* Make a dead letter of it (contract 7). */
void sim_break_message(struct sim_draw *draw, struct pl_message *message);

/* Make it invalid_event by what it says. */
void sim_spoil_event(struct pl_event *event);

#endif
