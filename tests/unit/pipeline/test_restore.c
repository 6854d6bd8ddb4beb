/* Unit tests of pipeline/restore.c: what is read, from where, what is refused (design I2, I3). */
#include "base/child.h"
#include "planlift/log.h"
#include "recovery.h"

/* Change what the cache says of itself, and seal it anew. */
static void change_checkpoint(struct fixture *fixture,
                              void (*change)(struct fixture *fixture,
                                             struct pl_checkpoint *checkpoint))
{
    struct pl_checkpoint checkpoint = stored_checkpoint(fixture, PARTITION);

    change(fixture, &checkpoint);
    fixture->buffer.len = 0;
    pl_checkpoint_encode(&checkpoint, &fixture->buffer);
    pl_fake_map_put(hash(fixture), PL_PROGRESS_FIELD, since_start(&fixture->buffer));
}

/* ---- a cache that can be used ---------------------------------------------------------------- */

static void a_warm_cache_needs_the_last_progress_record_only(void **state)
{
    struct fixture *fixture = *state;
    int64_t offset;

    take_in_a_customer(fixture);
    (void)last_progress(fixture, PARTITION, &offset);
    recover(fixture);
    assert_int_equal(fixture->process.reads, PARTITIONS); /* one each */
    assert_int_equal(fixture->process.first_read, offset);
    assert_int_equal(fixture->process.calls[PL_FAKE_CACHE_DROP], 0);
    assert_int_equal(fixture->process.calls[PL_FAKE_BEGIN], 0);
}

/* The same when compaction has been at work: the progress record is the newest of its key. */
static void compaction_changes_nothing_for_a_warm_cache(void **state)
{
    struct fixture *fixture = *state;

    take_in_a_customer(fixture);
    pl_fake_compact(state_log(fixture), true);
    recover(fixture);
    assert_int_equal(fixture->process.reads, PARTITIONS);
}

/* Take in more while the cache does not hear of it; the process is gone then. */
static void leave_cache_behind(struct fixture *fixture)
{
    struct pl_fake_map before = {NULL, 0, 0};

    pl_fake_map_copy(hash(fixture), &before);
    (void)send_licence(fixture, "c1", "s", "u100", "new");
    (void)send_removal(fixture, "c1", "s", "u1");
    (void)send_subscription(fixture, "c1", "t", "basic", 1);
    run_to_the_end(fixture);
    restart_process(fixture);
    pl_fake_map_copy(&before, hash(fixture));
    pl_fake_map_clear(&before);
}

static void a_cache_that_is_behind_catches_up(void **state)
{
    struct fixture *fixture = *state;
    int64_t offset;

    take_in_a_customer(fixture);
    (void)last_progress(fixture, PARTITION, &offset);
    leave_cache_behind(fixture);
    recover(fixture);
    assert_int_equal(fixture->process.first_read, offset); /* from what it had taken in last */
    assert_int_equal(fixture->process.calls[PL_FAKE_CACHE_DROP], 0);
}

static void it_catches_up_over_a_compacted_log(void **state)
{
    struct fixture *fixture = *state;

    take_in_a_customer(fixture);
    leave_cache_behind(fixture);
    pl_fake_compact(state_log(fixture), true);
    recover(fixture);
    assert_int_equal(fixture->process.calls[PL_FAKE_CACHE_DROP], 0);
}

/* Whoever wrote the cache, and whenever: a process in another place goes on from it. */
static void another_process_goes_on_from_the_same_cache(void **state)
{
    struct fixture *fixture = *state;

    take_in_a_customer(fixture);
    pl_fake_advance(&fixture->world, 3600000);
    recover(fixture);
    assert_int_equal(fixture->process.reads, PARTITIONS);
}

/* ---- a cache that cannot be used ------------------------------------------------------------- */

static void assert_rebuilt(struct fixture *fixture)
{
    recover(fixture);
    assert_true(fixture->process.reads > PARTITIONS);
    assert_int_equal(fixture->process.calls[PL_FAKE_CACHE_DROP], 1);
}

static void an_empty_cache_is_rebuilt(void **state)
{
    struct fixture *fixture = *state;

    take_in_a_customer(fixture);
    pl_fake_map_clear(hash(fixture));
    assert_rebuilt(fixture);
}

