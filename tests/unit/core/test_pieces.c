/* Unit tests of core/pieces.c. */
#include "fixture.h"

static void pieces_stay_in_order_while_the_list_grows(void **state)
{
    struct fixture *fixture = *state;
    struct pl_pieces pieces = {NULL, 0, 0};

    for (uint32_t i = 0; i < 100; i++) {
        pl_pieces_add(&pieces, (struct pl_piece){.kind = PL_PIECE_ANSWERED, .segment = i},
                      &fixture->arena);
    }
    assert_int_equal(pieces.count, 100);
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(pieces.items[i].kind, PL_PIECE_ANSWERED);
        assert_int_equal(pieces.items[i].segment, i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(pieces_stay_in_order_while_the_list_grows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
