/* Random customers. */
#include "workload_draw.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "planlift/codec.h"
#include "planlift/decide.h"
#include "workload_break.h"

#define EVENT_SCHEMA 1
#define REQUEST_SCHEMA 2
#define REMEMBERED 64 /* contract 6, Once */
#define START_MS INT64_C(1790000000000)

/* ---- pieces ---------------------------------------------------------------------------------- */

static struct pl_bytes pick(struct sim_draw *draw, const char *const *texts, uint32_t count)
{
    return pl_bytes_of(texts[sim_dice_below(&draw->dice, count)]);
}

#define PICK(draw, texts) pick(draw, texts, (uint32_t)(sizeof(texts) / sizeof((texts)[0])))

static const char *const partners[] = {"partner-a", "partner-b"};
static const char *const offers[] = {"m365-business-basic",       "m365-business-basic",
                                     "m365-business-standard",    "m365-apps-for-business",
                                     "m365-business-basic-india", "o365-enterprise-e1",
                                     "m365-business-premium",     "an-offer-of-another-catalogue"};
static const char *const services[] = {"EXCHANGE_S_STANDARD", "TEAMS1", "SWAY", "no-such-service"};
static const char *const roles[] = {"GLOBAL_ADMIN", "ADMIN_AGENT",    "SALES_AGENT",
                                    "GLOBAL_ADMIN", "HELPDESK_AGENT", "GUEST"};

static struct pl_bytes numbered(struct sim_draw *draw, const char *prefix)
{
    return pl_arena_format(draw->arena, "%s-%u", prefix, ++draw->serial);
}

static struct sim_person *some_person(struct sim_draw *draw)
{
    /* The first ones do more. */
    uint32_t a = sim_dice_below(&draw->dice, draw->style.customers);
    uint32_t b = sim_dice_below(&draw->dice, draw->style.customers);

    return &draw->people[a < b ? a : b];
}

static struct sim_known *some_known(struct sim_draw *draw, struct sim_person *person)
{
    static struct sim_known unknown;

    if (person->known_count == 0 || sim_dice_percent(&draw->dice, 3)) {
        unknown = (struct sim_known){.id = PL_BYTES_LITERAL("nowhere"),
                                     .offer_id = PL_BYTES_LITERAL("m365-business-basic"),
                                     .partner_id = PL_BYTES_LITERAL("partner-a")};
        return &unknown;
    }
    return &person->known[sim_dice_below(&draw->dice, (uint32_t)person->known_count)];
}

static struct sim_known *add_known(struct sim_draw *draw, struct sim_person *person,
                                   struct pl_bytes id, struct pl_bytes offer_id)
{
    struct sim_known *known;

    if (person->known_count == SIM_SUBSCRIPTIONS_MOST) {
        known = &person->known[1 + sim_dice_below(&draw->dice, SIM_SUBSCRIPTIONS_MOST - 1)];
    } else {
        known = &person->known[person->known_count++];
    }
    *known = (struct sim_known){.id = id, .offer_id = offer_id};
    return known;
}

/* ---- events ---------------------------------------------------------------------------------- */

static void new_subscription(struct sim_draw *draw, struct sim_person *person,
                             struct pl_event *event)
{
    struct pl_subscription_changed *change = &event->change.subscription_changed;
    struct pl_bytes id = numbered(draw, "sub");
    struct pl_bytes offer_id = PICK(draw, offers);
    struct sim_known *known = add_known(draw, person, id, offer_id);

    known->partner_id = PICK(draw, partners);
    known->revision = 1 + (int64_t)sim_dice_below(&draw->dice, 3);
    event->kind = PL_EVENT_SUBSCRIPTION_CHANGED;
    *change = (struct pl_subscription_changed){.subscription_id = known->id,
                                               .offer_id = known->offer_id,
                                               .status = PL_STATUS_ACTIVE,
                                               .partner_id = known->partner_id,
                                               .revision = known->revision};
    change->quantity = 1 + (int32_t)sim_dice_below(&draw->dice, 120);
    change->channel = (enum pl_channel)sim_dice_below(&draw->dice, PL_CHANNEL_COUNT);
    if (person->known_count > 1 && sim_dice_percent(&draw->dice, 8)) {
        change->parent_subscription_id = person->known[0].id; /* an add-on */
    }
}

