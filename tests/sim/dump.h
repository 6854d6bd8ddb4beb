/* What a schedule leaves behind, as frames for tests/sim/simulate.py: a letter, the length of what
 * follows in four bytes (little endian, as all numbers), the content.
 *   S  the schedule's settings, as JSON; first
 *   R  what stands at one offset of one log, in binary (dump.c)
 *   V  what is wrong, as text; any number
 *   M  the manners in order: rate, times occurred, times mattered, 8 bytes each
 *   E  how it ended, as JSON; last
 *   X  in place of all but S: the simulation crashed, as text */
#ifndef PL_TESTS_SIM_DUMP_H
#define PL_TESTS_SIM_DUMP_H

#include <stdio.h>

#include "planlift/compiler.h"
#include "sim.h"
#include "workload.h"

void sim_dump_text(FILE *out, char letter, const char *format, ...) PL_PRINTF(3, 4);

void sim_dump_settings(const struct sim *sim, uint64_t seed, FILE *out);
void sim_dump_logs(struct sim *sim, FILE *out);
void sim_dump_tallies(const struct sim *sim, FILE *out);
void sim_dump_end(struct sim *sim, const struct sim_workload *workload, FILE *out);

#endif
