/* The whole loop on the fakes: the story is told, and its outcome must be the same whatever goes
 * wrong on the way, at whatever call. */
#include "story.h"

static void the_story_undisturbed(void **state)
{
    (void)state;
    for (int stage = 0; stage < STAGE_COUNT; stage++) {
        struct fixture *fixture = open_story((enum stage)stage);
        const struct trial trial = {(enum stage)stage, "undisturbed", 0};

        run_trial(fixture, &trial);
        if (stage != STAGE_BEHIND) { /* it has events of its own */
            assert_string_equal(results_text(fixture), STORY_RESULTS);
            assert_string_equal(dead_letters_text(fixture), STORY_DEAD_LETTERS);
        }
        assert_told(fixture, &trial);
        assert_settled(fixture);
        close_fixture(fixture);
    }
}

/* ---- killed ---------------------------------------------------------------------------------- */

static void kill_at(enum stage stage, uint64_t number)
{
    struct fixture *fixture = open_story(stage);
    const struct trial trial = {stage, "killed at call", number};

    fixture->process.dies_at = number;
    assert_int_equal(run_pipeline(fixture), PL_FATAL);
    restart_process(fixture);
    run_trial(fixture, &trial);
    assert_told(fixture, &trial);
    assert_settled(fixture);
    close_fixture(fixture);
}

static void killed_at_any_call_and_restarted(void **state)
{
    (void)state;
    for (int stage = 0; stage < STAGE_COUNT; stage++) {
        for (uint64_t number = 1; number <= told[stage].calls; number++) {
            kill_at((enum stage)stage, number);
        }
    }
}

/* Markers, and so what a transaction did, come a while after its end was acknowledged (I8). */
static void killed_while_markers_are_late(void **state)
{
    (void)state;
    for (int stage = 0; stage < STAGE_COUNT; stage++) {
        for (uint64_t number = 1; number <= told[stage].calls; number++) {
            struct fixture *fixture = open_story((enum stage)stage);
            const struct trial trial = {(enum stage)stage, "late markers, killed at", number};

            fixture->world.broker.marker_delay_ms = 400;
            fixture->process.dies_at = number;
            (void)run_pipeline(fixture); /* waiting, it makes other calls: it may live on */
            restart_process(fixture);
            run_trial(fixture, &trial);
            assert_told(fixture, &trial);
            close_fixture(fixture);
        }
    }
}

/* ---- a call that fails ----------------------------------------------------------------------- */

/* What the ports may answer, and what of the call may have been done all the same. */
static const struct pl_fake_fault passing_faults[] = {
    {.call = PL_FAKE_COMMITTED, .status = PL_AGAIN},
    {.call = PL_FAKE_LOG_RANGE, .status = PL_AGAIN},
    {.call = PL_FAKE_START, .status = PL_AGAIN},
    {.call = PL_FAKE_STOP, .status = PL_AGAIN},
    {.call = PL_FAKE_RENEW, .status = PL_AGAIN},
    {.call = PL_FAKE_BEGIN, .status = PL_AGAIN},
    {.call = PL_FAKE_BEGIN, .status = PL_ABORT},
    {.call = PL_FAKE_PRODUCE, .status = PL_ABORT},
    {.call = PL_FAKE_PRODUCE, .status = PL_ABORT, .applied = PL_FAKE_ALL_APPLIED},
    {.call = PL_FAKE_PRODUCE, .status = PL_AGAIN},
    {.call = PL_FAKE_FLUSH, .status = PL_ABORT},
    {.call = PL_FAKE_STATE_OFFSETS, .status = PL_ABORT},
    {.call = PL_FAKE_COMMIT, .status = PL_ABORT},
    {.call = PL_FAKE_COMMIT, .status = PL_AGAIN},
    {.call = PL_FAKE_COMMIT, .status = PL_AGAIN, .applied = PL_FAKE_ALL_APPLIED},
    {.call = PL_FAKE_COMMIT, .status = PL_AGAIN, .applied = PL_FAKE_ALL_APPLIED, .late_ms = 150},
    {.call = PL_FAKE_STATE_RANGE, .status = PL_AGAIN},
    {.call = PL_FAKE_STATE_OPEN, .status = PL_AGAIN},
    {.call = PL_FAKE_STATE_READ, .status = PL_AGAIN},
    {.call = PL_FAKE_CACHE_READ, .status = PL_AGAIN},
    {.call = PL_FAKE_CACHE_UPDATE, .status = PL_AGAIN},
    {.call = PL_FAKE_CACHE_UPDATE, .status = PL_AGAIN, .applied = 1},
    {.call = PL_FAKE_CACHE_UPDATE, .status = PL_AGAIN, .applied = PL_FAKE_ALL_APPLIED},
    {.call = PL_FAKE_CACHE_UPDATE,
     .status = PL_AGAIN,
     .applied = PL_FAKE_ALL_APPLIED,
     .late_ms = 150},
    {.call = PL_FAKE_CACHE_DROP, .status = PL_AGAIN},
    {.call = PL_FAKE_CACHE_DROP, .status = PL_AGAIN, .applied = PL_FAKE_ALL_APPLIED},
};