static void it_is_rebuilt_from_a_compacted_log(void **state)
{
    struct fixture *fixture = *state;

    take_in_a_customer(fixture);
    (void)send_erasure(fixture, "c1");
    (void)send_grant(fixture, "c1");
    run_to_the_end(fixture);
    restart_process(fixture);
    pl_fake_compact(state_log(fixture), false);
    pl_fake_map_clear(hash(fixture));
    assert_rebuilt(fixture);
    assert_int_equal(fixture->run.partitions[PARTITION].progress.pieces, 1);
}

static void of_another_cluster(struct fixture *fixture, struct pl_checkpoint *checkpoint)
{
    (void)fixture;
    checkpoint->cluster_id = PL_BYTES_LITERAL("cluster-2");
}

static void of_another_group(struct fixture *fixture, struct pl_checkpoint *checkpoint)
{
    (void)fixture;
    checkpoint->progress.group_id = PL_BYTES_LITERAL("group-2");
}

static void of_another_incarnation(struct fixture *fixture, struct pl_checkpoint *checkpoint)
{
    (void)fixture;
    checkpoint->progress.incarnation[7] ^= 1;
}

static void ahead_of_the_log(struct fixture *fixture, struct pl_checkpoint *checkpoint)
{
    checkpoint->next_offset = state_log(fixture)->end + 1;
}

static void without_progress(struct fixture *fixture, struct pl_checkpoint *checkpoint)
{
    (void)fixture;
    checkpoint->progress_offset = -1;
}

/* Tombstones that it has not seen may be gone (A10). */
static void too_old(struct fixture *fixture, struct pl_checkpoint *checkpoint)
{
    checkpoint->written_ms =
        fixture->world.wall_ms - fixture->options.state_delete_retention_ms / 2 - 1;
}

static void with_a_wrong_count(struct fixture *fixture, struct pl_checkpoint *checkpoint)
{
    (void)fixture;
    checkpoint->progress.pieces++;
}

static void a_cache_that_says_so_is_rebuilt(void **state)
{
    static void (*const changes[])(struct fixture * fixture, struct pl_checkpoint * checkpoint) = {
        of_another_cluster, of_another_group, of_another_incarnation,
        ahead_of_the_log,   without_progress, too_old};

    (void)state;
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        struct fixture *fixture = open_fixture();

        take_in_a_customer(fixture);
        change_checkpoint(fixture, changes[i]);
        assert_rebuilt(fixture);
        close_fixture(fixture);
    }
}

/* The count is that of the log, not what the cache says of itself. */
static void a_cache_with_a_field_less_or_more_is_rebuilt(void **state)
{
    struct fixture *fixture = *state;

    take_in_a_customer(fixture);
    pl_fake_map_put(hash(fixture), PL_BYTES_LITERAL("a0/c1"), PL_NULL_BYTES);
    assert_rebuilt(fixture);
    close_run(fixture);
    restart_process(fixture);
    pl_fake_map_put(hash(fixture), PL_BYTES_LITERAL("intruder"), PL_BYTES_LITERAL("x"));
    assert_rebuilt(fixture);
    close_run(fixture);
    restart_process(fixture);
    change_checkpoint(fixture, with_a_wrong_count);
    assert_rebuilt(fixture);
}

static void a_damaged_checkpoint_is_rebuilt(void **state)
{
    struct fixture *fixture = *state;

    take_in_a_customer(fixture);
    pl_fake_map_put(hash(fixture), PL_PROGRESS_FIELD, PL_BYTES_LITERAL("\1 damaged checkpoint"));
    assert_rebuilt(fixture);
}

static void a_checkpoint_of_a_newer_planlift_is_fatal(void **state)
{
    struct fixture *fixture = *state;

    take_in_a_customer(fixture);
    pl_fake_map_put(hash(fixture), PL_PROGRESS_FIELD, newer_value(fixture));
    assert_recovery_fails(fixture, PL_FATAL, "newer planlift");
    assert_true(hash(fixture)->count > 1); /* and nothing was lost */
}

