/* What the unit tests of the core share: a catalogue from a few lines of text, customers and
 * requests with sensible fields, and results as text to compare. */
#ifndef PL_TESTS_CORE_FIXTURE_H
#define PL_TESTS_CORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/catalogue_index.h"
#include "core/customer_inner.h"
#include "planlift/decide.h"

struct fixture {
    struct pl_arena arena;
    struct pl_catalogue *catalogue; /* NULL until load_catalogue */
    struct pl_customer customer;
};

#define TEXT(bytes) (int)(bytes).len, (bytes).len > 0 ? (bytes).data : ""

/* ---- words ----------------------------------------------------------------------------------- */

/* Cut the next word off a text; words are parted by blanks. Empty at the end. */
static inline struct pl_bytes next_word(const char **text)
{
    struct pl_bytes word;

    *text += strspn(*text, " ");
    word = (struct pl_bytes){*text, strcspn(*text, " \n")};
    *text += word.len;
    return word;
}

/* The words of a text as a list. */
static inline struct pl_names words(struct pl_arena *arena, const char *text)
{
    struct pl_bytes *items = pl_arena_zalloc(arena, strlen(text) + 1, sizeof(*items));
    size_t count = 0;

    for (struct pl_bytes word = next_word(&text); word.len > 0; word = next_word(&text)) {
        items[count++] = word;
    }
    return (struct pl_names){items, count};
}

/* Append to a text in the arena. */
static inline struct pl_bytes join_text(struct pl_arena *arena, struct pl_bytes start,
                                        const char *more)
{
    return pl_arena_format(arena, "%.*s%s", TEXT(start), more);
}

/* A list as words. */
static inline const char *names_text(struct pl_arena *arena, struct pl_names names)
{
    struct pl_bytes text = PL_BYTES_LITERAL("");

    for (size_t i = 0; i < names.count; i++) {
        text = pl_arena_format(arena, "%.*s%s%.*s", TEXT(text), i == 0 ? "" : " ",
                               TEXT(names.items[i]));
    }
    return pl_arena_format(arena, "%.*s", TEXT(text)).data;
}

#define assert_names(fixture, names, expected)                                                     \
    assert_string_equal(names_text(&(fixture)->arena, (names)), (expected))

/* ---- catalogue ------------------------------------------------------------------------------- */

/* Lines of
 *     family ID FLAGS        with e: exclusive, c: conflicts, t: transition, -: none
 *     service ID FAMILY
 *     offer ID SEATS SERVICE...
 *     upgrade OFFER TARGET...
 * Names are "Name of " and the id. */
struct spec_lines {
    struct pl_family_spec families[32];
    struct pl_service_spec services[64];
    struct pl_offer_spec offers[32];
    struct pl_upgrade_spec upgrades[32];
    struct pl_catalogue_spec spec;
};

static inline struct pl_bytes name_of(struct pl_arena *arena, struct pl_bytes id)
{
    return pl_arena_format(arena, "Name of %.*s", TEXT(id));
}

static inline void read_spec_line(struct pl_arena *arena, const char *line,
                                  struct spec_lines *lines)
{
    struct pl_catalogue_spec *spec = &lines->spec;
    struct pl_bytes kind = next_word(&line);
    struct pl_bytes id = next_word(&line);
    struct pl_names rest = words(arena, line);

    if (pl_bytes_equal(kind, PL_BYTES_LITERAL("family"))) {
        lines->families[spec->family_count++] = (struct pl_family_spec){
            .id = id,
            .name = name_of(arena, id),
            .exclusive = memchr(rest.items[0].data, 'e', rest.items[0].len),
            .conflicts = memchr(rest.items[0].data, 'c', rest.items[0].len),
            .transition = memchr(rest.items[0].data, 't', rest.items[0].len)};
    } else if (pl_bytes_equal(kind, PL_BYTES_LITERAL("service"))) {
        lines->services[spec->service_count++] =
            (struct pl_service_spec){.id = id, .name = name_of(arena, id), .family = rest.items[0]};
    } else if (pl_bytes_equal(kind, PL_BYTES_LITERAL("offer"))) {
        lines->offers[spec->offer_count++] =
            (struct pl_offer_spec){.id = id,
                                   .name = name_of(arena, id),
                                   .max_seats = (int32_t)strtol(rest.items[0].data, NULL, 10),
                                   .services = {rest.items + 1, rest.count - 1}};
    } else {
        assert_true(pl_bytes_equal(kind, PL_BYTES_LITERAL("upgrade")));
        lines->upgrades[spec->upgrade_count++] =
            (struct pl_upgrade_spec){.offer = id, .targets = rest};
    }
}

