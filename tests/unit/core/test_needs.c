/* Unit tests of core/needs.c: what is asked for, and that deciding touches nothing else. */
#include "fixture.h"

/* Make a subscription's chunks as they are when only the head was read. */
static void unload(struct pl_subscription *subscription)
{
    for (size_t i = 0; i < subscription->chunk_count; i++) {
        struct pl_chunk *chunk = &subscription->chunks[i];

        chunk->revision = 1;
        chunk->is_loaded = false;
        chunk->is_dirty = false;
        chunk->licences = NULL;
        chunk->count = 0;
        chunk->capacity = 0;
    }
}

static struct pl_bytes user(struct fixture *fixture, unsigned number)
{
    return pl_arena_format(&fixture->arena, "user-%04u", number);
}

static void assign_many(struct fixture *fixture, const char *subscription_id, unsigned first,
                        unsigned count)
{
    for (unsigned i = first; i < first + count; i++) {
        assign(fixture, subscription_id, user(fixture, i).data, "");
    }
}

static struct pl_pieces needs(struct fixture *fixture, const struct pl_request *request)
{
    struct pl_pieces pieces = {NULL, 0, 0};

    pl_request_needs(fixture->catalogue, &fixture->customer, request, &fixture->arena, &pieces);
    return pieces;
}

static size_t count_of(const struct pl_pieces *pieces, const struct pl_subscription *subscription)
{
    size_t count = 0;

    for (size_t i = 0; i < pieces->count; i++) {
        count += pieces->items[i].kind == PL_PIECE_CHUNK &&
                 pieces->items[i].ordinal == subscription->ordinal;
    }
    return count;
}

/* ---- events ---------------------------------------------------------------------------------- */

static void a_licence_fact_needs_its_users_chunk(void **state)
{
    struct fixture *fixture = *state;
    struct pl_pieces pieces = {NULL, 0, 0};
    struct pl_event event = {.kind = PL_EVENT_LICENSE_ASSIGNED,
                             .change.license_assigned = {.subscription_id = PL_BYTES_LITERAL("old"),
                                                         .user_id = PL_BYTES_LITERAL("user-0007")}};
    struct pl_chunk *chunk;

    add_subscription(fixture, "old", "basic")->replaced_by = PL_BYTES_LITERAL("new");
    add_subscription(fixture, "new", "basic");
    assign_many(fixture, "new", 0, 200);
    chunk = pl_licences_chunk(find(fixture, "new"), pl_user_hash(PL_BYTES_LITERAL("user-0007")));
    pl_event_needs(&fixture->customer, &event, &fixture->arena, &pieces);
    assert_int_equal(pieces.count, 0); /* loaded */
    unload(find(fixture, "new"));
    pl_event_needs(&fixture->customer, &event, &fixture->arena, &pieces);
    assert_int_equal(pieces.count, 1);
    assert_int_equal(pieces.items[0].kind, PL_PIECE_CHUNK);
    assert_int_equal(pieces.items[0].ordinal, find(fixture, "new")->ordinal);
    assert_int_equal(pieces.items[0].chunk_depth, chunk->depth);
    assert_true(pieces.items[0].chunk_start == chunk->start);
    event.kind = PL_EVENT_LICENSE_REMOVED;
    event.change.license_removed = (struct pl_license_removed){
        .subscription_id = PL_BYTES_LITERAL("new"), .user_id = PL_BYTES_LITERAL("user-0007")};
    pl_event_needs(&fixture->customer, &event, &fixture->arena, &pieces);
    assert_int_equal(pieces.count, 2); /* added to the list there is */
    assert_true(pieces.items[1].chunk_start == chunk->start);
}

static void other_facts_need_the_head_only(void **state)
{
    struct fixture *fixture = *state;
    struct pl_pieces pieces = {NULL, 0, 0};
    struct pl_event event = {
        .kind = PL_EVENT_LICENSE_ASSIGNED,
        .change.license_assigned = {.subscription_id = PL_BYTES_LITERAL("unknown"),
                                    .user_id = PL_BYTES_LITERAL("u")}};

    add_subscription(fixture, "a", "basic");
    assign(fixture, "a", "u", "");
    unload(find(fixture, "a"));
    pl_event_needs(&fixture->customer, &event, &fixture->arena, &pieces);
    event = (struct pl_event){.kind = PL_EVENT_SUBSCRIPTION_CHANGED};
    event.change.subscription_changed.subscription_id = PL_BYTES_LITERAL("a");
    pl_event_needs(&fixture->customer, &event, &fixture->arena, &pieces);
    event = (struct pl_event){.kind = PL_EVENT_DELEGATED_ADMIN_CHANGED};
    pl_event_needs(&fixture->customer, &event, &fixture->arena, &pieces);
    event = (struct pl_event){.kind = PL_EVENT_CUSTOMER_ERASED};
    pl_event_needs(&fixture->customer, &event, &fixture->arena, &pieces);
    assert_int_equal(pieces.count, 0);
}

