/* Bad manners: their names, how often each is drawn, how often each occurred and mattered.
 *
 * Swarm testing (Groce et al., 2012): a schedule leaves out about a third of all manners and draws
 * the rates of the others over a wide range, so that each is seen alone, rarely and in crowds. */
#include <stdarg.h>

#include "inner.h"

const struct sim_manner_text sim_manner_texts[SIM_MANNER_COUNT] = {
#define X(name, most, occurs, matters) {#name, occurs, matters},
    SIM_MANNERS(X)
#undef X
};

static const uint32_t most_rates[SIM_MANNER_COUNT] = {
#define X(name, most, occurs, matters) most,
    SIM_MANNERS(X)
#undef X
};

/* None, or from a 32nd of the highest rate up to it. */
static uint32_t draw_rate(struct sim *sim, uint32_t most)
{
    uint32_t octave = sim_below(sim, 8);
    uint32_t rest = sim_below(sim, SIM_MILLION);

    if (octave < 3) {
        return 0;
    }
    most >>= octave - 3;
    return most / 2 + (uint32_t)((uint64_t)most * rest / 2 / SIM_MILLION);
}

void sim_draw_rates(struct sim *sim)
{
    for (int i = 0; i < SIM_MANNER_COUNT; i++) {
        uint32_t rate = draw_rate(sim, most_rates[i]);

        if (sim->options.rates != NULL) {
            rate = sim->options.rates[i];
        }
        sim->tallies[i].rate = sim->options.is_faultless ? 0 : rate;
    }
}

bool sim_chance(struct sim *sim, enum sim_manner manner)
{
    struct sim_tally *tally = &sim->tallies[manner];

    if (sim->is_calm || tally->rate == 0 || sim_below(sim, SIM_MILLION) >= tally->rate) {
        return false;
    }
    sim_occurred(sim, manner);
    return true;
}

void sim_occurred(struct sim *sim, enum sim_manner manner)
{
    sim->tallies[manner].occurred++;
    sim_trace(sim, "! %s", sim_manner_texts[manner].name);
}

void sim_mattered(struct sim *sim, enum sim_manner manner)
{
    sim->tallies[manner].mattered++;
    sim_trace(sim, "!! %s mattered", sim_manner_texts[manner].name);
}

void sim_trace(struct sim *sim, const char *format, ...)
{
    va_list arguments;

    if (sim->options.trace == NULL) {
        return;
    }
    /* Where the trace cannot be written there is nobody to tell. */
    (void)fprintf(sim->options.trace, "%8lld.%-6llu ", (long long)sim->world.monotonic_ms,
                  (unsigned long long)sim->steps);
    if (sim->running != NULL) {
        (void)fprintf(sim->options.trace, "%d/%d ", sim->running->slot, sim->running->number);
    } else {
        (void)fputs("    ", sim->options.trace);
    }
    va_start(arguments, format);
    (void)vfprintf(sim->options.trace, format, arguments);
    va_end(arguments);
    (void)fputc('\n', sim->options.trace);
}
