/* The records of contract section 3 as plain structs. All views borrow from the batch's arena. */
#ifndef PL_MODEL_H
#define PL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "planlift/bytes.h"

/* X-macros keep enumerators, Avro symbols and JSON names one list; order as in the contract. */
#define PL_SUBSCRIPTION_STATUSES(X)                                                                \
    X(PENDING)                                                                                     \
    X(ACTIVE)                                                                                      \
    X(SUSPENDED)                                                                                   \
    X(CANCELLED)
#define PL_CHANNELS(X)                                                                             \
    X(CSP)                                                                                         \
    X(DIRECT)                                                                                      \
    X(VOLUME)                                                                                      \
    X(OTHER)
#define PL_OPERATIONS(X)                                                                           \
    X(CHECK)                                                                                       \
    X(UPGRADE)                                                                                     \
    X(ADD_LICENSES)
#define PL_OUTCOMES(X)                                                                             \
    X(ELIGIBLE)                                                                                    \
    X(NOT_ELIGIBLE)                                                                                \
    X(UPGRADED)                                                                                    \
    X(LICENSES_ADDED)                                                                              \
    X(REFUSED)
#define PL_UPGRADE_TYPES(X)                                                                        \
    X(NONE)                                                                                        \
    X(UPGRADE_ONLY)                                                                                \
    X(UPGRADE_WITH_LICENSE_TRANSFER)
#define PL_TRANSITIONS(X)                                                                          \
    X(REPLACED)                                                                                    \
    X(REMOVED)

enum pl_subscription_status {
#define X(name) PL_STATUS_##name,
    PL_SUBSCRIPTION_STATUSES(X)
#undef X
};
enum pl_channel {
#define X(name) PL_CHANNEL_##name,
    PL_CHANNELS(X)
#undef X
};
enum pl_operation {
#define X(name) PL_OPERATION_##name,
    PL_OPERATIONS(X)
#undef X
};
enum pl_outcome {
#define X(name) PL_OUTCOME_##name,
    PL_OUTCOMES(X)
#undef X
};
enum pl_upgrade_type {
#define X(name) PL_UPGRADE_TYPE_##name,
    PL_UPGRADE_TYPES(X)
#undef X
};
enum pl_transition {
#define X(name) PL_TRANSITION_##name,
    PL_TRANSITIONS(X)
#undef X
};

/* How many there are; not enumerators of the enums above, so that -Wswitch can speak. */
#define PL_ONE(...) +1
enum {
    PL_STATUS_COUNT = 0 PL_SUBSCRIPTION_STATUSES(PL_ONE),
    PL_CHANNEL_COUNT = 0 PL_CHANNELS(PL_ONE),
    PL_OPERATION_COUNT = 0 PL_OPERATIONS(PL_ONE),
    PL_OUTCOME_COUNT = 0 PL_OUTCOMES(PL_ONE),
    PL_UPGRADE_TYPE_COUNT = 0 PL_UPGRADE_TYPES(PL_ONE),
    PL_TRANSITION_COUNT = 0 PL_TRANSITIONS(PL_ONE)
};

/* Wire symbols by enumerator, for example pl_channel_names[PL_CHANNEL_CSP] = "CSP". */
extern const char *const pl_subscription_status_names[PL_STATUS_COUNT];
extern const char *const pl_channel_names[PL_CHANNEL_COUNT];
extern const char *const pl_operation_names[PL_OPERATION_COUNT];
extern const char *const pl_outcome_names[PL_OUTCOME_COUNT];
extern const char *const pl_upgrade_type_names[PL_UPGRADE_TYPE_COUNT];
extern const char *const pl_transition_names[PL_TRANSITION_COUNT];

/* Index of symbol among count names, or -1. */
int pl_symbol_index(const char *const *names, int count, struct pl_bytes symbol);

/* ---- SubscriptionEvent ---------------------------------------------------------------------- */

