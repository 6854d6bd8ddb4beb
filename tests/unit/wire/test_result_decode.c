/* Unit tests of wire/result_decode.c, through the decoder and on bodies alone. */
#include "wire/avro_fixture.h"
#include "wire/result_decode.h"

#define TEXT(text)                                                                                 \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }

/* Another writer of results, id 7: fields in another order, one more, and none of the defaults. */
enum { OTHER_ID = 7 };
static const char other_schema[] =
    "{'type':'record','name':'UpgradeResult','namespace':'planlift','fields':["
    "{'name':'parts','type':'int'},{'name':'part','type':'int'},"
    "{'name':'mood','type':'string'},"
    "{'name':'decidedAt','type':'long'},{'name':'catalogueVersion','type':'string'},"
    "{'name':'customerVersion','type':'int'},"
    "{'name':'upgradeType','type':{'type':'enum','name':'UpgradeType','symbols':"
    "['UPGRADE_WITH_LICENSE_TRANSFER','NONE']}},"
    "{'name':'outcome','type':{'type':'enum','name':'Outcome','symbols':['REFUSED']}},"
    "{'name':'operation','type':{'type':'enum','name':'Operation','symbols':['ADD_LICENSES']}},"
    "{'name':'subscriptionId','type':'string'},{'name':'partnerId','type':'string'},"
    "{'name':'customerId','type':'string'},{'name':'requestId','type':'string'}]}";

struct world {
    struct pl_arena arena;
    struct pl_buffer buffer;
    struct schema_source source;
    struct pl_decoder *decoder;
};

static int set_up(void **state)
{
    static struct world world;

    world = (struct world){.arena = PL_ARENA_INIT};
    init_source(&world.source, &world.arena);
    add_schema(&world.source, OTHER_ID, quoted(other_schema, &world.arena));
    world.decoder = new_decoder(&world.source, &world.arena);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    pl_decoder_free(world->decoder);
    pl_buffer_done(&world->buffer);
    pl_arena_done(&world->arena);
    return 0;
}

/* ---- a result with all that it may have ------------------------------------------------------ */

static const struct pl_bytes services[] = {TEXT("B"), TEXT("A")};
static struct pl_upgrade_error errors[] = {
    {PL_ERROR_VERSION_MISMATCH, TEXT("m"), {NULL, 0}, {NULL, 0}},
    {PL_ERROR_LICENSE_ASSIGNED_BY_GROUP, TEXT("caf\xc3\xa9"), TEXT("x"), {services, 2}}};
static const struct pl_possible_upgrade upgrades[] = {
    {TEXT("t1"), true, PL_UPGRADE_TYPE_UPGRADE_ONLY, 7, {NULL, 0}, 0, {NULL, 0}},
    {TEXT("t2"), false, PL_UPGRADE_TYPE_NONE, -8, {errors, 2}, 3, {services, 2}}};
static const struct pl_account_transition transitions[] = {
    {TEXT("S1"), TEXT("R1"), PL_TRANSITION_REPLACED},
    {TEXT("S2"), {NULL, 0}, PL_TRANSITION_REMOVED}};
static const struct pl_affected_account accounts[] = {
    {TEXT("u1"), TEXT("n1"), {NULL, 0}, transitions, 2, NULL},
    {TEXT("u2"), TEXT(""), TEXT("d2"), NULL, 0, &errors[1]}};
static const struct pl_service_transition to_transition[] = {
    {TEXT("S1"), TEXT("s 1"), TEXT("R1"), TEXT("r 1"), PL_TRANSITION_REPLACED, 1},
    {TEXT("S2"), TEXT("s 2"), {NULL, 0}, {NULL, 0}, PL_TRANSITION_REMOVED, INT32_MAX}};
