/* Unit tests of pipeline/load.c: what is read of the cache, and when it is believed (design I1,
 * I2).
 */
#include "outcome.h"

#define PARTITION 1 /* c1 and c3 live there; c2 in partition 0 */

static struct pl_fake_map *hash(struct fixture *fixture)
{
    return &fixture->world.hashes[PARTITION];
}

/* A customer whose licences take two chunks, and one request answered; all in the cache. */
static int set_up_customer(void **state)
{
    struct fixture *fixture = open_fixture();

    open_restored_run(fixture);
    send_customer(fixture, "c1");
    for (int user = 0; user < 40; user++) {
        (void)send_licence(fixture, "c1", "s", numbered(fixture, "u", user), "name");
    }
    (void)send_request(fixture, "c1", "r1", PL_OPERATION_CHECK, "s");
    process_all(fixture);
    *state = fixture;
    return 0;
}

#define WITH_CUSTOMER(test) cmocka_unit_test_setup_teardown((test), set_up_customer, tear_down)

static enum pl_status load_batch(struct fixture *fixture)
{
    return pl_load_batch(&fixture->run, &fixture->batch, &fixture->error);
}

static struct pl_customer *customer_of(struct fixture *fixture, size_t item)
{
    return &fixture->batch.items[item].entry->customer;
}

static size_t loaded_chunks(const struct pl_customer *customer)
{
    size_t loaded = 0;

    for (size_t i = 0; i < customer->subscriptions[0].chunk_count; i++) {
        loaded += customer->subscriptions[0].chunks[i].is_loaded ? 1 : 0;
    }
    return loaded;
}

static unsigned reads(const struct fixture *fixture)
{
    return fixture->process.calls[PL_FAKE_CACHE_READ];
}

/* ---- what is read ---------------------------------------------------------------------------- */

static void an_unknown_customer_is_empty(void **state)
{
    struct fixture *fixture = *state;

    (void)send_grant(fixture, "c3");
    load_all(fixture);
    assert_int_equal(customer_of(fixture, 0)->version, 0);
    assert_false(customer_of(fixture, 0)->is_stored);
}

/* I2: an event about one user needs the head and the user's chunk. */
static void an_event_loads_the_chunk_it_needs(void **state)
{
    struct fixture *fixture = *state;
    unsigned before = reads(fixture);

    (void)send_licence(fixture, "c1", "s", "u5", "other name");
    load_all(fixture);
    assert_int_equal(customer_of(fixture, 0)->version, 42);
    assert_int_equal(customer_of(fixture, 0)->subscriptions[0].chunk_count, 2);
    assert_int_equal(loaded_chunks(customer_of(fixture, 0)), 1);
    assert_non_null(
        pl_licences_find(&customer_of(fixture, 0)->subscriptions[0], PL_BYTES_LITERAL("u5")));
    assert_int_equal(reads(fixture), before + 2); /* heads, then chunks */
}

static void the_head_is_enough_for_many(void **state)
{
    struct fixture *fixture = *state;
    unsigned before = reads(fixture);

    (void)send_grant(fixture, "c1");
    (void)send_subscription(fixture, "c1", "s", "premium", 2);
    load_all(fixture);
    assert_int_equal(loaded_chunks(customer_of(fixture, 0)), 0);
    assert_int_equal(reads(fixture), before + 1);
}

/* Two reads, however many records, customers and partitions (I2). */
static void a_batch_reads_twice_at_most(void **state)
{
    struct fixture *fixture = *state;
    unsigned before = reads(fixture);

    send_customer(fixture, "c2");
    send_customer(fixture, "c3");
    for (int user = 0; user < 40; user++) {
        (void)send_licence(fixture, "c1", "s", numbered(fixture, "u", user), "again");
        (void)send_licence(fixture, "c3", "s", numbered(fixture, "u", user), "new");
    }
    (void)send_request(fixture, "c1", "r2", PL_OPERATION_UPGRADE, "s");
    load_all(fixture);
    assert_int_equal(reads(fixture), before + 2);
    assert_int_equal(loaded_chunks(customer_of(fixture, fixture->batch.count - 1)), 2);
    assert_int_equal(pl_decide_batch(&fixture->run, &fixture->batch, &fixture->error), PL_OK);
    assert_int_equal(reads(fixture), before + 2);
}

