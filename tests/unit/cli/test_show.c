/* Unit tests of cli/show.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cli/show.h"

#define TEXT(text)                                                                                 \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }

static const struct pl_bytes many[] = {TEXT("CLIPCHAMP"), TEXT("Deskless"), TEXT("EXCHANGE"),
                                       TEXT("FLOW")};
static struct pl_upgrade_error errors[] = {
    {PL_ERROR_CONFLICTING_SERVICE_TYPES, TEXT("Cancel it first."), TEXT("s2"), {many, 2}},
    {PL_ERROR_VERSION_MISMATCH, TEXT("Look again."), {NULL, 0}, {NULL, 0}}};

static void assert_text(struct pl_bytes bytes, const char *text)
{
    assert_true(pl_bytes_equal(bytes, pl_bytes_of(text)));
}

static void texts_are_joined(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;

    (void)state;
    assert_text(pl_show_append(PL_NULL_BYTES, ", ", PL_BYTES_LITERAL("b"), &arena), "b");
    assert_text(pl_show_append(PL_BYTES_LITERAL("a"), ", ", PL_BYTES_LITERAL("b"), &arena), "a, b");
    assert_text(pl_show_or_dash(PL_BYTES_LITERAL("")), "-");
    assert_text(pl_show_or_dash(PL_BYTES_LITERAL("x")), "x");
    pl_arena_done(&arena);
}

static void lists_are_cut_short(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;

    (void)state;
    assert_text(pl_show_names((struct pl_names){many, 2}, &arena), "CLIPCHAMP, Deskless");
    assert_text(pl_show_names((struct pl_names){many, 4}, &arena),
                "CLIPCHAMP, Deskless, EXCHANGE +1");
    assert_text(pl_show_names((struct pl_names){NULL, 0}, &arena), "");
    pl_arena_done(&arena);
}

static void times_lose_what_people_do_not_read(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;

    (void)state;
    assert_text(pl_show_time(PL_BYTES_LITERAL("2026-02-03T04:05:06.789Z"), &arena),
                "2026-02-03 04:05:06");
    assert_text(pl_show_time(PL_BYTES_LITERAL("yesterday"), &arena), "yesterday");
    assert_text(pl_show_time(PL_NULL_BYTES, &arena), "-");
    pl_arena_done(&arena);
}

static void reasons_are_one_a_line(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    const struct pl_error_list list = {errors, 2};

    (void)state;
    assert_text(pl_show_reasons(&list, &arena),
                "conflicting_service_types: s2 (CLIPCHAMP, Deskless)\nversion_mismatch");
    pl_arena_done(&arena);
}

static void what_came_of_a_request_is_told_with_its_reasons(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    const struct pl_possible_upgrade possible[] = {{.eligible = true}, {.eligible = false}};
    const struct pl_result check = {.subscription_id = PL_BYTES_LITERAL("s"),
                                    .possible_upgrades = possible,
                                    .possible_upgrade_count = 2};
    const struct pl_result upgraded = {
        .outcome = PL_OUTCOME_UPGRADED,
        .source = {true, TEXT("s"), TEXT("o"), TEXT("Offer"), PL_STATUS_CANCELLED, 25},
        .target = {true, TEXT("n"), TEXT("t"), TEXT("Target"), PL_STATUS_ACTIVE, 30}};
    const struct pl_result refused = {.outcome = PL_OUTCOME_REFUSED, .errors = {errors, 2}};

    (void)state;
    assert_text(pl_show_consequence(&check, &arena), "s: 1 of 2 upgrades are possible");
    assert_text(pl_show_consequence(&upgraded, &arena),
                "s: Offer, 25 seats, CANCELLED\nn: Target, 30 seats, ACTIVE");
    assert_text(pl_show_consequence(&refused, &arena),
                "conflicting_service_types: Cancel it first.\nversion_mismatch: Look again.");
    pl_arena_done(&arena);
}

static void possible_upgrades_are_a_table(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    const struct pl_possible_upgrade possible[] = {
        {.target_offer_id = TEXT("t1"),
         .eligible = true,
         .affected_accounts = 3,
         .additional_services = {many, 2}},
        {.target_offer_id = TEXT("t2"), .errors = {errors, 1}}};
    struct pl_result result = {.possible_upgrades = possible};
    char *text = NULL;
    size_t len = 0;
    struct pl_page page = {open_memstream(&text, &len), false, 100};

    (void)state;
    assert_non_null(page.out);
    pl_show_possible(&page, &result, &arena);
    assert_int_equal(fflush(page.out), 0);
    assert_int_equal(len, 0);
    result.possible_upgrade_count = 2;
    pl_show_possible(&page, &result, &arena);
    (void)fclose(page.out); /* memory */
    assert_non_null(strstr(text, "\nt1      yes              3         2  CLIPCHAMP, Deskless\n"));
    assert_non_null(strstr(text,
                           "\nt2      no               0         0  conflicting_service_types: "
                           "s2 (CLIPCHAMP, Deskless)\n"));
    free(text);
    pl_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_joined),
        cmocka_unit_test(lists_are_cut_short),
        cmocka_unit_test(times_lose_what_people_do_not_read),
        cmocka_unit_test(reasons_are_one_a_line),
        cmocka_unit_test(what_came_of_a_request_is_told_with_its_reasons),
        cmocka_unit_test(possible_upgrades_are_a_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