static const struct pl_result full = {
    .request_id = TEXT("r"),
    .order_id = TEXT("o"),
    .customer_id = TEXT("c"),
    .partner_id = TEXT("p"),
    .subscription_id = TEXT("s"),
    .operation = PL_OPERATION_UPGRADE,
    .outcome = PL_OUTCOME_UPGRADED,
    .upgrade_type = PL_UPGRADE_TYPE_UPGRADE_WITH_LICENSE_TRANSFER,
    .errors = {errors, 2},
    .possible_upgrades = upgrades,
    .possible_upgrade_count = 2,
    .source = {true, TEXT("s"), TEXT("of"), TEXT("Of"), PL_STATUS_CANCELLED, 5},
    .target = {true, TEXT("t"), TEXT("og"), TEXT("Og"), PL_STATUS_ACTIVE, 6},
    .affected_accounts = accounts,
    .affected_account_count = 2,
    .services_to_transition = to_transition,
    .services_to_transition_count = 2,
    .billing = {.is_set = true,
                .cancelled = {true, TEXT("s"), TEXT("of"), TEXT("Of"), 5},
                .added = {true, TEXT("t"), TEXT("og"), TEXT("Og"), 6},
                .effective_at_ms = INT64_C(1790000000005)},
    .customer_version = INT64_MAX,
    .catalogue_version = TEXT("v"),
    .decided_at_ms = -1};

/* Append the parts of the full result, framed; max_accounts accounts each. */
static struct pl_result_part *encode(struct world *world, size_t max_accounts, size_t *ret_count)
{
    const struct pl_result_origin origin = {.topic = TEXT("requests")};
    const struct pl_result_limits limits = {max_accounts, 1000000};
    struct pl_result_part *parts = NULL;
    struct pl_error error = {""};

    assert_int_equal(pl_result_encode(RESULT_ID, &full, &origin, &limits, &world->arena,
                                      &world->buffer, &parts, ret_count, &error),
                     PL_OK);
    return parts;
}

static struct pl_result_record decode(struct world *world, struct pl_bytes value)
{
    struct pl_refusal refusal = {.message = ""};
    struct pl_error error = {""};
    struct pl_result_record record = {.part = 0};

    if (pl_decode_result(world->decoder, value, &world->arena, &record, &refusal, &error) !=
        PL_OK) {
        fail_msg("%s %s", refusal.message, error.text);
    }
    return record;
}

static void assert_refused(struct world *world, struct pl_bytes value, enum pl_dead_letter code)
{
    struct pl_refusal refusal = {.message = ""};
    struct pl_error error = {""};
    struct pl_result_record record;

    assert_int_equal(
        pl_decode_result(world->decoder, value, &world->arena, &record, &refusal, &error),
        PL_BAD_DATA);
    assert_int_equal(refusal.code, code);
    assert_int_not_equal(strlen(refusal.message), 0);
}

/* ---- comparing ------------------------------------------------------------------------------- */

static void assert_names(struct pl_names names, struct pl_names expected)
{
    assert_int_equal(names.count, expected.count);
    for (size_t i = 0; i < names.count; i++) {
        assert_bytes(names.items[i], expected.items[i]);
    }
}

static void assert_error(const struct pl_upgrade_error *found,
                         const struct pl_upgrade_error *expected)
{
    assert_int_equal(found->code, expected->code);
    assert_bytes(found->message, expected->message);
    assert_bytes(found->subscription_id, expected->subscription_id);
    assert_int_equal(pl_bytes_is_null(found->subscription_id),
                     pl_bytes_is_null(expected->subscription_id));
    assert_names(found->services, expected->services);
}

static void assert_errors(struct pl_error_list found, struct pl_error_list expected)
{
    assert_int_equal(found.count, expected.count);
    for (size_t i = 0; i < found.count; i++) {
        assert_error(&found.items[i], &expected.items[i]);
    }
}

static void assert_subscription(const struct pl_subscription_view *found,
                                const struct pl_subscription_view *expected)
{
    assert_int_equal(found->is_set, expected->is_set);
    assert_bytes(found->subscription_id, expected->subscription_id);
    assert_bytes(found->offer_id, expected->offer_id);
    assert_bytes(found->offer_name, expected->offer_name);
    assert_int_equal(found->status, expected->status);
    assert_int_equal(found->quantity, expected->quantity);
}

static void assert_account(const struct pl_affected_account *found,
                           const struct pl_affected_account *expected)
{
    assert_bytes(found->user_id, expected->user_id);
    assert_bytes(found->user_principal_name, expected->user_principal_name);
    assert_bytes(found->display_name, expected->display_name);
    assert_int_equal(found->transition_count, expected->transition_count);
    for (size_t i = 0; i < found->transition_count; i++) {
        assert_bytes(found->transitions[i].service, expected->transitions[i].service);
        assert_bytes(found->transitions[i].replacement, expected->transitions[i].replacement);
        assert_int_equal(found->transitions[i].transition, expected->transitions[i].transition);
    }
    if (expected->license_error == NULL) {
        assert_null(found->license_error);
        return;
    }
    if (found->license_error == NULL) { /* assert_non_null, as clang-tidy understands it */
        fail_msg("no licenseError");
        return;
    }
    assert_error(found->license_error, expected->license_error);
}

