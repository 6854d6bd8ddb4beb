/* Unit tests of pipeline/batch.c: inbox, overlay, parts, checkpoint. */
#include "outcome.h"

static int set_up_run(void **state)
{
    struct fixture *fixture = open_fixture();

    open_restored_run(fixture);
    pl_batch_begin(&fixture->run, &fixture->batch);
    *state = fixture;
    return 0;
}

#define WITH_RUN(test) cmocka_unit_test_setup_teardown((test), set_up_run, tear_down)

/* ---- inbox ----------------------------------------------------------------------------------- */

static void records_stay_in_order_and_are_released_once(void **state)
{
    struct fixture *fixture = *state;
    struct pl_run *run = &fixture->run;

    for (int i = 0; i < 1000; i++) {
        (void)send_grant(fixture, "c1");
    }
    fill_inbox(fixture);
    assert_int_equal(run->inbox.count, 1000);
    assert_int_equal(fixture->process.held_records, 1000);
    pl_inbox_drop(run, 0);
    pl_inbox_drop(run, 400);
    assert_int_equal(run->inbox.count, 600);
    assert_int_equal(fixture->process.held_records, 600);
    for (size_t i = 0; i < 600; i++) {
        assert_int_equal(run->inbox.records[i].offset, 400 + i);
    }
    pl_inbox_drop(run, 600);
    assert_int_equal(fixture->process.held_records, 0);
    assert_int_equal(run->inbox.bytes, 0);
}

static void it_is_full_by_number(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.batch_max_records = 3;
    for (int i = 0; i < 3; i++) {
        assert_false(pl_inbox_is_full(&fixture->run));
        (void)send_grant(fixture, "c1");
        assert_int_equal(pl_serve_group(&fixture->run, 0, &fixture->error), PL_OK);
    }
    assert_true(pl_inbox_is_full(&fixture->run));
}

/* I13: whatever the number of records. */
static void it_is_full_by_bytes(void **state)
{
    struct fixture *fixture = *state;
    struct pl_bytes value = pl_bytes_of(long_text(fixture, 1000000));

    fixture->options.batch_max_records = 1000;
    for (int i = 0; i < 34; i++) {
        assert_false(pl_inbox_is_full(&fixture->run));
        (void)send_to(fixture, PL_TOPIC_EVENTS, 1, PL_BYTES_LITERAL("c1"), value);
        assert_int_equal(pl_serve_group(&fixture->run, 0, &fixture->error), PL_OK);
    }
    assert_true(pl_inbox_is_full(&fixture->run));
    pl_inbox_drop(&fixture->run, 1);
    assert_false(pl_inbox_is_full(&fixture->run));
}

/* ---- overlay --------------------------------------------------------------------------------- */

static struct pl_entry *entry_of(struct fixture *fixture, int32_t partition, const char *customer)
{
    return pl_batch_entry(&fixture->run, &fixture->batch, partition, pl_bytes_of(customer));
}

static void a_customer_has_one_entry(void **state)
{
    struct fixture *fixture = *state;
    struct pl_entry *entry = entry_of(fixture, 1, "c1");

    assert_int_equal(entry->partition, 1);
    assert_false(entry->is_read);
    assert_int_equal(entry->customer.version, 0);
    assert_text(entry->customer.customer_id, "c1");
    assert_ptr_equal(entry_of(fixture, 1, "c1"), entry);
    assert_ptr_not_equal(entry_of(fixture, 0, "c1"), entry);
    assert_ptr_not_equal(entry_of(fixture, 1, "c"), entry);
    assert_ptr_not_equal(entry_of(fixture, 1, "c11"), entry);
}

