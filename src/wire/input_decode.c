/* Events and requests from Avro, read straight in the order of subscription-event.avsc and
 * upgrade-request.avsc (which pl_own_schema_parse compares with the contract). Not by avro-c: its
 * values take some 130 bytes for each item of a list, so that a body of a megabyte could ask for
 * 130 (I12). */
#include "wire/input_decode.h"

#include "wire/avro_array.h"
#include "wire/avro_binary.h"

/* ---- lists of names -------------------------------------------------------------------------- */

/* Go through a list, into items unless that is NULL; returns how many there are. In these lists
 * repeats mean nothing (contract 5), and one that follows itself is left out: a body of a megabyte
 * may hold a million. */
static size_t take_names(struct pl_reader *reader, struct pl_bytes *items)
{
    struct pl_bytes last = PL_NULL_BYTES;
    size_t count = 0;
    uint64_t left = pl_array_block(reader);

    while (left > 0 && !reader->is_bad) {
        struct pl_bytes name = pl_get_string(reader);

        if (count == 0 || !pl_bytes_equal(name, last)) {
            if (items != NULL) {
                items[count] = name;
            }
            count++;
        }
        last = name;
        left = left > 1 ? left - 1 : pl_array_block(reader);
    }
    return count;
}

static struct pl_names get_names(struct pl_reader *reader, struct pl_arena *arena)
{
    struct pl_reader ahead = *reader;
    size_t count = take_names(&ahead, NULL);
    struct pl_bytes *items = NULL;

    if (count > 0) {
        items = pl_arena_alloc(arena, count * sizeof(*items));
    }
    return (struct pl_names){items, take_names(reader, items)};
}

/* ---- events ---------------------------------------------------------------------------------- */

static struct pl_subscription_changed get_subscription_changed(struct pl_reader *reader)
{
    struct pl_subscription_changed change;

    change.subscription_id = pl_get_string(reader);
    change.offer_id = pl_get_string(reader);
    change.status = (enum pl_subscription_status)pl_get_enum(reader, PL_STATUS_COUNT);
    change.quantity = pl_get_int(reader);
    change.partner_id = pl_get_optional_string(reader);
    change.channel = (enum pl_channel)pl_get_enum(reader, PL_CHANNEL_COUNT);
    change.parent_subscription_id = pl_get_optional_string(reader);
    change.revision = pl_get_long(reader);
    return change;
}

static struct pl_license_assigned get_license_assigned(struct pl_reader *reader,
                                                       struct pl_arena *arena)
{
    struct pl_license_assigned change;

    change.subscription_id = pl_get_string(reader);
    change.user_id = pl_get_string(reader);
    change.user_principal_name = pl_get_string(reader);
    change.display_name = pl_get_optional_string(reader);
    change.assigned_by_group = pl_get_optional_string(reader);
    change.disabled_services = get_names(reader, arena);
    return change;
}

static struct pl_license_removed get_license_removed(struct pl_reader *reader)
{
    struct pl_license_removed change;

    change.subscription_id = pl_get_string(reader);
    change.user_id = pl_get_string(reader);
    return change;
}

static struct pl_delegated_admin_changed get_delegated_admin_changed(struct pl_reader *reader,
                                                                     struct pl_arena *arena)
{
    struct pl_delegated_admin_changed change;

    change.partner_id = pl_get_string(reader);
    change.granted = pl_get_boolean(reader);
    change.service_families = get_names(reader, arena);
    return change;
}

static void get_change(struct pl_reader *reader, struct pl_arena *arena, struct pl_event *event)
{
    switch (event->kind) {
    case PL_EVENT_SUBSCRIPTION_CHANGED:
        event->change.subscription_changed = get_subscription_changed(reader);
        return;
    case PL_EVENT_LICENSE_ASSIGNED:
        event->change.license_assigned = get_license_assigned(reader, arena);
        return;
    case PL_EVENT_LICENSE_REMOVED:
        event->change.license_removed = get_license_removed(reader);
        return;
    case PL_EVENT_DELEGATED_ADMIN_CHANGED:
        event->change.delegated_admin_changed = get_delegated_admin_changed(reader, arena);
        return;
    case PL_EVENT_CUSTOMER_ERASED:
        return; /* no fields */
    }
}

enum pl_status pl_event_decode_body(struct pl_bytes body, struct pl_arena *arena,
                                    struct pl_error *error, struct pl_event *ret_event)
{
    struct pl_reader reader = pl_reader_of(body);
    struct pl_event event = {.kind = PL_EVENT_CUSTOMER_ERASED};

    (void)pl_get_string(&reader); /* eventId is not kept */
    event.customer_id = pl_get_string(&reader);
    (void)pl_get_long(&reader); /* nor is occurredAt */
    event.kind = (enum pl_event_kind)pl_get_enum(&reader, PL_EVENT_KIND_COUNT);
    get_change(&reader, arena, &event);
    if (!pl_reader_is_done(&reader)) {
        return pl_fail(error, PL_BAD_DATA, "not a body of SubscriptionEvent");
    }
    *ret_event = event;
    return PL_OK;
}

/* ---- requests -------------------------------------------------------------------------------- */

static struct pl_optional_int get_optional_int(struct pl_reader *reader)
{
    struct pl_optional_int number = {.is_set = pl_get_is_set(reader)};

    if (number.is_set) {
        number.value = pl_get_int(reader);
    }
    return number;
}

static struct pl_optional_long get_optional_long(struct pl_reader *reader)
{
    struct pl_optional_long number = {.is_set = pl_get_is_set(reader)};

    if (number.is_set) {
        number.value = pl_get_long(reader);
    }
    return number;
}

enum pl_status pl_request_decode_body(struct pl_bytes body, struct pl_error *error,
                                      struct pl_request *ret_request)
{
    struct pl_reader reader = pl_reader_of(body);
    struct pl_request request;

    request.digest = NULL;
    request.request_id = pl_get_string(&reader);
    request.order_id = pl_get_optional_string(&reader);
    request.customer_id = pl_get_string(&reader);
    request.partner_id = pl_get_string(&reader);
    request.subscription_id = pl_get_string(&reader);
    request.operation = (enum pl_operation)pl_get_enum(&reader, PL_OPERATION_COUNT);
    request.target_offer_id = pl_get_optional_string(&reader);
    request.quantity = get_optional_int(&reader);
    request.expected_version = get_optional_long(&reader);
    request.require_license_transfer = pl_get_boolean(&reader);
    request.requested_by_user_id = pl_get_string(&reader);
    request.requested_by_role = pl_get_string(&reader);
    request.requested_at_ms = pl_get_long(&reader);
    if (!pl_reader_is_done(&reader)) {
        return pl_fail(error, PL_BAD_DATA, "not a body of UpgradeRequest");
    }
    *ret_request = request;
    return PL_OK;
}
