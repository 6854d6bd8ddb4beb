/* Wire names of the enums in model.h, generated from the same lists as the enums. */
#include "planlift/model.h"

#define X(name) [PL_STATUS_##name] = #name,
const char *const pl_subscription_status_names[PL_STATUS_COUNT] = {PL_SUBSCRIPTION_STATUSES(X)};
#undef X

#define X(name) [PL_CHANNEL_##name] = #name,
const char *const pl_channel_names[PL_CHANNEL_COUNT] = {PL_CHANNELS(X)};
#undef X

#define X(name) [PL_OPERATION_##name] = #name,
const char *const pl_operation_names[PL_OPERATION_COUNT] = {PL_OPERATIONS(X)};
#undef X

#define X(name) [PL_OUTCOME_##name] = #name,
const char *const pl_outcome_names[PL_OUTCOME_COUNT] = {PL_OUTCOMES(X)};
#undef X

#define X(name) [PL_UPGRADE_TYPE_##name] = #name,
const char *const pl_upgrade_type_names[PL_UPGRADE_TYPE_COUNT] = {PL_UPGRADE_TYPES(X)};
#undef X

#define X(name) [PL_TRANSITION_##name] = #name,
const char *const pl_transition_names[PL_TRANSITION_COUNT] = {PL_TRANSITIONS(X)};
#undef X

#define X(name, wire) [PL_ERROR_##name] = (wire),
const char *const pl_error_code_names[PL_ERROR_CODE_COUNT] = {PL_ERROR_CODES(X)};
#undef X

const char *const pl_event_kind_names[PL_EVENT_KIND_COUNT] = {
    [PL_EVENT_SUBSCRIPTION_CHANGED] = "SubscriptionChanged",
    [PL_EVENT_LICENSE_ASSIGNED] = "LicenseAssigned",
    [PL_EVENT_LICENSE_REMOVED] = "LicenseRemoved",
    [PL_EVENT_DELEGATED_ADMIN_CHANGED] = "DelegatedAdminChanged",
    [PL_EVENT_CUSTOMER_ERASED] = "CustomerErased",
};

int pl_symbol_index(const char *const *names, int count, struct pl_bytes symbol)
{
    for (int i = 0; i < count; i++) {
        if (pl_bytes_equal(pl_bytes_of(names[i]), symbol)) {
            return i;
        }
    }
    return -1;
}
