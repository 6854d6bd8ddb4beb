/* REQUEST of contract section 9: an upgrade request as JSON. */
#include "wire/json_request.h"

#include "wire/json_record.h"
#include "wire/json_write.h"

/* Before and after the requester. */
static const struct pl_json_field request_fields[] = {
    PL_JSON_FIELD("requestId", PL_JSON_TEXT, struct pl_request, request_id, struct pl_bytes),
    PL_JSON_FIELD("orderId", PL_JSON_OPTIONAL_TEXT, struct pl_request, order_id, struct pl_bytes),
    PL_JSON_FIELD("customerId", PL_JSON_ID, struct pl_request, customer_id, struct pl_bytes),
    PL_JSON_FIELD("partnerId", PL_JSON_TEXT, struct pl_request, partner_id, struct pl_bytes),
    PL_JSON_FIELD("subscriptionId", PL_JSON_TEXT, struct pl_request, subscription_id,
                  struct pl_bytes),
    PL_JSON_ENUM("operation", PL_JSON_SYMBOL, struct pl_request, operation, enum pl_operation,
                 pl_operation_names),
    PL_JSON_FIELD("targetOfferId", PL_JSON_OPTIONAL_TEXT, struct pl_request, target_offer_id,
                  struct pl_bytes),
    PL_JSON_FIELD("quantity", PL_JSON_OPTIONAL_INT, struct pl_request, quantity,
                  struct pl_optional_int),
    PL_JSON_FIELD("expectedVersion", PL_JSON_OPTIONAL_LONG, struct pl_request, expected_version,
                  struct pl_optional_long),
    PL_JSON_FIELD("requireLicenseTransfer", PL_JSON_FLAG, struct pl_request,
                  require_license_transfer, bool),
};
static const struct pl_json_record request_record = PL_JSON_RECORD(request_fields);

static const struct pl_json_field requester_fields[] = {
    PL_JSON_FIELD("userId", PL_JSON_TEXT, struct pl_request, requested_by_user_id, struct pl_bytes),
    PL_JSON_FIELD("role", PL_JSON_TEXT, struct pl_request, requested_by_role, struct pl_bytes),
};
static const struct pl_json_record requester_record = PL_JSON_RECORD(requester_fields);

static const struct pl_json_field time_fields[] = {
    PL_JSON_FIELD("requestedAt", PL_JSON_LONG, struct pl_request, requested_at_ms, int64_t),
};
static const struct pl_json_record time_record = PL_JSON_RECORD(time_fields);

enum pl_status pl_json_request_read(const struct pl_json_node *node, struct pl_arena *arena,
                                    struct pl_error *error, struct pl_request *ret_request)
{
    struct pl_json_node requester;
    enum pl_status status = pl_json_record_read(&request_record, node, arena, error, ret_request);

    ret_request->digest = NULL;
    if (status != PL_OK) {
        return status;
    }
    requester = pl_json_member(node, "requestedBy");
    status = pl_json_record_read(&requester_record, &requester, arena, error, ret_request);
    return status == PL_OK ? pl_json_record_read(&time_record, node, arena, error, ret_request)
                           : status;
}

void pl_json_request_write(const struct pl_request *request, struct pl_buffer *buffer)
{
    pl_buffer_put_byte(buffer, '{');
    pl_json_record_write(&request_record, request, buffer);
    pl_json_put_key(buffer, "requestedBy");
    pl_json_record_write_object(&requester_record, request, buffer);
    pl_json_record_write(&time_record, request, buffer);
    pl_buffer_put_byte(buffer, '}');
}
