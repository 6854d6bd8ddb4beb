/* Unit tests of wire/json_request.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/json_request.h"

static const char full[] =
    "{\"requestId\": \"r\", \"orderId\": \"o\", \"customerId\": \"c\", \"partnerId\": \"p\","
    " \"subscriptionId\": \"s\", \"operation\": \"UPGRADE\", \"targetOfferId\": \"t\","
    " \"quantity\": -5, \"expectedVersion\": 9, \"requireLicenseTransfer\": true,"
    " \"requestedBy\": {\"userId\": \"u\", \"role\": \"ADMIN_AGENT\"}, \"requestedAt\": 17}";
static const char least[] =
    "{\"requestId\": \"\", \"customerId\": \"c\", \"partnerId\": \"\", \"subscriptionId\": \"\","
    " \"operation\": \"CHECK\", \"orderId\": \"\", \"quantity\": null,"
    " \"requestedBy\": {\"userId\": \"\", \"role\": \"\"}, \"requestedAt\": -17}";

static enum pl_status read_document(json_t *document, struct pl_arena *arena,
                                    struct pl_error *error, struct pl_request *ret_request)
{
    struct pl_json_node root = pl_json_root(document);
    enum pl_status status;

    memset(ret_request, 0x55, sizeof(*ret_request)); /* what is not set shows */
    status = pl_json_request_read(&root, arena, error, ret_request);
    json_decref(document);
    return status;
}

static void assert_text(struct pl_bytes bytes, const char *text)
{
    assert_non_null(bytes.data);
    assert_true(pl_bytes_equal(bytes, pl_bytes_of(text)));
}

static void every_field_is_read(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_error error = {""};
    struct pl_request request;

    (void)state;
    assert_int_equal(read_document(json_loads(full, 0, NULL), &arena, &error, &request), PL_OK);
    assert_text(request.request_id, "r");
    assert_text(request.order_id, "o");
    assert_text(request.customer_id, "c");
    assert_text(request.partner_id, "p");
    assert_text(request.subscription_id, "s");
    assert_int_equal(request.operation, PL_OPERATION_UPGRADE);
    assert_text(request.target_offer_id, "t");
    assert_true(request.quantity.is_set);
    assert_int_equal(request.quantity.value, -5);
    assert_true(request.expected_version.is_set);
    assert_int_equal(request.expected_version.value, 9);
    assert_true(request.require_license_transfer);
    assert_text(request.requested_by_user_id, "u");
    assert_text(request.requested_by_role, "ADMIN_AGENT");
    assert_int_equal(request.requested_at_ms, 17);
    assert_null(request.digest); /* no field of the record */
    pl_arena_done(&arena);
}

static void absent_fields_have_defaults_and_ids_may_be_empty(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_error error = {""};
    struct pl_request request;

    (void)state;
    assert_int_equal(read_document(json_loads(least, 0, NULL), &arena, &error, &request), PL_OK);
    assert_text(request.request_id, "");
    assert_true(pl_bytes_is_null(request.order_id));
    assert_true(pl_bytes_is_null(request.target_offer_id));
    assert_false(request.quantity.is_set);
    assert_false(request.expected_version.is_set);
    assert_false(request.require_license_transfer);
    assert_int_equal(request.requested_at_ms, -17);
    pl_arena_done(&arena);
}

static void refuse(json_t *document, const char *message)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_error error = {""};
    struct pl_request request;

    assert_int_equal(read_document(document, &arena, &error, &request), PL_BAD_DATA);
    assert_string_equal(error.text, message);
    pl_arena_done(&arena);
}

static void faults_are_named(void **state)
{
    json_t *document = json_loads(full, 0, NULL);

    (void)state;
    assert_int_equal(json_object_set_new(document, "customerId", json_string("")), 0);
    refuse(json_deep_copy(document), "customerId: must not be empty");
    assert_int_equal(json_object_set_new(document, "customerId", json_string("c")), 0);
    assert_int_equal(json_object_set_new(document, "operation", json_string("DOWNGRADE")), 0);
    refuse(json_deep_copy(document), "operation: must be one of CHECK, UPGRADE, ADD_LICENSES");
    assert_int_equal(json_object_set_new(document, "operation", json_string("CHECK")), 0);
    assert_int_equal(json_object_del(document, "requestedAt"), 0);
    refuse(json_deep_copy(document), "requestedAt: is missing");
    assert_int_equal(json_object_set_new(document, "requestedAt", json_integer(0)), 0);
    assert_int_equal(json_object_del(json_object_get(document, "requestedBy"), "role"), 0);
    refuse(json_deep_copy(document), "requestedBy.role: is missing");
    assert_int_equal(json_object_set_new(document, "requestedBy", json_null()), 0);
    refuse(document, "requestedBy: must be an object, not null");
}

/* What is written is what is read, in the order of the record. */
static void a_request_is_written(void **state)
{
    static const char *const texts[] = {full, least};
    static const char *const expected[] = {
        "{\"requestId\":\"r\",\"orderId\":\"o\",\"customerId\":\"c\",\"partnerId\":\"p\","
        "\"subscriptionId\":\"s\",\"operation\":\"UPGRADE\",\"targetOfferId\":\"t\","
        "\"quantity\":-5,\"expectedVersion\":9,\"requireLicenseTransfer\":true,"
        "\"requestedBy\":{\"userId\":\"u\",\"role\":\"ADMIN_AGENT\"},\"requestedAt\":17}",
        "{\"requestId\":\"\",\"orderId\":null,\"customerId\":\"c\",\"partnerId\":\"\","
        "\"subscriptionId\":\"\",\"operation\":\"CHECK\",\"targetOfferId\":null,"
        "\"quantity\":null,\"expectedVersion\":null,\"requireLicenseTransfer\":false,"
        "\"requestedBy\":{\"userId\":\"\",\"role\":\"\"},\"requestedAt\":-17}"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pl_arena arena = PL_ARENA_INIT;
        struct pl_buffer buffer = {NULL, 0, 0};
        struct pl_error error = {""};
        struct pl_request request;

        assert_int_equal(read_document(json_loads(texts[i], 0, NULL), &arena, &error, &request),
                         PL_OK);
        pl_json_request_write(&request, &buffer);
        assert_text(pl_buffer_since(&buffer, 0), expected[i]);
        pl_buffer_done(&buffer);
        pl_arena_done(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_is_read),
        cmocka_unit_test(absent_fields_have_defaults_and_ids_may_be_empty),
        cmocka_unit_test(faults_are_named),
        cmocka_unit_test(a_request_is_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