/* ---- requests -------------------------------------------------------------------------------- */

static void a_request_needs_all_stored_segments(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_ADD_LICENSES, "nowhere", NULL);
    struct pl_pieces pieces;

    assert_int_equal(needs(fixture, &request).count, 0);
    fixture->customer.answered_is_loaded[0] = false;
    fixture->customer.answered_is_loaded[5] = false;
    pieces = needs(fixture, &request);
    assert_int_equal(pieces.count, 2);
    assert_int_equal(pieces.items[0].kind, PL_PIECE_ANSWERED);
    assert_int_equal(pieces.items[0].segment, 0);
    assert_int_equal(pieces.items[1].segment, 5);
    request.request_id = PL_BYTES_LITERAL("");
    assert_int_equal(needs(fixture, &request).count, 0); /* never noted, never looked up */
}

/* "src" of offer basic with licences, nothing of it loaded. */
static void add_source(struct fixture *fixture, unsigned licences)
{
    add_subscription(fixture, "src", "basic")->quantity = (int32_t)licences;
    grant(fixture, "partner-a", "");
    assign_many(fixture, "src", 0, licences);
    unload(find(fixture, "src"));
}

static void a_decision_needs_all_of_the_sources_licences(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_UPGRADE, "src", "standard");
    struct pl_pieces pieces;

    add_source(fixture, 100);
    add_subscription(fixture, "bystander", "chat-only"); /* nothing exclusive */
    assign_many(fixture, "bystander", 0, 50);
    unload(find(fixture, "bystander"));
    pieces = needs(fixture, &request);
    assert_true(find(fixture, "src")->chunk_count > 1);
    assert_int_equal(pieces.count, find(fixture, "src")->chunk_count);
    assert_int_equal(count_of(&pieces, find(fixture, "src")), pieces.count);
    request = request_for(PL_OPERATION_CHECK, "src", NULL);
    assert_int_equal(needs(fixture, &request).count, pieces.count);
    find(fixture, "src")->status = PL_STATUS_SUSPENDED; /* not fatal: a CHECK still counts */
    assert_int_equal(needs(fixture, &request).count, pieces.count);
    request = request_for(PL_OPERATION_ADD_LICENSES, "src", NULL);
    assert_int_equal(needs(fixture, &request).count, 0);
}

static void what_the_head_refuses_needs_no_licences(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request good = request_for(PL_OPERATION_UPGRADE, "src", "standard");
    struct pl_request requests[6] = {good, good, good, good, good, good};

    add_source(fixture, 10);
    assert_int_equal(needs(fixture, &good).count, 1);
    requests[0].target_offer_id = PL_NULL_BYTES;                      /* 0 */
    requests[1].requested_by_role = PL_BYTES_LITERAL("none");         /* 1 */
    requests[2].subscription_id = PL_BYTES_LITERAL("nowhere");        /* 3 */
    requests[3].target_offer_id = PL_BYTES_LITERAL("bare");           /* 7 */
    requests[4].quantity = (struct pl_optional_int){true, 9};         /* 11 */
    requests[5].quantity = (struct pl_optional_int){true, INT32_MAX}; /* 12 */
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(needs(fixture, &requests[i]).count, 0);
    }
    add_subscription(fixture, NEW_ID, "bare"); /* 14 */
    assert_int_equal(needs(fixture, &good).count, 0);
    good.request_id = PL_BYTES_LITERAL("req-2");
    assert_int_equal(needs(fixture, &good).count, 1);
    add_subscription(fixture, "owned", "standard"); /* 9 */
    assert_int_equal(needs(fixture, &good).count, 0);
}

