/* The three schemas of contract section 3 in a short notation, and a tree written in it.
 *
 *     Name{field:type,...}      record      Name[SYMBOL,...]    enum
 *     *type                     array       <type|...|>         union
 *     =0a                       default of the field before it, in Avro binary as hex digits
 *     !OTHER                    default symbol of the enum before it
 *
 * Names are those within the namespace planlift; named types are written out at every use. */
#include "wire/own_schema.h"

#include <stdlib.h>

#include <avro.h>

#include "planlift/buffer.h"
#include "planlift/model.h"

#define SPACE "planlift."

/* Longer than any of the texts below: where to stop writing out a schema that is something else. */
#define SHAPE_MAX_BYTES 8192
/* As much of a difference as a person needs to see. */
#define EXCERPT_BYTES 60

/* One field a line, as in the contract. */
/* clang-format off */
#define SYMBOL(name) #name ","
#define STATUS "SubscriptionStatus[" PL_SUBSCRIPTION_STATUSES(SYMBOL) "]"
#define CHANNEL "Channel[" PL_CHANNELS(SYMBOL) "]!OTHER"
#define OPERATION "Operation[" PL_OPERATIONS(SYMBOL) "]"
#define OUTCOME "Outcome[" PL_OUTCOMES(SYMBOL) "]"
#define UPGRADE_TYPE "UpgradeType[" PL_UPGRADE_TYPES(SYMBOL) "]"
#define TRANSITION "Transition[" PL_TRANSITIONS(SYMBOL) "]"

#define FIELD(name, type) name ":" type ","
#define STRING(name) FIELD(name, "string")
#define OPTIONAL(name, type) name ":<null|" type "|>=00,"
#define LIST(name, type) name ":*" type "=00,"

static const char event_shape[] =
    "SubscriptionEvent{"
        STRING("eventId")
        STRING("customerId")
        FIELD("occurredAt", "long")
        "change:<"
            "SubscriptionChanged{"
                STRING("subscriptionId")
                STRING("offerId")
                FIELD("status", STATUS)
                FIELD("quantity", "int")
                OPTIONAL("partnerId", "string")
                FIELD("channel", CHANNEL "=06")
                OPTIONAL("parentSubscriptionId", "string")
                FIELD("revision", "long")
            "}|"
            "LicenseAssigned{"
                STRING("subscriptionId")
                STRING("userId")
                STRING("userPrincipalName")
                OPTIONAL("displayName", "string")
                OPTIONAL("assignedByGroup", "string")
                LIST("disabledServices", "string")
            "}|"
            "LicenseRemoved{"
                STRING("subscriptionId")
                STRING("userId")
            "}|"
            "DelegatedAdminChanged{"
                STRING("partnerId")
                FIELD("granted", "boolean")
                LIST("serviceFamilies", "string")
            "}|"
            "CustomerErased{}|"
        ">,"
    "}";

static const char request_shape[] =
    "UpgradeRequest{"
        STRING("requestId")
        OPTIONAL("orderId", "string")
        STRING("customerId")
        STRING("partnerId")
        STRING("subscriptionId")
        FIELD("operation", OPERATION)
        OPTIONAL("targetOfferId", "string")
        OPTIONAL("quantity", "int")
        OPTIONAL("expectedVersion", "long")
        FIELD("requireLicenseTransfer", "boolean=00")
        "requestedBy:"
            "Requester{"
                STRING("userId")
                STRING("role")
            "},"
        FIELD("requestedAt", "long")
    "}";

#define UPGRADE_ERROR                                                                              \
    "UpgradeError{"                                                                                \
        STRING("code")                                                                             \
        STRING("message")                                                                          \
        OPTIONAL("subscriptionId", "string")                                                       \
        LIST("services", "string")                                                                 \
    "}"
#define SUBSCRIPTION                                                                               \
    "Subscription{"                                                                                \
        STRING("subscriptionId")                                                                   \
        STRING("offerId")                                                                          \
        STRING("offerName")                                                                        \
        FIELD("status", STATUS)                                                                    \
        FIELD("quantity", "int")                                                                   \
    "}"
#define BILLING_LINE                                                                               \
    "BillingLine{"                                                                                 \
        STRING("subscriptionId")                                                                   \
        STRING("offerId")                                                                          \
        STRING("offerName")                                                                        \
        FIELD("quantity", "int")                                                                   \
    "}"