static void assert_line(const struct pl_billing_line *found, const struct pl_billing_line *expected)
{
    assert_int_equal(found->is_set, expected->is_set);
    assert_bytes(found->subscription_id, expected->subscription_id);
    assert_bytes(found->offer_id, expected->offer_id);
    assert_bytes(found->offer_name, expected->offer_name);
    assert_int_equal(found->quantity, expected->quantity);
}

/* All but the affected accounts. */
static void assert_is_full(const struct pl_result *found)
{
    assert_bytes(found->request_id, full.request_id);
    assert_bytes(found->order_id, full.order_id);
    assert_bytes(found->customer_id, full.customer_id);
    assert_bytes(found->partner_id, full.partner_id);
    assert_bytes(found->subscription_id, full.subscription_id);
    assert_int_equal(found->operation, full.operation);
    assert_int_equal(found->outcome, full.outcome);
    assert_int_equal(found->upgrade_type, full.upgrade_type);
    assert_errors(found->errors, full.errors);
    assert_int_equal(found->possible_upgrade_count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_bytes(found->possible_upgrades[i].target_offer_id, upgrades[i].target_offer_id);
        assert_int_equal(found->possible_upgrades[i].eligible, upgrades[i].eligible);
        assert_int_equal(found->possible_upgrades[i].upgrade_type, upgrades[i].upgrade_type);
        assert_int_equal(found->possible_upgrades[i].quantity, upgrades[i].quantity);
        assert_errors(found->possible_upgrades[i].errors, upgrades[i].errors);
        assert_int_equal(found->possible_upgrades[i].affected_accounts,
                         upgrades[i].affected_accounts);
        assert_names(found->possible_upgrades[i].additional_services,
                     upgrades[i].additional_services);
    }
    assert_subscription(&found->source, &full.source);
    assert_subscription(&found->target, &full.target);
    assert_int_equal(found->services_to_transition_count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_bytes(found->services_to_transition[i].service, to_transition[i].service);
        assert_bytes(found->services_to_transition[i].service_name, to_transition[i].service_name);
        assert_bytes(found->services_to_transition[i].replacement, to_transition[i].replacement);
        assert_bytes(found->services_to_transition[i].replacement_name,
                     to_transition[i].replacement_name);
        assert_int_equal(found->services_to_transition[i].transition, to_transition[i].transition);
        assert_int_equal(found->services_to_transition[i].accounts, to_transition[i].accounts);
    }
    assert_true(found->billing.is_set);
    assert_line(&found->billing.cancelled, &full.billing.cancelled);
    assert_line(&found->billing.added, &full.billing.added);
    assert_true(found->billing.effective_at_ms == full.billing.effective_at_ms);
    assert_true(found->customer_version == full.customer_version);
    assert_bytes(found->catalogue_version, full.catalogue_version);
    assert_true(found->decided_at_ms == full.decided_at_ms);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void every_field_is_read_back(void **state)
{
    struct world *world = *state;
    struct pl_result_record record;
    size_t count = 0;

    (void)encode(world, 10, &count);
    record = decode(world, since_start(&world->buffer));
    memset(world->buffer.data, 'x', world->buffer.len); /* the record has copies */
    assert_is_full(&record.result);
    assert_int_equal(record.result.affected_account_count, 2);
    assert_account(&record.result.affected_accounts[0], &accounts[0]);
    assert_account(&record.result.affected_accounts[1], &accounts[1]);
    assert_int_equal(record.part, 1);
    assert_int_equal(record.parts, 1);
}

static void each_part_has_its_slice_of_the_accounts(void **state)
{
    struct world *world = *state;
    size_t count = 0;
    const struct pl_result_part *parts = encode(world, 1, &count);

    assert_int_equal(count, 2);
    for (size_t i = 0; i < count; i++) {
        struct pl_result_record record =
            decode(world, (struct pl_bytes){world->buffer.data + parts[i].value_position,
                                            parts[i].value_len});

        assert_is_full(&record.result);
        assert_int_equal(record.result.affected_account_count, 1);
        assert_account(&record.result.affected_accounts[0], &accounts[i]);
        assert_int_equal(record.part, i + 1);
        assert_int_equal(record.parts, 2);
    }
}

static void put_ids(struct pl_buffer *buffer)
{
    put_text(buffer, "r");
    pl_put_long(buffer, 0);
    put_text(buffer, "c");
    put_text(buffer, "p");
    put_text(buffer, "s");
    pl_put_long(buffer, PL_OPERATION_CHECK);
    pl_put_long(buffer, PL_OUTCOME_NOT_ELIGIBLE);
    pl_put_long(buffer, PL_UPGRADE_TYPE_NONE);
}

static void put_error(struct pl_buffer *buffer, const char *code)
{
    put_text(buffer, code);
    put_text(buffer, "m");
    pl_put_long(buffer, 1);
    put_text(buffer, "");
    pl_put_long(buffer, 0);
}

/* All after errors, with nothing in it. */
static void put_rest(struct pl_buffer *buffer, int part, int parts)
{
    for (int i = 0; i < 6; i++) { /* possibleUpgrades ... billing: empty or null */
        pl_put_long(buffer, 0);
    }
    pl_put_long(buffer, 4);
    put_text(buffer, "v");
    pl_put_long(buffer, 5);
    pl_put_long(buffer, part);
    pl_put_long(buffer, parts);
}

static void arrays_may_come_in_blocks_with_and_without_a_size(void **state)
{
    struct world *world = *state;
    struct pl_buffer block = {NULL, 0, 0};
    struct pl_result_record record;

    put_error(&block, "role_not_permitted");
    put_error(&block, "version_mismatch");
    pl_put_frame(&world->buffer, RESULT_ID);
    put_ids(&world->buffer);
    pl_put_long(&world->buffer, 1);
    put_error(&world->buffer, "invalid_request");
    pl_put_long(&world->buffer, -2);
    pl_put_long(&world->buffer, (int64_t)block.len);
    pl_buffer_put(&world->buffer, block.data, block.len);
    pl_put_long(&world->buffer, 0);
    put_rest(&world->buffer, 1, 1);
    record = decode(world, since_start(&world->buffer));
    assert_int_equal(record.result.errors.count, 3);
    assert_int_equal(record.result.errors.items[0].code, PL_ERROR_INVALID_REQUEST);
    assert_int_equal(record.result.errors.items[1].code, PL_ERROR_ROLE_NOT_PERMITTED);
    assert_int_equal(record.result.errors.items[2].code, PL_ERROR_VERSION_MISMATCH);
    assert_true(pl_bytes_is_null(record.result.errors.items[2].subscription_id));
    assert_true(pl_bytes_is_null(record.result.order_id));
    assert_false(record.result.source.is_set);
    assert_false(record.result.billing.is_set);
    assert_true(record.result.decided_at_ms == 5);
    pl_buffer_done(&block);
}

static void a_code_that_the_contract_does_not_have_is_refused(void **state)
{
    struct world *world = *state;

    pl_put_frame(&world->buffer, RESULT_ID);
    put_ids(&world->buffer);
    pl_put_long(&world->buffer, 1);
    put_error(&world->buffer, "moon_too_full");
    pl_put_long(&world->buffer, 0);
    put_rest(&world->buffer, 1, 1);
    assert_refused(world, since_start(&world->buffer), PL_DEAD_LETTER_MALFORMED);
}

static void a_part_beyond_the_parts_is_refused(void **state)
{
    static const int wrong[][2] = {{0, 1}, {2, 1}, {-1, 3}, {0, 0}};
    struct world *world = *state;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        world->buffer.len = 0;
        pl_put_frame(&world->buffer, RESULT_ID);
        put_ids(&world->buffer);
        pl_put_long(&world->buffer, 0);
        put_rest(&world->buffer, wrong[i][0], wrong[i][1]);
        assert_refused(world, since_start(&world->buffer), PL_DEAD_LETTER_MALFORMED);
    }
}

