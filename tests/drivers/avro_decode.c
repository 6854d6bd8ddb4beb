/* Decodes events and requests for tests/system/test_avro_resolution.py. It runs in the project's
 * folder; each line in is a writer's schema and bodies of it, each line out what became of them:
 *
 *     {"record": "event", "schema": "<hex>", "bodies": ["<hex>", ...]}
 *     [{"value": {...}}, {"refusal": "malformed", "message": "..."}, ...]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "planlift/codec.h"
#include "wire/frame.h"

#define SCHEMA_MAX_BYTES ((size_t)1024 * 1024)

enum { FIRST_ID = 1 };

static _Noreturn void give_up(const char *text)
{
    (void)fprintf(stderr, "avro_decode: %s\n", text);
    abort(); /* whoever runs it sees the signal */
}

/* ---- in ------------------------------------------------------------------------------------- */

static struct pl_bytes load(const char *path, struct pl_arena *arena)
{
    FILE *file = fopen(path, "rb");
    char *data = pl_arena_alloc(arena, SCHEMA_MAX_BYTES);
    size_t len;

    if (file == NULL) {
        give_up(path);
    }
    len = fread(data, 1, SCHEMA_MAX_BYTES, file);
    (void)fclose(file); /* it was only read */
    return (struct pl_bytes){data, len};
}

static unsigned digit(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static struct pl_bytes unhex(const char *hex, struct pl_arena *arena)
{
    size_t len = strlen(hex) / 2;
    char *data = pl_arena_alloc(arena, len);

    for (size_t i = 0; i < len; i++) {
        data[i] = (char)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
    }
    return (struct pl_bytes){data, len};
}

/* The one schema there is: of the line. */
static enum pl_status fetch(void *self, uint32_t id, struct pl_arena *arena,
                            struct pl_bytes *ret_json, struct pl_error *error)
{
    (void)id;
    (void)arena;
    (void)error;
    *ret_json = *(struct pl_bytes *)self;
    return PL_OK;
}

/* ---- out ------------------------------------------------------------------------------------ */

static json_t *text(struct pl_bytes bytes)
{
    return pl_bytes_is_null(bytes) ? json_null() : json_stringn(bytes.data, bytes.len);
}

static json_t *names(struct pl_names list)
{
    json_t *json = json_array();

    for (size_t i = 0; i < list.count; i++) {
        (void)json_array_append_new(json, text(list.items[i]));
    }
    return json;
}

static json_t *number(bool is_set, int64_t value)
{
    return is_set ? json_integer(value) : json_null();
}

static json_t *change_json(const struct pl_event *event)
{
    const struct pl_subscription_changed *subscription = &event->change.subscription_changed;
    const struct pl_license_assigned *assigned = &event->change.license_assigned;
    const struct pl_license_removed *removed = &event->change.license_removed;
    const struct pl_delegated_admin_changed *admin = &event->change.delegated_admin_changed;

    switch (event->kind) {
    case PL_EVENT_SUBSCRIPTION_CHANGED:
        return json_pack("{s:o,s:o,s:s,s:i,s:o,s:s,s:o,s:I}", "subscriptionId",
                         text(subscription->subscription_id), "offerId",
                         text(subscription->offer_id), "status",
                         pl_subscription_status_names[subscription->status], "quantity",
                         (int)subscription->quantity, "partnerId", text(subscription->partner_id),
                         "channel", pl_channel_names[subscription->channel], "parentSubscriptionId",
                         text(subscription->parent_subscription_id), "revision",
                         (json_int_t)subscription->revision);
    case PL_EVENT_LICENSE_ASSIGNED:
        return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "subscriptionId",
                         text(assigned->subscription_id), "userId", text(assigned->user_id),
                         "userPrincipalName", text(assigned->user_principal_name), "displayName",
                         text(assigned->display_name), "assignedByGroup",
                         text(assigned->assigned_by_group), "disabledServices",
                         names(assigned->disabled_services));
    case PL_EVENT_LICENSE_REMOVED:
        return json_pack("{s:o,s:o}", "subscriptionId", text(removed->subscription_id), "userId",
                         text(removed->user_id));
    case PL_EVENT_DELEGATED_ADMIN_CHANGED:
        return json_pack("{s:o,s:b,s:o}", "partnerId", text(admin->partner_id), "granted",
                         (int)admin->granted, "serviceFamilies", names(admin->service_families));
    case PL_EVENT_CUSTOMER_ERASED:
        return json_object();
    }
    return NULL;
}

