/* Unit tests of pipeline/look.c: what can be told to be wrong is refused while everything is still
 * as it was. */
#include <xxhash.h>

#include "outcome.h"

#define PARTITION 1 /* of two: the other one is looked at, and would be restored, before it */

static struct pl_fake_log *state_log(struct fixture *fixture)
{
    return pl_fake_log(&fixture->world.broker, PL_TOPIC_STATE, PARTITION);
}

/* State in both partitions, of a process that is gone again. */
static void take_in_customers(struct fixture *fixture)
{
    send_customer(fixture, "c1");
    send_customer(fixture, "c2");
    assert_int_not_equal(place_of(fixture, "c1"), place_of(fixture, "c2"));
    run_to_the_end(fixture);
    restart_process(fixture);
}

static void put_progress(struct fixture *fixture, struct pl_bytes value)
{
    (void)send_to(fixture, PL_TOPIC_STATE, PARTITION, PL_PROGRESS_FIELD, value);
}

/* The value under the next format version. */
static struct pl_bytes newer(struct fixture *fixture, struct pl_bytes value)
{
    const struct pl_bytes field = PL_PROGRESS_FIELD;
    const unsigned char version = 3;
    const size_t head = 9;
    uint64_t sum = XXH3_64bits_withSeed(value.data + head, value.len - head,
                                        XXH3_64bits_withSeed(field.data, field.len, version));

    fixture->buffer.len = 0;
    pl_buffer_put_byte(&fixture->buffer, version);
    for (int i = 0; i < 8; i++) {
        pl_buffer_put_byte(&fixture->buffer, (unsigned char)(sum >> (8 * i)));
    }
    pl_buffer_put(&fixture->buffer, value.data + head, value.len - head);
    return since_start(&fixture->buffer);
}

