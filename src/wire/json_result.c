/* RESULT of contract section 9: an upgrade result as JSON, never split. */
#include "wire/json_result.h"

#include "wire/json_record.h"
#include "wire/json_write.h"

static const struct pl_json_field error_fields[] = {
    PL_JSON_ENUM("code", PL_JSON_SYMBOL, struct pl_upgrade_error, code, enum pl_error_code,
                 pl_error_code_names),
    PL_JSON_FIELD("message", PL_JSON_TEXT, struct pl_upgrade_error, message, struct pl_bytes),
    PL_JSON_FIELD("subscriptionId", PL_JSON_OPTIONAL_TEXT, struct pl_upgrade_error, subscription_id,
                  struct pl_bytes),
    PL_JSON_FIELD("services", PL_JSON_NAMES, struct pl_upgrade_error, services, struct pl_names),
};
static const struct pl_json_record error_record = PL_JSON_RECORD(error_fields);

/* PossibleUpgrade before and after its errors. */
static const struct pl_json_field possible_head_fields[] = {
    PL_JSON_FIELD("targetOfferId", PL_JSON_TEXT, struct pl_possible_upgrade, target_offer_id,
                  struct pl_bytes),
    PL_JSON_FIELD("eligible", PL_JSON_BOOL, struct pl_possible_upgrade, eligible, bool),
    PL_JSON_ENUM("upgradeType", PL_JSON_SYMBOL, struct pl_possible_upgrade, upgrade_type,
                 enum pl_upgrade_type, pl_upgrade_type_names),
    PL_JSON_FIELD("quantity", PL_JSON_INT, struct pl_possible_upgrade, quantity, int32_t),
};
static const struct pl_json_record possible_head_record = PL_JSON_RECORD(possible_head_fields);

static const struct pl_json_field possible_tail_fields[] = {
    PL_JSON_FIELD("affectedAccounts", PL_JSON_INT, struct pl_possible_upgrade, affected_accounts,
                  int32_t),
    PL_JSON_FIELD("additionalServices", PL_JSON_NAMES, struct pl_possible_upgrade,
                  additional_services, struct pl_names),
};
static const struct pl_json_record possible_tail_record = PL_JSON_RECORD(possible_tail_fields);

static const struct pl_json_field subscription_fields[] = {
    PL_JSON_FIELD("subscriptionId", PL_JSON_TEXT, struct pl_subscription_view, subscription_id,
                  struct pl_bytes),
    PL_JSON_FIELD("offerId", PL_JSON_TEXT, struct pl_subscription_view, offer_id, struct pl_bytes),
    PL_JSON_FIELD("offerName", PL_JSON_TEXT, struct pl_subscription_view, offer_name,
                  struct pl_bytes),
    PL_JSON_ENUM("status", PL_JSON_SYMBOL, struct pl_subscription_view, status,
                 enum pl_subscription_status, pl_subscription_status_names),
    PL_JSON_FIELD("quantity", PL_JSON_INT, struct pl_subscription_view, quantity, int32_t),
};
static const struct pl_json_record subscription_record = PL_JSON_RECORD(subscription_fields);

/* AffectedAccount before its transitions. */
static const struct pl_json_field account_fields[] = {
    PL_JSON_FIELD("userId", PL_JSON_TEXT, struct pl_affected_account, user_id, struct pl_bytes),
    PL_JSON_FIELD("userPrincipalName", PL_JSON_TEXT, struct pl_affected_account,
                  user_principal_name, struct pl_bytes),
    PL_JSON_FIELD("displayName", PL_JSON_OPTIONAL_TEXT, struct pl_affected_account, display_name,
                  struct pl_bytes),
};
static const struct pl_json_record account_record = PL_JSON_RECORD(account_fields);

static const struct pl_json_field account_transition_fields[] = {
    PL_JSON_FIELD("service", PL_JSON_TEXT, struct pl_account_transition, service, struct pl_bytes),
    PL_JSON_FIELD("replacement", PL_JSON_OPTIONAL_TEXT, struct pl_account_transition, replacement,
                  struct pl_bytes),
    PL_JSON_ENUM("transition", PL_JSON_SYMBOL, struct pl_account_transition, transition,
                 enum pl_transition, pl_transition_names),
};
static const struct pl_json_record account_transition_record =
    PL_JSON_RECORD(account_transition_fields);

