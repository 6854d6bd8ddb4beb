/* Unit tests of pipeline/commit.c: one transaction for all, then the cache (design I3 to I6). */
#include "outcome.h"

#define PARTITION 1 /* c1 lives there; c2 in partition 0 */

static struct pl_fake_log *log_of(struct fixture *fixture, enum pl_topic topic)
{
    return pl_fake_log(&fixture->world.broker, topic, PARTITION);
}

/* Two customers in two partitions, a result, and two dead letters. */
static void send_some(struct fixture *fixture)
{
    send_customer(fixture, "c1");
    send_customer(fixture, "c2");
    (void)send_request(fixture, "c1", "r1", PL_OPERATION_UPGRADE, "s");
    (void)send_licence(fixture, "c1", "s", "", "invalid");
    (void)send_to(fixture, PL_TOPIC_REQUESTS, 0, PL_NULL_BYTES, PL_NULL_BYTES);
}

static int set_up_batch(void **state)
{
    struct fixture *fixture = open_fixture();

    open_restored_run(fixture);
    send_some(fixture);
    encode_all(fixture);
    *state = fixture;
    return 0;
}

#define WITH_BATCH(test) cmocka_unit_test_setup_teardown((test), set_up_batch, tear_down)

static enum pl_status commit(struct fixture *fixture)
{
    return pl_commit_batch(&fixture->run, &fixture->batch, &fixture->error);
}

/* ---- committed ------------------------------------------------------------------------------- */

static void all_becomes_visible_together(void **state)
{
    struct fixture *fixture = *state;

    assert_string_equal(results_text(fixture), "");
    assert_int_equal(commit(fixture), PL_OK);
    assert_string_equal(results_text(fixture), "c1/r1 UPGRADED v2 0 accounts\n");
    assert_string_equal(dead_letters_text(fixture), "invalid_event events/1/2\n"
                                                    "null_value requests/0/0\n");
    assert_non_null(strstr(customers_text(fixture), "\"customerId\":\"c2\",\"version\":2"));
    for (int32_t partition = 0; partition < PARTITIONS; partition++) {
        assert_offsets_agree(fixture, partition);
    }
}

/* The progress record is the last of the transaction in each state partition (I4). */
static void progress_comes_last(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(commit(fixture), PL_OK);
    for (int32_t partition = 0; partition < PARTITIONS; partition++) {
        const struct pl_fake_log *log =
            pl_fake_log(&fixture->world.broker, PL_TOPIC_STATE, partition);
        const struct pl_fake_entry *last = log->entries[log->end - 2];

        assert_int_equal(log->entries[log->end - 1]->kind, PL_FAKE_ENTRY_COMMIT_MARKER);
        assert_bytes(last->key, PL_PROGRESS_FIELD);
        assert_true(log->end > 3);
    }
}

static void what_the_partition_expects_next_is_behind_the_marker(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_partition *partition = &fixture->run.partitions[PARTITION];

    assert_int_equal(commit(fixture), PL_OK);
    assert_int_equal(partition->next_offset, log_of(fixture, PL_TOPIC_STATE)->end);
    assert_int_equal(partition->progress_offset, partition->next_offset - 2);
    assert_int_equal(partition->progress.next[PL_TOPIC_EVENTS], 3);
    assert_int_equal(partition->progress.next[PL_TOPIC_REQUESTS], 1);
    assert_int_equal(partition->progress.pieces, 2); /* head and answered requests */
}

/* ---- not committed --------------------------------------------------------------------------- */

/* Nothing is to be seen, and the run still knows what it knew. */
static void assert_nothing_happened(struct fixture *fixture, const struct pl_partition *before)
{
    const struct pl_partition *partition = &fixture->run.partitions[PARTITION];

    assert_string_equal(results_text(fixture), "");
    assert_string_equal(dead_letters_text(fixture), "");
    assert_string_equal(customers_text(fixture), "");
    assert_int_equal(partition->next_offset, before->next_offset);
    assert_int_equal(partition->progress_offset, before->progress_offset);
    assert_memory_equal(partition->progress.next, before->progress.next,
                        sizeof(before->progress.next));
}