/* Error 13 is told beside the others, unless one is fatal. */
static void a_required_transfer_is_looked_at_all_the_same(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_UPGRADE, "src", "standard");

    add_source(fixture, 10);
    request.require_license_transfer = true;
    request.requested_by_role = PL_BYTES_LITERAL("none");
    assert_int_equal(needs(fixture, &request).count, 1);
    request.target_offer_id = PL_BYTES_LITERAL("bare");
    assert_int_equal(needs(fixture, &request).count, 0);
}

static void a_fatal_error_needs_no_licences_for_a_check(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_CHECK, "src", "bare");

    add_source(fixture, 10);
    assert_int_equal(needs(fixture, &request).count, 0);
    request = request_for(PL_OPERATION_CHECK, "src", NULL);
    request.partner_id = PL_BYTES_LITERAL("partner-b");
    assert_int_equal(needs(fixture, &request).count, 0);
}

static void small_others_are_named_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_UPGRADE, "src", "standard");
    struct pl_pieces pieces;

    add_source(fixture, 10);
    add_subscription(fixture, "small", "mail-only"); /* one chunk */
    assign_many(fixture, "small", 500, 5);
    unload(find(fixture, "small"));
    add_subscription(fixture, "large", "mail-only");
    assign_many(fixture, "large", 0, 400);
    unload(find(fixture, "large"));
    add_subscription(fixture, "ended", "mail-only")->status = PL_STATUS_CANCELLED;
    assign_many(fixture, "ended", 0, 5);
    unload(find(fixture, "ended"));
    pieces = needs(fixture, &request);
    assert_int_equal(count_of(&pieces, find(fixture, "src")), 1);
    assert_int_equal(count_of(&pieces, find(fixture, "small")), 1);
    assert_int_equal(count_of(&pieces, find(fixture, "large")), 0); /* not yet */
    assert_int_equal(pieces.count, 2);
}

/* Two users, one of them by a group: of the large other only the chunk of the first. */
static void of_large_others_only_the_users_chunks_are_needed(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_UPGRADE, "src", "standard");
    struct pl_chunk *chunk;
    struct pl_pieces pieces;

    add_subscription(fixture, "src", "basic");
    grant(fixture, "partner-a", "");
    assign(fixture, "src", "user-0007", "");
    assign_by_group(fixture, "src", "user-0008", "group-1");
    add_subscription(fixture, "large", "mail-only");
    assign_many(fixture, "large", 0, 400);
    unload(find(fixture, "large"));
    pieces = needs(fixture, &request);
    chunk = pl_licences_chunk(find(fixture, "large"), pl_user_hash(PL_BYTES_LITERAL("user-0007")));
    assert_int_equal(pieces.count, 1);
    assert_true(pieces.items[0].chunk_start == chunk->start);
    assert_int_equal(pieces.items[0].chunk_depth, chunk->depth);
    chunk->is_loaded = true;
    assert_int_equal(needs(fixture, &request).count, 0);
    assert_int_equal(decide(fixture, &request).outcome, PL_OUTCOME_UPGRADED);
}

static void each_chunk_is_named_once(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_CHECK, "src", NULL);
    struct pl_pieces pieces;

    add_subscription(fixture, "src", "basic");
    grant(fixture, "partner-a", "");
    assign_many(fixture, "src", 0, 200);
    add_subscription(fixture, "large", "mail-only");
    assign_many(fixture, "large", 0, 400);
    unload(find(fixture, "large"));
    pieces = needs(fixture, &request);
    assert_int_equal(pieces.count, find(fixture, "large")->chunk_count); /* 200 users, in all */
}

/* ---- any customer, any request --------------------------------------------------------------- */

static const char *pick(uint64_t *seed, const char *const *texts, uint32_t count)
{
    return texts[random_below(seed, count)];
}

