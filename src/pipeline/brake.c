/* brake: when more than a fifth of a thousand records are dead letters, something upstream is
 * broken (a bad deployment, a lost schema). The flow is held for a second after each such thousand,
 * loudly, so that somebody can look before the whole topic has gone to the dead letters; it is
 * never stopped for good, for planlift goes on by itself. */
#include "flow.h"
#include "planlift/health.h"
#include "planlift/log.h"

#define WINDOW_RECORDS 1000
#define MOST_DEAD_PERCENT 20
#define HOLD_MS 1000
#define STEP_MS 100
#define REPORT_EVERY_MS 10000

static void engage(struct pl_run *run)
{
    struct pl_brake *brake = &run->brake;
    int64_t now = pl_monotonic_ms(run);

    brake->hold_until_ms = now + HOLD_MS;
    if (brake->reported_ms == 0 || now - brake->reported_ms >= REPORT_EVERY_MS) {
        brake->reported_ms = now;
        pl_log(ERROR, "too_many_dead_letters", PL_F_INT("dead_letters", brake->dead),
               PL_F_INT("of_records", brake->records), PL_F_INT("held_ms", HOLD_MS));
    }
}

void pl_brake_count(struct pl_run *run, const struct pl_batch *batch)
{
    struct pl_brake *brake = &run->brake;
    bool is_bad;

    for (size_t i = 0; i < batch->count; i++) {
        brake->dead += batch->items[i].kind == PL_ITEM_DEAD ? 1 : 0;
    }
    brake->records += batch->count;
    if (brake->records < WINDOW_RECORDS) {
        return;
    }
    is_bad = brake->dead * 100 > brake->records * MOST_DEAD_PERCENT;
    if (is_bad) {
        engage(run);
    }
    pl_health_set(
        run->options->health, PL_CONDITION_DEAD_LETTERS, !is_bad,
        "more than a fifth of the last records were dead letters: look at the .dlq topics "
        "for the reason, and at what was deployed upstream");
    brake->records = 0;
    brake->dead = 0;
}

/* A second is short enough for the group not to be served meanwhile. */
void pl_brake_wait(struct pl_run *run)
{
    const struct pl_world *world = &run->options->world;
    struct pl_brake *brake = &run->brake;

    if (brake->hold_until_ms == 0) {
        return;
    }
    while (pl_monotonic_ms(run) < brake->hold_until_ms && !pl_should_stop(run)) {
        world->ops->wait_ms(world->self, STEP_MS);
    }
    brake->hold_until_ms = 0;
}
