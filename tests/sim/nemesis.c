/* What befalls processes, brokers and logs, and the supervisor that starts the next process in a
 * slot that has none (as systemd or Kubernetes do). */
#include <limits.h>

#include "inner.h"
#include "kafka_sim.h"

#define PROCESSES_SPARE 32     /* kept for settling */
#define RESTART_MS 2000        /* most restarts take up to this */
#define LONG_AWAY_MS 25000     /* some longer than the session, so that another slot takes over */
#define BROKER_RESTART_MS 3000 /* of one that loses markers */
#define PAUSE_MS 4000
#define LONG_PAUSE_MS 25000
#define AWAY_MS 8000
#define JUMP_MS 3600000
#define FOREIGN_MS 20000
#define IN_TRANSACTION_TRIES 5

static bool is_alive(const struct sim_slot *slot)
{
    return slot->process != NULL && !sim_is_dead(slot->process);
}

static bool has_spare(const struct sim *sim)
{
    return sim->process_count < SIM_MAX_PROCESSES - PROCESSES_SPARE;
}

static int count_in_service(const struct sim *sim)
{
    int count = 0;

    for (int i = 0; i < sim->slot_count; i++) {
        count += sim->slots[i].is_in_service ? 1 : 0;
    }
    return count;
}

/* ---- the supervisor -------------------------------------------------------------------------- */

static int64_t draw_away_ms(struct sim *sim)
{
    return !sim->is_calm && sim_below(sim, 4) == 0 ? (int64_t)sim_below(sim, LONG_AWAY_MS)
                                                   : (int64_t)sim_below(sim, RESTART_MS);
}

static void supervise(struct sim *sim, struct sim_slot *slot, int number)
{
    if (!slot->is_in_service || is_alive(slot) || sim->process_count >= SIM_MAX_PROCESSES) {
        slot->starts_ms = -1;
        return;
    }
    if (slot->starts_ms < 0) {
        slot->starts_ms = sim_now(sim) + draw_away_ms(sim);
    }
    if (sim->is_calm && slot->starts_ms > sim_now(sim) + RESTART_MS) {
        slot->starts_ms = sim_now(sim) + RESTART_MS;
    }
    if (sim_now(sim) >= slot->starts_ms) {
        slot->starts_ms = -1;
        if (sim_group_is_empty(sim) && sim_chance(sim, SIM_GROUP_OFFSETS_LOST)) {
            sim_group_lose_offsets(sim);
        }
        (void)sim_start(sim, number);
    }
}

int64_t sim_nemesis_next_ms(const struct sim *sim)
{
    int64_t next = INT64_MAX;

    for (int i = 0; i < sim->slot_count; i++) {
        int64_t starts = sim->slots[i].starts_ms;

        if (starts >= 0 && starts < next) {
            next = starts;
        }
    }
    return next;
}

/* ---- processes ------------------------------------------------------------------------------- */

/* Does its transactional id have something under way at the broker? */
static bool has_transaction(const struct sim_process *process)
{
    const struct pl_fake_broker *broker = &process->sim->world.broker;

    for (int i = 0; i < broker->producer_count; i++) {
        if (strcmp(broker->producers[i].id, process->instance_id) == 0) {
            return broker->producers[i].state != PL_FAKE_TXN_NONE;
        }
    }
    return false;
}

static void kill_or_pause(struct sim *sim, struct sim_process *process)
{
    if (sim_chance(sim, SIM_KILLED)) {
        if (has_transaction(process)) {
            sim_mattered(sim, SIM_KILLED);
        }
        sim_kill(process);
    } else if (sim_chance(sim, SIM_PAUSED)) {
        uint32_t most = sim_below(sim, 2) == 0 ? LONG_PAUSE_MS : PAUSE_MS;

        sim_pause(process, 1 + (int64_t)sim_below(sim, most));
    } else if (sim_chance(sim, SIM_ASKED_TO_STOP)) {
        if (has_transaction(process)) {
            sim_mattered(sim, SIM_ASKED_TO_STOP);
        }
        sim_ask_to_stop(process);
    }
}