enum pl_event_kind { /* order of the union in the schema */
                     PL_EVENT_SUBSCRIPTION_CHANGED,
                     PL_EVENT_LICENSE_ASSIGNED,
                     PL_EVENT_LICENSE_REMOVED,
                     PL_EVENT_DELEGATED_ADMIN_CHANGED,
                     PL_EVENT_CUSTOMER_ERASED
};

enum { PL_EVENT_KIND_COUNT = PL_EVENT_CUSTOMER_ERASED + 1 };

/* Record names, for example "LicenseAssigned". */
extern const char *const pl_event_kind_names[PL_EVENT_KIND_COUNT];

struct pl_subscription_changed {
    struct pl_bytes subscription_id;
    struct pl_bytes offer_id;
    enum pl_subscription_status status;
    int32_t quantity;
    struct pl_bytes partner_id; /* optional */
    enum pl_channel channel;
    struct pl_bytes parent_subscription_id; /* optional */
    int64_t revision;
};

struct pl_license_assigned {
    struct pl_bytes subscription_id;
    struct pl_bytes user_id;
    struct pl_bytes user_principal_name;
    struct pl_bytes display_name;      /* optional */
    struct pl_bytes assigned_by_group; /* optional: the group that gave the licence */
    struct pl_names disabled_services; /* as they came: any order, repeats, unknown ids */
};

struct pl_license_removed {
    struct pl_bytes subscription_id;
    struct pl_bytes user_id;
};

struct pl_delegated_admin_changed {
    struct pl_bytes partner_id;
    bool granted;
    struct pl_names service_families; /* as they came; empty: all families */
};

/* eventId and occurredAt are for people (contract 5) and not kept. */
struct pl_event {
    struct pl_bytes customer_id;
    enum pl_event_kind kind;
    union {
        struct pl_subscription_changed subscription_changed;
        struct pl_license_assigned license_assigned;
        struct pl_license_removed license_removed;
        struct pl_delegated_admin_changed delegated_admin_changed;
    } change;
};

/* ---- UpgradeRequest ------------------------------------------------------------------------- */

struct pl_optional_int {
    bool is_set;
    int32_t value;
};
struct pl_optional_long {
    bool is_set;
    int64_t value;
};

struct pl_answered;

struct pl_request {
    struct pl_bytes request_id;
    struct pl_bytes order_id; /* optional */
    struct pl_bytes customer_id;
    struct pl_bytes partner_id;
    struct pl_bytes subscription_id;
    enum pl_operation operation;
    struct pl_bytes target_offer_id; /* optional */
    struct pl_optional_int quantity;
    struct pl_optional_long expected_version;
    bool require_license_transfer;
    struct pl_bytes requested_by_user_id;
    struct pl_bytes requested_by_role;
    int64_t requested_at_ms;          /* for people; no rule reads it */
    const struct pl_answered *digest; /* pl_request_digest of it, where that is at hand; or NULL */
};

/* ---- UpgradeResult -------------------------------------------------------------------------- */

/* code -> wire name; the order is that of contract 6, then the per-user ones. */
#define PL_ERROR_CODES(X)                                                                          \
    X(INVALID_REQUEST, "invalid_request")                                                          \
    X(ROLE_NOT_PERMITTED, "role_not_permitted")                                                    \
    X(VERSION_MISMATCH, "version_mismatch")                                                        \
    X(SUBSCRIPTION_NOT_FOUND, "subscription_not_found")                                            \
    X(SUBSCRIPTION_NOT_OWNED_BY_PARTNER, "subscription_not_owned_by_partner")                      \
    X(SUBSCRIPTION_NOT_PROVISIONED, "subscription_not_provisioned")                                \
    X(SUBSCRIPTION_STATUS_NOT_ACTIVE, "subscription_status_not_active")                            \
    X(DELEGATED_ADMIN_PERMISSIONS_DISABLED, "delegated_admin_permissions_disabled")                \
    X(SUBSCRIPTION_DOES_NOT_HAVE_ANY_UPGRADE_PATHS,                                                \
      "subscription_does_not_have_any_upgrade_paths")                                              \
    X(SUBSCRIPTION_TARGET_OFFER_NOT_FOUND, "subscription_target_offer_not_found")                  \
    X(SUBSCRIPTION_ADD_ONS_PRESENT, "subscription_add_ons_present")                                \
    X(TARGET_OFFER_ALREADY_OWNED, "target_offer_already_owned")                                    \
    X(CONFLICTING_SERVICE_TYPES, "conflicting_service_types")                                      \
    X(QUANTITY_BELOW_ASSIGNED_LICENSES, "quantity_below_assigned_licenses")                        \
    X(QUANTITY_EXCEEDS_OFFER_LIMIT, "quantity_exceeds_offer_limit")                                \
    X(USER_LICENSE_ERROR, "user_license_error")                                                    \
    X(TARGET_SUBSCRIPTION_EXISTS, "target_subscription_exists")                                    \
    X(LICENSE_ASSIGNED_BY_GROUP, "license_assigned_by_group")

