/* Unit tests of core/names.c. */
#include "fixture.h"

static void assert_round_trip(const char *const *names, int count)
{
    for (int i = 0; i < count; i++) {
        assert_non_null(names[i]);
        assert_int_equal(pl_symbol_index(names, count, pl_bytes_of(names[i])), i);
    }
}

static void every_table_is_full_and_without_repeats(void **state)
{
    (void)state;
    assert_round_trip(pl_subscription_status_names, PL_STATUS_COUNT);
    assert_round_trip(pl_channel_names, PL_CHANNEL_COUNT);
    assert_round_trip(pl_operation_names, PL_OPERATION_COUNT);
    assert_round_trip(pl_outcome_names, PL_OUTCOME_COUNT);
    assert_round_trip(pl_upgrade_type_names, PL_UPGRADE_TYPE_COUNT);
    assert_round_trip(pl_transition_names, PL_TRANSITION_COUNT);
    assert_round_trip(pl_error_code_names, PL_ERROR_CODE_COUNT);
    assert_round_trip(pl_event_kind_names, PL_EVENT_KIND_COUNT);
}

static void names_stand_where_their_enumerators_do(void **state)
{
    (void)state;
    assert_string_equal(pl_subscription_status_names[PL_STATUS_CANCELLED], "CANCELLED");
    assert_string_equal(pl_channel_names[PL_CHANNEL_VOLUME], "VOLUME");
    assert_string_equal(pl_operation_names[PL_OPERATION_ADD_LICENSES], "ADD_LICENSES");
    assert_string_equal(pl_outcome_names[PL_OUTCOME_LICENSES_ADDED], "LICENSES_ADDED");
    assert_string_equal(pl_upgrade_type_names[PL_UPGRADE_TYPE_UPGRADE_WITH_LICENSE_TRANSFER],
                        "UPGRADE_WITH_LICENSE_TRANSFER");
    assert_string_equal(pl_transition_names[PL_TRANSITION_REMOVED], "REMOVED");
    assert_string_equal(pl_error_code_names[PL_ERROR_INVALID_REQUEST], "invalid_request");
    assert_string_equal(pl_error_code_names[PL_ERROR_LICENSE_ASSIGNED_BY_GROUP],
                        "license_assigned_by_group");
    assert_string_equal(pl_event_kind_names[PL_EVENT_CUSTOMER_ERASED], "CustomerErased");
}

static void only_the_exact_symbol_is_found(void **state)
{
    (void)state;
    assert_int_equal(pl_symbol_index(pl_channel_names, PL_CHANNEL_COUNT, PL_BYTES_LITERAL("csp")),
                     -1);
    assert_int_equal(pl_symbol_index(pl_channel_names, PL_CHANNEL_COUNT, PL_BYTES_LITERAL("CS")),
                     -1);
    assert_int_equal(pl_symbol_index(pl_channel_names, PL_CHANNEL_COUNT, PL_BYTES_LITERAL("CSP\0")),
                     -1);
    assert_int_equal(pl_symbol_index(pl_channel_names, PL_CHANNEL_COUNT, PL_BYTES_LITERAL("")), -1);
    assert_int_equal(pl_symbol_index(pl_channel_names, PL_CHANNEL_COUNT, PL_NULL_BYTES), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_table_is_full_and_without_repeats),
        cmocka_unit_test(names_stand_where_their_enumerators_do),
        cmocka_unit_test(only_the_exact_symbol_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