/* A slot in or out of service: 1-3-2-1 and back. */
static void scale(struct sim *sim)
{
    struct sim_slot *slot = &sim->slots[sim_below(sim, (uint32_t)sim->slot_count)];

    if (slot->is_in_service && count_in_service(sim) == 1) {
        return; /* one must stay */
    }
    slot->is_in_service = !slot->is_in_service;
    sim_group_note_scaling(sim);
    sim_trace(sim, "slot %d is %s service", (int)(slot - sim->slots),
              slot->is_in_service ? "in" : "out of");
    if (!slot->is_in_service && is_alive(slot)) {
        sim_ask_to_stop(slot->process);
    }
}

static void befall_processes(struct sim *sim)
{
    for (int i = 0; i < sim->process_count; i++) {
        struct sim_process *process = sim->processes[i];

        /* Where it hurts most, more often. */
        int tries = sim_is_live(process) && has_transaction(process) ? IN_TRANSACTION_TRIES : 1;

        for (int j = 0; j < tries && sim_is_live(process); j++) {
            kill_or_pause(sim, process);
        }
    }
    for (int i = 0; i < sim->slot_count; i++) {
        if (is_alive(&sim->slots[i]) && sim->slots[i].is_in_service &&
            sim_chance(sim, SIM_DOUBLED)) {
            (void)sim_start(sim, i);
        }
    }
    /* What hangs of a slot can be ended by a process of that slot only. */
    if (sim->slot_count > 1 && sim->crashes == 0 && sim_chance(sim, SIM_SCALED)) {
        scale(sim);
    }
}

/* ---- brokers and logs ------------------------------------------------------------------------ */

/* Is there a transaction that has ended, and has none of its markers yet? */
static bool awaits_markers(const struct pl_fake_broker *broker)
{
    for (int i = 0; i < broker->producer_count; i++) {
        const struct pl_fake_producer *producer = &broker->producers[i];

        if (!producer->has_marker && (producer->state == PL_FAKE_TXN_COMMITTING ||
                                      producer->state == PL_FAKE_TXN_ABORTING)) {
            return true;
        }
    }
    return false;
}

static void befall_brokers(struct sim *sim)
{
    static const enum sim_manner manners[SIM_PLACE_COUNT] = {
        [SIM_TXN_COORDINATOR] = SIM_TXN_COORDINATOR_AWAY,
        [SIM_GROUP_COORDINATOR] = SIM_GROUP_COORDINATOR_AWAY,
        [SIM_LEADER] = SIM_LEADER_AWAY};

    for (int place = 0; place < SIM_PLACE_COUNT; place++) {
        if (sim_chance(sim, manners[place])) {
            sim_go_away(sim, (enum sim_place)place, 1 + (int64_t)sim_below(sim, AWAY_MS));
        }
    }
    if (count_in_service(sim) == sim->slot_count && awaits_markers(&sim->world.broker) &&
        sim_chance(sim, SIM_MARKERS_LOST)) {
        (void)pl_fake_lose_markers(&sim->world.broker);
        sim->crashes++;
        sim->crash_told_until_ms = sim_now(sim) + BROKER_RESTART_MS;
    }
}

static void jump(struct sim *sim)
{
    sim->world.wall_ms += (int64_t)sim_below(sim, 2 * JUMP_MS) - JUMP_MS;
    sim->has_jumped = true;
}

/* Compaction never touches the newest segment: some of the end stays as it is. */
static void compact(struct sim *sim)
{
    int32_t partition = (int32_t)sim_below(
        sim, (uint32_t)pl_fake_partition_count(&sim->world.broker, PL_TOPIC_STATE));
    struct pl_fake_log *log = pl_fake_log(&sim->world.broker, PL_TOPIC_STATE, partition);
    int64_t end = pl_fake_stable_end(log) - (int64_t)sim_below(sim, 8);

    if (pl_fake_compact_before(log, end, true) > 0) {
        sim_mattered(sim, SIM_COMPACTED);
    }
}