/* I6: whichever record cannot be produced. */
static void a_record_that_cannot_be_produced_aborts_all(void **state)
{
    static const enum pl_status statuses[] = {PL_BAD_DATA, PL_ABORT, PL_AGAIN, PL_FENCED, PL_FATAL};

    (void)state;
    for (unsigned number = 0;; number++) {
        struct fixture *fixture;
        struct pl_partition before;
        enum pl_status expected = statuses[number % 5];
        enum pl_status status;

        (void)set_up_batch((void **)&fixture);
        before = fixture->run.partitions[PARTITION];
        pl_fake_fail(&fixture->process,
                     (struct pl_fake_fault){
                         .call = PL_FAKE_PRODUCE, .after = number, .times = 1, .status = expected});
        status = commit(fixture);
        if (status == PL_OK) {
            assert_int_equal(number, 3 + 2 + 3); /* every one of them was tried */
            close_fixture(fixture);
            break;
        }
        assert_int_equal(status, expected);
        assert_nothing_happened(fixture, &before);
        close_fixture(fixture);
    }
}

static void assert_commit_fails(struct fixture *fixture, enum pl_status status, const char *text)
{
    struct pl_partition before = fixture->run.partitions[PARTITION];
    enum pl_status found = commit(fixture);

    if (found != status || strstr(fixture->error.text, text) == NULL) {
        fail_msg("%s: %s", pl_status_name(found), fixture->error.text);
    }
    assert_int_equal(fixture->process.calls[PL_FAKE_ABORT], 1);
    assert_nothing_happened(fixture, &before);
}

static void a_report_that_is_bad_aborts_all(void **state)
{
    struct fixture *fixture = *state;

    pl_fake_fail(&fixture->process,
                 (struct pl_fake_fault){.call = PL_FAKE_FLUSH, .status = PL_ABORT});
    assert_commit_fails(fixture, PL_ABORT, "FLUSH fails");
    assert_int_equal(fixture->process.calls[PL_FAKE_COMMIT], 1); /* that of the first start */
}

static void a_commit_that_is_refused_aborts_all(void **state)
{
    struct fixture *fixture = *state;

    pl_fake_assign_all(&fixture->process); /* a new generation: the group does not take it */
    assert_commit_fails(fixture, PL_ABORT, "another generation");
}

static void no_transaction_no_abort(void **state)
{
    struct fixture *fixture = *state;
    struct pl_partition before = fixture->run.partitions[PARTITION];

    pl_fake_fail(&fixture->process,
                 (struct pl_fake_fault){.call = PL_FAKE_BEGIN, .status = PL_AGAIN});
    assert_int_equal(commit(fixture), PL_AGAIN);
    assert_int_equal(fixture->process.calls[PL_FAKE_ABORT], 0);
    assert_nothing_happened(fixture, &before);
}

static void the_first_failure_is_the_one_told(void **state)
{
    struct fixture *fixture = *state;

    pl_fake_fail(&fixture->process,
                 (struct pl_fake_fault){.call = PL_FAKE_FLUSH, .status = PL_ABORT});
    pl_fake_fail(&fixture->process,
                 (struct pl_fake_fault){.call = PL_FAKE_ABORT, .status = PL_AGAIN});
    assert_commit_fails(fixture, PL_ABORT, "FLUSH fails");
}

/* ---- I5: offset continuity ------------------------------------------------------------------- */

static void append_foreign(struct fixture *fixture)
{
    (void)send_to(fixture, PL_TOPIC_STATE, PARTITION, PL_BYTES_LITERAL("foreign"),
                  PL_BYTES_LITERAL("x"));
}

static void who_wrote_before_us_is_noticed(void **state)
{
    struct fixture *fixture = *state;

    append_foreign(fixture);
    assert_commit_fails(fixture, PL_ABORT, "somebody else wrote there, or the restore was short");
}