/* The state topic was made anew, together with the inputs and the group: nothing is left to doubt,
 * but the cache is that of the old one. */
static void the_cache_of_a_deleted_topic_is_dropped(void **state)
{
    struct fixture *fixture = *state;

    take_in_a_customer(fixture);
    for (int topic = 0; topic < PL_TOPIC_COUNT; topic++) {
        for (int32_t partition = 0;
             partition < pl_fake_partition_count(&fixture->world.broker, (enum pl_topic)topic);
             partition++) {
            pl_fake_recreate(pl_fake_log(&fixture->world.broker, (enum pl_topic)topic, partition));
        }
    }
    memset(fixture->world.broker.group_offsets, -1, sizeof(fixture->world.broker.group_offsets));
    recover(fixture);
    assert_int_equal(hash(fixture)->count, 1);
}

/* The same, and the new log is longer than the old one was. */
static void the_cache_of_an_older_topic_is_rebuilt(void **state)
{
    struct fixture *fixture = *state;
    struct pl_fake_map old = {NULL, 0, 0};

    take_in_a_customer(fixture);
    pl_fake_map_copy(hash(fixture), &old);
    pl_fake_recreate(state_log(fixture));
    memset(fixture->world.broker.group_offsets, -1, sizeof(fixture->world.broker.group_offsets));
    fixture->options.batch_max_records = 3;
    run_to_the_end(fixture);
    restart_process(fixture);
    pl_fake_map_copy(&old, hash(fixture));
    pl_fake_map_clear(&old);
    recover(fixture);
}

/* ---- slices ---------------------------------------------------------------------------------- */

/* Some MB of state, in as many licences as KB. */
static void take_in_megabytes(struct fixture *fixture, int kilobytes)
{
    const char *name = long_text(fixture, 10000);

    for (int i = 0; i < kilobytes / 10; i++) {
        const char *customer = numbered(fixture, "big", i);

        (void)send_subscription(fixture, customer, "s", "basic", 1);
        (void)send_licence(fixture, customer, "s", "u", name);
    }
    run_to_the_end(fixture);
    restart_process(fixture);
}

static void a_large_log_is_restored_in_slices(void **state)
{
    struct fixture *fixture = *state;

    take_in_megabytes(fixture, 5000);
    pl_fake_flush_hashes(&fixture->world);
    recover(fixture);
    assert_in_range(fixture->process.calls[PL_FAKE_CACHE_UPDATE], 5, 10);
}

/* Died after a slice: the next one goes on from there, where the log lets it. */
static void a_restore_that_was_interrupted_goes_on(void **state)
{
    (void)state;
    for (unsigned slices = 0; slices < 6; slices++) {
        struct fixture *fixture = open_fixture();

        take_in_megabytes(fixture, 5000);
        pl_fake_flush_hashes(&fixture->world);
        pl_fake_fail(&fixture->process, (struct pl_fake_fault){.call = PL_FAKE_CACHE_UPDATE,
                                                               .after = slices,
                                                               .times = 1,
                                                               .status = PL_AGAIN,
                                                               .applied = slices % 2});
        assert_recovery_fails(fixture, PL_AGAIN, "CACHE_UPDATE fails");
        close_run(fixture);
        restart_process(fixture);
        recover(fixture);
        close_fixture(fixture);
    }
}

static void what_changes_the_cache_during_the_restore_is_noticed(void **state)
{
    struct fixture *fixture = *state;

    take_in_megabytes(fixture, 5000);
    pl_fake_map_clear(hash(fixture));
    pl_fake_map_put(hash(fixture), PL_PROGRESS_FIELD, PL_BYTES_LITERAL("somebody's"));
    pl_fake_fail(&fixture->process,
                 (struct pl_fake_fault){.call = PL_FAKE_CACHE_DROP, .times = 1, .status = PL_OK});
    assert_recovery_fails(fixture, PL_ABORT, "changed by somebody else");
    assert_int_equal(hash(fixture)->count, 1); /* nothing was written over it */
}

/* ---- a state topic that is not ours ---------------------------------------------------------- */