/* More than it had room for at first: all are found again, and in the order of the first touch. */
static void there_may_be_any_number_of_customers(void **state)
{
    struct fixture *fixture = *state;
    struct pl_entry **entries = pl_arena_zalloc(&fixture->arena, 5000, sizeof(struct pl_entry *));
    const struct pl_entry *listed;

    for (int i = 0; i < 5000; i++) {
        entries[i] = entry_of(fixture, i % 2, numbered(fixture, "customer-", i));
    }
    for (int i = 0; i < 5000; i++) {
        assert_ptr_equal(entry_of(fixture, i % 2, numbered(fixture, "customer-", i)), entries[i]);
    }
    listed = fixture->batch.parts[1]->first;
    for (int i = 1; i < 5000; i += 2) {
        assert_ptr_equal(listed, entries[i]);
        listed = listed->next;
    }
    assert_null(listed);
    assert_int_equal(fixture->batch.overlay.count, 5000);
}

/* ---- parts ----------------------------------------------------------------------------------- */

static void a_part_begins_with_the_progress_of_its_partition(void **state)
{
    struct fixture *fixture = *state;
    struct pl_part *part;

    fixture->run.partitions[1].progress.next[PL_TOPIC_EVENTS] = 77;
    part = pl_batch_part(&fixture->run, &fixture->batch, 1);
    assert_int_equal(part->progress.next[PL_TOPIC_EVENTS], 77);
    assert_ptr_equal(part->partition, &fixture->run.partitions[1]);
    assert_ptr_equal(pl_batch_part(&fixture->run, &fixture->batch, 1), part);
    assert_null(fixture->batch.parts[0]);
}

static void a_new_batch_has_nothing_of_the_last(void **state)
{
    struct fixture *fixture = *state;

    send_customer(fixture, "c1");
    (void)send_request(fixture, "c1", "r1", PL_OPERATION_CHECK, "s");
    decide_all(fixture);
    assert_true(fixture->batch.outbox.len > 0);
    fixture->world.wall_ms += 5;
    pl_batch_begin(&fixture->run, &fixture->batch);
    assert_int_equal(fixture->batch.outbox.len, 0);
    assert_int_equal(fixture->batch.outgoing_count, 0);
    assert_int_equal(fixture->batch.overlay.count, 0);
    assert_null(fixture->batch.parts[1]);
    assert_int_equal(fixture->batch.now_ms, fixture->world.wall_ms);
}

/* ---- checkpoint ------------------------------------------------------------------------------ */

static void a_seal_says_what_the_cache_holds(void **state)
{
    struct fixture *fixture = *state;
    struct pl_partition partition = fixture->run.partitions[1];
    struct pl_buffer sealed = {NULL, 0, 0};
    struct pl_checkpoint checkpoint;

    partition.next_offset = 1234;
    partition.progress_offset = 1200;
    partition.progress.pieces = 17;
    pl_buffer_put(&sealed, "older", 5);
    pl_partition_seal(&fixture->run, &partition, false, &sealed);
    assert_ok(fixture, pl_checkpoint_decode(since_start(&sealed), &checkpoint, &fixture->error));
    assert_int_equal(checkpoint.next_offset, 1234);
    assert_int_equal(checkpoint.progress_offset, 1200);
    assert_int_equal(checkpoint.progress.pieces, 17);
    assert_int_equal(checkpoint.written_ms, fixture->world.wall_ms);
    assert_false(checkpoint.is_whole);
    assert_bytes(checkpoint.cluster_id, CLUSTER_ID);
    assert_bytes(checkpoint.progress.group_id, GROUP_ID);
    pl_buffer_done(&sealed);
}

static void no_checkpoint_is_null(void **state)
{
    const struct pl_partition partition = {.number = 0};

    (void)state;
    assert_null(pl_partition_checkpoint(&partition).data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RUN(records_stay_in_order_and_are_released_once),
        WITH_RUN(it_is_full_by_number),
        WITH_RUN(it_is_full_by_bytes),
        WITH_RUN(a_customer_has_one_entry),
        WITH_RUN(there_may_be_any_number_of_customers),
        WITH_RUN(a_part_begins_with_the_progress_of_its_partition),
        WITH_RUN(a_new_batch_has_nothing_of_the_last),
        WITH_RUN(a_seal_says_what_the_cache_holds),
        WITH_RUN(no_checkpoint_is_null),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
