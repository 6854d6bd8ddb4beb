/* The deterministic simulation: the objects of planlift on a simulated librdkafka, hiredis and
 * clock. One seed is one schedule: which process goes on, when time passes, what goes wrong.
 *
 * A simulated process is a coroutine that runs the real adapters and the real pipeline (process.c),
 * and a second one for the jobs of its helper thread (worker.c).
 * It gives up control only inside the simulated libraries: each call that talks to Kafka or Redis
 * begins with sim_yield, and waits with sim_wait_until. kill -9 is never to be resumed; what the
 * process has under way at Kafka or Redis stays under way (events in world.later). So nothing of
 * a schedule may be freed by hand when a process dies, and each schedule runs in a child process
 * of its own (main.c).
 *
 * Time (world.monotonic_ms) moves only in the scheduler. Every choice is drawn with pl_fake_random
 * from the world's seeded sequence: no address, no real clock, no hash of a pointer may decide. */
#ifndef PL_TESTS_SIM_SIM_H
#define PL_TESTS_SIM_SIM_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "fake/world.h"
#include "io/kafka.h"
#include "planlift/compiler.h"
#include "planlift/status.h"

/* ---- bad manners ----------------------------------------------------------------------------- */

/* X(name, most, occurs, matters): `most` is the highest rate a schedule may draw, in parts of a
 * million chances; 0: nobody draws it, it follows from other things and is only counted. A schedule
 * draws for each whether it is there at all and how often (swarm testing). */