static void dead_letters_need_nothing(void **state)
{
    struct fixture *fixture = *state;
    unsigned before = reads(fixture);

    (void)send_licence(fixture, "c1", "s", "", "invalid");
    load_all(fixture);
    assert_int_equal(reads(fixture), before);
    assert_null(fixture->batch.items[0].entry);
}

static void records_of_one_customer_share_an_entry(void **state)
{
    struct fixture *fixture = *state;

    (void)send_grant(fixture, "c1");
    (void)send_grant(fixture, "c3");
    (void)send_grant(fixture, "c1");
    load_all(fixture);
    assert_ptr_equal(fixture->batch.items[0].entry, fixture->batch.items[2].entry);
    assert_ptr_not_equal(fixture->batch.items[0].entry, fixture->batch.items[1].entry);
}

/* Needs that show only when the records before are applied: a subscription comes back as another
 * customer's would, a licence moves along a chain. */
static void what_only_the_records_before_tell_is_read_later(void **state)
{
    struct fixture *fixture = *state;
    unsigned before;

    (void)send_subscription(fixture, "c1", "t", "basic", 1);
    (void)send_licence(fixture, "c1", "t", "u5", "in both");
    process_all(fixture);
    (void)send_request(fixture, "c1", "r2", PL_OPERATION_UPGRADE, "s");
    (void)send_licence(fixture, "c1", "s", "u98", "goes to the new one");
    load_all(fixture);
    before = reads(fixture);
    assert_int_equal(pl_decide_batch(&fixture->run, &fixture->batch, &fixture->error), PL_OK);
    assert_in_range(reads(fixture), before, before + 1);
    pl_encode_batch(&fixture->run, &fixture->batch);
    assert_int_equal(pl_commit_batch(&fixture->run, &fixture->batch, &fixture->error), PL_OK);
    assert_non_null(strstr(customers_text(fixture), "goes to the new one"));
}

/* ---- while a batch is in flight -------------------------------------------------------------- */

static void land(struct fixture *fixture)
{
    assert_ok(fixture, pl_land_batch(&fixture->run, &fixture->error));
    assert_ok(fixture, pl_cache_batch(&fixture->run, &fixture->run.batches[0], &fixture->error));
}

/* Changed pieces are as that batch will have made them, the others as the cache has them. */
static void what_the_batch_in_flight_changes_is_seen(void **state)
{
    struct fixture *fixture = *state;
    struct pl_customer *customer;

    (void)send_licence(fixture, "c1", "s", "u5", "a new name");
    launch_all(fixture);
    (void)send_request(fixture, "c1", "r1", PL_OPERATION_CHECK, "s");
    (void)send_request(fixture, "c1", "r2", PL_OPERATION_UPGRADE, "s");
    load_all(fixture);
    customer = customer_of(fixture, 0);
    assert_int_equal(customer->version, 43);
    assert_int_equal(loaded_chunks(customer), customer->subscriptions[0].chunk_count);
    assert_null(strstr(customers_text(fixture), "a new name")); /* it has not landed */
    assert_ok(fixture, pl_decide_batch(&fixture->run, &fixture->batch, &fixture->error));
    assert_int_equal(fixture->batch.outgoing_count, 1); /* r1 is a repeat */
    pl_encode_batch(&fixture->run, &fixture->batch);
    land(fixture);
    assert_ok(fixture, pl_commit_batch(&fixture->run, &fixture->batch, &fixture->error));
    assert_ok(fixture, pl_cache_batch(&fixture->run, &fixture->batch, &fixture->error));
    assert_non_null(strstr(customers_text(fixture), "a new name"));
    assert_cache_is_current(fixture, PARTITION);
    assert_offsets_agree(fixture, PARTITION);
}

