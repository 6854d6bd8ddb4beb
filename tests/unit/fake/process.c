/* Faults, death, and membership. */
#include "process.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CALL_LIMIT 200000

void pl_fake_process_init(struct pl_fake_process *process, struct pl_fake_world *world,
                          const char *transactional_id)
{
    *process = (struct pl_fake_process){.world = world,
                                        .next = world->processes,
                                        .transactional_id = transactional_id,
                                        .call_limit = CALL_LIMIT,
                                        .generation = -1,
                                        .session = {-1, 0},
                                        .must_renew = true,
                                        .reading = -1};
    world->processes = process;
}

void pl_fake_process_done(struct pl_fake_process *process)
{
    struct pl_fake_process **link = &process->world->processes;

    while (*link != process) {
        link = &(*link)->next;
    }
    *link = process->next;
    free(process->read_copy);
    process->read_copy = NULL;
}

/* ---- faults ---------------------------------------------------------------------------------- */

void pl_fake_fail(struct pl_fake_process *process, struct pl_fake_fault fault)
{
    assert(process->fault_count < PL_FAKE_MAX_FAULTS);
    fault.after += process->calls[fault.call];
    process->faults[process->fault_count++] = fault;
}

void pl_fake_forget_faults(struct pl_fake_process *process)
{
    process->fault_count = 0;
}

void pl_fake_kill(struct pl_fake_process *process)
{
    process->is_dead = true;
}

static const struct pl_fake_fault *find_fault(const struct pl_fake_process *process,
                                              enum pl_fake_call call, unsigned number)
{
    for (size_t i = 0; i < process->fault_count; i++) {
        const struct pl_fake_fault *fault = &process->faults[i];

        if (fault->call == call && number >= fault->after &&
            (fault->times == 0 || number - fault->after < fault->times)) {
            return fault;
        }
    }
    return NULL;
}

struct pl_fake_verdict pl_fake_enter(struct pl_fake_process *process, enum pl_fake_call call,
                                     struct pl_error *error)
{
    struct pl_fake_world *world = process->world;
    const struct pl_fake_fault *fault;
    unsigned number;

    if (world->hook != NULL && !process->is_dead) {
        world->hook(world->hook_self, process, call);
    }
    process->call_count++;
    if (process->call_count == process->dies_at) {
        pl_fake_kill(process);
    }
    if (process->call_count > process->call_limit) {
        process->is_over_call_limit = true;
        pl_fake_kill(process);
    }
    if (process->is_dead) {
        return (struct pl_fake_verdict){pl_fail(error, PL_FATAL, "the process is dead"), 0, 0};
    }
    number = process->calls[call]++;
    fault = find_fault(process, call, number);
    if (fault == NULL) {
        return (struct pl_fake_verdict){PL_OK, PL_FAKE_ALL_APPLIED, 0};
    }
    return (struct pl_fake_verdict){
        pl_fail(error, fault->status, "%s fails", pl_fake_call_names[call]), fault->applied,
        fault->late_ms};
}

/* ---- the group ------------------------------------------------------------------------------- */

static bool has_share(const struct pl_fake_process *process, int32_t partition)
{
    for (size_t i = 0; i < process->share_count; i++) {
        if (process->share[i] == partition) {
            return true;
        }
    }
    return false;
}

/* A new generation in which each process has the share that it has. */
static void rebalance(struct pl_fake_world *world)
{
    world->broker.generation++;
    for (struct pl_fake_process *process = world->processes; process != NULL;
         process = process->next) {
        if (process->is_member) {
            process->has_revoked = process->has_revoked || process->generation >= 0;
            process->has_assigned = true;
        }
    }
}

void pl_fake_assign(struct pl_fake_process *process, const int32_t *partitions, size_t count)
{
    assert(count <= PL_FAKE_MAX_PARTITIONS);
    process->share_count = count;
    for (size_t i = 0; i < count; i++) {
        process->share[i] = partitions[i];
    }
    process->is_member = true;
    for (struct pl_fake_process *other = process->world->processes; other != NULL;
         other = other->next) {
        size_t kept = 0;

        for (size_t i = 0; other != process && i < other->share_count; i++) {
            if (!has_share(process, other->share[i])) {
                other->share[kept++] = other->share[i];
            }
        }
        other->share_count = other == process ? count : kept;
    }
    rebalance(process->world);
}

void pl_fake_assign_all(struct pl_fake_process *process)
{
    int32_t partitions[PL_FAKE_MAX_PARTITIONS] = {0};
    int32_t count = process->world->broker.partition_count;

    for (int32_t partition = 0; partition < count; partition++) {
        partitions[partition] = partition;
    }
    pl_fake_assign(process, partitions, (size_t)count);
}

void pl_fake_leave(struct pl_fake_process *process)
{
    process->share_count = 0;
    process->is_member = false;
    process->has_revoked = process->generation >= 0;
    process->has_assigned = false;
    rebalance(process->world);
}

bool pl_fake_is_all_taken_in(struct pl_fake_world *world)
{
    for (int32_t partition = 0; partition < world->broker.partition_count; partition++) {
        int64_t offsets[PL_INPUT_COUNT];

        if (pl_fake_group_offsets(&world->broker, partition, offsets) != PL_OK) {
            return false;
        }
        for (int input = 0; input < PL_INPUT_COUNT; input++) {
            const struct pl_fake_log *log =
                pl_fake_log(&world->broker, (enum pl_topic)input, partition);

            if (offsets[input] < 0 || pl_fake_next(log, offsets[input]) != NULL) {
                return false;
            }
        }
    }
    return true;
}