#define SIM_MANNERS_OF_REQUEST(X, name, text)                                                      \
    X(name##_REQUEST_LOST, 60000, text ": connection lost before the request came",                \
      "the client sent it again, or gave up")                                                      \
    X(name##_REPLY_LOST, 60000, text ": took effect, reply lost",                                  \
      "the client sent it again, or gave up")                                                      \
    X(name##_REPEATED, 60000, text ": came twice", "the second time found the first one's work")   \
    X(name##_LATE, 60000, text ": came late, after the client gave up on the connection",          \
      "the same transactional id was past that transaction")

#define SIM_MANNERS(X)                                                                             \
    /* Kafka: transactions */                                                                      \
    SIM_MANNERS_OF_REQUEST(X, INIT_PRODUCER, "InitProducerId")                                     \
    SIM_MANNERS_OF_REQUEST(X, ADD_PARTITIONS, "AddPartitionsToTxn")                                \
    SIM_MANNERS_OF_REQUEST(X, ADD_OFFSETS, "AddOffsetsToTxn")                                      \
    SIM_MANNERS_OF_REQUEST(X, TXN_OFFSETS, "TxnOffsetCommit")                                      \
    SIM_MANNERS_OF_REQUEST(X, END_TXN, "EndTxn")                                                   \
    SIM_MANNERS_OF_REQUEST(X, PRODUCE, "Produce")                                                  \
    X(LATE_INTO_NEXT, 0, "a late request of a transaction met a later one of the same id",         \
      "only the epoch kept it from taking part in that one")                                       \
    X(MARKER_LATE, 700000, "a transaction's markers came after its acknowledgement",               \
      "a restore's end as read_committed was below the read_uncommitted one")                      \
    X(MARKERS_LOST, 200000, "a broker crashed before a transaction's markers, and lost them",      \
      "what hung was rolled back")                                                                 \
    X(PRODUCE_QUEUE_FULL, 20000, "producev: queue full", "the call was made again")                \
    X(PRODUCE_REFUSED, 8000, "producev: refused locally", "the transaction was aborted")           \
    X(REPORT_FAILED, 8000, "a delivery report with an error", "the transaction was aborted")       \
    X(TXN_TIMED_OUT, 0, "the broker aborted a transaction that lasted too long",                   \
      "its producer came back to it")                                                              \
    X(PRODUCER_FENCED, 0, "a producer was fenced by a newer one of its id",                        \
      "it had a transaction under way")                                                            \
    X(COMMIT_UNKNOWN, 0, "a commit without an answer", "it had taken effect")                      \
    X(TXN_COORDINATOR_AWAY, 4000, "transaction coordinator away for a time", "somebody asked it")  \
    X(LEADER_AWAY, 4000, "partition leaders away for a time", "somebody asked them")               \
    /* Kafka: the group */                                                                         \
    X(GROUP_COORDINATOR_AWAY, 4000, "group coordinator away for a time", "somebody asked it")      \
    X(JOIN_REQUEST_LOST, 60000, "JoinGroup: connection lost before the request came",              \
      "the client sent it again")                                                                  \
    X(JOIN_REPLY_LOST, 60000, "JoinGroup: took effect, reply lost", "the client sent it again")    \
    X(JOIN_LATE, 120000, "JoinGroup: came late, after the client gave up on the connection",       \
      "a member was fenced by the ghost of itself")                                                \
    X(REBALANCED, 0, "a rebalance", "a member had records under way")                              \
    X(SESSION_EXPIRED, 0, "a member's session ran out", "the process came back later")             \
    X(STATIC_TAKEOVER, 0, "a static member was replaced by another with its id",                   \
      "the older one was told so")                                                                 \
    X(GENERATION_OLD, 0, "offsets sent by a member of an older generation",                        \
      "the transaction held records")                                                              \
    X(GROUP_OFFSETS_LOST, 500000, "a group without members lost an offset, or had it set back",    \
      "a restore found progress ahead of it")                                                      \
    X(UNSTABLE_OFFSETS, 0, "offsets asked for while a transaction had some pending",               \
      "those were committed afterwards")                                                           \
    /* Kafka: reading */                                                                           \
    X(INTERLEAVED, 900000, "a younger record was delivered before an older one of the other log",  \
      "both were of one partition number")                                                         \
    X(DELIVERED_AGAIN, 100000, "records delivered again after an assign",                          \
      "one that had been delivered before the assign")                                             \
    X(FETCH_DELAYED, 100000, "a fetch brought nothing though there was something",                 \
      "the caller's wait ran out")                                                                 \
    X(COMPACTED, 4000, "the state topic was compacted",                                            \
      "a record went that a checkpoint or a restore pointed at")                                   \
    X(FOREIGN_WRITE, 0, "somebody else wrote to the state topic", "planlift refused to go on")     \
    /* processes */                                                                                \
    X(KILLED, 6000, "kill -9", "a transaction was under way")                                      \
    X(PAUSED, 3000, "SIGSTOP for a time, then SIGCONT", "another process had taken over")          \
    X(ASKED_TO_STOP, 3000, "SIGTERM", "records were under way")                                    \
    X(SCALED, 2000, "a slot was added or taken out of service", "the group was rebalanced")        \
    X(CLOCK_JUMPED, 3000, "the wall clocks jumped by up to an hour, forwards or backwards",        \
      "a partition was restored afterwards")                                                       \
    X(DOUBLED, 1000, "a second process was started in a slot that is held",                        \
      "the older one was fenced")                                                                  \
    /* Redis */                                                                                    \
    X(REDIS_REFUSED, 30000, "Redis: connection refused", "a process waited for it")                \
    X(REDIS_LOST_BEFORE, 20000, "Redis: connection lost before the command", "it was a write")     \
    X(REDIS_LOST_AFTER, 20000, "Redis: connection lost after the command took effect",             \
      "it was a write that changed the hash")                                                      \
    X(REDIS_TIMED_OUT, 15000, "Redis: no answer in time; the command took effect or did not",      \
      "it took effect")                                                                            \
    X(REDIS_LATE, 20000, "Redis: a command took effect after its client gave up on it",            \
      "the checkpoint kept it from changing the hash")                                             \
    X(REDIS_WRITE_LOST, 15000, "Redis: acknowledged writes lost in a failover",                    \
      "a process found an older checkpoint than its own")                                          \
    X(REDIS_OLD_SNAPSHOT, 2000, "Redis: restarted from an older snapshot", "the hash went back")   \
    X(REDIS_FLUSHED, 2000, "Redis: FLUSHALL", "a hash was lost")                                   \
    X(REDIS_OOM, 10000, "Redis: OOM", "it was a write")                                            \
    X(REDIS_LOADING, 10000, "Redis: LOADING", "a process waited for it")                           \
    X(REDIS_READONLY, 10000, "Redis: READONLY", "it was a write")                                  \
    X(REDIS_FIELD_DELETED, 5000, "Redis: a field deleted", "it was seen, or rebuilt in time")      \
    X(REDIS_FIELD_GARBLED, 5000, "Redis: a field garbled", "it was seen, or rebuilt in time")

enum sim_manner {
#define X(name, most, occurs, matters) SIM_##name,
    SIM_MANNERS(X)
#undef X
};
#define SIM_ONE(name, most, occurs, matters) +1
enum { SIM_MANNER_COUNT = 0 SIM_MANNERS(SIM_ONE), SIM_MILLION = 1000000 };

/* For tables: "END_TXN_LATE", and the two texts. */
struct sim_manner_text {
    const char *name, *occurs, *matters;
};
extern const struct sim_manner_text sim_manner_texts[SIM_MANNER_COUNT];

struct sim_tally {
    uint32_t rate; /* of this schedule, in parts of a million */
    uint64_t occurred, mattered;
};

/* ---- the schedule ---------------------------------------------------------------------------- */

enum { SIM_MAX_SLOTS = 4, SIM_MAX_PROCESSES = 256 };

struct sim;
struct sim_group;   /* kafka_group.c: the group coordinator */
struct sim_cluster; /* kafka_request.c: what goes wrong between clients and brokers */
struct sim_redis;   /* redis.c */

enum sim_process_state {
    SIM_PROCESS_ALIVE,
    SIM_PROCESS_ENDED, /* its main function returned: status, error */
    SIM_PROCESS_KILLED
};

struct sim_coroutine; /* coroutine.c */

/* Is what a process waits for there? Asked by the scheduler; changes nothing. */
typedef bool sim_ready_fn(void *self);

/* A thread of a process. */
struct sim_strand {
    struct sim_coroutine *coroutine; /* NULL: there is no such thread */
    int64_t wakes_ms;                /* resumed then, */
    bool is_woken;                   /* or when it was woken, */
    sim_ready_fn *is_ready;          /* or when this says so; NULL: nothing */
    void *ready_self;                /* of it */
};
enum { SIM_MAIN_STRAND, SIM_HELPER_STRAND, SIM_STRAND_COUNT };

struct sim_process {
    struct sim *sim;
    int number; /* in the order of starting */
    int slot;
    enum sim_process_state state;
    struct sim_strand strands[SIM_STRAND_COUNT];
    int64_t started_ms;
    int64_t ended_ms;           /* by itself or by a kill */
    int64_t paused_until_ms;    /* SIGSTOP: not resumed before, no heartbeats meanwhile; 0: never */
    bool was_member;            /* of the group, when it was paused */
    volatile sig_atomic_t stop; /* set: asked to stop (SIGTERM) */
    char instance_id[64];       /* group.instance.id and transactional.id: by slot */
    char host[64];              /* client.id: by process */
    /* How it ended. */
    enum pl_status status;
    struct pl_error error;
};

struct sim_slot {
    bool is_in_service;          /* the nemesis keeps a process in it */
    struct sim_process *process; /* the newest, dead or alive; NULL: never had one */
    int64_t starts_ms;           /* when the next one is to be started, if it has none */
};

/* What all schedules share; made once, before any child process: the built-in catalogue and
 * schemas. */
struct sim_base {
    struct pl_catalogue *catalogue;
    struct pl_decoder *decoder;
    uint32_t result_schema_id;
};

/* Errors: PL_BAD_DATA, as of pl_catalogue_parse and pl_decoder_new. Lives as long as the program.
 */
PL_MUST_CHECK enum pl_status sim_base_load(struct sim_base *ret_base, struct pl_error *error);

struct sim_options {
    const struct sim_base *base; /* borrowed */
    uint64_t seed;
    FILE *trace; /* one line an event; NULL: none. Borrowed */
    /* The workload and Redis's own misfortunes: called before each step, outside of all processes.
     * May append inputs (pl_fake_append) and draw chances; must not yield. While sim->is_calm it
     * brings no misfortune, and says when it has sent all that it wants to send. */
    void (*on_step)(struct sim *sim, void *self);
    bool (*is_all_sent)(const struct sim *sim, void *self); /* NULL: always */
    void *self;
    bool has_foreign_writer;  /* a schedule in which the state topic has one */
    bool is_faultless;        /* no manner at all: to look at the plain run */
    const uint32_t *rates;    /* by manner; NULL: drawn by the seed */
    size_t batch_max_records; /* 0: drawn by the seed */
    int slot_count;           /* 0: drawn by the seed */
    int32_t partition_count;  /* 0: drawn by the seed, 1 to 4 */
    /* What a process does, in place of being a planlift; NULL: sim_process_main. */
    void (*main)(struct sim_process *process);
};

struct sim {
    struct pl_fake_world world; /* time, chance, later events, the broker's logs and transactions */
    struct sim_options options;
    struct sim_tally tallies[SIM_MANNER_COUNT];
    bool is_calm; /* settling: nothing goes wrong any more */
    uint64_t steps;
    uint32_t yield_rate;         /* how often a yield point really yields, in parts of a million */
    unsigned unyielded;          /* yield points since the last that did */
    int64_t foreign_ms;          /* when the foreign writer writes; 0: it has, or there is none */
    unsigned crashes;            /* of brokers: every connection was closed */
    int64_t crash_told_until_ms; /* to whoever connects: the broker is back no sooner */
    bool has_jumped;             /* the wall clock, since the last restore */
    struct sim_process *running; /* NULL: the scheduler */
    struct sim_strand *strand;   /* of it */
    struct sim_process *processes[SIM_MAX_PROCESSES];
    int process_count;
    int slot_count; /* those that may be in service */
    struct sim_slot slots[SIM_MAX_SLOTS];
    struct sim_cluster *cluster;
    struct sim_group *group;
    struct sim_redis *redis; /* redis.c makes it when it is first asked for */
    /* What the processes are configured with. */
    const char *topics[PL_TOPIC_COUNT];
    const char *group_id;
    const char *cluster_id;
    size_t batch_max_records;
    int batch_max_wait_ms;
    size_t result_max_accounts;
};

/* In place; the sim must stay where it is. Draws rates, partition and slot counts. */
void sim_init(struct sim *sim, const struct sim_options *options);

/* So many steps: each resumes one process, or lets time pass where none can go on. */
void sim_run(struct sim *sim, uint64_t steps);

/* Faults end (for good), every slot in service has a process; run until all input is sent and taken
 * in, nothing is under way, and a few quiet seconds have passed. May be called again, after more
 * input. False: not within the bound of simulated time (a violation of liveness); why says what was
 * missing. */
bool sim_settle(struct sim *sim, char *ret_why, size_t why_size);

/* After sim_settle: ask every process to stop and wait until all have ended. False: they do not. */
bool sim_stop_all(struct sim *sim, char *ret_why, size_t why_size);

/* ---- for the simulated libraries ------------------------------------------------------------- */

/* The sim and the process that runs now; a library call comes from a process, always. */
struct sim_process *sim_self(void);
/* NULL outside of sim_run, sim_settle and sim_stop_all. */
struct sim *sim_current(void);

/* A point at which others may go on; often nobody does (the schedule's choice). */
void sim_yield(void);

/* Give up control until a time has come or sim_wake. True: it was woken. At least one step passes.
 */
bool sim_wait_until(int64_t monotonic_ms);
/* Wakes its main thread. */
void sim_wake(struct sim_process *process);

/* Give up control until is_ready(self) or a time has come. True: it is ready. Where it is ready at
 * once, others may go on first or not. */
bool sim_wait_for(int64_t monotonic_ms, sim_ready_fn *is_ready, void *self);

static inline int64_t sim_now(const struct sim *sim)
{
    return sim->world.monotonic_ms;
}

/* Neither dead nor paused: its background threads run (heartbeats, retries, fetches). */
bool sim_is_live(const struct sim_process *process);
bool sim_is_dead(const struct sim_process *process);

/* Shall it happen? By the schedule's rate; counts as occurred. Never while calm. */
bool sim_chance(struct sim *sim, enum sim_manner manner);
void sim_occurred(struct sim *sim, enum sim_manner manner); /* of one that nobody draws */
void sim_mattered(struct sim *sim, enum sim_manner manner);

/* Random number below bound; bound > 0. */
static inline uint32_t sim_below(struct sim *sim, uint32_t bound)
{
    return pl_fake_random_below(&sim->world, bound);
}

/* One line "time step process what"; nothing where there is no trace. */
void sim_trace(struct sim *sim, const char *format, ...) PL_PRINTF(2, 3);

/* ---- processes ------------------------------------------------------------------------------- */

struct sim_process *sim_start(struct sim *sim, int slot);
void sim_kill(struct sim_process *process);
void sim_pause(struct sim_process *process, int64_t ms); /* SIGSTOP, and SIGCONT after ms */
void sim_ask_to_stop(struct sim_process *process);

/* Give the running process its second thread, which goes on as soon as it can. */
void sim_start_helper(void (*body)(void *self), void *self);

/* The main thread's function (process.c). */
void sim_process_main(struct sim_process *process);

#endif