static void a_request_of_the_batch_in_flight_is_known(void **state)
{
    struct fixture *fixture = *state;

    (void)send_request(fixture, "c1", "r2", PL_OPERATION_CHECK, "s");
    launch_all(fixture);
    (void)send_request(fixture, "c1", "r2", PL_OPERATION_CHECK, "s");
    decide_all(fixture);
    assert_int_equal(fixture->batch.outgoing_count, 0);
    land(fixture);
}

static void a_customer_that_is_made_in_flight_is_seen(void **state)
{
    struct fixture *fixture = *state;

    send_customer(fixture, "c3");
    launch_all(fixture);
    (void)send_request(fixture, "c3", "r1", PL_OPERATION_CHECK, "s");
    load_all(fixture);
    assert_int_equal(customer_of(fixture, 0)->version, 2);
    land(fixture);
}

static void one_that_is_erased_in_flight_is_gone(void **state)
{
    struct fixture *fixture = *state;

    (void)send_erasure(fixture, "c1");
    launch_all(fixture);
    (void)send_request(fixture, "c1", "r2", PL_OPERATION_CHECK, "s");
    load_all(fixture);
    assert_int_equal(customer_of(fixture, 0)->subscription_count, 0);
    land(fixture);
}

/* The cache is proven current even where nothing of it is needed (I1). */
static void the_checkpoint_is_read_all_the_same(void **state)
{
    struct fixture *fixture = *state;

    send_customer(fixture, "c3");
    launch_all(fixture);
    pl_fake_map_clear(hash(fixture));
    (void)send_grant(fixture, "c3");
    decode_all(fixture);
    assert_int_equal(load_batch(fixture), PL_ABORT);
    assert_ok(fixture, pl_land_batch(&fixture->run, &fixture->error));
}

/* ---- too much for one batch ------------------------------------------------------------------ */

/* I13: customers of 25,000 licences, each of which needs about 1,000 chunks. */
#define HUGE_CUSTOMERS 20
#define HUGE_LICENCES 25000

static void put_huge_customer(struct fixture *fixture, const char *id, struct pl_buffer *buffer,
                              struct pl_state_changes *changes)
{
    struct pl_arena *arena = &fixture->arena;
    struct pl_customer customer;
    struct pl_subscription *subscription;

    pl_customer_init(&customer, pl_bytes_of(id));
    customer.version = 1;
    subscription = pl_customer_add(&customer, PL_BYTES_LITERAL("s"), arena);
    subscription->offer_id = PL_BYTES_LITERAL("basic");
    subscription->status = PL_STATUS_ACTIVE;
    subscription->quantity = HUGE_LICENCES;
    subscription->partner_id = PL_BYTES_LITERAL(PARTNER);
    pl_customer_set_grant(&customer, PL_BYTES_LITERAL(PARTNER), (struct pl_names){NULL, 0}, arena);
    for (int user = 0; user < HUGE_LICENCES; user++) {
        const struct pl_licence licence = {.user_id = pl_arena_format(arena, "user-%d", user),
                                           .user_principal_name = PL_BYTES_LITERAL("u@x")};

        pl_licences_put(&customer, pl_customer_find(&customer, PL_BYTES_LITERAL("s")), &licence,
                        arena);
    }
    pl_state_encode(&customer, arena, buffer, changes);
}

/* Straight into the state log, as if it had been taken in. */
static void put_huge_customers(struct fixture *fixture)
{
    struct pl_state_changes changes = {.items = NULL};
    struct pl_progress progress = {.group_id = GROUP_ID, .incarnation = "huge"};
    struct pl_buffer buffer = {NULL, 0, 0};
    size_t position;

    for (int i = 0, made = 0; made < HUGE_CUSTOMERS; i++) {
        const char *id = numbered(fixture, "huge-", i);

        if (place_of(fixture, id) == PARTITION) {
            put_huge_customer(fixture, id, &buffer, &changes);
            (void)send_request(fixture, id, "r1", PL_OPERATION_CHECK, "s");
            made++;
        }
    }
    for (size_t i = 0; i < changes.count; i++) {
        const struct pl_state_change *change = &changes.items[i];

        assert_false(change->is_deleted);
        (void)send_to(fixture, PL_TOPIC_STATE, PARTITION, change->field,
                      (struct pl_bytes){buffer.data + change->value_position, change->value_len});
    }
    progress.pieces = changes.pieces_delta;
    position = buffer.len;
    pl_progress_encode(&progress, &buffer);
    (void)send_to(fixture, PL_TOPIC_STATE, PARTITION, PL_PROGRESS_FIELD,
                  pl_buffer_since(&buffer, position));
    pl_buffer_done(&buffer);
}

