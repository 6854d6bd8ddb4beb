/* Which thread goes on, and when time passes. A step resumes one of them; where none can go on,
 * time moves to what happens next. */
#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "coroutine.h"
#include "fake/process.h"
#include "inner.h"

#define YIELD_AT_LEAST 64 /* yield points without a yield, however rarely they yield */
#define IDLE_ROUNDS 1000  /* of letting time pass in one step */
#define MOST_IDLE_MS 5000
#define SETTLE_MS 300000
#define SETTLE_STEPS 200000
#define QUIET_MS 3000
#define STOP_MS 120000

/* The sim that runs: the simulated libraries have no other way to know (hiredis hands over nothing
 * of ours). Set while the scheduler runs, one at a time. */
static struct sim *current;

struct sim *sim_current(void)
{
    return current;
}

struct sim_process *sim_self(void)
{
    assert(current != NULL && current->running != NULL);
    return current->running;
}

/* ---- what a process can do ------------------------------------------------------------------- */

bool sim_wait_for(int64_t monotonic_ms, sim_ready_fn *is_ready, void *self)
{
    struct sim_strand *strand = sim_self()->sim->strand;
    bool was_ready;

    strand->wakes_ms = monotonic_ms;
    strand->is_woken = false;
    strand->is_ready = is_ready;
    strand->ready_self = self;
    sim_coroutine_pause(strand->coroutine);
    was_ready = is_ready != NULL ? is_ready(self) : strand->is_woken;
    strand->is_ready = NULL;
    return was_ready;
}

bool sim_wait_until(int64_t monotonic_ms)
{
    return sim_wait_for(monotonic_ms, NULL, NULL);
}

void sim_wake(struct sim_process *process)
{
    process->strands[SIM_MAIN_STRAND].is_woken = true;
}

void sim_yield(void)
{
    struct sim *sim = sim_self()->sim;

    if (sim_below(sim, SIM_MILLION) < sim->yield_rate || ++sim->unyielded >= YIELD_AT_LEAST) {
        sim->unyielded = 0;
        (void)sim_wait_until(sim_now(sim));
    }
}

bool sim_is_dead(const struct sim_process *process)
{
    return process->state == SIM_PROCESS_ENDED || process->state == SIM_PROCESS_KILLED;
}

bool sim_is_live(const struct sim_process *process)
{
    return !sim_is_dead(process) && sim_now(process->sim) >= process->paused_until_ms;
}

/* ---- what is done to a process --------------------------------------------------------------- */

static void run_process(void *self)
{
    struct sim_process *process = self;

    if (process->sim->options.main != NULL) {
        process->sim->options.main(process);
    } else {
        sim_process_main(process);
    }
    process->state = SIM_PROCESS_ENDED;
    process->ended_ms = sim_now(process->sim);
    sim_trace(process->sim, "ended: status %d %s", (int)process->status, process->error.text);
}

static void start_strand(struct sim_process *process, int number, void (*body)(void *self),
                         void *self)
{
    process->strands[number] = (struct sim_strand){.coroutine = sim_coroutine_new(body, self),
                                                   .wakes_ms = sim_now(process->sim)};
}

void sim_start_helper(void (*body)(void *self), void *self)
{
    start_strand(sim_self(), SIM_HELPER_STRAND, body, self);
}

struct sim_process *sim_start(struct sim *sim, int slot)
{
    struct sim_process *process = pl_arena_zalloc(&sim->world.arena, 1, sizeof(*process));

    assert(sim->process_count < SIM_MAX_PROCESSES);
    process->sim = sim;
    process->number = sim->process_count;
    process->slot = slot;
    process->state = SIM_PROCESS_ALIVE;
    process->started_ms = sim_now(sim);
    (void)snprintf(process->instance_id, sizeof(process->instance_id), "%s-%d", sim->group_id,
                   slot);
    (void)snprintf(process->host, sizeof(process->host), "host-%d", process->number);
    start_strand(process, SIM_MAIN_STRAND, run_process, process);
    sim->processes[sim->process_count++] = process;
    sim->slots[slot].process = process;
    sim_trace(sim, "process %d starts in slot %d", process->number, slot);
    return process;
}

void sim_kill(struct sim_process *process)
{
    assert(!sim_is_dead(process) && process != process->sim->running);
    process->state = SIM_PROCESS_KILLED;
    process->ended_ms = sim_now(process->sim);
    sim_trace(process->sim, "process %d is killed", process->number);
}

void sim_pause(struct sim_process *process, int64_t ms)
{
    process->paused_until_ms = sim_now(process->sim) + ms;
    process->was_member = sim_group_has(process->sim, process);
    sim_trace(process->sim, "process %d is stopped for %lld ms", process->number, (long long)ms);
}