static void fail_at(enum stage stage, struct pl_fake_fault fault)
{
    struct fixture *fixture = open_story(stage);
    const struct trial trial = {stage, pl_fake_call_names[fault.call], fault.after};

    pl_fake_fail(&fixture->process, fault);
    run_trial(fixture, &trial);
    assert_told(fixture, &trial);
    assert_settled(fixture);
    close_fixture(fixture);
}

/* Each call that the undisturbed story makes of a kind, in each stage, so many times in a row. */
static void fail_each(const struct pl_fake_fault *template, unsigned times)
{
    for (int stage = 0; stage < STAGE_COUNT; stage++) {
        for (unsigned number = 0; number < told[stage].calls_by_kind[template->call]; number++) {
            struct pl_fake_fault fault = *template;

            fault.after = number;
            fault.times = times;
            fail_at((enum stage)stage, fault);
        }
    }
}

static void any_call_fails_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(passing_faults) / sizeof(passing_faults[0]); i++) {
        fail_each(&passing_faults[i], 1);
    }
}

static void any_call_fails_for_a_while(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(passing_faults) / sizeof(passing_faults[0]); i++) {
        fail_each(&passing_faults[i], 5);
    }
}

static void leave_at(enum stage stage, enum pl_fake_call call, unsigned number,
                     enum pl_status status)
{
    struct fixture *fixture = open_story(stage);
    const struct trial trial = {stage, pl_fake_call_names[call], number};

    pl_fake_fail(&fixture->process,
                 (struct pl_fake_fault){.call = call, .after = number, .status = status});
    assert_int_equal(run_pipeline(fixture), status);
    restart_process(fixture);
    run_trial(fixture, &trial);
    assert_told(fixture, &trial);
    assert_settled(fixture);
    close_fixture(fixture);
}

static void a_call_that_says_leave_ends_the_run(void **state)
{
    (void)state;
    for (int stage = 0; stage < STAGE_COUNT; stage++) {
        for (int call = 0; call < PL_FAKE_CALL_COUNT; call++) {
            for (unsigned n = 0; n < told[stage].calls_by_kind[call]; n++) {
                leave_at((enum stage)stage, (enum pl_fake_call)call, n,
                         n % 2 == 0 ? PL_FENCED : PL_FATAL);
            }
        }
    }
}

/* ---- something else happens ------------------------------------------------------------------ */

/* Do something before one call of the process. */
struct disturbance {
    struct fixture *fixture;
    uint64_t at;
    void (*disturb)(struct fixture *fixture);
};

static void disturb_at(void *self, struct pl_fake_process *process, enum pl_fake_call call)
{
    struct disturbance *disturbance = self;

    (void)call;
    if (process == &disturbance->fixture->process && process->call_count + 1 == disturbance->at) {
        disturbance->disturb(disturbance->fixture);
    }
}

/* At each call while there is something left to do. must_settle: the process itself must see to it
 * that all is well in the end, too. */
static void disturb_each(const char *what, void (*disturb)(struct fixture *fixture),
                         bool must_settle)
{
    for (int stage = 0; stage < STAGE_COUNT; stage++) {
        for (uint64_t number = 1; number <= told[stage].busy_calls; number++) {
            struct fixture *fixture = open_story((enum stage)stage);
            const struct trial trial = {(enum stage)stage, what, number};
            struct disturbance disturbance = {fixture, number, disturb};

            fixture->world.hook = disturb_at;
            fixture->world.hook_self = &disturbance;
            run_trial(fixture, &trial);
            assert_told(fixture, &trial);
            if (must_settle) {
                assert_settled(fixture);
            }
            close_fixture(fixture);
        }
    }
}

