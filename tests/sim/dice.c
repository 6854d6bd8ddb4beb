/* splitmix64: good numbers from any seed, the same everywhere. */
#include "dice.h"

uint32_t sim_dice_below(struct sim_dice *dice, uint32_t bound)
{
    uint64_t z = dice->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return (uint32_t)((z >> 32) * bound >> 32);
}

bool sim_dice_percent(struct sim_dice *dice, uint32_t percent)
{
    return sim_dice_below(dice, 100) < percent;
}