static unsigned intrude_at; /* number of the produce call */

static void intrude(void *self, struct pl_fake_process *process, enum pl_fake_call call)
{
    if (call == PL_FAKE_PRODUCE && process->calls[call] == intrude_at) {
        append_foreign(self);
    }
}

/* Before, between and after the records of the partition; only what comes after the last one is no
 * business of this transaction's. */
static void who_writes_between_is_noticed(void **state)
{
    const unsigned state_records = 2 + 3; /* of partition 0 and 1 */

    (void)state;
    for (unsigned number = 0; number < state_records; number++) {
        struct fixture *fixture;

        (void)set_up_batch((void **)&fixture);
        intrude_at = fixture->process.calls[PL_FAKE_PRODUCE] + 3 + number;
        fixture->world.hook = intrude;
        fixture->world.hook_self = fixture;
        assert_commit_fails(fixture, PL_ABORT,
                            number <= 2 ? "somebody else wrote there" : "not contiguous");
        close_fixture(fixture);
    }
}

static void a_partition_without_reports_is_noticed(void **state)
{
    struct fixture *fixture = *state;

    pl_fake_fail(&fixture->process,
                 (struct pl_fake_fault){.call = PL_FAKE_STATE_OFFSETS, .status = PL_NOT_FOUND});
    assert_commit_fails(fixture, PL_ABORT, "no state record of partition 0 was reported");
}

/* ---- into the cache -------------------------------------------------------------------------- */

static enum pl_status cache(struct fixture *fixture)
{
    return pl_cache_batch(&fixture->run, &fixture->batch, &fixture->error);
}

static void the_cache_gets_what_was_committed(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(commit(fixture), PL_OK);
    assert_int_equal(cache(fixture), PL_OK);
    for (int32_t partition = 0; partition < PARTITIONS; partition++) {
        assert_cache_is_current(fixture, partition);
        assert_bytes(pl_partition_checkpoint(&fixture->run.partitions[partition]),
                     pl_fake_map_get(&fixture->world.hashes[partition], PL_PROGRESS_FIELD));
    }
}

static void only_partitions_of_the_batch_are_written(void **state)
{
    struct fixture *fixture = *state;
    int64_t end = pl_fake_log(&fixture->world.broker, PL_TOPIC_STATE, 0)->end;

    close_run(fixture);
    restart_process(fixture);
    open_restored_run(fixture);
    fill_inbox(fixture);
    pl_inbox_drop(&fixture->run, fixture->run.inbox.count);
    (void)send_grant(fixture, "c1");
    commit_all(fixture);
    assert_int_equal(pl_fake_log(&fixture->world.broker, PL_TOPIC_STATE, 0)->end, end);
    pl_fake_map_clear(&fixture->world.hashes[0]); /* nobody looks */
    assert_int_equal(cache(fixture), PL_OK);
    assert_int_equal(fixture->world.hashes[0].count, 0);
    assert_cache_is_current(fixture, PARTITION);
}

static void a_cache_that_was_changed_is_not_written(void **state)
{
    struct fixture *fixture = *state;
    struct pl_fake_map before = {NULL, 0, 0};

    pl_fake_map_put(&fixture->world.hashes[PARTITION], PL_PROGRESS_FIELD,
                    PL_BYTES_LITERAL("somebody else's"));
    pl_fake_map_copy(&fixture->world.hashes[PARTITION], &before);
    assert_int_equal(commit(fixture), PL_OK);
    assert_int_equal(cache(fixture), PL_ABORT);
    assert_non_null(strstr(fixture->error.text, "partition 1 was changed by somebody else"));
    assert_true(pl_fake_map_equal(&fixture->world.hashes[PARTITION], &before));
    pl_fake_map_clear(&before);
}

/* ---- a batch that goes into the cache in several slices -------------------------------------- */