void sim_ask_to_stop(struct sim_process *process)
{
    process->stop = 1;
    sim_trace(process->sim, "process %d is asked to stop", process->number);
}

/* ---- steps ----------------------------------------------------------------------------------- */

static bool is_running(const struct sim_process *process, const struct sim_strand *strand)
{
    return process->state == SIM_PROCESS_ALIVE && strand->coroutine != NULL;
}

static bool can_go_on(const struct sim_process *process, const struct sim_strand *strand)
{
    int64_t now = sim_now(process->sim);

    if (!is_running(process, strand) || now < process->paused_until_ms) {
        return false;
    }
    return now >= strand->wakes_ms || strand->is_woken ||
           (strand->is_ready != NULL && strand->is_ready(strand->ready_self));
}

/* Any of those that can go on; false: none can. */
static bool pick(struct sim *sim, struct sim_process **ret_process, struct sim_strand **ret_strand)
{
    uint32_t count = 0;

    for (int i = 0; i < sim->process_count * SIM_STRAND_COUNT; i++) {
        struct sim_process *process = sim->processes[i / SIM_STRAND_COUNT];
        struct sim_strand *strand = &process->strands[i % SIM_STRAND_COUNT];

        if (can_go_on(process, strand) && sim_below(sim, ++count) == 0) {
            *ret_process = process;
            *ret_strand = strand;
        }
    }
    return count > 0;
}

/* How far time may go before something is due that is no later event. */
static int64_t idle_ms(const struct sim *sim)
{
    int64_t next = sim_nemesis_next_ms(sim);

    for (int i = 0; i < sim->process_count * SIM_STRAND_COUNT; i++) {
        const struct sim_process *process = sim->processes[i / SIM_STRAND_COUNT];
        const struct sim_strand *strand = &process->strands[i % SIM_STRAND_COUNT];

        if (is_running(process, strand)) {
            int64_t wakes = strand->wakes_ms > process->paused_until_ms ? strand->wakes_ms
                                                                        : process->paused_until_ms;

            next = wakes < next ? wakes : next;
        }
    }
    if (next <= sim_now(sim)) {
        return 0;
    }
    return next - sim_now(sim) < MOST_IDLE_MS ? next - sim_now(sim) : MOST_IDLE_MS;
}

/* SIGCONT: is it a zombie now? */
static void note_continued(struct sim_process *process)
{
    if (process->was_member && !sim_group_has(process->sim, process)) {
        sim_mattered(process->sim, SIM_PAUSED);
    }
    process->paused_until_ms = 0;
}

static void resume(struct sim *sim, struct sim_process *process, struct sim_strand *strand)
{
    if (process->paused_until_ms != 0) {
        note_continued(process);
    }
    sim->running = process;
    sim->strand = strand;
    sim_coroutine_resume(strand->coroutine);
    sim->running = NULL;
    sim->strand = NULL;
}

static void step(struct sim *sim)
{
    struct sim_process *process = NULL;
    struct sim_strand *strand = NULL;

    sim->steps++;
    if (sim->options.on_step != NULL) {
        sim->options.on_step(sim, sim->options.self);
    }
    sim_nemesis_step(sim);
    if (sim_below(sim, 2) == 0) { /* what a process does takes time as well */
        pl_fake_advance(&sim->world, (int64_t)sim_below(sim, 3));
    }
    for (int i = 0; i < IDLE_ROUNDS && !pick(sim, &process, &strand); i++) {
        (void)pl_fake_advance_to_next(&sim->world, idle_ms(sim));
        sim_supervise(sim);
    }
    if (process != NULL) {
        resume(sim, process, strand);
    }
}

void sim_run(struct sim *sim, uint64_t steps)
{
    current = sim;
    for (uint64_t i = 0; i < steps; i++) {
        step(sim);
    }
    current = NULL;
}

/* ---- the end --------------------------------------------------------------------------------- */

static bool is_all_sent(const struct sim *sim)
{
    return sim->options.is_all_sent == NULL || sim->options.is_all_sent(sim, sim->options.self);
}

/* What is still to come; NULL: nothing. */
static const char *what_is_missing(struct sim *sim)
{
    if (!is_all_sent(sim)) {
        return "not all input is sent";
    }
    for (int i = 0; i < sim->slot_count; i++) {
        const struct sim_slot *slot = &sim->slots[i];

        if (slot->is_in_service && (slot->process == NULL || sim_is_dead(slot->process))) {
            return "a slot has no process";
        }
    }
    for (int i = 0; i < sim->world.broker.producer_count; i++) {
        if (sim->world.broker.producers[i].state != PL_FAKE_TXN_NONE) {
            return "a transaction is under way";
        }
    }
    return pl_fake_is_all_taken_in(&sim->world) ? NULL : "not all input is taken in";
}