static void flush_cache(struct fixture *fixture)
{
    pl_fake_flush_hashes(&fixture->world);
}

static void the_cache_is_flushed_at_any_call(void **state)
{
    (void)state;
    disturb_each("cache flushed at call", flush_cache, false);
}

static void rebalance(struct fixture *fixture)
{
    pl_fake_assign_all(&fixture->process);
}

static void a_rebalance_at_any_call(void **state)
{
    (void)state;
    disturb_each("rebalance at call", rebalance, true);
}

/* Somebody begins to write to the state topic, and gives it up. */
static void intrude(struct fixture *fixture)
{
    struct pl_fake_broker *broker = &fixture->world.broker;
    struct pl_fake_session session = pl_fake_open_producer(broker, "somebody");

    assert_int_equal(pl_fake_begin(broker, session), PL_OK);
    for (int32_t partition = 0; partition < PARTITIONS; partition++) {
        const struct pl_message message = {.topic = PL_TOPIC_STATE,
                                           .partition = partition,
                                           .key = PL_BYTES_LITERAL("h/c1"),
                                           .value = PL_BYTES_LITERAL("x")};
        int64_t offset;

        assert_int_equal(pl_fake_produce(broker, session, &message, &offset), PL_OK);
    }
    assert_int_equal(pl_fake_end(broker, session, false), PL_OK);
}

static void an_intruder_in_the_state_log_at_any_call(void **state)
{
    (void)state;
    disturb_each("intruder at call", intrude, false);
}

/* ---- the cache is not what it was ------------------------------------------------------------ */

/* A field of the hash is lost, which no Redis does by itself. */
static void lose_field(struct fixture *fixture)
{
    for (int32_t partition = 0; partition < PARTITIONS; partition++) {
        struct pl_fake_map *hash = &fixture->world.hashes[partition];

        if (hash->count > 0) {
            size_t lost = pl_fake_random_below(&fixture->world, (uint32_t)hash->count);
            struct pl_bytes key = pl_arena_copy(&fixture->arena, hash->pairs[lost].key);

            pl_fake_map_put(hash, key, PL_NULL_BYTES);
        }
    }
}

static void a_field_is_lost_at_any_call(void **state)
{
    (void)state;
    disturb_each("field lost at call", lose_field, false);
}

/* A field is garbled: nobody finds out who does not need it. */
static void garble_field(struct fixture *fixture)
{
    for (int32_t partition = 0; partition < PARTITIONS; partition++) {
        struct pl_fake_map *hash = &fixture->world.hashes[partition];

        if (hash->count > 0) {
            size_t hit = pl_fake_random_below(&fixture->world, (uint32_t)hash->count);
            struct pl_bytes key = pl_arena_copy(&fixture->arena, hash->pairs[hit].key);

            pl_fake_map_put(hash, key, PL_BYTES_LITERAL("\1garbled, yet long enough"));
        }
    }
}

static void a_field_is_garbled_at_any_call(void **state)
{
    (void)state;
    disturb_each("field garbled at call", garble_field, false);
}

/* Redis starts again from what it had saved some calls ago. */
static struct pl_fake_map saved[PARTITIONS];

static void load_saved(struct fixture *fixture)
{
    for (int32_t partition = 0; partition < PARTITIONS; partition++) {
        pl_fake_map_copy(&saved[partition], &fixture->world.hashes[partition]);
    }
}

static void save_and_load(void *self, struct pl_fake_process *process, enum pl_fake_call call)
{
    struct disturbance *disturbance = self;
    struct fixture *fixture = disturbance->fixture;

    (void)call;
    if (process->call_count + 1 == disturbance->at) {
        for (int32_t partition = 0; partition < PARTITIONS; partition++) {
            pl_fake_map_copy(&fixture->world.hashes[partition], &saved[partition]);
        }
    }
    if (process->call_count + 1 == disturbance->at + 40) {
        disturbance->disturb(fixture);
    }
}