static void a_batch_that_needs_too_much_is_cut(void **state)
{
    struct fixture *fixture = *state;
    size_t loaded;

    put_huge_customers(fixture);
    open_restored_run(fixture);
    load_all(fixture);
    loaded = fixture->batch.count;
    assert_in_range(loaded, 2, HUGE_CUSTOMERS - 1);
    for (size_t i = 0; i < loaded; i++) {
        assert_int_equal(loaded_chunks(customer_of(fixture, i)),
                         customer_of(fixture, i)->subscriptions[0].chunk_count);
    }
    assert_int_equal(pl_decide_batch(&fixture->run, &fixture->batch, &fixture->error), PL_OK);
    assert_int_equal(fixture->batch.count, loaded);
    /* The others' heads were read and leave no trace. */
    pl_encode_batch(&fixture->run, &fixture->batch);
    assert_int_equal(pl_commit_batch(&fixture->run, &fixture->batch, &fixture->error), PL_OK);
    pl_inbox_drop(&fixture->run, loaded);
    assert_int_equal(pl_cache_batch(&fixture->run, &fixture->batch, &fixture->error), PL_OK);
    assert_int_equal(fixture->run.partitions[PARTITION].progress.next[PL_TOPIC_REQUESTS], loaded);
    assert_cache_is_current(fixture, PARTITION);
}

/* ---- when it is not believed ----------------------------------------------------------------- */

static void assert_load_fails(struct fixture *fixture, enum pl_status status, const char *text)
{
    enum pl_status found;

    (void)send_licence(fixture, "c1", "s", "u5", "other name");
    decode_all(fixture);
    found = load_batch(fixture);
    if (found != status || strstr(fixture->error.text, text) == NULL) {
        fail_msg("%s: %s", pl_status_name(found), fixture->error.text);
    }
}

/* After the failure, recovering brings everything back. */
static void assert_recovers(struct fixture *fixture)
{
    assert_int_equal(pl_recover(&fixture->run, &fixture->error), PL_OK);
    assert_cache_is_current(fixture, PARTITION);
    load_all(fixture);
    assert_int_equal(customer_of(fixture, 0)->version, 42);
}

static void an_empty_cache(void **state)
{
    struct fixture *fixture = *state;

    pl_fake_flush_hashes(&fixture->world);
    assert_load_fails(fixture, PL_ABORT, "partition 1 is not current (empty)");
    assert_recovers(fixture);
}

static void a_cache_that_is_away(void **state)
{
    struct fixture *fixture = *state;

    pl_fake_fail(
        &fixture->process,
        (struct pl_fake_fault){.call = PL_FAKE_CACHE_READ, .times = 1, .status = PL_AGAIN});
    assert_load_fails(fixture, PL_AGAIN, "CACHE_READ fails");
}

static void change_checkpoint(struct fixture *fixture, int64_t offsets, int64_t progress)
{
    struct pl_checkpoint checkpoint = stored_checkpoint(fixture, PARTITION);

    checkpoint.next_offset += offsets;
    checkpoint.progress_offset += progress;
    checkpoint.written_ms++;
    fixture->buffer.len = 0;
    pl_checkpoint_encode(&checkpoint, &fixture->buffer);
    pl_fake_map_put(hash(fixture), PL_PROGRESS_FIELD, since_start(&fixture->buffer));
}

/* I1: the very same bytes, or nothing. */
static void another_checkpoint_of_the_same_place(void **state)
{
    struct fixture *fixture = *state;

    change_checkpoint(fixture, 0, 0);
    assert_load_fails(fixture, PL_ABORT, "not current (another checkpoint)");
    assert_recovers(fixture);
}

