/* What the scheduler's files share beside sim.h. */
#ifndef PL_TESTS_SIM_INNER_H
#define PL_TESTS_SIM_INNER_H

#include "sim.h"

/* manners.c: the schedule's rates. */
void sim_draw_rates(struct sim *sim);

/* nemesis.c: what befalls processes and brokers, before each step; it supervises as well. */
void sim_nemesis_init(struct sim *sim);
void sim_nemesis_step(struct sim *sim);
/* Start the next process in each slot that is due for one. */
void sim_supervise(struct sim *sim);
/* When the next process is to be started; INT64_MAX: none is planned. */
int64_t sim_nemesis_next_ms(const struct sim *sim);

/* kafka_request.c, kafka_group.c: the broker's side. */
void sim_cluster_init(struct sim *sim);
void sim_group_init(struct sim *sim);
bool sim_group_has(const struct sim *sim, const struct sim_process *process);

#endif