static void change_subscription(struct sim_draw *draw, struct sim_known *known,
                                struct pl_event *event)
{
    struct pl_subscription_changed *change = &event->change.subscription_changed;

    if (sim_dice_percent(&draw->dice, 85)) { /* else a stale one */
        known->revision += 1 + (int64_t)sim_dice_below(&draw->dice, 2);
    }
    event->kind = PL_EVENT_SUBSCRIPTION_CHANGED;
    *change = (struct pl_subscription_changed){.subscription_id = known->id,
                                               .offer_id = known->offer_id,
                                               .status = PL_STATUS_ACTIVE,
                                               .partner_id = known->partner_id,
                                               .channel = PL_CHANNEL_CSP,
                                               .revision = known->revision};
    if (sim_dice_percent(&draw->dice, 25)) {
        change->status = (enum pl_subscription_status)sim_dice_below(&draw->dice, PL_STATUS_COUNT);
    }
    change->quantity = (int32_t)sim_dice_below(&draw->dice, 200);
}

static struct pl_names some_names(struct sim_draw *draw, uint32_t most)
{
    uint32_t count = sim_dice_below(&draw->dice, most + 1);
    struct pl_bytes *items = pl_arena_alloc(draw->arena, (count + 1) * sizeof(*items));

    for (uint32_t i = 0; i < count; i++) {
        items[i] = PICK(draw, services);
    }
    return (struct pl_names){items, count};
}

static struct pl_bytes display_name(struct sim_draw *draw, const struct sim_person *person)
{
    if (!person->has_long_names) {
        return sim_dice_percent(&draw->dice, 50) ? PL_NULL_BYTES : PL_BYTES_LITERAL("A. Müller");
    }
    ++draw->serial;
    return pl_arena_format(draw->arena, "%0*u", 900 + (int)sim_dice_below(&draw->dice, 900),
                           draw->serial);
}

static void assign_licence(struct sim_draw *draw, const struct sim_person *person,
                           struct sim_known *known, uint32_t user, struct pl_event *event)
{
    struct pl_license_assigned *change = &event->change.license_assigned;
    struct pl_bytes user_id = pl_arena_format(draw->arena, "user-%u", user);

    known->users = user >= known->users ? user + 1 : known->users;
    event->kind = PL_EVENT_LICENSE_ASSIGNED;
    *change = (struct pl_license_assigned){.subscription_id = known->id, .user_id = user_id};
    change->user_principal_name =
        pl_arena_format(draw->arena, "%.*s@example.com", (int)user_id.len, user_id.data);
    change->display_name = display_name(draw, person);
    if (sim_dice_percent(&draw->dice, 6)) {
        change->assigned_by_group = PL_BYTES_LITERAL("group-1");
    }
    change->disabled_services = some_names(draw, 2);
}

static void remove_licence(struct sim_draw *draw, const struct sim_known *known,
                           struct pl_event *event)
{
    event->kind = PL_EVENT_LICENSE_REMOVED;
    event->change.license_removed = (struct pl_license_removed){
        .subscription_id = known->id,
        .user_id =
            pl_arena_format(draw->arena, "user-%u", sim_dice_below(&draw->dice, known->users + 2))};
}

static void change_grant(struct sim_draw *draw, bool is_set_up, struct pl_event *event)
{
    static const struct pl_bytes few[] = {{"exchange", 8}, {"teams", 5}};
    struct pl_delegated_admin_changed *change = &event->change.delegated_admin_changed;

    event->kind = PL_EVENT_DELEGATED_ADMIN_CHANGED;
    *change = (struct pl_delegated_admin_changed){.partner_id = PICK(draw, partners)};
    change->granted = is_set_up || sim_dice_percent(&draw->dice, 80);
    if (sim_dice_percent(&draw->dice, 10)) {
        change->service_families = (struct pl_names){few, 2};
    }
}

static void erase(struct sim_person *person, struct pl_event *event)
{
    event->kind = PL_EVENT_CUSTOMER_ERASED;
    person->known_count = 0;
    person->sent_count = 0;
    person->version = -1; /* 0 behind this event */
}