static const char result_shape[] =
    "UpgradeResult{"
        STRING("requestId")
        OPTIONAL("orderId", "string")
        STRING("customerId")
        STRING("partnerId")
        STRING("subscriptionId")
        FIELD("operation", OPERATION)
        FIELD("outcome", OUTCOME)
        FIELD("upgradeType", UPGRADE_TYPE)
        LIST("errors", UPGRADE_ERROR)
        "possibleUpgrades:*"
            "PossibleUpgrade{"
                STRING("targetOfferId")
                FIELD("eligible", "boolean")
                FIELD("upgradeType", UPGRADE_TYPE)
                FIELD("quantity", "int")
                LIST("errors", UPGRADE_ERROR)
                FIELD("affectedAccounts", "int")
                LIST("additionalServices", "string")
            "}=00,"
        OPTIONAL("sourceSubscription", SUBSCRIPTION)
        OPTIONAL("targetSubscription", SUBSCRIPTION)
        "affectedAccounts:*"
            "AffectedAccount{"
                STRING("userId")
                STRING("userPrincipalName")
                OPTIONAL("displayName", "string")
                "transitions:*"
                    "AccountTransition{"
                        STRING("service")
                        OPTIONAL("replacement", "string")
                        FIELD("transition", TRANSITION)
                    "}=00,"
                OPTIONAL("licenseError", UPGRADE_ERROR)
            "}=00,"
        "servicesToTransition:*"
            "ServiceTransition{"
                STRING("service")
                STRING("serviceName")
                OPTIONAL("replacement", "string")
                OPTIONAL("replacementName", "string")
                FIELD("transition", TRANSITION)
                FIELD("accounts", "int")
            "}=00,"
        "billing:<null|"
            "Billing{"
                OPTIONAL("cancelled", BILLING_LINE)
                FIELD("added", BILLING_LINE)
                FIELD("effectiveAt", "long")
            "}|>=00,"
        FIELD("customerVersion", "long")
        STRING("catalogueVersion")
        FIELD("decidedAt", "long")
        FIELD("part", "int")
        FIELD("parts", "int")
    "}";
/* clang-format on */

static const struct {
    const char *name;
    const char *shape;
} contract[PL_OWN_RECORD_COUNT] = {
    [PL_OWN_EVENT] = {"SubscriptionEvent", event_shape},
    [PL_OWN_REQUEST] = {"UpgradeRequest", request_shape},
    [PL_OWN_RESULT] = {"UpgradeResult", result_shape},
};

/* ---- writing a tree out ---------------------------------------------------------------------- */

static void put_text(struct pl_buffer *shape, const char *text)
{
    pl_buffer_put(shape, text, strlen(text));
}

static void put_item(struct pl_buffer *shape, struct pl_bytes text, const char *end)
{
    pl_buffer_put(shape, text.data, text.len);
    put_text(shape, end);
}

/* The kind of a primitive, the name of a named type; another namespace is shown. */
static void put_name(struct pl_buffer *shape, const struct pl_avro_type *type)
{
    struct pl_bytes name = type->full_name;

    if (pl_bytes_is_null(name)) {
        name = pl_bytes_of(pl_avro_kind_names[type->kind]);
    } else if (strncmp(name.data, SPACE, strlen(SPACE)) == 0) {
        name = type->name;
    }
    put_item(shape, name, "");
}

static void put_default(struct pl_buffer *shape, struct pl_bytes value)
{
    static const char digits[] = "0123456789abcdef";

    put_text(shape, "=");
    for (size_t i = 0; i < value.len; i++) {
        pl_buffer_put(shape, &digits[(unsigned char)value.data[i] >> 4], 1);
        pl_buffer_put(shape, &digits[(unsigned char)value.data[i] & 15], 1);
    }
}

static void put_type(struct pl_buffer *shape, const struct pl_avro_type *type);

/* NOLINTBEGIN(misc-no-recursion): as deep as the schema, at most PL_SCHEMA_MAX_DEPTH. */
static void put_record(struct pl_buffer *shape, const struct pl_avro_type *type)
{
    put_name(shape, type);
    put_text(shape, "{");
    for (size_t i = 0; i < type->count && shape->len < SHAPE_MAX_BYTES; i++) {
        put_item(shape, type->fields[i].name, ":");
        put_type(shape, type->fields[i].type);
        if (!pl_bytes_is_null(type->fields[i].default_value)) {
            put_default(shape, type->fields[i].default_value);
        }
        put_text(shape, ",");
    }
    put_text(shape, "}");
}

