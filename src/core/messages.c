/* The texts of errors: plain English that tells the reader what to do (contract 6). Ids and names
 * of offers only, nothing about people (I14). */
#include "messages.h"

#include <assert.h>

/* What a text is about. */
struct subject {
    const struct pl_inquiry *inquiry;
    const struct pl_upgrade_error *error;
    struct pl_bytes group_id; /* of a licence assigned by a group */
};

/* ---- values that a text may name ------------------------------------------------------------- */

static struct pl_bytes number_text(const struct subject *subject, int64_t number)
{
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    char *text = pl_arena_alloc(subject->inquiry->arena, 20);
    size_t first = 20;

    do {
        text[--first] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0) {
        text[--first] = '-';
    }
    return (struct pl_bytes){text + first, 20 - first};
}

static struct pl_bytes value_partner(const struct subject *subject)
{
    return subject->inquiry->request->partner_id;
}

static struct pl_bytes value_version(const struct subject *subject)
{
    return number_text(subject, subject->inquiry->customer->version);
}

static struct pl_bytes value_expected(const struct subject *subject)
{
    return number_text(subject, subject->inquiry->request->expected_version.value);
}

static struct pl_bytes value_subscription(const struct subject *subject)
{
    return pl_bytes_is_null(subject->error->subscription_id)
               ? subject->inquiry->request->subscription_id
               : subject->error->subscription_id;
}

static struct pl_bytes value_replacement(const struct subject *subject)
{
    return subject->inquiry->source->replaced_by;
}

static struct pl_bytes value_source_offer(const struct subject *subject)
{
    return pl_catalogue_offer_name(subject->inquiry->catalogue, subject->inquiry->source->offer_id);
}

static struct pl_bytes value_wanted_offer(const struct subject *subject)
{
    return pl_catalogue_offer_name(subject->inquiry->catalogue,
                                   subject->inquiry->request->target_offer_id);
}

/* The offer that is upgraded to, or grown. */
static struct pl_bytes value_target_offer(const struct subject *subject)
{
    return subject->inquiry->edge != NULL ? subject->inquiry->edge->target->name
                                          : value_source_offer(subject);
}

static const struct pl_subscription *other_subscription(const struct subject *subject)
{
    return pl_customer_find(subject->inquiry->customer, subject->error->subscription_id);
}

static struct pl_bytes value_other_offer(const struct subject *subject)
{
    return pl_catalogue_offer_name(subject->inquiry->catalogue,
                                   other_subscription(subject)->offer_id);
}

static struct pl_bytes value_channel(const struct subject *subject)
{
    static const char *const channels[PL_CHANNEL_COUNT] = {
        [PL_CHANNEL_CSP] = "the Cloud Solution Provider programme (CSP)",
        [PL_CHANNEL_DIRECT] = "a direct purchase (DIRECT)",
        [PL_CHANNEL_VOLUME] = "volume licensing (VOLUME)",
        [PL_CHANNEL_OTHER] = "another channel (OTHER)",
    };

    return pl_bytes_of(channels[other_subscription(subject)->channel]);
}

static struct pl_bytes value_assigned(const struct subject *subject)
{
    return number_text(subject, (int64_t)subject->inquiry->source->licence_count);
}

/* What the quantity would be. */
static struct pl_bytes value_quantity(const struct subject *subject)
{
    const struct pl_inquiry *inquiry = subject->inquiry;

    if (inquiry->edge != NULL) {
        return number_text(subject, inquiry->quantity);
    }
    return number_text(subject,
                       (int64_t)inquiry->source->quantity + inquiry->request->quantity.value);
}

static struct pl_bytes value_limit(const struct subject *subject)
{
    const struct pl_inquiry *inquiry = subject->inquiry;

    return number_text(subject, pl_seat_limit(inquiry->edge != NULL ? inquiry->edge->target
                                                                    : inquiry->source_offer));
}

static struct pl_bytes value_accounts(const struct subject *subject)
{
    return number_text(subject, subject->inquiry->tally.license_error_count);
}

static struct pl_bytes value_group(const struct subject *subject)
{
    return subject->group_id;
}

