/* One process in a world: its ports, what its calls are to fail with, and when it dies.
 *
 * A process that is killed (pl_fake_kill, dies_at) finds that every further call of its ports fails
 * with PL_FATAL and does nothing, so that its pipeline ends at once, as by kill -9 but for its own
 * memory: what it had under way at Kafka stays under way. A new process with the same transactional
 * id is its restart. */
#ifndef PL_TESTS_FAKE_PROCESS_H
#define PL_TESTS_FAKE_PROCESS_H

#include "fake/world.h"
#include "planlift/ports.h"

#define PL_FAKE_MAX_FAULTS 8
#define PL_FAKE_ALL_APPLIED UINT32_MAX

/* Calls that fail, and how much they do all the same. */
struct pl_fake_fault {
    enum pl_fake_call call;
    unsigned after; /* so many calls of the kind go well first */
    unsigned times; /* then so many fail; 0: all from then on */
    enum pl_status status;
    uint32_t applied; /* PL_FAKE_ALL_APPLIED: the effect takes place; CACHE_UPDATE: that of the
                         first so many updates; else 0: none */
    int64_t late_ms;  /* COMMIT, CACHE_UPDATE: above 0, what takes effect does so this much later */
};

struct pl_fake_span {
    int64_t first, last, count;
};

struct pl_fake_process {
    struct pl_fake_world *world;
    struct pl_fake_process *next;
    const char *transactional_id;

    /* its end */
    uint64_t call_count;                /* of all kinds */
    unsigned calls[PL_FAKE_CALL_COUNT]; /* by kind */
    uint64_t dies_at;                   /* the call that it does not live to make; 0: none */
    bool is_dead;
    bool is_stopped;         /* asked to stop */
    bool stops_when_done;    /* ask it to, once all input is taken in and it idles */
    int64_t stops_at_ms;     /* ask it to at this monotonic time; 0: never */
    uint64_t call_limit;     /* beyond, it is taken to be in an endless loop, and killed */
    bool is_over_call_limit; /* that was why */

    struct pl_fake_fault faults[PL_FAKE_MAX_FAULTS];
    size_t fault_count;

    /* helper */
    void (*job)(void *arg); /* NULL: none is under way */
    void *job_arg;
    unsigned job_asked; /* how often it was asked for without waiting */

    /* feed */
    int generation; /* as it knows it; -1: no member */
    bool is_member;
    bool has_revoked, has_assigned;        /* to be told */
    int32_t share[PL_FAKE_MAX_PARTITIONS]; /* what the group has given it */
    size_t share_count;
    bool is_owned[PL_FAKE_MAX_PARTITIONS]; /* as it was told */
    bool is_started[PL_FAKE_MAX_PARTITIONS];
    int64_t next_offsets[PL_FAKE_MAX_PARTITIONS][PL_INPUT_COUNT];
    int64_t drain_ends[PL_FAKE_MAX_PARTITIONS][PL_INPUT_COUNT];
    bool has_random_order; /* records of different partitions come in any order; else as sent */
    unsigned idle_polls;   /* in a row, those that were to wait */
    size_t held_records;   /* polled and not released */

    /* transaction */
    struct pl_fake_session session;
    bool must_renew;
    bool has_lost_contact; /* to the broker, until it is renewed */
    bool is_in_transaction;
    bool has_too_large; /* a record that the broker refuses was produced */
    struct pl_fake_span spans[PL_FAKE_MAX_PARTITIONS];

    /* state log */
    int32_t reading; /* partition; -1: none */
    int64_t read_position;
    int64_t told_end;   /* END was told for it; -1: not yet */
    char *read_copy;    /* what the last event's views point into */
    uint64_t reads;     /* records read, ever */
    int64_t first_read; /* offset of the first record read since the last open; -1: none */
};

/* The process is part of the world from now on and must stay where it is. */
void pl_fake_process_init(struct pl_fake_process *process, struct pl_fake_world *world,
                          const char *transactional_id);
void pl_fake_process_done(struct pl_fake_process *process);

/* Its ports. */
struct pl_feed pl_fake_feed(struct pl_fake_process *process);
struct pl_txn pl_fake_txn(struct pl_fake_process *process);
struct pl_state_log pl_fake_state_log(struct pl_fake_process *process);
struct pl_cache pl_fake_cache(struct pl_fake_process *process);
struct pl_world pl_fake_clock(struct pl_fake_process *process);

/* ---- faults ---------------------------------------------------------------------------------- */

/* Counted from now. Of several that fit a call the first one counts. */
void pl_fake_fail(struct pl_fake_process *process, struct pl_fake_fault fault);
void pl_fake_forget_faults(struct pl_fake_process *process);
void pl_fake_kill(struct pl_fake_process *process);

/* ---- the group ------------------------------------------------------------------------------- */

/* A rebalance, in which the process gets these partitions (taken from whoever has them) and all
 * others keep what is left of theirs: everybody is told anew, and a new generation begins. */
void pl_fake_assign(struct pl_fake_process *process, const int32_t *partitions, size_t count);
void pl_fake_assign_all(struct pl_fake_process *process);

/* The process leaves the group, or is thrown out of it; its partitions are nobody's. */
void pl_fake_leave(struct pl_fake_process *process);

/* Note the ends of the inputs: what `drained` asks for. */
void pl_fake_note_drain_ends(struct pl_fake_process *process);

/* Is every visible input record below the group's offsets, and no transaction under way? */
bool pl_fake_is_all_taken_in(struct pl_fake_world *world);

/* ---- for the ports --------------------------------------------------------------------------- */

/* What is to become of a call. */
struct pl_fake_verdict {
    enum pl_status status;
    uint32_t applied;
    int64_t late_ms;
};

/* Count the call and judge it; every call of a port begins with it. */
struct pl_fake_verdict pl_fake_enter(struct pl_fake_process *process, enum pl_fake_call call,
                                     struct pl_error *error);

#endif