static void put_enum(struct pl_buffer *shape, const struct pl_avro_type *type)
{
    put_name(shape, type);
    put_text(shape, "[");
    for (size_t i = 0; i < type->count; i++) {
        put_item(shape, type->symbols[i], ",");
    }
    put_text(shape, "]");
    if (type->default_symbol >= 0) {
        put_text(shape, "!");
        put_item(shape, type->symbols[type->default_symbol], "");
    }
}

static void put_union(struct pl_buffer *shape, const struct pl_avro_type *type)
{
    put_text(shape, "<");
    for (size_t i = 0; i < type->count && shape->len < SHAPE_MAX_BYTES; i++) {
        put_type(shape, type->branches[i]);
        put_text(shape, "|");
    }
    put_text(shape, ">");
}

static void put_type(struct pl_buffer *shape, const struct pl_avro_type *type)
{
    if (type->kind == PL_AVRO_RECORD) {
        put_record(shape, type);
    } else if (type->kind == PL_AVRO_ENUM) {
        put_enum(shape, type);
    } else if (type->kind == PL_AVRO_UNION) {
        put_union(shape, type);
    } else if (type->kind == PL_AVRO_ARRAY) {
        put_text(shape, "*");
        put_type(shape, type->items);
    } else { /* a map or fixed, in no schema of planlift, shows by its kind or name */
        put_name(shape, type);
    }
}
/* NOLINTEND(misc-no-recursion) */

/* ---- comparing ------------------------------------------------------------------------------- */

static struct pl_bytes excerpt(struct pl_bytes shape, size_t at)
{
    size_t left = shape.len - at;

    return (struct pl_bytes){shape.data + at, left < EXCERPT_BYTES ? left : EXCERPT_BYTES};
}

static enum pl_status compare(struct pl_bytes found, struct pl_bytes wanted, struct pl_error *error)
{
    struct pl_bytes found_rest;
    struct pl_bytes wanted_rest;
    size_t at = 0;

    if (pl_bytes_equal(found, wanted)) {
        return PL_OK;
    }
    while (at < found.len && at < wanted.len && found.data[at] == wanted.data[at]) {
        at++;
    }
    found_rest = excerpt(found, at);
    wanted_rest = excerpt(wanted, at);
    return pl_fail(error, PL_BAD_DATA, "has \"%.*s\" where planlift relies on \"%.*s\"",
                   (int)found_rest.len, found_rest.data, (int)wanted_rest.len, wanted_rest.data);
}

/* In avro-c's way of asking for memory, with the answer as all memory here: none left ends the
 * process. */
static void *take_memory(void *unused, void *memory, size_t old_size, size_t size)
{
    void *taken;

    (void)unused;
    (void)old_size;
    if (size == 0) {
        free(memory);
        return NULL;
    }
    taken = realloc(memory, size);
    if (taken == NULL) {
        pl_out_of_memory(size);
    }
    return taken;
}

/* A second opinion: what planlift writes must be readable with other libraries, too. */
static enum pl_status check_with_avro_c(struct pl_bytes text, struct pl_error *error)
{
    avro_schema_t schema = NULL;

    avro_set_allocator(take_memory, NULL);
    if (avro_schema_from_json_length(text.data, text.len, &schema) != 0) {
        return pl_fail(error, PL_BAD_DATA, "avro-c: %s", avro_strerror());
    }
    (void)avro_schema_decref(schema); /* the count left: none */
    return PL_OK;
}

enum pl_status pl_own_schema_parse(enum pl_own_record record, struct pl_bytes text,
                                   struct pl_arena *arena, struct pl_error *error,
                                   const struct pl_avro_type **ret_type)
{
    struct pl_buffer shape = {NULL, 0, 0};
    const struct pl_avro_type *type = NULL;
    enum pl_status status = pl_schema_parse(text, arena, error, &type);

    if (status == PL_OK) {
        put_type(&shape, type);
        status = compare(pl_buffer_since(&shape, 0), pl_bytes_of(contract[record].shape), error);
        pl_buffer_done(&shape);
    }
    if (status == PL_OK) {
        status = check_with_avro_c(text, error);
    }
    if (status != PL_OK) {
        return pl_fail_at(error, status, "schema of %s", contract[record].name);
    }
    *ret_type = type;
    return PL_OK;
}