static void a_checkpoint_behind_ours(void **state)
{
    struct fixture *fixture = *state;

    change_checkpoint(fixture, -2, -2);
    assert_load_fails(fixture, PL_ABORT, "not current (another checkpoint)");
}

/* I3: somebody has committed after us: the partition is not ours any more. */
static void a_checkpoint_with_newer_progress(void **state)
{
    struct fixture *fixture = *state;

    change_checkpoint(fixture, 3, 3);
    assert_load_fails(fixture, PL_AGAIN, "another one has taken the partition over");
}

/* Somebody has read on to a later end, which a transaction that was aborted moves too: that alone
 * does not mean that the partition is another's now. */
static void a_checkpoint_that_is_only_further_on(void **state)
{
    struct fixture *fixture = *state;

    change_checkpoint(fixture, 3, 0);
    assert_load_fails(fixture, PL_ABORT, "not current (another checkpoint)");
}

static void a_field_that_is_gone_or_too_much(void **state)
{
    struct fixture *fixture = *state;

    pl_fake_map_put(hash(fixture), PL_BYTES_LITERAL("a0/c1"), PL_NULL_BYTES);
    assert_load_fails(fixture, PL_ABORT, "some were lost or added");
    assert_int_equal(hash(fixture)->count, 0); /* thrown away: it is wrong in itself */
    assert_recovers(fixture);
    pl_fake_map_put(hash(fixture), PL_BYTES_LITERAL("x"), PL_BYTES_LITERAL("y"));
    assert_load_fails(fixture, PL_ABORT, "some were lost or added");
    assert_recovers(fixture);
}

/* The customer's fields that begin with a prefix. */
static void replace_fields(struct fixture *fixture, const char *prefix, struct pl_bytes value)
{
    struct pl_fake_map *map = hash(fixture);

    for (size_t i = 0; i < map->count; i++) {
        struct pl_bytes key = map->pairs[i].key;

        if (key.len > strlen(prefix) && memcmp(key.data, prefix, strlen(prefix)) == 0) {
            pl_fake_map_put(map, pl_arena_copy(&fixture->arena, key), value);
        }
    }
}

static void a_head_or_a_chunk_that_is_garbled(void **state)
{
    struct fixture *fixture = *state;

    replace_fields(fixture, "h/", PL_BYTES_LITERAL("\1 garbled, whatever it was"));
    assert_load_fails(fixture, PL_ABORT, "cache of partition 1");
    assert_int_equal(hash(fixture)->count, 0);
    assert_recovers(fixture);
    replace_fields(fixture, "l", PL_BYTES_LITERAL("\1 garbled, whatever it was"));
    assert_load_fails(fixture, PL_ABORT, "cache of partition 1");
    assert_recovers(fixture);
}

/* An older copy of a chunk is whole, but not what the head says. */
static void a_chunk_that_is_stale(void **state)
{
    struct fixture *fixture = *state;
    struct pl_fake_map before = {NULL, 0, 0};

    pl_fake_map_copy(hash(fixture), &before);
    for (int user = 0; user < 40; user++) {
        (void)send_licence(fixture, "c1", "s", numbered(fixture, "u", user), "newer");
    }
    process_all(fixture);
    for (size_t i = 0; i < before.count; i++) {
        if (before.pairs[i].key.data[0] == 'l') {
            pl_fake_map_put(hash(fixture), before.pairs[i].key, before.pairs[i].value);
        }
    }
    pl_fake_map_clear(&before);
    assert_load_fails(fixture, PL_ABORT, "licence chunk has revision 1, its head knows 2");
}

static void answered_requests_that_are_stale(void **state)
{
    struct fixture *fixture = *state;
    struct pl_bytes before =
        pl_arena_copy(&fixture->arena, pl_fake_map_get(hash(fixture), PL_BYTES_LITERAL("a0/c1")));

    (void)send_request(fixture, "c1", "r2", PL_OPERATION_CHECK, "s");
    process_all(fixture);
    pl_fake_map_put(hash(fixture), PL_BYTES_LITERAL("a0/c1"), before);
    (void)send_request(fixture, "c1", "r2", PL_OPERATION_CHECK, "s");
    decode_all(fixture);
    assert_int_equal(load_batch(fixture), PL_ABORT);
    assert_non_null(strstr(fixture->error.text, "are not those that its head knows"));
}

