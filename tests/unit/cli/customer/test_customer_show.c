/* Unit tests of cli/customer_show.c, by the shipped catalogue. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cli/catalogue.h"
#include "cli/customer/customer_show.h"
#include "planlift/json.h"

/* As a line of `decide`; its request is of no account. */
static const char line[] =
    "{\"customer\": {\"customerId\": \"contoso\", \"version\": 7, \"subscriptions\": ["
    " {\"subscriptionId\": \"a\", \"offerId\": \"m365-business-basic\", \"status\": \"ACTIVE\","
    "  \"quantity\": 25, \"partnerId\": \"p\", \"channel\": \"CSP\", \"revision\": 3, \"licenses\":"
    "  [{\"userId\": \"u\", \"userPrincipalName\": \"u@contoso.example\"}]},"
    " {\"subscriptionId\": \"b\", \"offerId\": \"m365-business-basic\", \"status\": \"CANCELLED\","
    "  \"quantity\": 5, \"partnerId\": \"p\", \"revision\": 1, \"replacedBy\": \"a\"},"
    " {\"subscriptionId\": \"c\", \"offerId\": \"made-up\", \"status\": \"ACTIVE\","
    "  \"quantity\": 1, \"channel\": \"DIRECT\", \"revision\": 1}],"
    " \"delegatedAdmin\": [{\"partnerId\": \"p\"}]}, \"now\": 0,"
    " \"request\": {\"requestId\": \"r\", \"customerId\": \"contoso\", \"partnerId\": \"p\","
    "  \"subscriptionId\": \"a\", \"operation\": \"CHECK\", \"requestedBy\": {\"userId\": \"u\","
    "  \"role\": \"GLOBAL_ADMIN\"}, \"requestedAt\": 0}}";

struct bench {
    struct pl_arena arena;
    struct pl_catalogue *catalogue;
    struct pl_decide_line line;
    struct pl_customer_view view;
};

static int set_up(void **state)
{
    static struct bench bench;
    struct pl_error error = {""};

    bench = (struct bench){.arena = PL_ARENA_INIT};
    assert_int_equal(pl_cli_catalogue_load(NULL, &error, &bench.catalogue), PL_OK);
    assert_int_equal(pl_decide_line_parse(pl_bytes_of(line), &bench.arena, &error, &bench.line),
                     PL_OK);
    bench.view = (struct pl_customer_view){
        .customer = bench.line.customer, .is_known = true, .partition = 4, .until = 99};
    *state = &bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;

    pl_catalogue_free(bench->catalogue);
    pl_arena_done(&bench->arena);
    return 0;
}

static char *shown(struct bench *bench)
{
    char *text = NULL;
    size_t len = 0;
    struct pl_page page = {open_memstream(&text, &len), false, 100};

    assert_non_null(page.out);
    pl_customer_show(&page, bench->catalogue, &bench->view, &bench->arena);
    (void)fclose(page.out); /* memory */
    return text;
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;

    for (text = strstr(text, part); text != NULL; text = strstr(text + 1, part)) {
        count++;
    }
    return count;
}

static void people_see_subscriptions_rights_and_upgrades(void **state)
{
    struct bench *bench = *state;
    char *text = shown(bench);

    assert_non_null(strstr(text, "Customer contoso, version 7, partition 4"));
    assert_null(strstr(text, "has yet to take in"));
    assert_non_null(strstr(text, "CANCELLED, replaced by a"));
    assert_non_null(strstr(text, "made-up")); /* an offer that the catalogue lacks */
    assert_non_null(strstr(text, "\na, asked by p:\n"));
    assert_non_null(strstr(text, "m365-business-standard"));
    assert_null(strstr(text, "\nb, asked by")); /* cancelled */
    assert_non_null(strstr(text, "\nc, bought without a partner:\n"));
    assert_int_equal(count_of(text, "subscription_not_owned_by_partner"), 1);
    free(text);
}

static void what_is_not_taken_in_yet_is_said(void **state)
{
    struct bench *bench = *state;
    char *text;

    bench->view.behind[PL_TOPIC_EVENTS] = 12;
    text = shown(bench);
    assert_non_null(strstr(text, "yet to take in up to 12 events and 0 requests"));
    free(text);
}

static void scripts_get_state_and_checks(void **state)
{
    static const char start[] = "{\"customer\":{\"customerId\":\"contoso\",\"version\":7,";
    struct bench *bench = *state;
    struct pl_buffer json = {NULL, 0, 0};

    pl_customer_write(bench->catalogue, &bench->view, 17, &bench->arena, &json);
    pl_buffer_put_byte(&json, '\0');
    assert_int_equal(strncmp(json.data, start, sizeof(start) - 1), 0);
    assert_int_equal(count_of(json.data, "\"operation\":\"CHECK\""), 3);
    assert_int_equal(count_of(json.data, "\"outcome\":\"ELIGIBLE\""), 1);
    assert_int_equal(count_of(json.data, "\"decidedAt\":17,"), 3);
    assert_non_null(strstr(json.data, "\"partition\":4,\"stateOffset\":99,\"eventsBehind\":0,"
                                      "\"requestsBehind\":0}"));
    pl_buffer_done(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(people_see_subscriptions_rights_and_upgrades, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_taken_in_yet_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(scripts_get_state_and_checks, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