/* Any committed record of a log; NULL: it has none. */
static const struct pl_fake_entry *any_record(struct sim *sim, const struct pl_fake_log *log)
{
    int64_t most = log->end > 0 ? log->end : 1;
    int64_t from = (int64_t)sim_below(sim, (uint32_t)most);
    const struct pl_fake_entry *entry = pl_fake_next(log, from);

    return entry != NULL ? entry : pl_fake_next(log, log->first);
}

/* Is there a newer one of its key? Else a copy of it would say nothing new. */
static bool is_outdated(const struct pl_fake_log *log, const struct pl_fake_entry *entry)
{
    const struct pl_fake_entry *later = pl_fake_next(log, entry->offset + 1);

    while (later != NULL && !pl_bytes_equal(later->key, entry->key)) {
        later = pl_fake_next(log, later->offset + 1);
    }
    return later != NULL;
}

/* Somebody who is no planlift, in a partition of the state topic: what is not of its kind, or a
 * record of its own as it was earlier, or a tombstone for one. */
static void write_foreign(struct sim *sim)
{
    uint32_t count = (uint32_t)pl_fake_partition_count(&sim->world.broker, PL_TOPIC_STATE);
    struct pl_message message = {.topic = PL_TOPIC_STATE,
                                 .partition = (int32_t)sim_below(sim, count),
                                 .key = PL_BYTES_LITERAL("h/somebody"),
                                 .value = PL_BYTES_LITERAL("not planlift's")};
    const struct pl_fake_log *log =
        pl_fake_log(&sim->world.broker, PL_TOPIC_STATE, message.partition);
    const struct pl_fake_entry *entry = any_record(sim, log);
    uint32_t kind = sim_below(sim, 3);

    if (entry != NULL && (kind == 2 || (kind == 1 && is_outdated(log, entry)))) {
        message.key = entry->key;
        message.value = kind == 1 ? entry->value : PL_NULL_BYTES;
    }
    sim->foreign_ms = 0;
    sim_occurred(sim, SIM_FOREIGN_WRITE);
    (void)pl_fake_append(&sim->world.broker, &message);
}

/* ---- all of it ------------------------------------------------------------------------------- */

void sim_nemesis_init(struct sim *sim)
{
    for (int i = 0; i < SIM_MAX_SLOTS; i++) {
        sim->slots[i].starts_ms = -1;
    }
    sim->slots[0].is_in_service = true;
    for (int i = 1; i < sim->slot_count; i++) {
        sim->slots[i].is_in_service = sim_below(sim, 2) == 0;
    }
    if (sim->options.has_foreign_writer) {
        sim->foreign_ms = sim_now(sim) + 1 + (int64_t)sim_below(sim, FOREIGN_MS);
    }
}

void sim_supervise(struct sim *sim)
{
    for (int i = 0; i < sim->slot_count; i++) {
        supervise(sim, &sim->slots[i], i);
    }
}

void sim_nemesis_step(struct sim *sim)
{
    sim_supervise(sim);
    while (sim->tallies[SIM_MARKERS_LOST].mattered < sim->world.broker.hangs_ended) {
        sim_mattered(sim, SIM_MARKERS_LOST);
    }
    if (sim->foreign_ms > 0 && sim_now(sim) >= sim->foreign_ms) {
        write_foreign(sim);
    }
    if (sim->is_calm) {
        return;
    }
    if (has_spare(sim)) {
        befall_processes(sim);
    }
    befall_brokers(sim);
    if (sim_chance(sim, SIM_COMPACTED)) {
        compact(sim);
    }
    if (sim_chance(sim, SIM_CLOCK_JUMPED)) {
        jump(sim);
    }
}