enum pl_error_code {
#define X(name, wire) PL_ERROR_##name,
    PL_ERROR_CODES(X)
#undef X
};
enum { PL_ERROR_CODE_COUNT = 0 PL_ERROR_CODES(PL_ONE) };
extern const char *const pl_error_code_names[PL_ERROR_CODE_COUNT];

struct pl_upgrade_error {
    enum pl_error_code code;
    struct pl_bytes message;
    struct pl_bytes subscription_id; /* optional */
    struct pl_names services;
};

struct pl_error_list {
    struct pl_upgrade_error *items;
    size_t count;
};

struct pl_possible_upgrade {
    struct pl_bytes target_offer_id;
    bool eligible;
    enum pl_upgrade_type upgrade_type;
    int32_t quantity;
    struct pl_error_list errors;
    int32_t affected_accounts;
    struct pl_names additional_services;
};

struct pl_subscription_view {
    bool is_set; /* false: null in the result */
    struct pl_bytes subscription_id;
    struct pl_bytes offer_id;
    struct pl_bytes offer_name;
    enum pl_subscription_status status;
    int32_t quantity;
};

struct pl_account_transition {
    struct pl_bytes service;
    struct pl_bytes replacement; /* optional: null with REMOVED */
    enum pl_transition transition;
};

struct pl_affected_account {
    struct pl_bytes user_id;
    struct pl_bytes user_principal_name;
    struct pl_bytes display_name; /* optional */
    const struct pl_account_transition *transitions;
    size_t transition_count;
    const struct pl_upgrade_error *license_error; /* NULL: the licence moved */
};

struct pl_service_transition {
    struct pl_bytes service;
    struct pl_bytes service_name;
    struct pl_bytes replacement;      /* optional */
    struct pl_bytes replacement_name; /* optional */
    enum pl_transition transition;
    int32_t accounts;
};

struct pl_billing_line {
    bool is_set;
    struct pl_bytes subscription_id;
    struct pl_bytes offer_id;
    struct pl_bytes offer_name;
    int32_t quantity;
};

struct pl_billing {
    bool is_set;
    struct pl_billing_line cancelled; /* may be unset */
    struct pl_billing_line added;     /* set whenever the billing is */
    int64_t effective_at_ms;
};

struct pl_result {
    struct pl_bytes request_id;
    struct pl_bytes order_id; /* optional */
    struct pl_bytes customer_id;
    struct pl_bytes partner_id;
    struct pl_bytes subscription_id;
    enum pl_operation operation;
    enum pl_outcome outcome;
    enum pl_upgrade_type upgrade_type;
    struct pl_error_list errors;
    const struct pl_possible_upgrade *possible_upgrades;
    size_t possible_upgrade_count;
    struct pl_subscription_view source;
    struct pl_subscription_view target;
    const struct pl_affected_account *affected_accounts; /* ordered by userId */
    size_t affected_account_count;
    const struct pl_service_transition *services_to_transition;
    size_t services_to_transition_count;
    struct pl_billing billing;
    int64_t customer_version; /* the version decided on */
    struct pl_bytes catalogue_version;
    int64_t decided_at_ms;
};

#endif