#define BIG 250 /* customers with 20 KB of state each: 5 MB, so three updates */

/* A round of licences, which overwrites that of the round before. */
static void send_round(struct fixture *fixture, char round)
{
    char *name = pl_arena_alloc(&fixture->arena, 20001);
    int sent = 0;

    memset(name, round, 20000);
    name[20000] = '\0';
    for (int i = 0; sent < BIG; i++) {
        const char *customer = numbered(fixture, "big", i);

        if (place_of(fixture, customer) == PARTITION) {
            (void)send_subscription(fixture, customer, "s", "basic", round);
            (void)send_licence(fixture, customer, "s", "u", name);
            sent++;
        }
    }
}

static struct fixture *open_big_batch(void)
{
    struct fixture *fixture = open_fixture();

    fixture->options.batch_max_records = 1000;
    open_restored_run(fixture);
    send_round(fixture, 'a');
    process_all(fixture);
    assert_cache_is_current(fixture, PARTITION);
    send_round(fixture, 'b');
    commit_all(fixture);
    return fixture;
}

static void a_big_batch_goes_in_slices(void **state)
{
    struct fixture *fixture = open_big_batch();
    unsigned before = fixture->process.calls[PL_FAKE_CACHE_UPDATE];

    (void)state;
    assert_int_equal(cache(fixture), PL_OK);
    assert_int_equal(fixture->process.calls[PL_FAKE_CACHE_UPDATE], before + 1); /* one pipeline */
    assert_cache_is_current(fixture, PARTITION);
    close_fixture(fixture);
}

/* Whatever part of it has reached the cache, the next process makes it whole. */
static void a_slice_that_is_missing_is_caught_up(void **state)
{
    (void)state;
    for (uint32_t slices = 0; slices <= 3; slices++) {
        struct fixture *fixture = open_big_batch();

        pl_fake_fail(&fixture->process, (struct pl_fake_fault){.call = PL_FAKE_CACHE_UPDATE,
                                                               .times = 1,
                                                               .status = PL_AGAIN,
                                                               .applied = slices});
        assert_int_equal(cache(fixture), PL_AGAIN);
        assert_int_equal(stored_checkpoint(fixture, PARTITION).is_whole,
                         slices == 0 || slices == 3);
        close_run(fixture);
        restart_process(fixture);
        open_restored_run(fixture);
        assert_cache_is_current(fixture, PARTITION);
        assert_int_equal(fixture->process.calls[PL_FAKE_CACHE_DROP], 0); /* without starting anew */
        close_fixture(fixture);
    }
}

static void so_it_is_after_a_compaction(void **state)
{
    (void)state;
    for (uint32_t slices = 0; slices <= 3; slices++) {
        struct fixture *fixture = open_big_batch();

        pl_fake_fail(&fixture->process, (struct pl_fake_fault){.call = PL_FAKE_CACHE_UPDATE,
                                                               .times = 1,
                                                               .status = PL_AGAIN,
                                                               .applied = slices});
        assert_int_equal(cache(fixture), PL_AGAIN);
        close_run(fixture);
        restart_process(fixture);
        pl_fake_compact(log_of(fixture, PL_TOPIC_STATE), true);
        open_restored_run(fixture);
        assert_cache_is_current(fixture, PARTITION);
        close_fixture(fixture);
    }
}

/* ---- in flight ------------------------------------------------------------------------------- */

static int set_up_run(void **state)
{
    struct fixture *fixture = open_fixture();

    open_restored_run(fixture);
    send_some(fixture);
    *state = fixture;
    return 0;
}

