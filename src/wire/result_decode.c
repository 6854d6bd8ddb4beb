/* Results from Avro, read straight in the order of upgrade-result.avsc (which pl_own_schema_parse
 * compares with the contract). The body is checked before (pl_body_check), so that what is left to
 * find wrong is its meaning; the reader is bounded all the same. */
#include "wire/result_decode.h"

#include "wire/avro_array.h"
#include "wire/avro_binary.h"

/* What is being read, and where its arrays go. */
struct source {
    struct pl_reader reader;
    struct pl_arena *arena;
    struct pl_bytes unknown_code; /* null: none */
};

/* ---- fields ---------------------------------------------------------------------------------- */

static void *next_item(struct source *source, struct pl_array *array)
{
    return pl_array_next(array, &source->reader, source->arena);
}

static struct pl_names get_names(struct source *source)
{
    return pl_get_names(&source->reader, source->arena);
}

static enum pl_error_code get_code(struct source *source)
{
    struct pl_bytes text = pl_get_string(&source->reader);
    int code = pl_symbol_index(pl_error_code_names, PL_ERROR_CODE_COUNT, text);

    if (code < 0) {
        source->unknown_code = text;
        return PL_ERROR_INVALID_REQUEST;
    }
    return (enum pl_error_code)code;
}

static void get_error(struct source *source, struct pl_upgrade_error *upgrade_error)
{
    upgrade_error->code = get_code(source);
    upgrade_error->message = pl_get_string(&source->reader);
    upgrade_error->subscription_id = pl_get_optional_string(&source->reader);
    upgrade_error->services = get_names(source);
}

static struct pl_error_list get_errors(struct source *source)
{
    struct pl_array array = {.item_size = sizeof(struct pl_upgrade_error)};
    struct pl_upgrade_error *upgrade_error;

    while ((upgrade_error = next_item(source, &array)) != NULL) {
        get_error(source, upgrade_error);
    }
    return (struct pl_error_list){array.items, array.count};
}

static void get_possible_upgrades(struct source *source, struct pl_result *result)
{
    struct pl_array array = {.item_size = sizeof(struct pl_possible_upgrade)};
    struct pl_possible_upgrade *upgrade;

    while ((upgrade = next_item(source, &array)) != NULL) {
        upgrade->target_offer_id = pl_get_string(&source->reader);
        upgrade->eligible = pl_get_boolean(&source->reader);
        upgrade->upgrade_type =
            (enum pl_upgrade_type)pl_get_enum(&source->reader, PL_UPGRADE_TYPE_COUNT);
        upgrade->quantity = pl_get_int(&source->reader);
        upgrade->errors = get_errors(source);
        upgrade->affected_accounts = pl_get_int(&source->reader);
        upgrade->additional_services = get_names(source);
    }
    result->possible_upgrades = array.items;
    result->possible_upgrade_count = array.count;
}

static struct pl_subscription_view get_subscription(struct pl_reader *reader)
{
    struct pl_subscription_view view = {.is_set = pl_get_is_set(reader)};

    if (view.is_set) {
        view.subscription_id = pl_get_string(reader);
        view.offer_id = pl_get_string(reader);
        view.offer_name = pl_get_string(reader);
        view.status = (enum pl_subscription_status)pl_get_enum(reader, PL_STATUS_COUNT);
        view.quantity = pl_get_int(reader);
    }
    return view;
}

static void get_transitions(struct source *source, struct pl_affected_account *account)
{
    struct pl_array array = {.item_size = sizeof(struct pl_account_transition)};
    struct pl_account_transition *transition;

    while ((transition = next_item(source, &array)) != NULL) {
        transition->service = pl_get_string(&source->reader);
        transition->replacement = pl_get_optional_string(&source->reader);
        transition->transition =
            (enum pl_transition)pl_get_enum(&source->reader, PL_TRANSITION_COUNT);
    }
    account->transitions = array.items;
    account->transition_count = array.count;
}