static void become_calm(struct sim *sim)
{
    sim->is_calm = true;
    for (int i = 0; i < sim->process_count; i++) {
        sim->processes[i]->paused_until_ms = 0; /* SIGCONT */
    }
}

static void say(char *ret_why, size_t size, const char *format, ...) PL_PRINTF(3, 4);

static void say(char *ret_why, size_t size, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(ret_why, size, format, arguments); /* cut to fit */
    va_end(arguments);
}

bool sim_settle(struct sim *sim, char *ret_why, size_t why_size)
{
    int64_t start_ms = sim_now(sim);
    int64_t quiet_ms = -1;
    const char *missing = "";

    become_calm(sim);
    sim_trace(sim, "settling");
    for (int i = 0; i < SETTLE_STEPS && sim_now(sim) - start_ms < SETTLE_MS; i++) {
        sim_run(sim, 1);
        missing = what_is_missing(sim);
        if (missing != NULL) {
            quiet_ms = -1;
        } else if (quiet_ms < 0) {
            quiet_ms = sim_now(sim);
        } else if (sim_now(sim) - quiet_ms >= QUIET_MS) {
            sim_trace(sim, "settled");
            return true;
        }
    }
    say(ret_why, why_size, "not settled after %lld ms: %s", (long long)(sim_now(sim) - start_ms),
        missing == NULL ? "it was not quiet for long enough" : missing);
    return false;
}

static int count_alive(const struct sim *sim)
{
    int count = 0;

    for (int i = 0; i < sim->process_count; i++) {
        count += sim_is_dead(sim->processes[i]) ? 0 : 1;
    }
    return count;
}

bool sim_stop_all(struct sim *sim, char *ret_why, size_t why_size)
{
    int64_t start_ms = sim_now(sim);

    become_calm(sim);
    for (int i = 0; i < SIM_MAX_SLOTS; i++) {
        sim->slots[i].is_in_service = false;
    }
    for (int i = 0; i < sim->process_count; i++) {
        if (!sim_is_dead(sim->processes[i])) {
            sim_ask_to_stop(sim->processes[i]);
        }
    }
    while (count_alive(sim) > 0 && sim_now(sim) - start_ms < STOP_MS) {
        sim_run(sim, 1);
    }
    say(ret_why, why_size, "%d processes have not ended %lld ms after they were asked to",
        count_alive(sim), (long long)(sim_now(sim) - start_ms));
    return count_alive(sim) == 0;
}

/* ---- the beginning --------------------------------------------------------------------------- */

static void draw_plan(struct sim *sim)
{
    static const size_t batches[] = {1, 2, 5, 20, 100};
    const struct sim_options *options = &sim->options;

    sim->slot_count = 1 + (int)sim_below(sim, 3);
    sim->batch_max_records = batches[sim_below(sim, sizeof(batches) / sizeof(batches[0]))];
    sim->batch_max_wait_ms = sim_below(sim, 3) == 0 ? 1 + (int)sim_below(sim, 50) : 0;
    sim->yield_rate = SIM_MILLION >> sim_below(sim, 5);
    sim->result_max_accounts = 100;
    if (options->slot_count > 0) {
        sim->slot_count = options->slot_count;
    }
    if (options->batch_max_records > 0) {
        sim->batch_max_records = options->batch_max_records;
    }
}

void sim_init(struct sim *sim, const struct sim_options *options)
{
    static const char *const topics[PL_TOPIC_COUNT] = {
        [PL_TOPIC_EVENTS] = "subscription-events",
        [PL_TOPIC_REQUESTS] = "upgrade-requests",
        [PL_TOPIC_EVENTS_DLQ] = "subscription-events.dlq",
        [PL_TOPIC_REQUESTS_DLQ] = "upgrade-requests.dlq",
        [PL_TOPIC_RESULTS] = "upgrade-results",
        [PL_TOPIC_STATE] = "subscription-state"};
    /* Drawn outside of the world, which is not there yet. */
    int32_t partitions =
        options->partition_count > 0 ? options->partition_count : 1 + (int32_t)(options->seed % 4);

    memset(sim, 0, sizeof(*sim));
    sim->options = *options;
    pl_fake_world_init(&sim->world, partitions, 1 + partitions / 3, options->seed);
    memcpy(sim->topics, topics, sizeof(topics));
    sim->group_id = "planlift-sim";
    sim->cluster_id = "simulated-cluster";
    draw_plan(sim);
    sim_draw_rates(sim);
    sim_cluster_init(sim);
    sim_group_init(sim);
    sim_nemesis_init(sim);
}