static const struct pl_json_field service_transition_fields[] = {
    PL_JSON_FIELD("service", PL_JSON_TEXT, struct pl_service_transition, service, struct pl_bytes),
    PL_JSON_FIELD("serviceName", PL_JSON_TEXT, struct pl_service_transition, service_name,
                  struct pl_bytes),
    PL_JSON_FIELD("replacement", PL_JSON_OPTIONAL_TEXT, struct pl_service_transition, replacement,
                  struct pl_bytes),
    PL_JSON_FIELD("replacementName", PL_JSON_OPTIONAL_TEXT, struct pl_service_transition,
                  replacement_name, struct pl_bytes),
    PL_JSON_ENUM("transition", PL_JSON_SYMBOL, struct pl_service_transition, transition,
                 enum pl_transition, pl_transition_names),
    PL_JSON_FIELD("accounts", PL_JSON_INT, struct pl_service_transition, accounts, int32_t),
};
static const struct pl_json_record service_transition_record =
    PL_JSON_RECORD(service_transition_fields);

static const struct pl_json_field billing_line_fields[] = {
    PL_JSON_FIELD("subscriptionId", PL_JSON_TEXT, struct pl_billing_line, subscription_id,
                  struct pl_bytes),
    PL_JSON_FIELD("offerId", PL_JSON_TEXT, struct pl_billing_line, offer_id, struct pl_bytes),
    PL_JSON_FIELD("offerName", PL_JSON_TEXT, struct pl_billing_line, offer_name, struct pl_bytes),
    PL_JSON_FIELD("quantity", PL_JSON_INT, struct pl_billing_line, quantity, int32_t),
};
static const struct pl_json_record billing_line_record = PL_JSON_RECORD(billing_line_fields);

/* UpgradeResult before its errors and after its billing. */
static const struct pl_json_field result_head_fields[] = {
    PL_JSON_FIELD("requestId", PL_JSON_TEXT, struct pl_result, request_id, struct pl_bytes),
    PL_JSON_FIELD("orderId", PL_JSON_OPTIONAL_TEXT, struct pl_result, order_id, struct pl_bytes),
    PL_JSON_FIELD("customerId", PL_JSON_TEXT, struct pl_result, customer_id, struct pl_bytes),
    PL_JSON_FIELD("partnerId", PL_JSON_TEXT, struct pl_result, partner_id, struct pl_bytes),
    PL_JSON_FIELD("subscriptionId", PL_JSON_TEXT, struct pl_result, subscription_id,
                  struct pl_bytes),
    PL_JSON_ENUM("operation", PL_JSON_SYMBOL, struct pl_result, operation, enum pl_operation,
                 pl_operation_names),
    PL_JSON_ENUM("outcome", PL_JSON_SYMBOL, struct pl_result, outcome, enum pl_outcome,
                 pl_outcome_names),
    PL_JSON_ENUM("upgradeType", PL_JSON_SYMBOL, struct pl_result, upgrade_type,
                 enum pl_upgrade_type, pl_upgrade_type_names),
};
static const struct pl_json_record result_head_record = PL_JSON_RECORD(result_head_fields);

static const struct pl_json_field result_tail_fields[] = {
    PL_JSON_FIELD("customerVersion", PL_JSON_LONG, struct pl_result, customer_version, int64_t),
    PL_JSON_FIELD("catalogueVersion", PL_JSON_TEXT, struct pl_result, catalogue_version,
                  struct pl_bytes),
    PL_JSON_FIELD("decidedAt", PL_JSON_LONG, struct pl_result, decided_at_ms, int64_t),
};
static const struct pl_json_record result_tail_record = PL_JSON_RECORD(result_tail_fields);

static void write_errors(const struct pl_error_list *errors, struct pl_buffer *buffer)
{
    pl_json_put_key(buffer, "errors");
    pl_buffer_put_byte(buffer, '[');
    for (size_t i = 0; i < errors->count; i++) {
        pl_json_put_separator(buffer);
        pl_json_record_write_object(&error_record, &errors->items[i], buffer);
    }
    pl_buffer_put_byte(buffer, ']');
}

