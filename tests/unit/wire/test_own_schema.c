/* Unit tests of wire/own_schema.c. */
#include "avro_fixture.h"
#include "wire/own_schema.h"

static struct pl_bytes text_of(enum pl_own_record record, struct pl_arena *arena)
{
    struct pl_own_schemas schemas = load_own_schemas(arena);

    switch (record) {
    case PL_OWN_EVENT:
        return schemas.event_json;
    case PL_OWN_REQUEST:
        return schemas.request_json;
    case PL_OWN_RESULT:
        return schemas.result_json;
    }
    return PL_NULL_BYTES;
}

/* The shipped text with the first occurrence of a piece after a place replaced. */
static struct pl_bytes changed(enum pl_own_record record, const char *after, const char *piece,
                               const char *other, struct pl_arena *arena)
{
    struct pl_bytes text = text_of(record, arena);
    const char *start = pl_arena_format(arena, "%.*s", (int)text.len, text.data).data;
    const char *place = strstr(start, after);
    const char *found = place == NULL ? NULL : strstr(place, piece);

    assert_non_null(found);
    return pl_arena_format(arena, "%.*s%s%s", (int)(found - start), start, other,
                           found + strlen(piece));
}

/* With that change the schema is refused, and the text says so. */
static void refuse(enum pl_own_record record, const char *after, const char *piece,
                   const char *other, const char *reason)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_error error = {""};
    const struct pl_avro_type *type = NULL;
    struct pl_bytes text = changed(record, after, piece, other, &arena);

    assert_int_equal(pl_own_schema_parse(record, text, &arena, &error, &type), PL_BAD_DATA);
    assert_null(type);
    if (strstr(error.text, reason) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", error.text, reason);
    }
    pl_arena_done(&arena);
}

static void accept(enum pl_own_record record, struct pl_bytes text, struct pl_arena *arena)
{
    struct pl_error error = {""};
    const struct pl_avro_type *type = NULL;

    if (pl_own_schema_parse(record, text, arena, &error, &type) != PL_OK) {
        fail_msg("%s", error.text);
    }
    assert_int_equal(type->kind, PL_AVRO_RECORD);
}

static void the_shipped_schemas_are_the_contract(void **state)
{
    (void)state;
    for (enum pl_own_record record = PL_OWN_EVENT; record <= PL_OWN_RESULT; record++) {
        struct pl_arena arena = PL_ARENA_INIT;

        accept(record, text_of(record, &arena), &arena);
        pl_arena_done(&arena);
    }
}

static void words_for_people_are_free(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;

    (void)state;
    accept(PL_OWN_REQUEST, changed(PL_OWN_REQUEST, "\"doc\"", "\"doc\"", "\"x\"", &arena), &arena);
    accept(PL_OWN_REQUEST,
           changed(PL_OWN_REQUEST, "requestedAt", ", \"logicalType\": \"timestamp-millis\"", "",
                   &arena),
           &arena);
    pl_arena_done(&arena);
}

static void any_difference_is_refused(void **state)
{
    (void)state;
    refuse(PL_OWN_EVENT, "eventId", "eventId", "eventID", "has \"D:string");
    refuse(PL_OWN_EVENT, "\"namespace\"", "planlift", "other", "other.SubscriptionEvent");
    refuse(PL_OWN_EVENT, "quantity", "int", "long", "where planlift relies on \"int");
    refuse(PL_OWN_EVENT, "CANCELLED\"]", "CANCELLED\"]", "CANCELED\"]", "\"ED,]");
    refuse(PL_OWN_EVENT, "OTHER\"],", "\"default\": \"OTHER\"", "\"default\": \"CSP\"", "\"CSP=06");
    refuse(PL_OWN_EVENT, "disabledServices", "\"default\": [],", "",
           "where planlift relies on \"=00");
    refuse(PL_OWN_REQUEST, "orderId", "\"null\", \"string\"", "\"string\", \"null\"",
           "string|null");
    refuse(PL_OWN_REQUEST, "requireLicenseTransfer", "false", "true", "has \"1,requestedBy");
    refuse(PL_OWN_RESULT, "\"parts\"", "\"int\"", "\"long\"", "has \"long,}");
    refuse(PL_OWN_RESULT, "{", "{", "[", "schema of UpgradeResult: not JSON");
    refuse(PL_OWN_RESULT, "\"type\": \"record\"", "record", "fixed", "no size");
}

/* Avro's protocols have records called errors; avro-c does not read a schema of one. */
static void avro_c_is_asked_too(void **state)
{
    (void)state;
    refuse(PL_OWN_RESULT, "\"type\": \"record\"", "record", "error",
           "schema of UpgradeResult: avro-c: ");
}

/* Records are told apart. */
static void another_own_schema_is_refused(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_error error = {""};
    const struct pl_avro_type *type = NULL;

    (void)state;
    assert_int_equal(
        pl_own_schema_parse(PL_OWN_EVENT, text_of(PL_OWN_REQUEST, &arena), &arena, &error, &type),
        PL_BAD_DATA);
    pl_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shipped_schemas_are_the_contract),
        cmocka_unit_test(words_for_people_are_free),
        cmocka_unit_test(any_difference_is_refused),
        cmocka_unit_test(avro_c_is_asked_too),
        cmocka_unit_test(another_own_schema_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