static void a_result_of_another_schema_is_resolved(void **state)
{
    struct world *world = *state;
    struct pl_result_record record;

    pl_put_frame(&world->buffer, OTHER_ID);
    pl_put_long(&world->buffer, 3); /* parts */
    pl_put_long(&world->buffer, 2); /* part */
    put_text(&world->buffer, "merry");
    pl_put_long(&world->buffer, 9);
    put_text(&world->buffer, "v9");
    pl_put_long(&world->buffer, 12);
    pl_put_long(&world->buffer, 0); /* UPGRADE_WITH_LICENSE_TRANSFER */
    pl_put_long(&world->buffer, 0); /* REFUSED */
    pl_put_long(&world->buffer, 0); /* ADD_LICENSES */
    put_text(&world->buffer, "s");
    put_text(&world->buffer, "p");
    put_text(&world->buffer, "c");
    put_text(&world->buffer, "r");
    record = decode(world, since_start(&world->buffer));
    assert_text(record.result.request_id, "r");
    assert_text(record.result.subscription_id, "s");
    assert_int_equal(record.result.operation, PL_OPERATION_ADD_LICENSES);
    assert_int_equal(record.result.outcome, PL_OUTCOME_REFUSED);
    assert_int_equal(record.result.upgrade_type, PL_UPGRADE_TYPE_UPGRADE_WITH_LICENSE_TRANSFER);
    assert_int_equal(record.result.errors.count, 0);
    assert_true(record.result.customer_version == 12);
    assert_int_equal(record.part, 2);
    assert_int_equal(record.parts, 3);
}

