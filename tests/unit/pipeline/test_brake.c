/* Unit tests of pipeline/brake.c: many dead letters hold the flow, a few do not, and it always goes
 * on. */
#include "outcome.h"

/* So many records, every n-th of which is a dead letter; 0: none. */
static int64_t time_taken(int records, int every)
{
    struct fixture *fixture = open_fixture();
    int64_t started = fixture->world.monotonic_ms;

    fixture->options.batch_max_records = 100;
    send_customer(fixture, "c1");
    for (int i = 0; i < records; i++) {
        if (every > 0 && i % every == 0) {
            (void)send_to(fixture, PL_TOPIC_EVENTS, place_of(fixture, "c1"), PL_BYTES_LITERAL("c1"),
                          PL_NULL_BYTES);
        } else {
            (void)send_removal(fixture, "c1", "s", "nobody");
        }
    }
    run_to_the_end(fixture);
    assert_settled(fixture);
    started = fixture->world.monotonic_ms - started;
    close_fixture(fixture);
    return started;
}

static void a_few_dead_letters_hold_nothing(void **state)
{
    int64_t undisturbed = time_taken(3000, 0);

    (void)state;
    assert_in_range(time_taken(3000, 5), 0, undisturbed + 500); /* a fifth is not more than one */
    assert_in_range(time_taken(900, 1), 0, undisturbed + 500);  /* too few to tell */
}

static void many_hold_the_flow_and_let_it_go_on(void **state)
{
    int64_t undisturbed = time_taken(3000, 0);

    (void)state;
    assert_in_range(time_taken(3000, 4), undisturbed + 2900, undisturbed + 4000);
    assert_in_range(time_taken(3000, 1), undisturbed + 2900, undisturbed + 4000);
}

static void a_good_thousand_lets_go(void **state)
{
    struct fixture *fixture = *state;
    struct pl_item items[1000] = {{.kind = PL_ITEM_DEAD}};
    struct pl_batch batch = {.items = items, .count = 1000};
    int64_t held_until;

    open_restored_run(fixture);
    for (int i = 0; i < 300; i++) {
        items[i].kind = PL_ITEM_DEAD;
    }
    pl_brake_count(&fixture->run, &batch);
    held_until = fixture->run.brake.hold_until_ms;
    assert_in_range(held_until, fixture->world.monotonic_ms + 1, INT64_MAX);
    pl_brake_wait(&fixture->run);
    assert_int_equal(fixture->world.monotonic_ms, held_until);
    for (int i = 0; i < 300; i++) {
        items[i].kind = PL_ITEM_EVENT;
    }
    pl_brake_count(&fixture->run, &batch);
    assert_int_equal(fixture->run.brake.hold_until_ms, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_few_dead_letters_hold_nothing),
        cmocka_unit_test(many_hold_the_flow_and_let_it_go_on),
        WITH_FIXTURE(a_good_thousand_lets_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