static void get_accounts(struct source *source, struct pl_result *result)
{
    struct pl_array array = {.item_size = sizeof(struct pl_affected_account)};
    struct pl_affected_account *account;

    while ((account = next_item(source, &array)) != NULL) {
        account->user_id = pl_get_string(&source->reader);
        account->user_principal_name = pl_get_string(&source->reader);
        account->display_name = pl_get_optional_string(&source->reader);
        get_transitions(source, account);
        if (pl_get_is_set(&source->reader)) {
            struct pl_upgrade_error *license_error =
                pl_arena_zalloc(source->arena, 1, sizeof(*license_error));

            get_error(source, license_error);
            account->license_error = license_error;
        }
    }
    result->affected_accounts = array.items;
    result->affected_account_count = array.count;
}

static void get_service_transitions(struct source *source, struct pl_result *result)
{
    struct pl_array array = {.item_size = sizeof(struct pl_service_transition)};
    struct pl_service_transition *service;

    while ((service = next_item(source, &array)) != NULL) {
        service->service = pl_get_string(&source->reader);
        service->service_name = pl_get_string(&source->reader);
        service->replacement = pl_get_optional_string(&source->reader);
        service->replacement_name = pl_get_optional_string(&source->reader);
        service->transition = (enum pl_transition)pl_get_enum(&source->reader, PL_TRANSITION_COUNT);
        service->accounts = pl_get_int(&source->reader);
    }
    result->services_to_transition = array.items;
    result->services_to_transition_count = array.count;
}

static struct pl_billing_line get_billing_line(struct pl_reader *reader)
{
    struct pl_billing_line line = {.is_set = true};

    line.subscription_id = pl_get_string(reader);
    line.offer_id = pl_get_string(reader);
    line.offer_name = pl_get_string(reader);
    line.quantity = pl_get_int(reader);
    return line;
}

static struct pl_billing get_billing(struct pl_reader *reader)
{
    struct pl_billing billing = {.is_set = pl_get_is_set(reader)};

    if (billing.is_set) {
        if (pl_get_is_set(reader)) {
            billing.cancelled = get_billing_line(reader);
        }
        billing.added = get_billing_line(reader);
        billing.effective_at_ms = pl_get_long(reader);
    }
    return billing;
}

/* ---- the record ------------------------------------------------------------------------------ */

static void get_result(struct source *source, struct pl_result *result)
{
    struct pl_reader *reader = &source->reader;

    result->request_id = pl_get_string(reader);
    result->order_id = pl_get_optional_string(reader);
    result->customer_id = pl_get_string(reader);
    result->partner_id = pl_get_string(reader);
    result->subscription_id = pl_get_string(reader);
    result->operation = (enum pl_operation)pl_get_enum(reader, PL_OPERATION_COUNT);
    result->outcome = (enum pl_outcome)pl_get_enum(reader, PL_OUTCOME_COUNT);
    result->upgrade_type = (enum pl_upgrade_type)pl_get_enum(reader, PL_UPGRADE_TYPE_COUNT);
    result->errors = get_errors(source);
    get_possible_upgrades(source, result);
    result->source = get_subscription(reader);
    result->target = get_subscription(reader);
    get_accounts(source, result);
    get_service_transitions(source, result);
    result->billing = get_billing(reader);
    result->customer_version = pl_get_long(reader);
    result->catalogue_version = pl_get_string(reader);
    result->decided_at_ms = pl_get_long(reader);
}

enum pl_status pl_result_decode_body(struct pl_bytes body, struct pl_arena *arena,
                                     struct pl_error *error, struct pl_result_record *ret_record)
{
    struct source source = {pl_reader_of(body), arena, PL_NULL_BYTES};
    struct pl_result_record record = {.part = 0};

    get_result(&source, &record.result);
    record.part = pl_get_int(&source.reader);
    record.parts = pl_get_int(&source.reader);
    if (!pl_reader_is_done(&source.reader)) {
        return pl_fail(error, PL_BAD_DATA, "not a body of UpgradeResult");
    }
    if (!pl_bytes_is_null(source.unknown_code)) {
        return pl_fail(error, PL_BAD_DATA, "an error code that this planlift does not know");
    }
    if (record.part < 1 || record.part > record.parts) {
        return pl_fail(error, PL_BAD_DATA, "part %d of %d", record.part, record.parts);
    }
    *ret_record = record;
    return PL_OK;
}