static void write_possible_upgrades(const struct pl_result *result, struct pl_buffer *buffer)
{
    pl_json_put_key(buffer, "possibleUpgrades");
    pl_buffer_put_byte(buffer, '[');
    for (size_t i = 0; i < result->possible_upgrade_count; i++) {
        const struct pl_possible_upgrade *upgrade = &result->possible_upgrades[i];

        pl_json_put_separator(buffer);
        pl_buffer_put_byte(buffer, '{');
        pl_json_record_write(&possible_head_record, upgrade, buffer);
        write_errors(&upgrade->errors, buffer);
        pl_json_record_write(&possible_tail_record, upgrade, buffer);
        pl_buffer_put_byte(buffer, '}');
    }
    pl_buffer_put_byte(buffer, ']');
}

/* A nested record, or null. */
static void write_nested(const char *key, const struct pl_json_record *record, const void *source,
                         bool is_set, struct pl_buffer *buffer)
{
    pl_json_put_key(buffer, key);
    if (is_set) {
        pl_json_record_write_object(record, source, buffer);
    } else {
        pl_json_put_null(buffer);
    }
}

static void write_account(const struct pl_affected_account *account, struct pl_buffer *buffer)
{
    pl_json_put_separator(buffer);
    pl_buffer_put_byte(buffer, '{');
    pl_json_record_write(&account_record, account, buffer);
    pl_json_put_key(buffer, "transitions");
    pl_buffer_put_byte(buffer, '[');
    for (size_t i = 0; i < account->transition_count; i++) {
        pl_json_put_separator(buffer);
        pl_json_record_write_object(&account_transition_record, &account->transitions[i], buffer);
    }
    pl_buffer_put_byte(buffer, ']');
    write_nested("licenseError", &error_record, account->license_error,
                 account->license_error != NULL, buffer);
    pl_buffer_put_byte(buffer, '}');
}

static void write_transitions(const struct pl_result *result, struct pl_buffer *buffer)
{
    pl_json_put_key(buffer, "affectedAccounts");
    pl_buffer_put_byte(buffer, '[');
    for (size_t i = 0; i < result->affected_account_count; i++) {
        write_account(&result->affected_accounts[i], buffer);
    }
    pl_buffer_put_byte(buffer, ']');
    pl_json_put_key(buffer, "servicesToTransition");
    pl_buffer_put_byte(buffer, '[');
    for (size_t i = 0; i < result->services_to_transition_count; i++) {
        pl_json_put_separator(buffer);
        pl_json_record_write_object(&service_transition_record, &result->services_to_transition[i],
                                    buffer);
    }
    pl_buffer_put_byte(buffer, ']');
}

static void write_billing(const struct pl_billing *billing, struct pl_buffer *buffer)
{
    pl_json_put_key(buffer, "billing");
    if (!billing->is_set) {
        pl_json_put_null(buffer);
        return;
    }
    pl_buffer_put_byte(buffer, '{');
    write_nested("cancelled", &billing_line_record, &billing->cancelled, billing->cancelled.is_set,
                 buffer);
    write_nested("added", &billing_line_record, &billing->added, true, buffer);
    pl_json_put_key(buffer, "effectiveAt");
    pl_json_put_integer(buffer, billing->effective_at_ms);
    pl_buffer_put_byte(buffer, '}');
}

void pl_json_result_write(const struct pl_result *result, struct pl_buffer *buffer)
{
    pl_buffer_put_byte(buffer, '{');
    pl_json_record_write(&result_head_record, result, buffer);
    write_errors(&result->errors, buffer);
    write_possible_upgrades(result, buffer);
    write_nested("sourceSubscription", &subscription_record, &result->source, result->source.is_set,
                 buffer);
    write_nested("targetSubscription", &subscription_record, &result->target, result->target.is_set,
                 buffer);
    write_transitions(result, buffer);
    write_billing(&result->billing, buffer);
    pl_json_record_write(&result_tail_record, result, buffer);
    pl_json_put_key(buffer, "part");
    pl_json_put_integer(buffer, 1);
    pl_json_put_key(buffer, "parts");
    pl_json_put_integer(buffer, 1);
    pl_buffer_put_byte(buffer, '}');
}