static const struct value {
    const char *name;
    struct pl_bytes (*get)(const struct subject *subject);
} values[] = {
    {"accounts", value_accounts},
    {"assigned", value_assigned},
    {"channel", value_channel},
    {"expected", value_expected},
    {"group", value_group},
    {"limit", value_limit},
    {"otherOffer", value_other_offer},
    {"partner", value_partner},
    {"quantity", value_quantity},
    {"replacement", value_replacement},
    {"sourceOffer", value_source_offer},
    {"subscription", value_subscription},
    {"targetOffer", value_target_offer},
    {"version", value_version},
    {"wantedOffer", value_wanted_offer},
};

/* ---- texts ----------------------------------------------------------------------------------- */

/* By error code; NULL: see choose_text. */
static const char *const texts[PL_ERROR_CODE_COUNT] = {
    [PL_ERROR_INVALID_REQUEST] = NULL,
    [PL_ERROR_ROLE_NOT_PERMITTED] =
        "The role of the requesting user does not permit this. Have a user request it who is "
        "GLOBAL_ADMIN, USER_MANAGEMENT_ADMIN, ADMIN_AGENT, SALES_AGENT or HELPDESK_AGENT.",
    [PL_ERROR_VERSION_MISMATCH] =
        "The customer is at version {version}, not at the expected {expected}. Look at the "
        "customer's subscriptions again, then send a new request with the current version.",
    [PL_ERROR_SUBSCRIPTION_NOT_FOUND] =
        "The customer has no subscription {subscription}. Check the subscriptionId; if the "
        "subscription is new, send a new request a little later.",
    [PL_ERROR_SUBSCRIPTION_NOT_OWNED_BY_PARTNER] =
        "Subscription {subscription} was not bought through partner {partner}. Only the partner "
        "through whom it was bought can change it.",
    [PL_ERROR_SUBSCRIPTION_NOT_PROVISIONED] =
        "Subscription {subscription} is still being provisioned. Send a new request once it is "
        "active.",
    [PL_ERROR_SUBSCRIPTION_STATUS_NOT_ACTIVE] = NULL,
    [PL_ERROR_DELEGATED_ADMIN_PERMISSIONS_DISABLED] = NULL,
    [PL_ERROR_SUBSCRIPTION_DOES_NOT_HAVE_ANY_UPGRADE_PATHS] =
        "{sourceOffer} cannot be upgraded. Buy the wanted offer as a new subscription instead.",
    [PL_ERROR_SUBSCRIPTION_TARGET_OFFER_NOT_FOUND] =
        "{sourceOffer} cannot be upgraded to {wantedOffer}. Choose one of the offers that a CHECK "
        "without targetOfferId lists.",
    [PL_ERROR_SUBSCRIPTION_ADD_ONS_PRESENT] =
        "Subscription {subscription} ({otherOffer}), bought through {channel}, is an add-on of "
        "the one to upgrade. It must be cancelled first.",
    [PL_ERROR_TARGET_OFFER_ALREADY_OWNED] =
        "The customer already has {otherOffer} as subscription {subscription}, bought through "
        "{channel}. It must be cancelled first, or be given more licences instead.",
    [PL_ERROR_CONFLICTING_SERVICE_TYPES] =
        "Subscription {subscription} ({otherOffer}), bought through {channel}, already includes "
        "services that {targetOffer} would add. It must be cancelled first.",
    [PL_ERROR_QUANTITY_BELOW_ASSIGNED_LICENSES] =
        "Subscription {subscription} has {assigned} assigned licences, but the quantity would be "
        "{quantity}. Ask for {assigned} or more, or remove assigned licences first.",
    [PL_ERROR_QUANTITY_EXCEEDS_OFFER_LIMIT] =
        "{targetOffer} allows at most {limit} licences, but the quantity would be {quantity}. Ask "
        "for fewer.",
    [PL_ERROR_USER_LICENSE_ERROR] =
        "{accounts} licences of subscription {subscription} cannot move to {targetOffer}. Change "
        "those that a group assigned on the group, and cancel what conflicts with the others, or "
        "send a new request without requireLicenseTransfer.",
    [PL_ERROR_TARGET_SUBSCRIPTION_EXISTS] =
        "The customer already has a subscription {subscription}, the id that the new one would "
        "get. Send the request again with another requestId.",
    [PL_ERROR_LICENSE_ASSIGNED_BY_GROUP] =
        "The licence was assigned by group {group}. Change it on the group.",
};

