/* Unit tests of pipeline/recover.c: what is read, from where, and what is refused (design I3,
 * I8). */
#include <xxhash.h>

#include "outcome.h"

#define PARTITION 1 /* c1 lives there */

static struct pl_fake_log *state_log(struct fixture *fixture)
{
    return pl_fake_log(&fixture->world.broker, PL_TOPIC_STATE, PARTITION);
}

static struct pl_fake_map *hash(struct fixture *fixture)
{
    return &fixture->world.hashes[PARTITION];
}

/* A customer with more state than one head, taken in by a process that is gone again. */
static void take_in_a_customer(struct fixture *fixture)
{
    send_customer(fixture, "c1");
    for (int user = 0; user < 40; user++) {
        (void)send_licence(fixture, "c1", "s", numbered(fixture, "u", user), "name");
    }
    (void)send_request(fixture, "c1", "r1", PL_OPERATION_CHECK, "s");
    run_to_the_end(fixture);
    restart_process(fixture);
}

static void recover(struct fixture *fixture)
{
    open_restored_run(fixture);
    assert_true(fixture->run.is_restored);
    for (int32_t partition = 0; partition < PARTITIONS; partition++) {
        const struct pl_partition *owned = &fixture->run.partitions[partition];

        assert_cache_is_current(fixture, partition);
        assert_offsets_agree(fixture, partition);
        assert_int_equal(owned->next_offset,
                         pl_fake_log(&fixture->world.broker, PL_TOPIC_STATE, partition)->end);
        assert_bytes(pl_partition_checkpoint(owned),
                     pl_fake_map_get(&fixture->world.hashes[partition], PL_PROGRESS_FIELD));
        assert_true(fixture->process.is_started[partition]);
        assert_memory_equal(fixture->process.next_offsets[partition], owned->progress.next,
                            sizeof(owned->progress.next));
    }
}

static void assert_recovery_fails(struct fixture *fixture, enum pl_status status, const char *text)
{
    enum pl_status found;

    open_run(fixture);
    found = pl_recover(&fixture->run, &fixture->error);
    if (found != status || strstr(fixture->error.text, text) == NULL) {
        fail_msg("%s: %s; not %s: %s", pl_status_name(found), fixture->error.text,
                 pl_status_name(status), text);
    }
    assert_false(fixture->run.is_restored);
}

/* A whole value of a format that does not exist yet, under the field of progress. */
static struct pl_bytes newer_value(struct fixture *fixture)
{
    static const char body[] = "whatever it is";
    const struct pl_bytes field = PL_PROGRESS_FIELD;
    const unsigned char version = 2;
    uint64_t sum = XXH3_64bits_withSeed(body, sizeof(body),
                                        XXH3_64bits_withSeed(field.data, field.len, version));

    fixture->buffer.len = 0;
    pl_buffer_put_byte(&fixture->buffer, version);
    for (int i = 0; i < 8; i++) {
        pl_buffer_put_byte(&fixture->buffer, (unsigned char)(sum >> (8 * i)));
    }
    pl_buffer_put(&fixture->buffer, body, sizeof(body));
    return since_start(&fixture->buffer);
}

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