static void a_batch_takes_its_records_along(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_batch *flown = &fixture->run.batches[0];

    launch_all(fixture);
    assert_ptr_equal(fixture->run.flying, flown);
    assert_int_equal(fixture->run.inbox.count, 0);
    assert_int_equal(fixture->run.inbox.bytes, 0);
    assert_int_equal(fixture->process.held_records, flown->count);
    (void)send_grant(fixture, "c1");
    fill_inbox(fixture);
    assert_int_equal(fixture->run.inbox.count, 1);
    assert_ok(fixture, pl_land_batch(&fixture->run, &fixture->error));
    assert_null(fixture->run.flying);
    assert_int_equal(fixture->process.held_records, 1);
    assert_string_equal(results_text(fixture), "c1/r1 UPGRADED v2 0 accounts\n");
}

/* Before it has landed the partition is as it was; what follows goes on from it all the same. */
static void progress_counts_once_it_has_landed(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_partition *partition = &fixture->run.partitions[PARTITION];
    int64_t before = partition->progress.next[PL_TOPIC_EVENTS];
    int64_t after;

    launch_all(fixture);
    assert_int_equal(partition->progress.next[PL_TOPIC_EVENTS], before);
    after = pl_progress_of(&fixture->run, PARTITION)->next[PL_TOPIC_EVENTS];
    assert_int_equal(after, before + 3);
    assert_ok(fixture, pl_land_batch(&fixture->run, &fixture->error));
    assert_int_equal(partition->progress.next[PL_TOPIC_EVENTS], after);
}

static void a_batch_that_does_not_land_is_given_up(void **state)
{
    struct fixture *fixture = *state;

    pl_fake_fail(&fixture->process,
                 (struct pl_fake_fault){.call = PL_FAKE_COMMIT, .status = PL_ABORT});
    launch_all(fixture);
    assert_int_equal(pl_land_batch(&fixture->run, &fixture->error), PL_ABORT);
    assert_null(fixture->run.flying);
    assert_ptr_equal(fixture->run.suspect, &fixture->run.batches[0]);
    assert_false(fixture->run.is_restored);
    assert_int_equal(fixture->process.held_records, 0);
    assert_string_equal(results_text(fixture), "");
}

static void one_that_cannot_begin_is_not_in_flight(void **state)
{
    struct fixture *fixture = *state;

    encode_all(fixture);
    pl_fake_fail(&fixture->process,
                 (struct pl_fake_fault){.call = PL_FAKE_BEGIN, .status = PL_AGAIN});
    assert_int_equal(pl_launch_batch(&fixture->run, &fixture->batch, &fixture->error), PL_AGAIN);
    assert_null(fixture->run.flying);
    assert_false(fixture->run.is_restored);
    assert_int_equal(fixture->run.inbox.count, fixture->batch.count); /* still there */
}

#define WITH_RUN(test) cmocka_unit_test_setup_teardown((test), set_up_run, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BATCH(all_becomes_visible_together),
        WITH_BATCH(progress_comes_last),
        WITH_BATCH(what_the_partition_expects_next_is_behind_the_marker),
        cmocka_unit_test(a_record_that_cannot_be_produced_aborts_all),
        WITH_BATCH(a_report_that_is_bad_aborts_all),
        WITH_BATCH(a_commit_that_is_refused_aborts_all),
        WITH_BATCH(no_transaction_no_abort),
        WITH_BATCH(the_first_failure_is_the_one_told),
        WITH_BATCH(who_wrote_before_us_is_noticed),
        cmocka_unit_test(who_writes_between_is_noticed),
        WITH_BATCH(a_partition_without_reports_is_noticed),
        WITH_BATCH(the_cache_gets_what_was_committed),
        WITH_BATCH(only_partitions_of_the_batch_are_written),
        WITH_BATCH(a_cache_that_was_changed_is_not_written),
        cmocka_unit_test(a_big_batch_goes_in_slices),
        cmocka_unit_test(a_slice_that_is_missing_is_caught_up),
        cmocka_unit_test(so_it_is_after_a_compaction),
        WITH_RUN(a_batch_takes_its_records_along),
        WITH_RUN(progress_counts_once_it_has_landed),
        WITH_RUN(a_batch_that_does_not_land_is_given_up),
        WITH_RUN(one_that_cannot_begin_is_not_in_flight),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