static void the_cache_is_as_it_was_forty_calls_ago(void **state)
{
    (void)state;
    for (int stage = 0; stage < STAGE_COUNT; stage++) {
        for (uint64_t number = 1; number + 40 <= told[stage].busy_calls; number++) {
            struct fixture *fixture = open_story((enum stage)stage);
            const struct trial trial = {(enum stage)stage, "cache saved at call", number};
            struct disturbance disturbance = {fixture, number, load_saved};

            fixture->world.hook = save_and_load;
            fixture->world.hook_self = &disturbance;
            run_trial(fixture, &trial);
            assert_told(fixture, &trial);
            close_fixture(fixture);
        }
    }
    for (int32_t partition = 0; partition < PARTITIONS; partition++) {
        pl_fake_map_clear(&saved[partition]);
    }
}

/* ---- two processes --------------------------------------------------------------------------- */

/* The process stands still before a call, as after SIGSTOP, while another one takes its place and
 * all its work; then it goes on as if nothing had been. */
static void another_takes_over(struct fixture *fixture)
{
    struct pl_pipeline_options options = fixture->options;
    struct pl_fake_process other;
    struct pl_error error = {""};

    pl_fake_process_init(&other, &fixture->world, "group-1-1");
    options.feed = pl_fake_feed(&other);
    options.txn = pl_fake_txn(&other);
    options.state_log = pl_fake_state_log(&other);
    options.cache = pl_fake_cache(&other);
    options.world = pl_fake_clock(&other);
    other.stops_when_done = true;
    other.stops_at_ms = fixture->world.monotonic_ms + PATIENCE_MS;
    pl_fake_assign_all(&other);
    if (pl_pipeline_run(&options, &error) != PL_OK || !pl_fake_is_all_taken_in(&fixture->world)) {
        fail_msg("who takes over at call %u fails: %s", (unsigned)fixture->process.call_count,
                 error.text);
    }
    assert_int_equal(other.held_records, 0);
    pl_fake_process_done(&other);
    fixture->process.stops_at_ms = fixture->world.monotonic_ms + 1000;
}

/* The zombie may leave by itself or find that it has nothing left to do; it has changed nothing. */
static void run_zombie(enum stage stage, uint64_t number)
{
    struct fixture *fixture = open_story(stage);
    const struct trial trial = {stage, "zombie from call", number};
    struct disturbance disturbance = {fixture, number, another_takes_over};
    enum pl_status status;

    fixture->world.hook = disturb_at;
    fixture->world.hook_self = &disturbance;
    status = run_pipeline(fixture);
    if (status != PL_OK && status != PL_FENCED) {
        fail_msg("zombie from call %u: %s", (unsigned)number, fixture->error.text);
    }
    assert_told(fixture, &trial);
    fixture->world.hook = NULL;
    restart_process(fixture);
    run_trial(fixture, &trial);
    assert_told(fixture, &trial);
    assert_settled(fixture);
    close_fixture(fixture);
}

static void a_zombie_from_any_call_on(void **state)
{
    (void)state;
    for (int stage = 0; stage < STAGE_COUNT; stage++) {
        for (uint64_t number = 1; number <= told[stage].busy_calls; number++) {
            run_zombie((enum stage)stage, number);
        }
    }
}

/* ---- asked to stop --------------------------------------------------------------------------- */

static void ask_to_stop(struct fixture *fixture)
{
    fixture->process.is_stopped = true;
}

static void it_stops_at_any_call_and_soon(void **state)
{
    (void)state;
    for (int stage = 0; stage < STAGE_COUNT; stage++) {
        for (uint64_t number = 1; number <= told[stage].busy_calls; number++) {
            struct fixture *fixture = open_story((enum stage)stage);
            const struct trial trial = {(enum stage)stage, "stopped at call", number};
            struct disturbance disturbance = {fixture, number, ask_to_stop};

            fixture->world.hook = disturb_at;
            fixture->world.hook_self = &disturbance;
            assert_int_equal(run_pipeline(fixture), PL_OK);
            assert_true(fixture->process.call_count < number + 100);
            fixture->world.hook = NULL;
            restart_process(fixture);
            run_trial(fixture, &trial);
            assert_told(fixture, &trial);
            assert_settled(fixture);
            close_fixture(fixture);
        }
    }
}