/* Number 0 is the one that requests are about. */
static void add_random_subscription(struct fixture *fixture, uint64_t *seed, unsigned number)
{
    static const char *const offers[] = {"mail-only", "mail-only", "mail-only", "call-only",
                                         "call-only", "basic",     "standard",  "premium",
                                         "chat-only", "unknown"};
    static const char *const disabled[] = {"", "", "", "MAIL1", "CHAT1 WORD", "MAIL2 nothing"};
    static const unsigned counts[] = {0, 1, 3, 20, 60, 200};
    const char *id = pl_arena_format(&fixture->arena, "sub-%u", number).data;
    const char *offer = pick(seed, offers, sizeof(offers) / sizeof(offers[0]));
    unsigned count = counts[random_below(seed, sizeof(counts) / sizeof(counts[0]))];
    struct pl_subscription *subscription =
        add_subscription(fixture, id, number == 0 ? "basic" : offer);

    subscription->quantity = random_below(seed, 2) == 0 ? 200 : 100;
    subscription->status = random_below(seed, 6) == 0
                               ? (enum pl_subscription_status)random_below(seed, PL_STATUS_COUNT)
                               : PL_STATUS_ACTIVE;
    if (random_below(seed, 8) == 0) {
        subscription->parent_subscription_id = PL_BYTES_LITERAL("sub-0");
    }
    for (unsigned i = 0; i < count; i++) {
        struct pl_bytes id_of_user = user(fixture, random_below(seed, 400));

        if (random_below(seed, 30) == 0) {
            assign_by_group(fixture, id, id_of_user.data, "group-1");
        } else {
            assign(fixture, id, id_of_user.data, pick(seed, disabled, 6));
        }
    }
}

static struct pl_request random_request(uint64_t *seed)
{
    static const char *const targets[] = {NULL, "standard", "premium", "premium", "bare"};
    /* One after the other: C leaves the order of arguments open. */
    enum pl_operation operation = (enum pl_operation)random_below(seed, PL_OPERATION_COUNT);
    const char *target = pick(seed, targets, sizeof(targets) / sizeof(targets[0]));
    struct pl_request request = request_for(operation, "sub-0", target);

    if (random_below(seed, 3) == 0) {
        request.quantity = (struct pl_optional_int){true, (int32_t)random_below(seed, 120)};
    }
    request.require_license_transfer = random_below(seed, 2) == 0;
    if (random_below(seed, 12) == 0) {
        request.requested_by_role = PL_BYTES_LITERAL("none");
    }
    return request;
}

/* A copy that may be changed on its own; of some chunks, only that they are in the store. */
static struct pl_customer copy_partly_loaded(struct fixture *fixture, uint64_t *seed)
{
    struct pl_arena *arena = &fixture->arena;
    struct pl_customer copy = fixture->customer;

    copy.subscriptions = pl_arena_grow(arena, copy.subscriptions, copy.subscription_count,
                                       copy.subscription_capacity, sizeof(*copy.subscriptions));
    for (size_t i = 0; i < copy.subscription_count; i++) {
        struct pl_subscription *subscription = &copy.subscriptions[i];
        uint32_t unloaded_of_ten = random_below(seed, 11);

        subscription->chunks =
            pl_arena_grow(arena, subscription->chunks, subscription->chunk_count,
                          subscription->chunk_capacity, sizeof(*subscription->chunks));
        for (size_t j = 0; j < subscription->chunk_count; j++) {
            struct pl_chunk *chunk = &subscription->chunks[j];

            chunk->is_dirty = false;
            chunk->revision = chunk->count > 0;
            if (chunk->count > 0 && random_below(seed, 10) < unloaded_of_ten) {
                chunk->is_loaded = false;
                chunk->licences = NULL;
                chunk->count = chunk->capacity = 0;
            }
        }
    }
    return copy;
}

/* Load one piece of the copy from the full customer. */
static void load_piece(const struct pl_customer *full, struct pl_customer *copy,
                       const struct pl_piece *piece)
{
    assert_int_equal(piece->kind, PL_PIECE_CHUNK);
    for (size_t i = 0; i < copy->subscription_count; i++) {
        struct pl_subscription *subscription = &copy->subscriptions[i];
        struct pl_chunk *chunk = pl_licences_chunk(subscription, piece->chunk_start);

        if (subscription->ordinal == piece->ordinal) {
            assert_false(chunk->is_loaded); /* what is there is not asked for */
            assert_true(chunk->start == piece->chunk_start && chunk->depth == piece->chunk_depth);
            chunk->licences = full->subscriptions[i].chunks[chunk - subscription->chunks].licences;
            chunk->count = full->subscriptions[i].chunks[chunk - subscription->chunks].count;
            chunk->capacity = chunk->count;
            chunk->is_loaded = true;
            return;
        }
    }
    fail_msg("a piece of no subscription");
}

