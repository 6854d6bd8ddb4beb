/* Unit tests of cli/result_join.c: results are split by the encoder and put together again. */
#include "cli/results/result_join.h"
#include "wire/avro_fixture.h"

#define ACCOUNTS 7
#define PER_PART 3
#define PARTS 3

struct bench {
    struct pl_arena arena;
    struct schema_source source;
    struct pl_decoder *decoder;
    struct pl_result_join *join;
};

static int set_up(void **state)
{
    static struct bench bench;

    bench = (struct bench){.arena = PL_ARENA_INIT};
    init_source(&bench.source, &bench.arena);
    bench.decoder = new_decoder(&bench.source, &bench.arena);
    bench.join = pl_result_join_new(2);
    *state = &bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;

    pl_result_join_free(bench->join);
    pl_decoder_free(bench->decoder);
    pl_arena_done(&bench->arena);
    return 0;
}

/* The values of a result's parts. */
static const struct pl_bytes *split(struct bench *bench, const char *request_id, size_t accounts,
                                    size_t expected_parts)
{
    struct pl_affected_account *affected =
        pl_arena_zalloc(&bench->arena, accounts, sizeof(*affected));
    const struct pl_result result = {.request_id = pl_bytes_of(request_id),
                                     .customer_id = PL_BYTES_LITERAL("c"),
                                     .partner_id = PL_BYTES_LITERAL("p"),
                                     .subscription_id = PL_BYTES_LITERAL("s"),
                                     .catalogue_version = PL_BYTES_LITERAL("v"),
                                     .affected_accounts = affected,
                                     .affected_account_count = accounts};
    const struct pl_result_origin origin = {.topic = PL_BYTES_LITERAL("t")};
    const struct pl_result_limits limits = {PER_PART, 1000000};
    struct pl_buffer buffer = {NULL, 0, 0};
    struct pl_bytes *values = pl_arena_zalloc(&bench->arena, expected_parts, sizeof(*values));
    struct pl_result_part *parts;
    struct pl_error error;
    size_t count = 0;

    for (size_t i = 0; i < accounts; i++) {
        affected[i].user_id = pl_arena_format(&bench->arena, "%s-user-%zu", request_id, i);
        affected[i].user_principal_name = PL_BYTES_LITERAL("n");
    }
    assert_int_equal(pl_result_encode(RESULT_ID, &result, &origin, &limits, &bench->arena, &buffer,
                                      &parts, &count, &error),
                     PL_OK);
    assert_int_equal(count, expected_parts);
    for (size_t i = 0; i < count; i++) {
        values[i] =
            pl_arena_copy(&bench->arena, (struct pl_bytes){buffer.data + parts[i].value_position,
                                                           parts[i].value_len});
    }
    pl_buffer_done(&buffer);
    return values;
}

/* The result that the record completes; NULL: none. */
static const struct pl_result *take(struct bench *bench, int32_t partition, struct pl_bytes value)
{
    const struct pl_result *result = NULL;
    struct pl_error error;

    assert_int_equal(
        pl_result_join_take(bench->join, bench->decoder, partition, value, &result, &error), PL_OK);
    return result;
}

static void assert_whole(const struct pl_result *result, const char *request_id, size_t accounts)
{
    char user_id[64];

    assert_non_null(result);
    assert_text(result->request_id, request_id);
    assert_int_equal(result->affected_account_count, accounts);
    for (size_t i = 0; i < accounts; i++) {
        (void)snprintf(user_id, sizeof(user_id), "%s-user-%zu", request_id, i);
        assert_text(result->affected_accounts[i].user_id, user_id);
    }
}

static void a_result_of_one_part_is_whole_at_once(void **state)
{
    struct bench *bench = *state;

    for (int i = 0; i < 3; i++) {
        assert_whole(take(bench, 0, split(bench, "r", 2, 1)[0]), "r", 2);
    }
    assert_int_equal(pl_result_join_broken(bench->join), 0);
}

static void parts_of_two_partitions_may_be_mingled(void **state)
{
    struct bench *bench = *state;
    const struct pl_bytes *one = split(bench, "one", ACCOUNTS, PARTS);
    const struct pl_bytes *other = split(bench, "other", ACCOUNTS, PARTS);

    for (size_t i = 0; i < PARTS - 1; i++) {
        assert_null(take(bench, 0, one[i]));
        assert_null(take(bench, 1, other[i]));
    }
    assert_whole(take(bench, 1, other[PARTS - 1]), "other", ACCOUNTS);
    assert_whole(take(bench, 0, one[PARTS - 1]), "one", ACCOUNTS);
    assert_int_equal(pl_result_join_broken(bench->join), 0);
}

static void a_result_without_its_first_part_is_left_out(void **state)
{
    struct bench *bench = *state;
    const struct pl_bytes *parts = split(bench, "cut", ACCOUNTS, PARTS);

    assert_null(take(bench, 0, parts[1]));
    assert_null(take(bench, 0, parts[2]));
    assert_int_equal(pl_result_join_broken(bench->join), 1);
    assert_whole(take(bench, 0, split(bench, "next", 1, 1)[0]), "next", 1);
}

static void a_result_without_its_last_part_is_left_out(void **state)
{
    struct bench *bench = *state;
    const struct pl_bytes *cut = split(bench, "cut", ACCOUNTS, PARTS);
    const struct pl_bytes *next = split(bench, "next", ACCOUNTS, PARTS);

    assert_null(take(bench, 0, cut[0]));
    assert_null(take(bench, 0, next[0]));
    assert_int_equal(pl_result_join_broken(bench->join), 1);
    assert_null(take(bench, 0, next[1]));
    assert_whole(take(bench, 0, next[2]), "next", ACCOUNTS);
    assert_int_equal(pl_result_join_broken(bench->join), 1);
}

static void a_part_of_another_request_does_not_complete(void **state)
{
    struct bench *bench = *state;
    const struct pl_bytes *one = split(bench, "one", ACCOUNTS, PARTS);
    const struct pl_bytes *other = split(bench, "other", ACCOUNTS, PARTS);

    assert_null(take(bench, 0, one[0]));
    assert_null(take(bench, 0, other[1]));
    assert_null(take(bench, 0, one[2]));
    assert_true(pl_result_join_broken(bench->join) > 0);
}

static void what_is_no_result_is_refused_and_passed_over(void **state)
{
    struct bench *bench = *state;
    const struct pl_result *result;
    struct pl_error error = {""};

    assert_int_equal(
        pl_result_join_take(bench->join, bench->decoder, 0, PL_BYTES_LITERAL("x"), &result, &error),
        PL_BAD_DATA);
    assert_non_null(strstr(error.text, "malformed"));
    assert_whole(take(bench, 0, split(bench, "r", 1, 1)[0]), "r", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_result_of_one_part_is_whole_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(parts_of_two_partitions_may_be_mingled, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_result_without_its_first_part_is_left_out, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_result_without_its_last_part_is_left_out, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_part_of_another_request_does_not_complete, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_result_is_refused_and_passed_over, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