/* ---- all of it at random --------------------------------------------------------------------- */

#define SEEDS 400
#define TROUBLES 12 /* for each seed, about one in a hundred calls */

struct chaos {
    struct fixture *fixture;
    unsigned troubles; /* still to come */
};

static void change_marker_delay(struct fixture *fixture)
{
    fixture->world.broker.marker_delay_ms = pl_fake_random_below(&fixture->world, 300);
}

static void kill_it(struct fixture *fixture)
{
    pl_fake_kill(&fixture->process);
}

/* This call fails in one of the ways it can, if there is one. */
static void fail_call(struct fixture *fixture, enum pl_fake_call call)
{
    size_t count = sizeof(passing_faults) / sizeof(passing_faults[0]);
    size_t first = pl_fake_random_below(&fixture->world, (uint32_t)count);

    for (size_t i = 0; i < count; i++) {
        struct pl_fake_fault fault = passing_faults[(first + i) % count];

        if (fault.call == call) {
            fault.times = 1 + pl_fake_random_below(&fixture->world, 3);
            pl_fake_forget_faults(&fixture->process);
            pl_fake_fail(&fixture->process, fault);
            return;
        }
    }
}

static void make_chaos(void *self, struct pl_fake_process *process, enum pl_fake_call call)
{
    static void (*const disturbances[])(struct fixture * fixture) = {
        flush_cache, garble_field, rebalance, intrude, change_marker_delay, kill_it};
    const uint32_t kinds = sizeof(disturbances) / sizeof(disturbances[0]);
    struct chaos *chaos = self;
    uint32_t choice = pl_fake_random_below(process->world, 2 * kinds);

    if (chaos->troubles == 0 || pl_fake_random_below(process->world, 30) != 0) {
        return;
    }
    chaos->troubles--;
    if (choice < kinds) {
        disturbances[choice](chaos->fixture);
    } else {
        fail_call(chaos->fixture, call);
    }
}

static void run_chaos(unsigned seed)
{
    struct fixture *fixture = open_story((enum stage)(seed % STAGE_COUNT));
    const struct trial trial = {(enum stage)(seed % STAGE_COUNT), "seed", seed};
    struct chaos chaos = {fixture, TROUBLES};
    enum pl_status status;

    fixture->world.random = seed;
    fixture->world.hook = make_chaos;
    fixture->world.hook_self = &chaos;
    while ((status = run_pipeline(fixture)) == PL_FATAL && fixture->process.is_dead) {
        assert_false(fixture->process.is_over_call_limit);
        restart_process(fixture);
    }
    if (status != PL_OK) {
        fail_msg("seed %u: %s: %s", seed, pl_status_name(status), fixture->error.text);
    }
    fixture->world.hook = NULL;
    restart_process(fixture);
    run_trial(fixture, &trial);
    assert_told(fixture, &trial);
    pl_fake_flush_hashes(&fixture->world); /* some field may still be garbled */
    restart_process(fixture);
    run_trial(fixture, &trial);
    assert_told(fixture, &trial);
    assert_settled(fixture);
    close_fixture(fixture);
}

static void many_troubles_at_random(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        run_chaos(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_story_undisturbed),
        cmocka_unit_test(killed_at_any_call_and_restarted),
        cmocka_unit_test(killed_while_markers_are_late),
        cmocka_unit_test(any_call_fails_once),
        cmocka_unit_test(any_call_fails_for_a_while),
        cmocka_unit_test(a_call_that_says_leave_ends_the_run),
        cmocka_unit_test(the_cache_is_flushed_at_any_call),
        cmocka_unit_test(a_rebalance_at_any_call),
        cmocka_unit_test(an_intruder_in_the_state_log_at_any_call),
        cmocka_unit_test(a_field_is_lost_at_any_call),
        cmocka_unit_test(a_field_is_garbled_at_any_call),
        cmocka_unit_test(the_cache_is_as_it_was_forty_calls_ago),
        cmocka_unit_test(a_zombie_from_any_call_on),
        cmocka_unit_test(it_stops_at_any_call_and_soon),
        cmocka_unit_test(many_troubles_at_random),
    };

    return cmocka_run_group_tests(tests, tell_undisturbed, forget_story);
}
