/* Sends what workload_draw makes, in the order it was made within each customer, at random times:
 * alone or many at once, outside of transactions or in those of an upstream system, some of which
 * are aborted. */
#include "workload.h"

#include <stdlib.h>

#include "workload_draw.h"

struct planned {
    uint64_t due_step;
    struct pl_message message;
};

struct sim_workload {
    struct sim *sim;
    struct sim_draw draw;
    struct planned *planned; /* by due_step */
    uint32_t count;
    uint32_t sent;
    /* The upstream system that sends in transactions. */
    bool has_upstream;
    struct pl_fake_session upstream;
    bool is_open;
    bool is_to_be_aborted;
    uint64_t ends_step;
    int64_t opened_ms;
    int64_t first_probes[PL_FAKE_MAX_PARTITIONS];
};

/* ---- when ------------------------------------------------------------------------------------ */

static int by_step(const void *a, const void *b)
{
    const uint64_t *one = a;
    const uint64_t *other = b;

    return (*one > *other) - (*one < *other);
}

/* Times are drawn first and given out in order, so that facts and requests of a customer are sent
 * in the order they were made in: a request thus mostly comes after the facts it speaks of. */
static uint64_t *draw_times(struct sim_workload *workload, uint64_t steps)
{
    struct sim_dice *dice = &workload->draw.dice;
    uint32_t last = (uint32_t)(steps - steps / 8);
    uint64_t *times =
        pl_arena_alloc(&workload->sim->world.arena, (workload->count + 1) * sizeof(*times));
    bool has_bursts = sim_dice_percent(dice, 50);

    for (uint32_t i = 0; i < workload->count; i++) {
        bool is_with_last = i > 0 && has_bursts && sim_dice_percent(dice, 80);

        times[i] = is_with_last ? times[i - 1] : sim_dice_below(dice, last + 1);
    }
    qsort(times, workload->count, sizeof(*times), by_step);
    return times;
}

static void draw_all(struct sim_workload *workload, const uint64_t *times)
{
    for (uint32_t i = 0; i < workload->count; i++) {
        struct sim_drawn drawn = sim_draw_next(&workload->draw, i);

        workload->planned[i] =
            (struct planned){/* The first facts, which are in front, come rather early. */
                             .due_step = drawn.is_set_up ? times[i] / 2 : times[i],
                             .message = drawn.message};
    }
}

struct sim_workload *sim_workload_new(struct sim *sim, uint64_t steps)
{
    struct pl_arena *arena = &sim->world.arena;
    struct sim_workload *workload = pl_arena_zalloc(arena, 1, sizeof(*workload));

    workload->sim = sim;
    sim_draw_init(&workload->draw, arena, sim->options.base->catalogue,
                  sim->world.broker.partition_count, sim->options.seed);
    workload->count = sim_draw_count(&workload->draw);
    workload->planned = pl_arena_zalloc(arena, workload->count, sizeof(*workload->planned));
    draw_all(workload, draw_times(workload, steps));
    workload->has_upstream = sim_dice_percent(&workload->draw.dice, 15);
    workload->upstream = (struct pl_fake_session){-1, 0};
    for (int32_t partition = 0; partition < PL_FAKE_MAX_PARTITIONS; partition++) {
        workload->first_probes[partition] = INT64_MAX;
    }
    return workload;
}

/* ---- upstream transactions ------------------------------------------------------------------- */

/* An aborted transaction's record is sent again outside of one: it counts once, then. */
static void end_upstream(struct sim_workload *workload)
{
    /* Fenced: it lasted too long and was aborted by the broker. */
    (void)pl_fake_end(&workload->sim->world.broker, workload->upstream,
                      !workload->is_to_be_aborted);
    workload->is_open = false;
}

static void begin_upstream(struct sim_workload *workload)
{
    struct pl_fake_broker *broker = &workload->sim->world.broker;

    workload->upstream = pl_fake_open_producer(broker, "upstream");
    if (pl_fake_begin(broker, workload->upstream) == PL_OK) {
        workload->is_open = true;
        workload->is_to_be_aborted = sim_dice_percent(&workload->draw.dice, 40);
        workload->ends_step = workload->sim->steps + sim_dice_below(&workload->draw.dice, 60);
    }
}

static void send(struct sim_workload *workload, const struct pl_message *message)
{
    struct pl_fake_broker *broker = &workload->sim->world.broker;
    int64_t offset;

    if (workload->has_upstream && !workload->is_open &&
        sim_dice_percent(&workload->draw.dice, 15)) {
        begin_upstream(workload);
    }
    if (!workload->is_open ||
        pl_fake_produce(broker, workload->upstream, message, &offset) != PL_OK ||
        workload->is_to_be_aborted) {
        (void)pl_fake_append(broker, message);
    }
}

/* ---- each step ------------------------------------------------------------------------------- */

void sim_workload_on_step(struct sim *sim, void *self)
{
    struct sim_workload *const *place = self;
    struct sim_workload *workload = *place;

    if (workload == NULL) {
        return;
    }
    while (workload->sent < workload->count &&
           (sim->is_calm || workload->planned[workload->sent].due_step <= sim->steps)) {
        send(workload, &workload->planned[workload->sent++].message);
    }
    if (workload->is_open && (sim->is_calm || workload->ends_step <= sim->steps)) {
        end_upstream(workload);
    }
}

bool sim_workload_is_all_sent(const struct sim *sim, void *self)
{
    struct sim_workload *const *place = self;

    (void)sim;
    return *place == NULL || ((*place)->sent == (*place)->count && !(*place)->is_open);
}

/* ---- probes ---------------------------------------------------------------------------------- */

static void send_probe(struct sim_workload *workload, struct pl_bytes customer_id,
                       struct pl_bytes subscription_id, uint32_t number)
{
    struct pl_message message =
        sim_draw_probe(&workload->draw, customer_id, subscription_id, number);

    (void)pl_fake_append(&workload->sim->world.broker, &message);
}

/* A customer of whom nobody has spoken, so that each partition's cache is looked at once more. */
static void send_strangers(struct sim_workload *workload, uint32_t *number)
{
    struct pl_fake_broker *broker = &workload->sim->world.broker;

    for (int32_t partition = 0; partition < broker->partition_count; partition++) {
        uint32_t count = 0;
        struct pl_bytes id;

        do {
            id = pl_arena_format(&workload->sim->world.arena, "stranger-%u", count++);
        } while (sim_draw_home(&workload->draw, id) != partition);
        send_probe(workload, id, PL_BYTES_LITERAL("nowhere"), (*number)++);
    }
}

void sim_workload_send_probes(struct sim_workload *workload)
{
    struct pl_fake_broker *broker = &workload->sim->world.broker;
    uint32_t number = 0;

    for (int32_t partition = 0; partition < broker->partition_count; partition++) {
        workload->first_probes[partition] = pl_fake_log(broker, PL_TOPIC_REQUESTS, partition)->end;
    }
    send_strangers(workload, &number);
    for (uint32_t i = 0; i < workload->draw.style.customers; i++) {
        const struct sim_person *person = &workload->draw.people[i];

        send_probe(workload, person->id, PL_BYTES_LITERAL("nowhere"), number++);
        for (size_t j = 0; j < person->known_count; j++) {
            send_probe(workload, person->id, person->known[j].id, number++);
        }
    }
}

int64_t sim_workload_first_probe(const struct sim_workload *workload, int32_t partition)
{
    return workload->first_probes[partition];
}
