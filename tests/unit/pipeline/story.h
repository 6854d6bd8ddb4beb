/* One story that every kind of trouble is tried on: what is sent, in what situation a process finds
 * it, and what must have come of it in the end, whatever happened. */
#ifndef PL_TESTS_PIPELINE_STORY_H
#define PL_TESTS_PIPELINE_STORY_H

#include "outcome.h"

/* ---- what is sent ---------------------------------------------------------------------------- */

static inline void tell_of_licences(struct fixture *fixture)
{
    send_customer(fixture, "c1");
    for (int user = 0; user < 40; user++) { /* more than one chunk holds */
        (void)send_licence(fixture, "c1", "s", numbered(fixture, "u", user), "name");
    }
    (void)send_removal(fixture, "c1", "s", "u7");
}

static inline void tell_of_requests(struct fixture *fixture)
{
    (void)send_request(fixture, "c1", "r1", PL_OPERATION_UPGRADE, "s");
    (void)send_request(fixture, "c2", "r1", PL_OPERATION_CHECK, "s");
    (void)send_request(fixture, "c1", "r1", PL_OPERATION_UPGRADE, "s"); /* again */
    (void)send_licence(fixture, "c1", "s", "u99", "moves on to the new one");
    (void)send_request(fixture, "c2", "r2", PL_OPERATION_ADD_LICENSES, "s");
    (void)send_request(fixture, "c4", "r1", PL_OPERATION_UPGRADE, "s");
}

static inline void tell_of_dead_letters(struct fixture *fixture)
{
    (void)send_to(fixture, PL_TOPIC_EVENTS, place_of(fixture, "c1"), PL_BYTES_LITERAL("c1"),
                  PL_NULL_BYTES);
    (void)send_to(fixture, PL_TOPIC_EVENTS, place_of(fixture, "c2"), PL_BYTES_LITERAL("c2"),
                  PL_BYTES_LITERAL("no frame"));
    (void)send_licence(fixture, "c2", "s", "", "no user");
    (void)send_request(fixture, "c1", "r1", PL_OPERATION_ADD_LICENSES, "s"); /* reused */
}

static inline void tell_of_an_erasure(struct fixture *fixture)
{
    send_customer(fixture, "c3");
    (void)send_licence(fixture, "c3", "s", "u1", "name");
    (void)send_request(fixture, "c3", "r1", PL_OPERATION_ADD_LICENSES, "s");
    (void)send_erasure(fixture, "c3");
    (void)send_request(fixture, "c3", "r1", PL_OPERATION_ADD_LICENSES, "s");
    (void)send_grant(fixture, "c3");
    send_customer(fixture, "c5");
    (void)send_erasure(fixture, "c5");
}

/* c1 and c3 are in partition 1, c2, c4 and c5 in partition 0. */
#define STORY_RESULTS                                                                              \
    "c2/r1 ELIGIBLE v2 0 accounts\n"                                                               \
    "c2/r2 LICENSES_ADDED v2 0 accounts\n"                                                         \
    "c4/r1 REFUSED subscription_not_found v0 0 accounts\n"                                         \
    "c1/r1 UPGRADED v43 39 accounts\n"                                                             \
    "c3/r1 LICENSES_ADDED v3 0 accounts\n"                                                         \
    "c3/r1 REFUSED subscription_not_found v0 0 accounts\n"

#define STORY_DEAD_LETTERS                                                                         \
    "null_value events/1/44\n"                                                                     \
    "malformed events/0/2\n"                                                                       \
    "invalid_event events/0/3\n"                                                                   \
    "request_id_reused requests/1/2\n"

/* For all tellings. */
static struct parts parts;

/* ---- where a process finds it ---------------------------------------------------------------- */

enum stage {
    STAGE_FRESH,   /* the very first start: everything is to be taken in */
    STAGE_WARM,    /* an earlier process has taken in the first half */
    STAGE_REBUILD, /* so it has, but the cache is lost */
    STAGE_BEHIND,  /* so it has, but the cache lacks what it did last */
    STAGE_COUNT
};

static const char *const stage_names[STAGE_COUNT] = {"fresh", "warm", "rebuild", "behind"};