static inline struct pl_catalogue_spec *read_spec(struct pl_arena *arena, const char *text)
{
    struct spec_lines *lines = pl_arena_zalloc(arena, 1, sizeof(*lines));

    lines->spec = (struct pl_catalogue_spec){.version = PL_BYTES_LITERAL("test-1"),
                                             .families = lines->families,
                                             .services = lines->services,
                                             .offers = lines->offers,
                                             .upgrades = lines->upgrades};
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");

        read_spec_line(arena, pl_arena_format(arena, "%.*s", (int)len, text).data, lines);
        text += len + (text[len] == '\n');
    }
    return &lines->spec;
}

/* The catalogue of most tests. mail: all flags; chat: conflicts and transition; office: transition;
 * call: exclusive only; plain: no flag. */
#define TEST_CATALOGUE                                                                             \
    "family mail ect\n"                                                                            \
    "family chat ct\n"                                                                             \
    "family office t\n"                                                                            \
    "family call e\n"                                                                              \
    "family plain -\n"                                                                             \
    "service MAIL1 mail\n"                                                                         \
    "service MAIL2 mail\n"                                                                         \
    "service MAIL3 mail\n"                                                                         \
    "service CHAT1 chat\n"                                                                         \
    "service CHAT2 chat\n"                                                                         \
    "service WORD office\n"                                                                        \
    "service EXCEL office\n"                                                                       \
    "service CALL1 call\n"                                                                         \
    "service CALL2 call\n"                                                                         \
    "service FORMS plain\n"                                                                        \
    "service LISTS plain\n"                                                                        \
    "offer basic 300 MAIL1 CHAT1 FORMS WORD\n"                                                     \
    "offer standard 100 MAIL2 CHAT1 EXCEL LISTS\n"                                                 \
    "offer premium 0 LISTS MAIL3 CHAT2 MAIL2 CALL1\n"                                              \
    "offer bare 0\n"                                                                               \
    "offer mail-only 5 MAIL1\n"                                                                    \
    "offer chat-only 0 CHAT2\n"                                                                    \
    "offer call-only 0 CALL2\n"                                                                    \
    "upgrade basic standard premium\n"                                                             \
    "upgrade standard premium\n"                                                                   \
    "upgrade mail-only basic bare\n"                                                               \
    "upgrade bare\n"

static inline void load_catalogue(struct fixture *fixture, const char *text)
{
    struct pl_error error = {""};

    pl_catalogue_free(fixture->catalogue);
    assert_int_equal(
        pl_catalogue_new(read_spec(&fixture->arena, text), &error, &fixture->catalogue), PL_OK);
}

/* ---- set-up and tear-down of each test ------------------------------------------------------- */

static inline int open_fixture(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    if (fixture == NULL) {
        return -1;
    }
    pl_customer_init(&fixture->customer, PL_BYTES_LITERAL("cust-1"));
    load_catalogue(fixture, TEST_CATALOGUE);
    *state = fixture;
    return 0;
}

