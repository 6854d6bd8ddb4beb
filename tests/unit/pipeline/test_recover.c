/* Unit tests of pipeline/recover.c: all partitions, and the group meanwhile (design I8). */
#include "recovery.h"

/* ---- the first start ------------------------------------------------------------------------- */

/* I4: a progress record in each partition, and the group's offsets, whatever is there to read. */
static void the_first_start_writes_progress_and_offsets(void **state)
{
    struct fixture *fixture = *state;
    int64_t offset;
    struct pl_progress progress;

    (void)send_grant(fixture, "c1");
    (void)send_grant(fixture, "c1");
    pl_fake_delete_before(pl_fake_log(&fixture->world.broker, PL_TOPIC_EVENTS, PARTITION), 1);
    recover(fixture);
    progress = last_progress(fixture, PARTITION, &offset);
    assert_int_equal(offset, 0);
    assert_int_equal(progress.next[PL_TOPIC_EVENTS], 1); /* the earliest record */
    assert_int_equal(progress.next[PL_TOPIC_REQUESTS], 0);
    assert_int_equal(progress.pieces, 0);
    assert_bytes(progress.group_id, GROUP_ID);
    assert_text(progress.catalogue_version, "test-1");
}

static void each_partition_has_an_incarnation_of_its_own(void **state)
{
    struct fixture *fixture = *state;

    recover(fixture);
    assert_memory_not_equal(fixture->run.partitions[0].progress.incarnation,
                            fixture->run.partitions[1].progress.incarnation, 16);
}

static void a_first_start_that_was_aborted_is_a_first_start_again(void **state)
{
    struct fixture *fixture = *state;

    pl_fake_fail(&fixture->process,
                 (struct pl_fake_fault){.call = PL_FAKE_COMMIT, .times = 1, .status = PL_ABORT});
    assert_recovery_fails(fixture, PL_ABORT, "COMMIT fails");
    assert_int_equal(pl_recover(&fixture->run, &fixture->error), PL_OK);
    assert_int_equal(fixture->run.partitions[PARTITION].progress_offset, 2);
    assert_cache_is_current(fixture, PARTITION);
}

/* ---- in what order --------------------------------------------------------------------------- */

static void the_producer_is_renewed_before_anything_is_read(void **state)
{
    struct fixture *fixture = *state;
    struct pl_fake_broker *broker = &fixture->world.broker;
    struct pl_fake_session old = pl_fake_open_producer(broker, "group-1-0");
    const struct pl_message message = {
        .topic = PL_TOPIC_STATE, .partition = PARTITION, .key = PL_BYTES_LITERAL("k")};
    int64_t before_ms = fixture->world.monotonic_ms;
    int64_t offset;

    assert_int_equal(pl_fake_begin(broker, old), PL_OK);
    assert_int_equal(pl_fake_produce(broker, old, &message, &offset), PL_OK);
    recover(fixture);
    assert_int_equal(fixture->world.monotonic_ms, before_ms); /* no timeout was waited for */
    assert_int_equal(fixture->run.partitions[PARTITION].progress_offset, 2);
}

/* ---- the group ------------------------------------------------------------------------------- */

static void revoke_on_read(void *self, struct pl_fake_process *process, enum pl_fake_call call)
{
    struct fixture *fixture = self;

    if (call == PL_FAKE_STATE_READ && process->calls[call] == 1) {
        pl_fake_leave(&fixture->process);
    }
}

static void partitions_may_go_in_the_middle(void **state)
{
    struct fixture *fixture = *state;

    take_in_a_customer(fixture);
    fixture->world.hook = revoke_on_read;
    fixture->world.hook_self = fixture;
    assert_recovery_fails(fixture, PL_ABORT, "the group has given or taken partitions");
    assert_int_equal(fixture->run.owned_count, 0);
    assert_int_equal(pl_recover(&fixture->run, &fixture->error), PL_OK); /* nothing to do */
    assert_false(fixture->process.is_started[0] || fixture->process.is_started[1]);
}

static void only_what_is_owned_is_restored(void **state)
{
    struct fixture *fixture = *state;
    const int32_t one[] = {0};

    take_in_a_customer(fixture);
    pl_fake_flush_hashes(&fixture->world);
    pl_fake_assign(&fixture->process, one, 1);
    fixture->run = (struct pl_run){.options = &fixture->options, .batch_limit = 1};
    fixture->run.partitions = calloc(PARTITIONS, sizeof(*fixture->run.partitions));
    fixture->run.partitions[1].number = 1;
    assert_int_equal(pl_serve_group(&fixture->run, 0, &fixture->error), PL_ABORT);
    assert_int_equal(pl_recover(&fixture->run, &fixture->error), PL_OK);
    assert_int_equal(fixture->world.hashes[1].count, 0);
    assert_cache_is_current(fixture, 0);
    assert_false(fixture->process.is_started[1]);
}

/* Contract 2: the progress counts; the group's offset is brought up to it. */
static void a_group_offset_that_is_missing_or_behind_is_mended(void **state)
{
    static const int64_t offsets[] = {-1, 0, 5, 41};

    (void)state;
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        struct fixture *fixture = open_fixture();

        take_in_a_customer(fixture);
        set_group_offset(fixture, offsets[i]);
        recover(fixture);
        assert_int_equal(fixture->process.calls[PL_FAKE_BEGIN], 1);
        assert_int_equal(fixture->run.partitions[PARTITION].progress.next[PL_TOPIC_EVENTS], 42);
        close_fixture(fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(the_first_start_writes_progress_and_offsets),
        WITH_FIXTURE(each_partition_has_an_incarnation_of_its_own),
        WITH_FIXTURE(a_first_start_that_was_aborted_is_a_first_start_again),
        WITH_FIXTURE(the_producer_is_renewed_before_anything_is_read),
        WITH_FIXTURE(partitions_may_go_in_the_middle),
        WITH_FIXTURE(only_what_is_owned_is_restored),
        cmocka_unit_test(a_group_offset_that_is_missing_or_behind_is_mended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