/* State was lost, or is of another topic: what the group has read can not be known any more. */
static void a_group_without_state_is_refused(void **state)
{
    struct fixture *fixture = *state;

    take_in_a_customer(fixture);
    pl_fake_recreate(state_log(fixture));
    assert_recovery_fails(fixture, PL_FATAL, "ahead of what the state has taken in (0)");
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

/* ---- reading to the very end (I8) ------------------------------------------------------------ */

static void what_is_acknowledged_and_not_yet_visible_is_waited_for(void **state)
{
    struct fixture *fixture = *state;
    struct pl_fake_broker *broker = &fixture->world.broker;
    int64_t before_ms;

    take_in_a_customer(fixture);
    open_restored_run(fixture);
    (void)send_grant(fixture, "c1");
    broker->marker_delay_ms = 3000;
    commit_all(fixture);
    close_run(fixture); /* before the cache hears of it */
    end_process(fixture);
    pl_fake_process_init(&fixture->process, &fixture->world, "group-1-1"); /* in another place */
    use_process(fixture, &fixture->process);
    pl_fake_assign_all(&fixture->process);
    before_ms = fixture->world.monotonic_ms;
    open_run(fixture);
    while (pl_recover(&fixture->run, &fixture->error) == PL_AGAIN) { /* offsets are not stable */
        pl_fake_advance(&fixture->world, 10);
    }
    assert_true(fixture->run.is_restored);
    assert_cache_is_current(fixture, PARTITION);
    assert_true(fixture->world.monotonic_ms > before_ms);
}

/* The group's offset marker is there before the state's: the end that read_committed sees would be
 * too early (reliability A2). */
static void the_end_is_that_of_read_uncommitted(void **state)
{
    struct fixture *fixture = *state;
    struct pl_fake_broker *broker = &fixture->world.broker;
    struct pl_fake_session session;

    take_in_a_customer(fixture);
    session = pl_fake_open_producer(broker, "somebody");
    assert_int_equal(pl_fake_begin(broker, session), PL_OK);
    {
        const struct pl_message message = {
            .topic = PL_TOPIC_STATE, .partition = PARTITION, .key = PL_BYTES_LITERAL("h/gone")};
        int64_t offset;

        assert_int_equal(pl_fake_produce(broker, session, &message, &offset), PL_OK);
    }
    pl_fake_end_later(broker, session, false, 2500);
    recover(fixture);
    assert_int_equal(fixture->run.partitions[PARTITION].next_offset, state_log(fixture)->end);
}

/* One that hangs for ever is said to be waited for. */
static void a_log_that_hangs_is_waited_for(void **state)
{
    struct fixture *fixture = *state;
    struct pl_fake_broker *broker = &fixture->world.broker;
    struct pl_fake_session session = pl_fake_open_producer(broker, "somebody");
    const struct pl_message message = {
        .topic = PL_TOPIC_STATE, .partition = PARTITION, .key = PL_BYTES_LITERAL("k")};
    int64_t offset;

    broker->transaction_timeout_ms = 1000000;
    assert_int_equal(pl_fake_begin(broker, session), PL_OK);
    assert_int_equal(pl_fake_produce(broker, session, &message, &offset), PL_OK);
    assert_recovery_fails(fixture, PL_AGAIN, "says nothing more");
    assert_int_equal(pl_fake_end(broker, session, false), PL_OK);
    assert_int_equal(pl_recover(&fixture->run, &fixture->error), PL_OK);
}

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

/* ---- positions ------------------------------------------------------------------------------- */

static void set_group_offset(struct fixture *fixture, int64_t offset)
{
    fixture->world.broker.group_offsets[PARTITION][PL_TOPIC_EVENTS] = offset;
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

static void a_group_offset_that_is_ahead_is_refused(void **state)
{
    struct fixture *fixture = *state;

    take_in_a_customer(fixture);
    (void)send_grant(fixture, "c1");
    set_group_offset(fixture, 43);
    assert_recovery_fails(fixture, PL_FATAL,
                          "the group's offset of events/1 is 43, ahead of what the state has taken "
                          "in (42)");
    assert_non_null(strstr(fixture->error.text, "Set the group's offset back to 42"));
}

static void progress_beyond_the_end_of_the_log_is_refused(void **state)
{
    struct fixture *fixture = *state;

    take_in_a_customer(fixture);
    pl_fake_recreate(pl_fake_log(&fixture->world.broker, PL_TOPIC_EVENTS, PARTITION));
    (void)send_grant(fixture, "c1");
    assert_recovery_fails(fixture, PL_FATAL,
                          "the state has taken in events/1 up to 42, but the log ends at 1");
}

static void a_log_that_begins_after_the_progress_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct pl_fake_log *log = pl_fake_log(&fixture->world.broker, PL_TOPIC_EVENTS, PARTITION);

    take_in_a_customer(fixture);
    pl_fake_delete_before(log, 42); /* all that was read may go */
    recover(fixture);
    close_run(fixture);
    restart_process(fixture);
    (void)send_grant(fixture, "c1");
    pl_fake_delete_before(log, 43);
    assert_recovery_fails(fixture, PL_FATAL, "events/1 begins at 43");
    assert_non_null(strstr(fixture->error.text, "only up to 42"));
}

/* ---- a state topic that is not ours ---------------------------------------------------------- */

static void put_state(struct fixture *fixture, struct pl_bytes key, struct pl_bytes value)
{
    (void)send_to(fixture, PL_TOPIC_STATE, PARTITION, key, value);
}

static void records_without_progress_are_refused(void **state)
{
    struct fixture *fixture = *state;

    put_state(fixture, PL_BYTES_LITERAL("key"), PL_BYTES_LITERAL("of somebody"));
    assert_recovery_fails(fixture, PL_FATAL, "planlift did not write");
}

static void the_state_of_another_group_is_refused(void **state)
{
    struct fixture *fixture = *state;

    take_in_a_customer(fixture);
    fixture->options.group_id = PL_BYTES_LITERAL("group-2");
    assert_recovery_fails(fixture, PL_FATAL, "another deployment (group.id group-1");
}

static void a_damaged_progress_record_is_fatal(void **state)
{
    struct fixture *fixture = *state;

    put_state(fixture, PL_PROGRESS_FIELD, PL_BYTES_LITERAL("\1 damaged for sure"));
    assert_recovery_fails(fixture, PL_FATAL, "state/1 offset 0");
}

static void progress_of_a_newer_planlift_is_fatal(void **state)
{
    struct fixture *fixture = *state;

    put_state(fixture, PL_PROGRESS_FIELD, newer_value(fixture));
    assert_recovery_fails(fixture, PL_FATAL, "newer planlift");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(the_first_start_writes_progress_and_offsets),
        WITH_FIXTURE(each_partition_has_an_incarnation_of_its_own),
        WITH_FIXTURE(a_first_start_that_was_aborted_is_a_first_start_again),
        WITH_FIXTURE(a_group_without_state_is_refused),
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
        WITH_FIXTURE(what_is_acknowledged_and_not_yet_visible_is_waited_for),
        WITH_FIXTURE(the_end_is_that_of_read_uncommitted),
        WITH_FIXTURE(a_log_that_hangs_is_waited_for),
        WITH_FIXTURE(the_producer_is_renewed_before_anything_is_read),
        WITH_FIXTURE(partitions_may_go_in_the_middle),
        WITH_FIXTURE(only_what_is_owned_is_restored),
        cmocka_unit_test(a_group_offset_that_is_missing_or_behind_is_mended),
        WITH_FIXTURE(a_group_offset_that_is_ahead_is_refused),
        WITH_FIXTURE(progress_beyond_the_end_of_the_log_is_refused),
        WITH_FIXTURE(a_log_that_begins_after_the_progress_is_refused),
        WITH_FIXTURE(records_without_progress_are_refused),
        WITH_FIXTURE(the_state_of_another_group_is_refused),
        WITH_FIXTURE(a_damaged_progress_record_is_fatal),
        WITH_FIXTURE(progress_of_a_newer_planlift_is_fatal),
        WITH_FIXTURE(a_log_that_lacks_records_is_fatal),
        WITH_FIXTURE(an_intruder_is_fatal),
        WITH_FIXTURE(an_intruder_before_our_marker_is_fatal),
        WITH_FIXTURE(a_copy_of_our_progress_there_is_fatal),
        WITH_FIXTURE(two_histories_in_one_log_are_fatal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
