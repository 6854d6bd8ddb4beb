/* Unit tests of io/redis_nodes.c. What it does with real clusters and sentinels is tested in
 * tests/system/test_redis_topologies.py. */
#include "fake_redis.h"
#include "io/redis_nodes.h"

static void slots_are_those_of_the_specification(void **state)
{
    (void)state;
    assert_int_equal(pl_redis_slot_of(PL_BYTES_LITERAL("123456789")), 12739);
    assert_int_equal(pl_redis_slot_of(PL_BYTES_LITERAL("")), 0);
    assert_int_equal(pl_redis_slot_of(PL_BYTES_LITERAL("foo")), 12182);
    assert_int_equal(pl_redis_slot_of(PL_BYTES_LITERAL("{foo}")), 12182);
    assert_int_equal(pl_redis_slot_of(PL_BYTES_LITERAL("planlift:{foo}:more")), 12182);
    /* Nothing between the first braces, or only one of them: the whole key. */
    assert_int_not_equal(pl_redis_slot_of(PL_BYTES_LITERAL("foo{}{bar}")),
                         pl_redis_slot_of(PL_BYTES_LITERAL("bar")));
    assert_int_equal(pl_redis_slot_of(PL_BYTES_LITERAL("foo{{bar}}zap")),
                     pl_redis_slot_of(PL_BYTES_LITERAL("{bar")));
}

static void a_single_server_has_all_keys(void **state)
{
    static const struct fake_turn turns[] = {{"PING\r\n", "+PONG\r\n", 0, false}};
    struct fake_redis fake;
    struct pl_redis_url url = fake_start(&fake, turns, 1);
    struct pl_redis_nodes *nodes = pl_redis_nodes_new(&url, NULL);
    struct pl_redis_link *link;
    struct pl_redis_link *other;
    struct pl_error error = {""};

    (void)state;
    pl_redis_nodes_begin(nodes);
    assert_int_equal(pl_redis_nodes_route(nodes, PL_BYTES_LITERAL("a"), &link, &error), PL_OK);
    pl_redis_link_command(link, "PING");
    assert_int_equal(pl_redis_link_send(link, &error), PL_OK);
    assert_int_equal(pl_redis_link_confirm(link, &error), PL_OK);
    assert_int_equal(pl_redis_nodes_route(nodes, PL_BYTES_LITERAL("b"), &other, &error), PL_OK);
    assert_ptr_equal(link, other);
    assert_int_equal(pl_redis_nodes_at(nodes, 0, &other, &error), PL_OK);
    assert_int_equal(pl_redis_nodes_at(nodes, 1, &other, &error), PL_NOT_FOUND);
    pl_redis_nodes_free(nodes);
    fake_stop(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_are_those_of_the_specification),
        cmocka_unit_test(a_single_server_has_all_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
