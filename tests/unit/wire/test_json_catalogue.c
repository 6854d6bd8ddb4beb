/* Unit tests of wire/json_catalogue.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "planlift/arena.h"
#include "planlift/json.h"

#define FAMILY "{\"name\": \"F\", \"exclusive\": true, \"conflicts\": true, \"transition\": false}"
#define FAMILIES "{\"f\": " FAMILY "}"
#define SERVICES "{\"S\": {\"name\": \"Service\", \"guid\": null, \"family\": \"f\"}}"
#define OFFER(rest) "{\"name\": \"O\", \"sku\": null, \"guid\": \"g\", " rest "}"
#define OFFERS                                                                                     \
    "{\"a\": " OFFER("\"maxSeats\": 300, \"services\": [\"S\"]") ","                               \
                                                                 " \"b\": " OFFER(                 \
                                                                     "\"maxSeats\": null, "        \
                                                                     "\"services\": []") "}"
#define CATALOGUE(families, services, offers, upgrades)                                            \
    "{\"version\": \"v1\", \"families\": " families ", \"services\": " services                    \
    ", \"offers\": " offers ", \"upgrades\": " upgrades "}"

static void a_catalogue_is_read(void **state)
{
    struct pl_catalogue *catalogue = NULL;
    struct pl_error error = {""};
    struct pl_catalogue_counts counts;
    struct pl_names targets;

    (void)state;
    assert_int_equal(
        pl_catalogue_parse("x.json",
                           pl_bytes_of(CATALOGUE(FAMILIES, SERVICES, OFFERS, "{\"a\": [\"b\"]}")),
                           &error, &catalogue),
        PL_OK);
    counts = pl_catalogue_count(catalogue);
    assert_int_equal(counts.families, 1);
    assert_int_equal(counts.services, 1);
    assert_int_equal(counts.offers, 2);
    assert_int_equal(counts.upgrades, 1);
    assert_true(pl_bytes_equal(pl_catalogue_version(catalogue), PL_BYTES_LITERAL("v1")));
    assert_true(pl_bytes_equal(pl_catalogue_service_name(catalogue, PL_BYTES_LITERAL("S")),
                               PL_BYTES_LITERAL("Service")));
    targets = pl_catalogue_targets(catalogue, PL_BYTES_LITERAL("a"));
    assert_int_equal(targets.count, 1);
    assert_true(pl_bytes_equal(targets.items[0], PL_BYTES_LITERAL("b")));
    pl_catalogue_free(catalogue);
}

static const struct {
    const char *text;
    const char *message;
} faults[] = {
    {"", "x.json: column 0: '[' or '{' expected near end of file"},
    {"[]", "x.json: must be an object, not an array"},
    {"{\"version\": \"v\",\n \"version\": \"w\"}",
     "x.json: line 2: column 10: duplicate object key near '\"version\"'"},
    {"{\"version\": \"v\", \"families\": {}, \"services\": {}, \"offers\": {}}",
     "x.json: upgrades: is missing"},
    {"{\"version\": \"\", \"families\": {}, \"services\": {}, \"offers\": {}, \"upgrades\": {}}",
     "x.json: version: must not be empty"},
    {"{\"version\": 1, \"families\": {}, \"services\": {}, \"offers\": {}, \"upgrades\": {}}",
     "x.json: version: must be a string, not an integer"},
    {"{\"versoin\": 1}", "x.json: \"versoin\": is an unknown key"},
    {CATALOGUE("[]", "{}", "{}", "{}"), "x.json: families: must be an object, not an array"},
    {CATALOGUE("{\"f\": true}", "{}", "{}", "{}"),
     "x.json: families.\"f\": must be an object, not a boolean"},
    {CATALOGUE("{\"f\": {\"name\": \"F\", \"exclusive\": 1, \"conflicts\": true, \"transition\": "
               "true}}",
               "{}", "{}", "{}"),
     "x.json: families.\"f\".exclusive: must be a boolean, not an integer"},
    {CATALOGUE("{\"f\": {\"name\": \"F\", \"exclusive\": true, \"conflicts\": true}}", "{}", "{}",
               "{}"),
     "x.json: families.\"f\".transition: is missing"},
    {CATALOGUE("{\"f\": {\"name\": \"F\", \"color\": 3}}", "{}", "{}", "{}"),
     "x.json: families.\"f\".\"color\": is an unknown key"},
    {"{\"families\": {\"f\": 1, \"f\": 2}}",
     "x.json: column 25: duplicate object key near '\"f\"'"},
    {CATALOGUE(FAMILIES, "{\"S\": {\"name\": null, \"guid\": null, \"family\": \"f\"}}", "{}",
               "{}"),
     "x.json: services.\"S\".name: must be a string, not null"},
    {CATALOGUE(FAMILIES, "{\"S\": {\"name\": \"\", \"guid\": 5, \"family\": \"f\"}}", "{}", "{}"),
     "x.json: services.\"S\".guid: must be a string, not an integer"},
    {CATALOGUE(FAMILIES, "{\"S\": {\"name\": \"\", \"family\": \"f\"}}", "{}", "{}"),
     "x.json: services.\"S\".guid: is missing"},
    {CATALOGUE(FAMILIES, SERVICES, "{\"a\": " OFFER("\"maxSeats\": 0, \"services\": []") "}", "{}"),
     "x.json: offers.\"a\".maxSeats: must be from 1 to 2147483647"},
    {CATALOGUE(FAMILIES, SERVICES,
               "{\"a\": " OFFER("\"maxSeats\": 2147483648, \"services\": []") "}", "{}"),
     "x.json: offers.\"a\".maxSeats: must be from 1 to 2147483647"},
    {CATALOGUE(FAMILIES, SERVICES, "{\"a\": " OFFER("\"maxSeats\": 1.0, \"services\": []") "}",
               "{}"),
     "x.json: offers.\"a\".maxSeats: must be an integer, not a number with a fraction or an "
     "exponent"},
    {CATALOGUE(FAMILIES, SERVICES, "{\"a\": " OFFER("\"services\": []") "}", "{}"),
     "x.json: offers.\"a\".maxSeats: is missing"},
    {CATALOGUE(FAMILIES, SERVICES, "{\"a\": " OFFER("\"maxSeats\": 1, \"services\": null") "}",
               "{}"),
     "x.json: offers.\"a\".services: must be an array, not null"},
    {CATALOGUE(FAMILIES, SERVICES,
               "{\"a\": " OFFER("\"maxSeats\": 1, \"services\": [\"S\", 2]") "}", "{}"),
     "x.json: offers.\"a\".services[1]: must be a string, not an integer"},
    {CATALOGUE(FAMILIES, SERVICES, OFFERS, "{\"a\": null}"),
     "x.json: upgrades.\"a\": must be an array, not null"},
    {CATALOGUE(FAMILIES, SERVICES, OFFERS, "{\"a\": [{}]}"),
     "x.json: upgrades.\"a\"[0]: must be a string, not an object"},
};

static void faults_of_the_shape_are_named_with_file_and_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        struct pl_catalogue *catalogue = NULL;
        struct pl_error error = {""};

        assert_int_equal(
            pl_catalogue_parse("x.json", pl_bytes_of(faults[i].text), &error, &catalogue),
            PL_BAD_DATA);
        assert_null(catalogue);
        assert_string_equal(error.text, faults[i].message);
    }
}

/* What pl_catalogue_new finds comes with the file's name too. */
static void faults_of_the_content_name_the_file(void **state)
{
    struct pl_catalogue *catalogue = NULL;
    struct pl_error error = {""};

    (void)state;
    assert_int_equal(
        pl_catalogue_parse(
            "x.json", pl_bytes_of(CATALOGUE(FAMILIES, SERVICES, OFFERS, "{\"a\": [\"b\", \"a\"]}")),
            &error, &catalogue),
        PL_BAD_DATA);
    assert_int_equal(strncmp(error.text, "x.json: upgrades.\"a\"[1]: ", 25), 0);
}

