/* Unit tests of wire/state_progress.c. */
#include <xxhash.h>

#include "state_fixture.h"

static const struct pl_checkpoint example = {
    .cluster_id = {"cluster", 7},
    .next_offset = 1234567,
    .progress_offset = 1234565,
    .written_ms = INT64_C(1790000000000),
    .is_whole = true,
    .progress = {.group_id = {"planlift", 8},
                 .incarnation = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
                 .next = {77, INT64_MAX},
                 .pieces = 42,
                 .catalogue_version = {"v1", 2},
                 .catalogue_sha256 = {"abc0", 4}}};

static void assert_progress(const struct pl_progress *found)
{
    const struct pl_progress *wanted = &example.progress;

    assert_same_bytes(found->group_id, wanted->group_id);
    assert_memory_equal(found->incarnation, wanted->incarnation, 16);
    assert_int_equal(found->next[PL_TOPIC_EVENTS], 77);
    assert_int_equal(found->next[PL_TOPIC_REQUESTS], INT64_MAX);
    assert_int_equal(found->pieces, 42);
    assert_same_bytes(found->catalogue_version, wanted->catalogue_version);
    assert_same_bytes(found->catalogue_sha256, wanted->catalogue_sha256);
}

static void progress_comes_back(void **state)
{
    struct pl_buffer buffer = {NULL, 0, 0};
    struct pl_progress found;

    (void)state;
    pl_progress_encode(&example.progress, &buffer);
    assert_int_equal(pl_progress_decode(pl_buffer_since(&buffer, 0), &found, NULL), PL_OK);
    assert_progress(&found);
    pl_buffer_done(&buffer);
}

static void a_checkpoint_comes_back(void **state)
{
    struct pl_buffer buffer = {NULL, 0, 0};
    struct pl_checkpoint found;

    (void)state;
    pl_checkpoint_encode(&example, &buffer);
    assert_int_equal(pl_checkpoint_decode(pl_buffer_since(&buffer, 0), &found, NULL), PL_OK);
    assert_same_bytes(found.cluster_id, example.cluster_id);
    assert_int_equal(found.next_offset, 1234567);
    assert_int_equal(found.progress_offset, 1234565);
    assert_int_equal(found.written_ms, INT64_C(1790000000000));
    assert_true(found.is_whole);
    assert_progress(&found.progress);
    pl_buffer_done(&buffer);
}

/* The body under another format version. */
static void seal_as(struct pl_buffer *buffer, unsigned char version)
{
    const struct pl_bytes field = PL_PROGRESS_FIELD;
    const size_t head = 9;
    uint64_t sum = XXH3_64bits_withSeed(buffer->data + head, buffer->len - head,
                                        XXH3_64bits_withSeed(field.data, field.len, version));

    buffer->data[0] = (char)version;
    for (size_t i = 1; i < head; i++) {
        buffer->data[i] = (char)(unsigned char)(sum & 0xff);
        sum >>= 8;
    }
}

/* Version 1 did not tell the catalogue's digest, the last of the fields. */
static void version_1_is_read(void **state)
{
    struct pl_buffer buffer = {NULL, 0, 0};
    struct pl_checkpoint checkpoint;
    struct pl_progress progress;

    (void)state;
    pl_progress_encode(&example.progress, &buffer);
    buffer.len -= 1 + example.progress.catalogue_sha256.len;
    seal_as(&buffer, 1);
    assert_int_equal(pl_progress_decode(pl_buffer_since(&buffer, 0), &progress, NULL), PL_OK);
    assert_same_bytes(progress.catalogue_version, example.progress.catalogue_version);
    assert_int_equal(progress.catalogue_sha256.len, 0);
    seal_as(&buffer, 2);
    assert_int_equal(pl_progress_decode(pl_buffer_since(&buffer, 0), &progress, NULL), PL_BAD_DATA);

    buffer.len = 0;
    pl_checkpoint_encode(&example, &buffer);
    buffer.len -= 1 + example.progress.catalogue_sha256.len;
    seal_as(&buffer, 1);
    assert_int_equal(pl_checkpoint_decode(pl_buffer_since(&buffer, 0), &checkpoint, NULL), PL_OK);
    assert_int_equal(checkpoint.progress.pieces, 42);
    assert_int_equal(checkpoint.progress.catalogue_sha256.len, 0);
    pl_buffer_done(&buffer);
}

/* Both are sealed under the same name, but one is not the other. */
static void one_is_not_taken_for_the_other(void **state)
{
    struct pl_buffer buffer = {NULL, 0, 0};
    struct pl_checkpoint checkpoint;
    struct pl_progress progress;

    (void)state;
    pl_progress_encode(&example.progress, &buffer);
    assert_int_equal(pl_checkpoint_decode(pl_buffer_since(&buffer, 0), &checkpoint, NULL),
                     PL_BAD_DATA);
    buffer.len = 0;
    pl_checkpoint_encode(&example, &buffer);
    assert_int_equal(pl_progress_decode(pl_buffer_since(&buffer, 0), &progress, NULL), PL_BAD_DATA);
    pl_buffer_done(&buffer);
}

static void damage_is_seen(void **state)
{
    struct pl_buffer buffer = {NULL, 0, 0};
    struct pl_checkpoint checkpoint;

    (void)state;
    pl_checkpoint_encode(&example, &buffer);
    for (size_t i = 0; i < buffer.len; i++) {
        buffer.data[i] ^= 1;
        assert_int_equal(pl_checkpoint_decode(pl_buffer_since(&buffer, 0), &checkpoint, NULL),
                         PL_BAD_DATA);
        buffer.data[i] ^= 1;
        assert_int_equal(pl_checkpoint_decode((struct pl_bytes){buffer.data, i}, &checkpoint, NULL),
                         PL_BAD_DATA);
    }
    pl_buffer_done(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(progress_comes_back), cmocka_unit_test(a_checkpoint_comes_back),
        cmocka_unit_test(version_1_is_read),   cmocka_unit_test(one_is_not_taken_for_the_other),
        cmocka_unit_test(damage_is_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