static json_t *event_json(const struct pl_event *event)
{
    return json_pack("{s:o,s:s,s:o}", "customerId", text(event->customer_id), "kind",
                     pl_event_kind_names[event->kind], "change", change_json(event));
}

static json_t *request_json(const struct pl_request *request)
{
    return json_pack(
        "{s:o,s:o,s:o,s:o,s:o,s:s,s:o,s:o,s:o,s:b,s:{s:o,s:o},s:I}", "requestId",
        text(request->request_id), "orderId", text(request->order_id), "customerId",
        text(request->customer_id), "partnerId", text(request->partner_id), "subscriptionId",
        text(request->subscription_id), "operation", pl_operation_names[request->operation],
        "targetOfferId", text(request->target_offer_id), "quantity",
        number(request->quantity.is_set, request->quantity.value), "expectedVersion",
        number(request->expected_version.is_set, request->expected_version.value),
        "requireLicenseTransfer", (int)request->require_license_transfer, "requestedBy", "userId",
        text(request->requested_by_user_id), "role", text(request->requested_by_role),
        "requestedAt", (json_int_t)request->requested_at_ms);
}

/* ---- a line --------------------------------------------------------------------------------- */

static json_t *decode(struct pl_decoder *decoder, bool is_event, struct pl_bytes value,
                      struct pl_arena *arena)
{
    struct pl_event event;
    struct pl_request request;
    struct pl_refusal refusal;
    struct pl_error error = {""};
    enum pl_status status =
        is_event ? pl_decode_event(decoder, value, arena, &event, &refusal, &error)
                 : pl_decode_request(decoder, value, arena, &request, &refusal, &error);

    if (status == PL_BAD_DATA) {
        return json_pack("{s:s,s:s}", "refusal", pl_dead_letter_names[refusal.code], "message",
                         refusal.message);
    }
    if (status != PL_OK) {
        give_up(error.text);
    }
    return json_pack("{s:o}", "value", is_event ? event_json(&event) : request_json(&request));
}

static void answer(struct pl_decoder *decoder, uint32_t id, const json_t *line,
                   struct pl_bytes *schema, struct pl_arena *arena)
{
    const json_t *bodies = json_object_get(line, "bodies");
    const char *record = json_string_value(json_object_get(line, "record"));
    const char *schema_hex = json_string_value(json_object_get(line, "schema"));
    json_t *answers = json_array();

    if (record == NULL || schema_hex == NULL) {
        give_up("a line without record or schema");
    }
    *schema = unhex(schema_hex, arena);
    for (size_t i = 0; i < json_array_size(bodies); i++) {
        struct pl_buffer value = {NULL, 0, 0};
        struct pl_bytes body = unhex(json_string_value(json_array_get(bodies, i)), arena);

        pl_put_frame(&value, id);
        pl_buffer_put(&value, body.data, body.len);
        (void)json_array_append_new(answers, decode(decoder, strcmp(record, "event") == 0,
                                                    pl_buffer_since(&value, 0), arena));
        pl_buffer_done(&value);
    }
    (void)json_dumpf(answers, stdout, JSON_COMPACT);
    (void)putchar('\n');
    json_decref(answers);
}

int main(void)
{
    struct pl_arena schemas = PL_ARENA_INIT;
    struct pl_arena arena = PL_ARENA_INIT;
    const struct pl_own_schemas own = {
        .event_json = load("schemas/subscription-event.avsc", &schemas),
        .request_json = load("schemas/upgrade-request.avsc", &schemas),
        .result_json = load("schemas/upgrade-result.avsc", &schemas),
    };
    struct pl_bytes schema = PL_NULL_BYTES;
    const struct pl_schema_source source = {fetch, &schema};
    struct pl_decoder *decoder = NULL;
    struct pl_error error = {""};
    json_t *line;

    if (pl_decoder_new(&own, &source, &error, &decoder) != PL_OK) {
        give_up(error.text);
    }
    for (uint32_t id = FIRST_ID; (line = json_loadf(stdin, JSON_DISABLE_EOF_CHECK, NULL)) != NULL;
         id++) {
        answer(decoder, id, line, &schema, &arena);
        json_decref(line);
        pl_arena_reset(&arena);
    }
    if (!feof(stdin)) {
        give_up("a line that is not JSON");
    }
    pl_decoder_free(decoder);
    pl_arena_done(&arena);
    pl_arena_done(&schemas);
    return 0;
}