static struct pl_event draw_event(struct sim_draw *draw, struct sim_person *person)
{
    struct pl_event event = {.customer_id = person->id};
    struct sim_known *known = some_known(draw, person);
    uint32_t what = sim_dice_below(&draw->dice, 100);

    if (sim_dice_below(&draw->dice, 1000) < draw->style.erasures) {
        erase(person, &event);
    } else if (person->known_count == 0 || what < 12) {
        new_subscription(draw, person, &event);
    } else if (what < 28) {
        change_subscription(draw, known, &event);
    } else if (what < 38) {
        change_grant(draw, false, &event);
    } else if (what < 80) {
        assign_licence(draw, person, known, sim_dice_below(&draw->dice, known->users + 3), &event);
    } else {
        remove_licence(draw, known, &event);
    }
    person->version++;
    return event;
}

/* The first facts: a grant of each customer, then the licences of the first. */
static struct pl_event draw_set_up(struct sim_draw *draw, uint32_t number,
                                   struct sim_person **ret_person)
{
    struct sim_person *person =
        number < draw->style.customers * 2 ? &draw->people[number / 2] : &draw->people[0];
    struct pl_event event = {.customer_id = person->id};

    *ret_person = person;
    if (number >= draw->style.customers * 2) {
        assign_licence(draw, person, &person->known[0], number - draw->style.customers * 2, &event);
    } else if (number % 2 == 0) {
        change_grant(draw, true, &event);
    } else {
        new_subscription(draw, person, &event);
    }
    person->version++;
    return event;
}

/* ---- requests -------------------------------------------------------------------------------- */

/* Which of those that were sent: mostly one of the last, some from long ago, and of a customer with
 * many one at the end of what is remembered. */
static size_t pick_sent(struct sim_draw *draw, const struct sim_person *person)
{
    uint32_t most = person->sent_count < 8 ? (uint32_t)person->sent_count : 8;
    size_t back = 1 + sim_dice_below(&draw->dice, most);

    if (sim_dice_percent(&draw->dice, 30)) {
        back = 1 + sim_dice_below(&draw->dice, (uint32_t)person->sent_count);
    }
    if (person->sent_count > REMEMBERED && sim_dice_percent(&draw->dice, 60)) {
        back = REMEMBERED - 1 + sim_dice_below(&draw->dice, 3);
    }
    return person->sent_count - back;
}

/* One that was sent before: as it was, or with another quantity. */
static struct pl_request repeat_request(struct sim_draw *draw, const struct sim_person *person)
{
    struct pl_request request = person->sent[pick_sent(draw, person)];

    if (sim_dice_percent(&draw->dice, 25)) {
        request.quantity = (struct pl_optional_int){true, 1 + request.quantity.value};
    }
    return request;
}

static struct pl_bytes some_target(struct sim_draw *draw, const struct sim_known *known)
{
    struct pl_names targets = pl_catalogue_targets(draw->catalogue, known->offer_id);

    if (targets.count == 0 || sim_dice_percent(&draw->dice, 5)) {
        return PL_BYTES_LITERAL("o365-enterprise-e3");
    }
    return targets.items[sim_dice_below(&draw->dice, (uint32_t)targets.count)];
}

/* What an upgrade would make is spoken of from then on, whether it is granted or not. */
static void expect_upgrade(struct sim_draw *draw, struct sim_person *person,
                           const struct pl_request *request)
{
    unsigned char id[16];
    char text[37];
    struct sim_known *known;

    pl_new_subscription_id(person->id, request->request_id, id);
    for (size_t i = 0, at = 0; i < sizeof(id); i++) {
        (void)snprintf(text + at, sizeof(text) - at, "%02x", id[i]);
        at += 2;
        if (i == 3 || i == 5 || i == 7 || i == 9) {
            text[at++] = '-';
        }
    }
    known =
        add_known(draw, person, pl_arena_format(draw->arena, "%s", text), request->target_offer_id);
    known->partner_id = request->partner_id;
}

static struct pl_request new_request(struct sim_draw *draw, struct sim_person *person)
{
    const struct sim_known *known = some_known(draw, person);
    uint32_t what = sim_dice_below(&draw->dice, 100);
    struct pl_request request = {.customer_id = person->id,
                                 .partner_id = known->partner_id,
                                 .subscription_id = known->id,
                                 .requested_by_user_id = PL_BYTES_LITERAL("agent")};

