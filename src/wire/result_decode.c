/* Results from Avro, read straight in the order of upgrade-result.avsc (which pl_own_schema_parse
 * compares with the contract). The body is checked before (pl_body_check), so that what is left to
 * find wrong is its meaning; the reader is bounded all the same. */
#include "wire/result_decode.h"

#include "wire/avro_binary.h"

/* What is being read, and where its arrays go. */
struct source {
    struct pl_reader reader;
    struct pl_arena *arena;
    struct pl_bytes unknown_code; /* null: none */
};

/* ---- arrays ---------------------------------------------------------------------------------- */

/* An array may come in several blocks, whoever has written it. */
struct array {
    void *items;
    size_t item_size;
    size_t count;
    size_t capacity;
    uint64_t left; /* of the block */
};

static uint64_t next_block(struct pl_reader *reader)
{
    int64_t count = pl_get_long(reader);

    if (count >= 0) {
        return (uint64_t)count;
    }
    (void)pl_get_long(reader); /* the block's size in bytes follows a negative count */
    return 0 - (uint64_t)count;
}

/* Room for the next item, all zero; NULL at the array's end, or once the reader is bad. */
static void *next_item(struct source *source, struct array *array)
{
    if (array->left == 0) {
        array->left = next_block(&source->reader);
    }
    if (array->left == 0 || source->reader.is_bad) {
        return NULL;
    }
    array->left--;
    if (array->count == array->capacity) {
        array->capacity = array->capacity == 0 ? 4 : array->capacity * 2;
        array->items = pl_arena_grow(source->arena, array->items, array->count, array->capacity,
                                     array->item_size);
    }
    return memset((char *)array->items + array->count++ * array->item_size, 0, array->item_size);
}

static struct pl_names get_names(struct source *source)
{
    struct array array = {.item_size = sizeof(struct pl_bytes)};
    struct pl_bytes *name;

    while ((name = next_item(source, &array)) != NULL) {
        *name = pl_get_string(&source->reader);
    }
    return (struct pl_names){array.items, array.count};
}

/* ---- fields ---------------------------------------------------------------------------------- */

/* An optional string that is empty is null (contract 3). */
static struct pl_bytes get_optional(struct pl_reader *reader)
{
    struct pl_bytes text = pl_get_optional_string(reader);

    return pl_bytes_is_empty(text) ? PL_NULL_BYTES : text;
}

static int32_t get_int(struct pl_reader *reader)
{
    return (int32_t)pl_get_long_within(reader, INT32_MIN, INT32_MAX);
}

/* An index into an enum's symbols, which are those of the enum in model.h. */
static int get_enum(struct pl_reader *reader, int count)
{
    return (int)pl_get_long_within(reader, 0, count - 1);
}

/* Branch of a union [null, T]. */
static bool get_is_set(struct pl_reader *reader)
{
    return pl_get_long_within(reader, 0, 1) == 1;
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
    upgrade_error->subscription_id = get_optional(&source->reader);
    upgrade_error->services = get_names(source);
}

static struct pl_error_list get_errors(struct source *source)
{
    struct array array = {.item_size = sizeof(struct pl_upgrade_error)};
    struct pl_upgrade_error *upgrade_error;

    while ((upgrade_error = next_item(source, &array)) != NULL) {
        get_error(source, upgrade_error);
    }
    return (struct pl_error_list){array.items, array.count};
}

static void get_possible_upgrades(struct source *source, struct pl_result *result)
{
    struct array array = {.item_size = sizeof(struct pl_possible_upgrade)};
    struct pl_possible_upgrade *upgrade;

    while ((upgrade = next_item(source, &array)) != NULL) {
        upgrade->target_offer_id = pl_get_string(&source->reader);
        upgrade->eligible = pl_get_boolean(&source->reader);
        upgrade->upgrade_type =
            (enum pl_upgrade_type)get_enum(&source->reader, PL_UPGRADE_TYPE_COUNT);
        upgrade->quantity = get_int(&source->reader);
        upgrade->errors = get_errors(source);
        upgrade->affected_accounts = get_int(&source->reader);
        upgrade->additional_services = get_names(source);
    }
    result->possible_upgrades = array.items;
    result->possible_upgrade_count = array.count;
}

static struct pl_subscription_view get_subscription(struct pl_reader *reader)
{
    struct pl_subscription_view view = {.is_set = get_is_set(reader)};

    if (view.is_set) {
        view.subscription_id = pl_get_string(reader);
        view.offer_id = pl_get_string(reader);
        view.offer_name = pl_get_string(reader);
        view.status = (enum pl_subscription_status)get_enum(reader, PL_STATUS_COUNT);
        view.quantity = get_int(reader);
    }
    return view;
}

static void get_transitions(struct source *source, struct pl_affected_account *account)
{
    struct array array = {.item_size = sizeof(struct pl_account_transition)};
    struct pl_account_transition *transition;

    while ((transition = next_item(source, &array)) != NULL) {
        transition->service = pl_get_string(&source->reader);
        transition->replacement = get_optional(&source->reader);
        transition->transition = (enum pl_transition)get_enum(&source->reader, PL_TRANSITION_COUNT);
    }
    account->transitions = array.items;
    account->transition_count = array.count;
}

static void get_accounts(struct source *source, struct pl_result *result)
{
    struct array array = {.item_size = sizeof(struct pl_affected_account)};
    struct pl_affected_account *account;

    while ((account = next_item(source, &array)) != NULL) {
        account->user_id = pl_get_string(&source->reader);
        account->user_principal_name = pl_get_string(&source->reader);
        account->display_name = get_optional(&source->reader);
        get_transitions(source, account);
        if (get_is_set(&source->reader)) {
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
    struct array array = {.item_size = sizeof(struct pl_service_transition)};
    struct pl_service_transition *service;

    while ((service = next_item(source, &array)) != NULL) {
        service->service = pl_get_string(&source->reader);
        service->service_name = pl_get_string(&source->reader);
        service->replacement = get_optional(&source->reader);
        service->replacement_name = get_optional(&source->reader);
        service->transition = (enum pl_transition)get_enum(&source->reader, PL_TRANSITION_COUNT);
        service->accounts = get_int(&source->reader);
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
    line.quantity = get_int(reader);
    return line;
}

static struct pl_billing get_billing(struct pl_reader *reader)
{
    struct pl_billing billing = {.is_set = get_is_set(reader)};

    if (billing.is_set) {
        if (get_is_set(reader)) {
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
    result->order_id = get_optional(reader);
    result->customer_id = pl_get_string(reader);
    result->partner_id = pl_get_string(reader);
    result->subscription_id = pl_get_string(reader);
    result->operation = (enum pl_operation)get_enum(reader, PL_OPERATION_COUNT);
    result->outcome = (enum pl_outcome)get_enum(reader, PL_OUTCOME_COUNT);
    result->upgrade_type = (enum pl_upgrade_type)get_enum(reader, PL_UPGRADE_TYPE_COUNT);
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
    record.part = get_int(&source.reader);
    record.parts = get_int(&source.reader);
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