static inline void run_first_half(struct fixture *fixture, enum stage stage)
{
    run_to_the_end(fixture);
    if (stage == STAGE_BEHIND) {
        (void)send_licence(fixture, "c1", "s", "u98", "gone again before the upgrade");
        (void)send_removal(fixture, "c1", "s", "u98");
        (void)send_grant(fixture, "c2");
        restart_process(fixture);
        pl_fake_fail(&fixture->process, (struct pl_fake_fault){.call = PL_FAKE_CACHE_UPDATE,
                                                               .after = PARTITIONS, /* restored */
                                                               .status = PL_FATAL});
        assert_int_equal(run_pipeline(fixture), PL_FATAL);
    }
    if (stage == STAGE_REBUILD) {
        pl_fake_flush_hashes(&fixture->world);
    }
    restart_process(fixture);
}

/* A world in which the story waits for the process to take it in. */
static inline struct fixture *open_story(enum stage stage)
{
    struct fixture *fixture = open_fixture_on(&parts);

    fixture->options.batch_max_records = 7;
    send_customer(fixture, "c2");
    tell_of_licences(fixture);
    if (stage != STAGE_FRESH) {
        run_first_half(fixture, stage);
    }
    tell_of_requests(fixture);
    tell_of_dead_letters(fixture);
    tell_of_an_erasure(fixture);
    return fixture;
}

/* ---- what must have come of it --------------------------------------------------------------- */

/* The outcome when nothing goes wrong, and the calls that the process makes then. */
struct told {
    char *outcome;
    uint64_t calls;      /* of all kinds */
    uint64_t busy_calls; /* before it has nothing left to do but wait */
    unsigned calls_by_kind[PL_FAKE_CALL_COUNT];
};

static struct told told[STAGE_COUNT];

static inline void note_busy_calls(void *self, struct pl_fake_process *process,
                                   enum pl_fake_call call)
{
    uint64_t *busy_calls = self;

    if (call != PL_FAKE_POLL || process->idle_polls == 0) {
        *busy_calls = process->call_count;
    }
}

static inline int tell_undisturbed(void **state)
{
    (void)state;
    open_parts(&parts);
    for (int stage = 0; stage < STAGE_COUNT; stage++) {
        struct fixture *fixture = open_story((enum stage)stage);

        fixture->world.hook = note_busy_calls;
        fixture->world.hook_self = &told[stage].busy_calls;
        run_to_the_end(fixture);
        assert_settled(fixture);
        told[stage].outcome = strdup(outcome_text(fixture));
        told[stage].calls = fixture->process.call_count;
        memcpy(told[stage].calls_by_kind, fixture->process.calls, sizeof(fixture->process.calls));
        close_fixture(fixture);
        if (told[stage].outcome == NULL) {
            return -1;
        }
    }
    return 0;
}

static inline int forget_story(void **state)
{
    (void)state;
    for (int stage = 0; stage < STAGE_COUNT; stage++) {
        free(told[stage].outcome);
    }
    close_parts(&parts);
    return 0;
}

/* What is being tried, for the message of a failure. */
struct trial {
    enum stage stage;
    const char *what;
    uint64_t number; /* of the call at which it happens */
};

/* The pipeline must come to the end by itself. */
static inline void run_trial(struct fixture *fixture, const struct trial *trial)
{
    enum pl_status status = run_pipeline(fixture);

    if (status != PL_OK || !pl_fake_is_all_taken_in(&fixture->world)) {
        fail_msg("%s, %s %u: %s: %s", stage_names[trial->stage], trial->what,
                 (unsigned)trial->number, pl_status_name(status), fixture->error.text);
    }
}

static inline void assert_told(struct fixture *fixture, const struct trial *trial)
{
    const char *outcome = outcome_text(fixture);

    if (strcmp(outcome, told[trial->stage].outcome) != 0) {
        fail_msg("%s, %s %u:\n%s\ninstead of\n%s", stage_names[trial->stage], trial->what,
                 (unsigned)trial->number, outcome, told[trial->stage].outcome);
    }
}

#endif