/* Where the cache is changed between the two reads, the second one shows it. */
static void flush_before_second_read(void *self, struct pl_fake_process *process,
                                     enum pl_fake_call call)
{
    struct fixture *fixture = self;

    if (call == PL_FAKE_CACHE_READ && process->calls[call] == fixture->sent) {
        pl_fake_flush_hashes(&fixture->world);
    }
}

static void a_cache_that_goes_between_the_reads(void **state)
{
    struct fixture *fixture = *state;

    (void)send_licence(fixture, "c1", "s", "u5", "other name");
    decode_all(fixture);
    fixture->sent = reads(fixture) + 1;
    fixture->world.hook = flush_before_second_read;
    fixture->world.hook_self = fixture;
    assert_int_equal(load_batch(fixture), PL_ABORT);
    assert_non_null(strstr(fixture->error.text, "not current (empty)"));
}

/* Where the state topic itself is damaged, making the cache anew does not help: it ends. */
static void damage_that_stays(void **state)
{
    struct fixture *fixture = *state;
    enum pl_status status = PL_ABORT;
    int tries = 0;

    struct pl_fake_log *log = pl_fake_log(&fixture->world.broker, PL_TOPIC_STATE, PARTITION);

    for (int64_t offset = 0; offset < log->end; offset++) {
        if (pl_bytes_equal(log->entries[offset]->key, PL_BYTES_LITERAL("h/c1"))) {
            log->entries[offset]->value = PL_BYTES_LITERAL("\1 garbled, in the log itself");
        }
    }
    pl_fake_map_clear(hash(fixture));
    (void)send_grant(fixture, "c1");
    for (; status == PL_ABORT && tries < 100; tries++) {
        assert_int_equal(pl_recover(&fixture->run, &fixture->error), PL_OK);
        decode_all(fixture);
        status = load_batch(fixture);
    }
    assert_int_equal(status, PL_FATAL);
    assert_in_range(tries, 2, 20);
    assert_non_null(strstr(fixture->error.text, "state topic"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CUSTOMER(an_unknown_customer_is_empty),
        WITH_CUSTOMER(an_event_loads_the_chunk_it_needs),
        WITH_CUSTOMER(the_head_is_enough_for_many),
        WITH_CUSTOMER(a_batch_reads_twice_at_most),
        WITH_CUSTOMER(dead_letters_need_nothing),
        WITH_CUSTOMER(records_of_one_customer_share_an_entry),
        WITH_CUSTOMER(what_only_the_records_before_tell_is_read_later),
        WITH_CUSTOMER(what_the_batch_in_flight_changes_is_seen),
        WITH_CUSTOMER(a_request_of_the_batch_in_flight_is_known),
        WITH_CUSTOMER(a_customer_that_is_made_in_flight_is_seen),
        WITH_CUSTOMER(one_that_is_erased_in_flight_is_gone),
        WITH_CUSTOMER(the_checkpoint_is_read_all_the_same),
        WITH_FIXTURE(a_batch_that_needs_too_much_is_cut),
        WITH_CUSTOMER(an_empty_cache),
        WITH_CUSTOMER(a_cache_that_is_away),
        WITH_CUSTOMER(another_checkpoint_of_the_same_place),
        WITH_CUSTOMER(a_checkpoint_behind_ours),
        WITH_CUSTOMER(a_checkpoint_with_newer_progress),
        WITH_CUSTOMER(a_checkpoint_that_is_only_further_on),
        WITH_CUSTOMER(a_field_that_is_gone_or_too_much),
        WITH_CUSTOMER(a_head_or_a_chunk_that_is_garbled),
        WITH_CUSTOMER(a_chunk_that_is_stale),
        WITH_CUSTOMER(answered_requests_that_are_stale),
        WITH_CUSTOMER(a_cache_that_goes_between_the_reads),
        WITH_CUSTOMER(damage_that_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