static const char *result_text(struct fixture *fixture, const struct pl_result *result)
{
    struct pl_arena *arena = &fixture->arena;
    struct pl_bytes text =
        pl_arena_format(arena, "%d %d\n%s\n%s\n%s\n", (int)result->outcome,
                        (int)result->upgrade_type, errors_text(arena, result->errors),
                        accounts_text(arena, result), services_text(arena, result));

    for (size_t i = 0; i < result->possible_upgrade_count; i++) {
        const struct pl_possible_upgrade *upgrade = &result->possible_upgrades[i];

        text = pl_arena_format(
            arena, "%.*s%.*s %d %d %d %d [%s]\n", TEXT(text), TEXT(upgrade->target_offer_id),
            (int)upgrade->eligible, (int)upgrade->upgrade_type, (int)upgrade->quantity,
            (int)upgrade->affected_accounts, errors_text(arena, upgrade->errors));
    }
    return text.data;
}

/* Load what is asked for and nothing else, then decide; returns whether a chunk was left out. */
static bool decide_partly_loaded(struct fixture *fixture, struct pl_customer *copy,
                                 const struct pl_request *request, struct pl_result *ret_result)
{
    bool is_left_out = false;
    int rounds = 0;

    for (;; rounds++) {
        struct pl_pieces pieces = {NULL, 0, 0};

        pl_request_needs(fixture->catalogue, copy, request, &fixture->arena, &pieces);
        if (pieces.count == 0) {
            break;
        }
        assert_true(rounds < 2); /* the source and small others, then the users' chunks */
        for (size_t i = 0; i < pieces.count; i++) {
            load_piece(&fixture->customer, copy, &pieces.items[i]);
        }
    }
    for (size_t i = 0; i < copy->subscription_count; i++) {
        for (size_t j = 0; j < copy->subscriptions[i].chunk_count; j++) {
            is_left_out |= !copy->subscriptions[i].chunks[j].is_loaded;
        }
    }
    /* Touching a chunk that is not loaded ends the process: the core asserts it. */
    pl_request_decide(fixture->catalogue, copy, request, DECIDED_AT_MS, &fixture->arena,
                      ret_result);
    return is_left_out;
}

static void deciding_with_what_is_needed_is_deciding_with_all(void **state)
{
    struct fixture *fixture = *state;
    uint64_t seed = 4711;
    unsigned left_out = 0;
    unsigned outcomes[PL_OUTCOME_COUNT] = {0};

    for (int round = 0; round < 600; round++) {
        struct pl_request request = random_request(&seed);
        unsigned subscriptions = 1 + random_below(&seed, 5);
        struct pl_customer copy;
        struct pl_result partly;
        struct pl_result fully;

        pl_customer_init(&fixture->customer, PL_BYTES_LITERAL("cust-1"));
        for (unsigned i = 0; i < subscriptions; i++) {
            add_random_subscription(fixture, &seed, i);
        }
        grant(fixture, "partner-a", random_below(&seed, 10) == 0 ? "mail" : "");
        copy = copy_partly_loaded(fixture, &seed);
        left_out += decide_partly_loaded(fixture, &copy, &request, &partly);
        fully = decide(fixture, &request);
        assert_string_equal(result_text(fixture, &partly), result_text(fixture, &fully));
        assert_int_equal(copy.version, fixture->customer.version);
        if (fully.outcome == PL_OUTCOME_UPGRADED) {
            assert_string_equal(
                licences_text(&fixture->arena, pl_customer_find(&copy, PL_BYTES_LITERAL(NEW_ID))),
                licences_text(&fixture->arena, find(fixture, NEW_ID)));
        }
        outcomes[fully.outcome]++;
    }
    assert_true(left_out > 100); /* the test is one */
    for (int i = 0; i < PL_OUTCOME_COUNT; i++) {
        assert_true(outcomes[i] > 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(a_licence_fact_needs_its_users_chunk),
        WITH_FIXTURE(other_facts_need_the_head_only),
        WITH_FIXTURE(a_request_needs_all_stored_segments),
        WITH_FIXTURE(a_decision_needs_all_of_the_sources_licences),
        WITH_FIXTURE(what_the_head_refuses_needs_no_licences),
        WITH_FIXTURE(a_required_transfer_is_looked_at_all_the_same),
        WITH_FIXTURE(a_fatal_error_needs_no_licences_for_a_check),
        WITH_FIXTURE(small_others_are_named_at_once),
        WITH_FIXTURE(of_large_others_only_the_users_chunks_are_needed),
        WITH_FIXTURE(each_chunk_is_named_once),
        WITH_FIXTURE(deciding_with_what_is_needed_is_deciding_with_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
