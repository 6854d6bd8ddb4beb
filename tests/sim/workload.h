/* What the customers of a schedule do: random facts and requests, sent over the whole schedule. */
#ifndef PL_TESTS_SIM_WORKLOAD_H
#define PL_TESTS_SIM_WORKLOAD_H

#include "sim.h"

struct sim_workload;

/* Draws from the seed what is to be sent, spread over so many steps. Lives in the world's arena. */
struct sim_workload *sim_workload_new(struct sim *sim, uint64_t steps);

/* sim_options.on_step and is_all_sent; self: the address of a struct sim_workload *, which may be
 * NULL until the workload is made. */
void sim_workload_on_step(struct sim *sim, void *self);
bool sim_workload_is_all_sent(const struct sim *sim, void *self);

/* Once all facts are handled: a CHECK of each subscription ever spoken of, which must be decided
 * with all facts applied. To be followed by another sim_settle. */
void sim_workload_send_probes(struct sim_workload *workload);

/* Requests of the partition at and past it are probes; INT64_MAX before they are sent. */
int64_t sim_workload_first_probe(const struct sim_workload *workload, int32_t partition);

#endif
