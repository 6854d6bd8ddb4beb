/* What the tests of recover and its parts share. */
#ifndef PL_TESTS_PIPELINE_RECOVERY_H
#define PL_TESTS_PIPELINE_RECOVERY_H

#include <xxhash.h>

#include "outcome.h"

#define PARTITION 1 /* c1 lives there */

static inline struct pl_fake_log *state_log(struct fixture *fixture)
{
    return pl_fake_log(&fixture->world.broker, PL_TOPIC_STATE, PARTITION);
}

static inline struct pl_fake_map *hash(struct fixture *fixture)
{
    return &fixture->world.hashes[PARTITION];
}

/* A customer with more state than one head, taken in by a process that is gone again. */
static inline void take_in_a_customer(struct fixture *fixture)
{
    send_customer(fixture, "c1");
    for (int user = 0; user < 40; user++) {
        (void)send_licence(fixture, "c1", "s", numbered(fixture, "u", user), "name");
    }
    (void)send_request(fixture, "c1", "r1", PL_OPERATION_CHECK, "s");
    run_to_the_end(fixture);
    restart_process(fixture);
}

static inline void recover(struct fixture *fixture)
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

static inline void assert_recovery_fails(struct fixture *fixture, enum pl_status status,
                                         const char *text)
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
static inline struct pl_bytes newer_value(struct fixture *fixture)
{
    static const char body[] = "whatever it is";
    const struct pl_bytes field = PL_PROGRESS_FIELD;
    const unsigned char version = 3;
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

static inline void put_state(struct fixture *fixture, struct pl_bytes key, struct pl_bytes value)
{
    (void)send_to(fixture, PL_TOPIC_STATE, PARTITION, key, value);
}

static inline void set_group_offset(struct fixture *fixture, int64_t offset)
{
    fixture->world.broker.group_offsets[PARTITION][PL_TOPIC_EVENTS] = offset;
}

#endif