    request.request_id = numbered(draw, "req");
    request.requested_by_role = PICK(draw, roles);
    request.requested_at_ms = START_MS + draw->serial;
    request.operation = what < 30   ? PL_OPERATION_CHECK
                        : what < 65 ? PL_OPERATION_UPGRADE
                                    : PL_OPERATION_ADD_LICENSES;
    if (request.operation == PL_OPERATION_ADD_LICENSES || sim_dice_percent(&draw->dice, 30)) {
        request.quantity = (struct pl_optional_int){true, (int32_t)sim_dice_below(&draw->dice, 90)};
    }
    if (request.operation == PL_OPERATION_UPGRADE || sim_dice_percent(&draw->dice, 20)) {
        request.target_offer_id = some_target(draw, known);
    }
    if (sim_dice_percent(&draw->dice, 12)) {
        int64_t guess = person->version + (int64_t)sim_dice_below(&draw->dice, 3) - 1;

        request.expected_version = (struct pl_optional_long){true, guess};
    }
    request.require_license_transfer = sim_dice_percent(&draw->dice, 10);
    if (sim_dice_percent(&draw->dice, 5)) {
        request.request_id = PL_BYTES_LITERAL(""); /* invalid, and never remembered */
    }
    if (sim_dice_percent(&draw->dice, 30)) {
        request.order_id = PL_BYTES_LITERAL("order-1");
    }
    return request;
}

static struct pl_request draw_request(struct sim_draw *draw, struct sim_person *person)
{
    struct pl_request request;

    if (person->sent_count > 0 && sim_dice_percent(&draw->dice, draw->style.repeats)) {
        return repeat_request(draw, person);
    }
    request = new_request(draw, person);
    if (person->sent_count < SIM_REQUESTS_KEPT && request.request_id.len > 0) {
        person->sent[person->sent_count++] = request;
    }
    if (request.operation == PL_OPERATION_UPGRADE) {
        expect_upgrade(draw, person, &request);
    }
    if (request.operation != PL_OPERATION_CHECK && sim_dice_percent(&draw->dice, 50)) {
        person->version++; /* perhaps granted */
    }
    return request;
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static struct pl_bytes keep(struct sim_draw *draw, struct pl_buffer *buffer)
{
    struct pl_bytes copy = pl_arena_copy(draw->arena, pl_buffer_since(buffer, 0));

    pl_buffer_done(buffer);
    return copy;
}

static struct pl_bytes encode_event(struct sim_draw *draw, const struct pl_event *event)
{
    struct pl_buffer buffer = {NULL, 0, 0};
    struct pl_bytes event_id = numbered(draw, "ev");

    pl_event_encode(EVENT_SCHEMA, event_id, START_MS + draw->serial, event, &buffer);
    return keep(draw, &buffer);
}

static struct pl_bytes encode_request(struct sim_draw *draw, const struct pl_request *request)
{
    struct pl_buffer buffer = {NULL, 0, 0};