static void records_without_progress_are_refused(void **state)
{
    struct fixture *fixture = *state;

    put_state(fixture, PL_BYTES_LITERAL("key"), PL_BYTES_LITERAL("of somebody"));
    assert_recovery_fails(fixture, PL_FATAL, "planlift did not write");
}

/* Compaction by another policy, or a broker that lost data: not at once, for the cache may have
 * lost something while it was rebuilt. */
static void a_log_that_lacks_records_is_fatal(void **state)
{
    struct fixture *fixture = *state;
    struct pl_fake_log *log;

    take_in_a_customer(fixture);
    log = state_log(fixture);
    for (int64_t offset = 0; offset < log->end; offset++) {
        struct pl_fake_entry *entry = log->entries[offset];

        entry->is_gone = entry->is_gone || (entry->key.len > 0 && entry->key.data[0] == 'h');
    }
    pl_fake_flush_hashes(&fixture->world);
    open_run(fixture);
    for (int tries = 0; tries < 2; tries++) {
        assert_int_equal(pl_recover(&fixture->run, &fixture->error), PL_ABORT);
        assert_non_null(strstr(fixture->error.text, "does not hold what was written"));
    }
    assert_int_equal(pl_recover(&fixture->run, &fixture->error), PL_FATAL);
    assert_non_null(strstr(fixture->error.text, "records are missing"));
}

/* A record behind the last progress record was written by somebody else, with the cache whole or
 * lost. */
static void an_intruder_is_fatal(void **state)
{
    struct fixture *fixture = *state;

    take_in_a_customer(fixture);
    put_state(fixture, PL_BYTES_LITERAL("h/c1"), PL_NULL_BYTES);
    assert_recovery_fails(fixture, PL_FATAL, "was not written by planlift");
    close_run(fixture);
    restart_process(fixture);
    pl_fake_flush_hashes(&fixture->world);
    assert_recovery_fails(fixture, PL_FATAL, "was not written by planlift");
}

/* Put a record before the marker of our last transaction. */
static void intrude_before_marker(struct fixture *fixture, struct pl_bytes key,
                                  struct pl_bytes value)
{
    struct pl_fake_log *log = state_log(fixture);
    struct pl_fake_entry *marker = log->entries[log->end - 1];

    put_state(fixture, key, value);
    assert_int_equal(marker->kind, PL_FAKE_ENTRY_COMMIT_MARKER);
    log->entries[log->end - 2] = log->entries[log->end - 1];
    log->entries[log->end - 1] = marker;
    log->entries[log->end - 2]->offset = log->end - 2;
    marker->offset = log->end - 1;
}

/* Also one that came before the marker of our last transaction, and so before next_offset. */
static void an_intruder_before_our_marker_is_fatal(void **state)
{
    struct fixture *fixture = *state;

    take_in_a_customer(fixture);
    intrude_before_marker(fixture, PL_BYTES_LITERAL("h/c1"), PL_NULL_BYTES);
    assert_recovery_fails(fixture, PL_FATAL, "was not written by planlift");
}

static void a_copy_of_our_progress_there_is_fatal(void **state)
{
    struct fixture *fixture = *state;
    struct pl_fake_log *log;

    take_in_a_customer(fixture);
    log = state_log(fixture);
    intrude_before_marker(fixture, PL_PROGRESS_FIELD, log->entries[log->end - 2]->value);
    assert_recovery_fails(fixture, PL_FATAL, "was not written by planlift");
}

static void two_histories_in_one_log_are_fatal(void **state)
{
    struct fixture *fixture = *state;
    struct pl_progress progress;
    int64_t offset;

    take_in_a_customer(fixture);
    progress = last_progress(fixture, PARTITION, &offset);
    progress.incarnation[0] ^= 1;
    fixture->buffer.len = 0;
    pl_progress_encode(&progress, &fixture->buffer);
    put_state(fixture, PL_PROGRESS_FIELD, since_start(&fixture->buffer));
    assert_recovery_fails(fixture, PL_FATAL, "two histories");
}

/* ---- progress in the log --------------------------------------------------------------------- */

enum { SLOW_CUSTOMERS = 300, SLOW_STEP_MS = 20, REPORT_EVERY_MS = 2000 };