static void the_shipped_catalogue_is_valid(void **state)
{
    FILE *file = fopen("catalogue/csp.json", "rb");
    struct pl_catalogue *catalogue = NULL;
    struct pl_catalogue_counts counts;
    struct pl_error error = {""};
    struct pl_arena arena = PL_ARENA_INIT;
    size_t capacity = (size_t)1024 * 1024;
    char *text = pl_arena_alloc(&arena, capacity);
    size_t len;

    (void)state;
    assert_non_null(file);
    len = fread(text, 1, capacity, file);
    assert_true(len < capacity);
    assert_int_equal(fclose(file), 0);
    if (pl_catalogue_parse("csp.json", (struct pl_bytes){text, len}, &error, &catalogue) != PL_OK) {
        fail_msg("%s", error.text);
    }
    counts = pl_catalogue_count(catalogue);
    assert_int_equal(counts.families, 53);
    assert_int_equal(counts.services, 112);
    assert_int_equal(counts.offers, 11);
    assert_int_equal(counts.upgrades, 12);
    pl_catalogue_free(catalogue);
    pl_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_catalogue_is_read),
        cmocka_unit_test(faults_of_the_shape_are_named_with_file_and_place),
        cmocka_unit_test(faults_of_the_content_name_the_file),
        cmocka_unit_test(the_shipped_catalogue_is_valid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
