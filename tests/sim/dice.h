/* Chance apart from the world's: the same workload whatever else a schedule does. */
#ifndef PL_TESTS_SIM_DICE_H
#define PL_TESTS_SIM_DICE_H

#include <stdbool.h>
#include <stdint.h>

struct sim_dice {
    uint64_t state;
};

/* Below a bound, which is above 0. */
uint32_t sim_dice_below(struct sim_dice *dice, uint32_t bound);
/* True in so many of a hundred. */
bool sim_dice_percent(struct sim_dice *dice, uint32_t percent);

#endif