static void what_is_no_result_is_refused(void **state)
{
    struct world *world = *state;
    size_t count = 0;
    size_t len;

    assert_refused(world, PL_NULL_BYTES, PL_DEAD_LETTER_NULL_VALUE);
    assert_refused(world, pl_bytes_of("text"), PL_DEAD_LETTER_MALFORMED);
    pl_put_frame(&world->buffer, 99);
    assert_refused(world, since_start(&world->buffer), PL_DEAD_LETTER_UNKNOWN_SCHEMA);
    world->buffer.len = 0;
    put_request(&world->buffer);
    assert_refused(world, since_start(&world->buffer), PL_DEAD_LETTER_INCOMPATIBLE_SCHEMA);
    world->buffer.len = 0;
    (void)encode(world, 10, &count);
    len = world->buffer.len;
    pl_buffer_put_byte(&world->buffer, 0);
    assert_refused(world, since_start(&world->buffer), PL_DEAD_LETTER_MALFORMED);
    for (size_t cut = PL_FRAME_BYTES; cut < len; cut++) {
        assert_refused(world, (struct pl_bytes){world->buffer.data, cut}, PL_DEAD_LETTER_MALFORMED);
    }
}

/* Bodies that were not checked before: the reader is bounded by itself (I12). */
static void a_body_that_is_cut_or_changed_never_reads_beyond_its_end(void **state)
{
    struct world *world = *state;
    size_t count = 0;
    size_t len;

    (void)encode(world, 10, &count);
    len = world->buffer.len - PL_FRAME_BYTES;
    for (size_t cut = 0; cut < len; cut++) {
        struct pl_bytes body = pl_arena_copy(
            &world->arena, (struct pl_bytes){world->buffer.data + PL_FRAME_BYTES, cut});
        struct pl_result_record record;
        struct pl_error error = {""};

        assert_int_equal(pl_result_decode_body(body, &world->arena, &error, &record), PL_BAD_DATA);
    }
    for (size_t at = 0; at < len; at++) {
        struct pl_error error = {""};
        struct pl_result_record record;
        char *copy = pl_arena_alloc(&world->arena, len);

        memcpy(copy, world->buffer.data + PL_FRAME_BYTES, len);
        copy[at] = (char)0xff;
        if (pl_result_decode_body((struct pl_bytes){copy, len}, &world->arena, &error, &record) ==
            PL_OK) {
            assert_true(record.part >= 1 && record.part <= record.parts);
        } else {
            assert_int_not_equal(strlen(error.text), 0);
        }
        assert_true(world->arena.used_bytes < (size_t)16 * 1024 * 1024);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_field_is_read_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_part_has_its_slice_of_the_accounts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(arrays_may_come_in_blocks_with_and_without_a_size, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_code_that_the_contract_does_not_have_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_part_beyond_the_parts_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_result_of_another_schema_is_resolved, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_result_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_body_that_is_cut_or_changed_never_reads_beyond_its_end,
                                        set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