/* A clock that goes on whenever it is looked at. */
static int64_t slow_monotonic_ms(void *self)
{
    struct pl_fake_process *process = self;

    return process->world->monotonic_ms += SLOW_STEP_MS;
}

static void restore_slowly(const void *argument)
{
    struct fixture *fixture = (struct fixture *)(uintptr_t)argument;
    struct pl_world_ops slow;

    open_run(fixture);
    slow = *fixture->options.world.ops;
    slow.monotonic_ms = slow_monotonic_ms;
    fixture->options.world.ops = &slow;
    pl_log_setup(PL_LOG_INFO, PL_LOG_TEXT);
    if (pl_recover(&fixture->run, &fixture->error) != PL_OK) {
        _exit(1);
    }
}

/* The number behind the next "name=", and *text behind it. */
static int64_t next_number(const char **text, const char *name)
{
    char *end = NULL;
    int64_t number;

    *text = strstr(*text, name);
    assert_non_null(*text);
    number = strtoll(*text + strlen(name), &end, 10);
    *text = end;
    return number;
}

static void the_log_tells_how_far_it_is(void **state)
{
    struct fixture *fixture = *state;
    int64_t done_before[PARTITIONS] = {0};
    struct child child;
    unsigned lines = 0;

    for (int i = 0; i < SLOW_CUSTOMERS; i++) {
        (void)send_subscription(fixture, numbered(fixture, "slow-", i), "s", "basic", 1);
    }
    run_to_the_end(fixture);
    restart_process(fixture);
    pl_fake_flush_hashes(&fixture->world);
    child = run_in_child(restore_slowly, fixture);
    assert_int_equal(child.exit_status, 0);
    for (const char *line = child.text; (line = strstr(line, " restoring ")) != NULL; lines++) {
        int32_t partition = (int32_t)next_number(&line, "partition=");
        int64_t done = next_number(&line, "done=");
        int64_t total = pl_fake_log(&fixture->world.broker, PL_TOPIC_STATE, partition)->end;

        assert_int_equal(next_number(&line, "total="), total);
        assert_in_range(done, 1, total);
        assert_true(done > done_before[partition]);
        done_before[partition] = done;
        assert_in_range(next_number(&line, "records_per_s="), 1, 1000 / SLOW_STEP_MS);
    }
    assert_in_range(lines, 1, SLOW_CUSTOMERS * SLOW_STEP_MS * 10 / REPORT_EVERY_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(a_warm_cache_needs_the_last_progress_record_only),
        WITH_FIXTURE(compaction_changes_nothing_for_a_warm_cache),
        WITH_FIXTURE(a_cache_that_is_behind_catches_up),
        WITH_FIXTURE(it_catches_up_over_a_compacted_log),
        WITH_FIXTURE(another_process_goes_on_from_the_same_cache),
        WITH_FIXTURE(an_empty_cache_is_rebuilt),
        WITH_FIXTURE(it_is_rebuilt_from_a_compacted_log),
        cmocka_unit_test(a_cache_that_says_so_is_rebuilt),
        WITH_FIXTURE(a_cache_with_a_field_less_or_more_is_rebuilt),
        WITH_FIXTURE(a_damaged_checkpoint_is_rebuilt),
        WITH_FIXTURE(a_checkpoint_of_a_newer_planlift_is_fatal),
        WITH_FIXTURE(the_cache_of_a_deleted_topic_is_dropped),
        WITH_FIXTURE(the_cache_of_an_older_topic_is_rebuilt),
        WITH_FIXTURE(a_large_log_is_restored_in_slices),
        cmocka_unit_test(a_restore_that_was_interrupted_goes_on),
        WITH_FIXTURE(what_changes_the_cache_during_the_restore_is_noticed),
        WITH_FIXTURE(records_without_progress_are_refused),
        WITH_FIXTURE(a_log_that_lacks_records_is_fatal),
        WITH_FIXTURE(an_intruder_is_fatal),
        WITH_FIXTURE(an_intruder_before_our_marker_is_fatal),
        WITH_FIXTURE(a_copy_of_our_progress_there_is_fatal),
        WITH_FIXTURE(two_histories_in_one_log_are_fatal),
        WITH_FIXTURE(the_log_tells_how_far_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