static inline int close_fixture(void **state)
{
    struct fixture *fixture = *state;

    pl_catalogue_free(fixture->catalogue);
    pl_arena_done(&fixture->arena);
    free(fixture);
    return 0;
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown((test), open_fixture, close_fixture)

/* ---- customers ------------------------------------------------------------------------------- */

/* ACTIVE, of partner-a, quantity 10, CSP. Borrowed until the next one is added. */
static inline struct pl_subscription *add_subscription(struct fixture *fixture, const char *id,
                                                       const char *offer)
{
    struct pl_subscription *subscription =
        pl_customer_add(&fixture->customer, pl_bytes_of(id), &fixture->arena);

    subscription->offer_id = pl_bytes_of(offer);
    subscription->status = PL_STATUS_ACTIVE;
    subscription->quantity = 10;
    subscription->partner_id = PL_BYTES_LITERAL("partner-a");
    return subscription;
}

static inline struct pl_subscription *find(struct fixture *fixture, const char *id)
{
    return pl_customer_find(&fixture->customer, pl_bytes_of(id));
}

/* Give a user a licence. disabled: words, in any order. */
static inline void assign(struct fixture *fixture, const char *subscription_id, const char *user_id,
                          const char *disabled)
{
    struct pl_licence licence = {
        .user_id = pl_bytes_of(user_id),
        .user_principal_name = pl_arena_format(&fixture->arena, "%s@example", user_id),
        .disabled_services = pl_names_sorted(words(&fixture->arena, disabled), &fixture->arena)};

    pl_licences_put(&fixture->customer, find(fixture, subscription_id), &licence, &fixture->arena);
}

static inline void assign_by_group(struct fixture *fixture, const char *subscription_id,
                                   const char *user_id, const char *group_id)
{
    struct pl_licence licence = {.user_id = pl_bytes_of(user_id),
                                 .user_principal_name = pl_bytes_of(user_id),
                                 .assigned_by_group = pl_bytes_of(group_id)};

    pl_licences_put(&fixture->customer, find(fixture, subscription_id), &licence, &fixture->arena);
}

/* families: words; none for all. */
static inline void grant(struct fixture *fixture, const char *partner_id, const char *families)
{
    pl_customer_set_grant(&fixture->customer, pl_bytes_of(partner_id),
                          words(&fixture->arena, families), &fixture->arena);
}

/* ---- requests -------------------------------------------------------------------------------- */

/* Of partner-a and an ADMIN_AGENT; target: NULL for none. */
static inline struct pl_request request_for(enum pl_operation operation,
                                            const char *subscription_id, const char *target)
{
    return (struct pl_request){.request_id = PL_BYTES_LITERAL("req-1"),
                               .customer_id = PL_BYTES_LITERAL("cust-1"),
                               .partner_id = PL_BYTES_LITERAL("partner-a"),
                               .subscription_id = pl_bytes_of(subscription_id),
                               .operation = operation,
                               .target_offer_id =
                                   target == NULL ? PL_NULL_BYTES : pl_bytes_of(target),
                               .requested_by_user_id = PL_BYTES_LITERAL("operator-1"),
                               .requested_by_role = PL_BYTES_LITERAL("ADMIN_AGENT")};
}

/* The id that req-1 of cust-1 gives a new subscription. */
#define NEW_ID "f14fe5a2-a7c5-5c01-bd60-84a4c3949c00"

#define DECIDED_AT_MS 1790000000000

static inline struct pl_result decide(struct fixture *fixture, const struct pl_request *request)
{
    struct pl_result result;

    pl_request_decide(fixture->catalogue, &fixture->customer, request, DECIDED_AT_MS,
                      &fixture->arena, &result);
    return result;
}

/* ---- results as text ------------------------------------------------------------------------- */

/* "code subscription [services]; code - []". */
static inline const char *errors_text(struct pl_arena *arena, struct pl_error_list errors)
{
    struct pl_bytes text = PL_BYTES_LITERAL("");

    for (size_t i = 0; i < errors.count; i++) {
        const struct pl_upgrade_error *error = &errors.items[i];

        assert_true(error->message.len > 0);
        text =
            pl_arena_format(arena, "%.*s%s%s %.*s [%s]", TEXT(text), i == 0 ? "" : "; ",
                            pl_error_code_names[error->code],
                            TEXT(pl_bytes_is_null(error->subscription_id) ? PL_BYTES_LITERAL("-")
                                                                          : error->subscription_id),
                            names_text(arena, error->services));
    }
    return pl_arena_format(arena, "%.*s", TEXT(text)).data;
}

#define assert_errors(fixture, errors, expected)                                                   \
    assert_string_equal(errors_text(&(fixture)->arena, (errors)), (expected))

/* "OLD>NEW GONE>". */
static inline const char *transitions_text(struct pl_arena *arena,
                                           const struct pl_affected_account *account)
{
    struct pl_bytes text = PL_BYTES_LITERAL("");

    for (size_t i = 0; i < account->transition_count; i++) {
        const struct pl_account_transition *transition = &account->transitions[i];

        assert_int_equal(transition->transition == PL_TRANSITION_REMOVED,
                         pl_bytes_is_null(transition->replacement));
        text = pl_arena_format(arena, "%.*s%s%.*s>%.*s", TEXT(text), i == 0 ? "" : " ",
                               TEXT(transition->service), TEXT(transition->replacement));
    }
    return pl_arena_format(arena, "%.*s", TEXT(text)).data;
}

/* A line for each account: "user: transitions" and, where there is one, " ! licenseError". */
static inline const char *accounts_text(struct pl_arena *arena, const struct pl_result *result)
{
    struct pl_bytes text = PL_BYTES_LITERAL("");

    for (size_t i = 0; i < result->affected_account_count; i++) {
        const struct pl_affected_account *account = &result->affected_accounts[i];
        struct pl_upgrade_error error = {.code = PL_ERROR_INVALID_REQUEST};

        if (account->license_error != NULL) {
            error = *account->license_error;
        }
        text = pl_arena_format(
            arena, "%.*s%.*s: %s%s%s\n", TEXT(text), TEXT(account->user_id),
            transitions_text(arena, account), account->license_error == NULL ? "" : " ! ",
            account->license_error == NULL ? ""
                                           : errors_text(arena, (struct pl_error_list){&error, 1}));
    }
    return pl_arena_format(arena, "%.*s", TEXT(text)).data;
}

/* "OLD>NEW 3; GONE> 1" */
static inline const char *services_text(struct pl_arena *arena, const struct pl_result *result)
{
    struct pl_bytes text = PL_BYTES_LITERAL("");

    for (size_t i = 0; i < result->services_to_transition_count; i++) {
        const struct pl_service_transition *transition = &result->services_to_transition[i];

        text = pl_arena_format(arena, "%.*s%s%.*s>%.*s %d", TEXT(text), i == 0 ? "" : "; ",
                               TEXT(transition->service), TEXT(transition->replacement),
                               (int)transition->accounts);
    }
    return pl_arena_format(arena, "%.*s", TEXT(text)).data;
}

/* "user [disabled]" of each licence, by user. */
static inline const char *licences_text(struct pl_arena *arena,
                                        const struct pl_subscription *subscription)
{
    struct pl_bytes text = PL_BYTES_LITERAL("");
    const struct pl_licence *const *licences;

    pl_licences_sorted(subscription, arena, &licences);
    for (uint64_t i = 0; i < subscription->licence_count; i++) {
        text = pl_arena_format(arena, "%.*s%s%.*s [%s]", TEXT(text), i == 0 ? "" : "; ",
                               TEXT(licences[i]->user_id),
                               names_text(arena, licences[i]->disabled_services));
    }
    return pl_arena_format(arena, "%.*s", TEXT(text)).data;
}

#define assert_text(bytes, expected)                                                               \
    do {                                                                                           \
        assert_int_equal((bytes).len, strlen(expected));                                           \
        assert_memory_equal((bytes).data, (expected), strlen(expected));                           \
    } while (0)

/* ---- numbers --------------------------------------------------------------------------------- */

/* xorshift: the same numbers in every run. */
static inline uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static inline uint32_t random_below(uint64_t *seed, uint32_t bound)
{
    return (uint32_t)(next_random(seed) >> 33) % bound;
}

#endif