    pl_request_encode(REQUEST_SCHEMA, request, &buffer);
    return keep(draw, &buffer);
}

int32_t sim_draw_home(const struct sim_draw *draw, struct pl_bytes customer_id)
{
    return rd_kafka_msg_partitioner_murmur2(NULL, customer_id.data, customer_id.len,
                                            draw->partition_count, NULL, NULL);
}

/* ---- the schedule's records ------------------------------------------------------------------ */

static uint32_t set_up_count(const struct sim_draw *draw)
{
    return draw->style.customers * 2 + draw->style.licences;
}

uint32_t sim_draw_count(const struct sim_draw *draw)
{
    return set_up_count(draw) + draw->style.records;
}

static void draw_style(struct sim_draw *draw)
{
    struct sim_dice *dice = &draw->dice;
    bool is_large = sim_dice_percent(dice, 12);

    draw->style = (struct sim_style){.customers = 1 + sim_dice_below(dice, SIM_CUSTOMERS_MOST)};
    draw->style.records = 15 + sim_dice_below(dice, 70);
    draw->style.licences = is_large ? 35 + sim_dice_below(dice, 60) : sim_dice_below(dice, 4);
    draw->style.broken = sim_dice_percent(dice, 70) ? sim_dice_below(dice, 12) : 0;
    draw->style.repeats = 5 + sim_dice_below(dice, 30);
    draw->style.requests = 20 + sim_dice_below(dice, 60);
    draw->style.erasures = sim_dice_percent(dice, 50) ? sim_dice_below(dice, 120) : 0;
    draw->style.has_long_names = sim_dice_percent(dice, 25);
    draw->style.has_chatterbox = sim_dice_percent(dice, 8);
    if (draw->style.has_chatterbox) {
        draw->style.customers = 1;
        draw->style.records = 130;
        draw->style.requests = 95;
        draw->style.erasures = 0;
    }
}

void sim_draw_init(struct sim_draw *draw, struct pl_arena *arena,
                   const struct pl_catalogue *catalogue, int32_t partition_count, uint64_t seed)
{
    static const char *const odd[] = {"kunde-ü", "a/b:c", "#", "x"};

    *draw = (struct sim_draw){.arena = arena,
                              .catalogue = catalogue,
                              .dice = {seed ^ UINT64_C(0x776f726b6c6f6164)},
                              .partition_count = partition_count};
    draw_style(draw);
    for (uint32_t i = 0; i < draw->style.customers; i++) {
        uint32_t number = sim_dice_below(&draw->dice, 1000);

        draw->people[i].id = sim_dice_percent(&draw->dice, 6)
                                 ? pl_bytes_of(odd[i % (sizeof(odd) / sizeof(odd[0]))])
                                 : pl_arena_format(arena, "customer-%u%u", number, i);
        draw->people[i].has_long_names = i == 0 && draw->style.has_long_names;
    }
}

static struct pl_message message_of(const struct sim_draw *draw, struct pl_bytes customer_id,
                                    enum pl_topic topic, struct pl_bytes value)
{
    return (struct pl_message){.topic = topic,
                               .partition = sim_draw_home(draw, customer_id),
                               .key = customer_id,
                               .value = value};
}

struct sim_drawn sim_draw_next(struct sim_draw *draw, uint32_t number)
{
    struct sim_drawn drawn = {.is_set_up = number < set_up_count(draw)};
    bool is_broken = !drawn.is_set_up && sim_dice_percent(&draw->dice, draw->style.broken);
    struct sim_person *person = some_person(draw);

    if (drawn.is_set_up) {
        struct pl_event event = draw_set_up(draw, number, &person);

        drawn.message = message_of(draw, person->id, PL_TOPIC_EVENTS, encode_event(draw, &event));
    } else if (sim_dice_percent(&draw->dice, draw->style.requests)) {
        struct pl_request request = draw_request(draw, person);

        drawn.message =
            message_of(draw, person->id, PL_TOPIC_REQUESTS, encode_request(draw, &request));
        sim_add_headers(draw, &drawn.message);
    } else {
        struct pl_event event = draw_event(draw, person);

        if (is_broken && sim_dice_percent(&draw->dice, 30)) {
            sim_spoil_event(&event);
            is_broken = false;
        }
        drawn.message = message_of(draw, person->id, PL_TOPIC_EVENTS, encode_event(draw, &event));
    }
    if (is_broken) {
        sim_add_headers(draw, &drawn.message);
        sim_break_message(draw, &drawn.message);
    }
    return drawn;
}

struct pl_message sim_draw_probe(struct sim_draw *draw, struct pl_bytes customer_id,
                                 struct pl_bytes subscription_id, uint32_t number)
{
    struct pl_request request = {.request_id = pl_arena_format(draw->arena, "probe-%u", number),
                                 .customer_id = customer_id,
                                 .partner_id = PL_BYTES_LITERAL("partner-a"),
                                 .subscription_id = subscription_id,
                                 .operation = PL_OPERATION_CHECK,
                                 .requested_by_user_id = PL_BYTES_LITERAL("probe"),
                                 .requested_by_role = PL_BYTES_LITERAL("GLOBAL_ADMIN")};

    return message_of(draw, customer_id, PL_TOPIC_REQUESTS, encode_request(draw, &request));
}