/* Recovery fails with this text, and Redis, the state log and the group are not touched. */
static void assert_refused(struct fixture *fixture, const char *text)
{
    const unsigned *calls = fixture->process.calls;
    int64_t end = state_log(fixture)->end;
    enum pl_status status;

    open_run(fixture);
    status = pl_recover(&fixture->run, &fixture->error);
    if (status != PL_FATAL || strstr(fixture->error.text, text) == NULL) {
        fail_msg("%s: %s; not fatal: %s", pl_status_name(status), fixture->error.text, text);
    }
    assert_int_equal(calls[PL_FAKE_CACHE_DROP], 0);
    assert_int_equal(calls[PL_FAKE_CACHE_UPDATE], 0);
    assert_int_equal(calls[PL_FAKE_BEGIN], 0);
    assert_int_equal(state_log(fixture)->end, end);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void progress_of_a_newer_planlift(void **state)
{
    struct fixture *fixture = *state;
    struct pl_fake_map folded = {NULL, 0, 0};
    struct pl_bytes progress;
    int64_t offset;

    take_in_customers(fixture);
    fold_state(fixture, PARTITION, &folded, &progress, &offset);
    put_progress(fixture, newer(fixture, progress));
    pl_fake_flush_hashes(&fixture->world);
    assert_refused(fixture, "newer planlift");
    assert_non_null(strstr(fixture->error.text, "state/1 offset"));
    pl_fake_map_clear(&folded);
}

static void a_checkpoint_of_a_newer_planlift(void **state)
{
    struct fixture *fixture = *state;
    struct pl_fake_map *hash = &fixture->world.hashes[PARTITION];

    take_in_customers(fixture);
    pl_fake_map_put(hash, PL_PROGRESS_FIELD,
                    newer(fixture, pl_fake_map_get(hash, PL_PROGRESS_FIELD)));
    pl_fake_map_clear(&fixture->world.hashes[0]);
    assert_refused(fixture, "newer planlift");
    assert_non_null(strstr(fixture->error.text, "planlift:{group-1:p1}"));
}

static void put_progress_of_another_group(struct fixture *fixture)
{
    int64_t offset;
    struct pl_progress progress = last_progress(fixture, PARTITION, &offset);

    progress.group_id = PL_BYTES_LITERAL("group-2");
    fixture->buffer.len = 0;
    pl_progress_encode(&progress, &fixture->buffer);
    put_progress(fixture, since_start(&fixture->buffer));
}

static void the_state_of_another_deployment(void **state)
{
    struct fixture *fixture = *state;

    take_in_customers(fixture);
    put_progress_of_another_group(fixture);
    pl_fake_flush_hashes(&fixture->world);
    assert_refused(fixture, "another deployment");
}

/* It is found however many aborted transactions follow it. */
static void a_progress_record_that_is_not_the_last(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_message message = {.topic = PL_TOPIC_STATE,
                                       .partition = PARTITION,
                                       .key = PL_PROGRESS_FIELD,
                                       .value = PL_BYTES_LITERAL("aborted")};

    take_in_customers(fixture);
    put_progress_of_another_group(fixture);
    for (int i = 0; i < 600; i++) {
        struct pl_fake_session session = pl_fake_open_producer(&fixture->world.broker, "other");
        int64_t offset;

        assert_int_equal(pl_fake_begin(&fixture->world.broker, session), PL_OK);
        assert_int_equal(pl_fake_produce(&fixture->world.broker, session, &message, &offset),
                         PL_OK);
        assert_int_equal(pl_fake_end(&fixture->world.broker, session, false), PL_OK);
    }
    pl_fake_flush_hashes(&fixture->world);
    assert_refused(fixture, "another deployment");
}

/* Redis is the last that knows the state then. */
static void a_state_topic_made_anew(void **state)
{
    struct fixture *fixture = *state;

    take_in_customers(fixture);
    pl_fake_recreate(state_log(fixture));
    assert_refused(fixture, "lost or made anew");
    assert_true(fixture->world.hashes[PARTITION].count > 1);
}

static void a_group_offset_ahead(void **state)
{
    struct fixture *fixture = *state;

    take_in_customers(fixture);
    pl_fake_flush_hashes(&fixture->world);
    fixture->world.broker.group_offsets[PARTITION][PL_TOPIC_EVENTS]++;
    assert_refused(fixture, "ahead of what the state has taken in (2)");
}

static void an_input_made_anew(void **state)
{
    struct fixture *fixture = *state;

    take_in_customers(fixture);
    pl_fake_flush_hashes(&fixture->world);
    pl_fake_recreate(pl_fake_log(&fixture->world.broker, PL_TOPIC_EVENTS, PARTITION));
    assert_refused(fixture, "the log ends at 0");
}

/* ---- what is not ----------------------------------------------------------------------------- */

static void assert_recovers(struct fixture *fixture)
{
    open_restored_run(fixture);
    for (int32_t partition = 0; partition < PARTITIONS; partition++) {
        assert_cache_is_current(fixture, partition);
        assert_offsets_agree(fixture, partition);
    }
}

static void an_empty_world(void **state)
{
    assert_recovers(*state);
}

static void a_lost_cache(void **state)
{
    struct fixture *fixture = *state;

    take_in_customers(fixture);
    pl_fake_flush_hashes(&fixture->world);
    assert_recovers(fixture);
}

/* A cache that is gone on from needs no look: the restore reads the log from there anyway. */
static void a_sound_cache_costs_no_read(void **state)
{
    struct fixture *fixture = *state;

    take_in_customers(fixture);
    assert_recovers(fixture);
    assert_int_equal(fixture->process.reads, PARTITIONS);
}

/* Kafka is away in the middle of it: nothing has happened, and the next try goes through. */
static void a_look_that_is_interrupted(void **state)
{
    static const enum pl_fake_call calls[] = {PL_FAKE_STATE_RANGE, PL_FAKE_STATE_OPEN,
                                              PL_FAKE_STATE_READ, PL_FAKE_CACHE_READ,
                                              PL_FAKE_LOG_RANGE};

    (void)state;
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        struct fixture *fixture = open_fixture();

        take_in_customers(fixture);
        pl_fake_flush_hashes(&fixture->world);
        pl_fake_fail(&fixture->process,
                     (struct pl_fake_fault){.call = calls[i], .times = 1, .status = PL_AGAIN});
        open_run(fixture);
        assert_int_equal(pl_recover(&fixture->run, &fixture->error), PL_AGAIN);
        assert_int_equal(fixture->process.calls[PL_FAKE_CACHE_DROP], 0);
        assert_int_equal(pl_recover(&fixture->run, &fixture->error), PL_OK);
        assert_cache_is_current(fixture, PARTITION);
        close_fixture(fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(progress_of_a_newer_planlift),
        WITH_FIXTURE(a_checkpoint_of_a_newer_planlift),
        WITH_FIXTURE(the_state_of_another_deployment),
        WITH_FIXTURE(a_progress_record_that_is_not_the_last),
        WITH_FIXTURE(a_state_topic_made_anew),
        WITH_FIXTURE(a_group_offset_ahead),
        WITH_FIXTURE(an_input_made_anew),
        WITH_FIXTURE(an_empty_world),
        WITH_FIXTURE(a_lost_cache),
        WITH_FIXTURE(a_sound_cache_costs_no_read),
        cmocka_unit_test(a_look_that_is_interrupted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