static const char license_conflict_text[] =
    "The user has a plan that excludes one of {targetOffer}, by a licence in subscription "
    "{subscription} ({otherOffer}), bought through {channel}. It must be cancelled first.";

/* The text before its values are put in. */
static const char *choose_text(const struct subject *subject)
{
    const struct pl_inquiry *inquiry = subject->inquiry;
    enum pl_error_code code = subject->error->code;

    if (code == PL_ERROR_INVALID_REQUEST) {
        return pl_request_fault(inquiry->request);
    }
    if (code == PL_ERROR_SUBSCRIPTION_STATUS_NOT_ACTIVE) {
        if (!pl_bytes_is_empty(inquiry->source->replaced_by)) {
            return "Subscription {subscription} was upgraded and replaced by {replacement}. Send "
                   "a new request for that one.";
        }
        return inquiry->source->status == PL_STATUS_SUSPENDED
                   ? "Subscription {subscription} is suspended. Reactivate it first."
                   : "Subscription {subscription} is cancelled. Choose an active one.";
    }
    if (code == PL_ERROR_DELEGATED_ADMIN_PERMISSIONS_DISABLED) {
        return pl_customer_grant(inquiry->customer, inquiry->request->partner_id) == NULL
                   ? "Partner {partner} has no delegated admin permissions for this customer. Ask "
                     "the customer to grant them."
                   : "The delegated admin permissions of partner {partner} leave out services of "
                     "{sourceOffer}. Ask the customer to extend them to the listed services.";
    }
    return texts[code];
}

/* ---- putting values in ----------------------------------------------------------------------- */

/* A text has at most this many pieces: values and what is between them. */
#define MAX_PIECES 16

static struct pl_bytes value_of(const struct subject *subject, struct pl_bytes name)
{
    size_t i = 0;

    while (i < PL_COUNT(values) && !pl_bytes_equal(pl_bytes_of(values[i].name), name)) {
        i++;
    }
    assert(i < PL_COUNT(values)); /* a text names only what the table has */
    return values[i].get(subject);
}

static struct pl_bytes join(const struct pl_bytes *pieces, size_t count, struct pl_arena *arena)
{
    size_t len = 0;
    char *text;

    for (size_t i = 0; i < count; i++) {
        len += pieces[i].len;
    }
    text = pl_arena_alloc(arena, len);
    len = 0;
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].len > 0) {
            memcpy(text + len, pieces[i].data, pieces[i].len);
            len += pieces[i].len;
        }
    }
    return (struct pl_bytes){text, len};
}

/* Every {value} replaced. */
static struct pl_bytes fill_text(const struct subject *subject, const char *text)
{
    struct pl_bytes pieces[MAX_PIECES];
    size_t count = 0;
    const char *open = strchr(text, '{');

    if (open == NULL) {
        return pl_bytes_of(text);
    }
    for (; open != NULL; open = strchr(text, '{')) {
        const char *close = strchr(open, '}');

        assert(close != NULL && count + 3 <= MAX_PIECES);
        pieces[count++] = (struct pl_bytes){text, (size_t)(open - text)};
        pieces[count++] =
            value_of(subject, (struct pl_bytes){open + 1, (size_t)(close - open - 1)});
        text = close + 1;
    }
    pieces[count++] = pl_bytes_of(text);
    return join(pieces, count, subject->inquiry->arena);
}

void pl_messages_write(const struct pl_inquiry *inquiry, struct pl_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        struct subject subject = {.inquiry = inquiry, .error = &findings->items[i]};

        findings->items[i].message = fill_text(&subject, choose_text(&subject));
    }
}

struct pl_bytes pl_message_license_error(const struct pl_inquiry *inquiry,
                                         const struct pl_upgrade_error *error,
                                         struct pl_bytes group_id)
{
    struct subject subject = {.inquiry = inquiry, .error = error, .group_id = group_id};

    return fill_text(&subject, error->code == PL_ERROR_CONFLICTING_SERVICE_TYPES
                                   ? license_conflict_text
                                   : texts[error->code]);
}
