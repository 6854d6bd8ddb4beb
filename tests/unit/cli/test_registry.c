/* Unit tests of cli/registry.c and of the schemas that come from it, on a fake registry. */
#include "../io/fake_http.h"
#include "cli/registry.h"
#include "io/world.h"

#define HEAD(status) "HTTP/1.1 " status " X\r\nConnection: close\r\n\r\n"

struct fixture {
    struct fake_http fake;
    struct pl_system_world system;
    struct pl_health *health;
    struct pl_metrics *metrics;
    struct pl_registry *registry;
    struct pl_arena arena;
    struct pl_error error;
};

/* One question, answered or not. */
static void assert_counted(struct fixture *fixture, bool is_answered)
{
    struct pl_metrics_view view;

    pl_metrics_read(fixture->metrics, &view);
    assert_int_equal(view.registry_questions[1], is_answered ? 1 : 0);
    assert_int_equal(view.registry_questions[0], is_answered ? 0 : 1);
    pl_metrics_view_done(&view);
}

static void begin(struct fixture *fixture, const char *const *answers, size_t count)
{
    struct pl_registry_options options = {.url = NULL};

    memset(fixture, 0, sizeof(*fixture));
    fake_http_start(&fixture->fake, answers, count);
    options.url = fixture->fake.url;
    options.world = pl_system_world_port(&fixture->system);
    fixture->health = pl_health_new(60);
    fixture->metrics = pl_metrics_new();
    assert_int_equal(pl_registry_new(&options, fixture->health, fixture->metrics,
                                     &fixture->registry, &fixture->error),
                     PL_OK);
}

static void end(struct fixture *fixture)
{
    pl_registry_free(fixture->registry);
    pl_health_free(fixture->health);
    pl_metrics_free(fixture->metrics);
    pl_arena_done(&fixture->arena);
    fake_http_stop(&fixture->fake);
}

static bool is_told_away(const struct fixture *fixture)
{
    char text[4096];

    (void)pl_health_is_ready(fixture->health, text, sizeof(text));
    return strstr(text, "registry: ") != NULL;
}

/* What asking for schema 7 comes to. */
static void assert_fetch(const char *answer, enum pl_status wanted, const char *said)
{
    struct fixture fixture;
    struct pl_bytes json = PL_NULL_BYTES;

    begin(&fixture, &answer, 1);
    assert_int_equal(pl_registry_fetch(fixture.registry, 7, &fixture.arena, &json, &fixture.error),
                     wanted);
    if (wanted == PL_OK) {
        assert_true(pl_bytes_equal(json, pl_bytes_of(said)));
    } else {
        assert_non_null(strstr(fixture.error.text, said));
    }
    assert_int_equal(is_told_away(&fixture), wanted == PL_AGAIN);
    assert_counted(&fixture, wanted != PL_AGAIN);
    assert_int_equal(pl_registry_is_away(fixture.registry), wanted == PL_AGAIN);
    end(&fixture);
}

static void a_schema_is_fetched(void **state)
{
    (void)state;
    assert_fetch(HEAD("200") "{\"schema\": \"\\\"int\\\"\"}", PL_OK, "\"int\"");
}

static void only_the_registry_itself_says_that_there_is_none(void **state)
{
    (void)state;
    assert_fetch(HEAD("404") "{\"error_code\": 40403, \"message\": \"m\"}", PL_NOT_FOUND,
                 "/schemas/ids/7");
    assert_fetch(HEAD("404") "<html>", PL_AGAIN, "check the path");
    assert_fetch(HEAD("404") "{\"status\": 404}", PL_AGAIN, "check the path");
    assert_fetch(HEAD("404") "{\"error_code\": 404, \"message\": \"page\"}", PL_AGAIN,
                 "page (404)");
    assert_fetch(HEAD("422") "{\"error_code\": 42201, \"message\": \"m\"}", PL_AGAIN, "m (42201)");
    assert_fetch(HEAD("500") "{\"error_code\": 40403}", PL_AGAIN, "HTTP 500");
    assert_fetch(HEAD("200") "{}", PL_AGAIN, "it has no schema");
}

static void a_schema_of_another_kind_is_told_from_none(void **state)
{
    (void)state;
    assert_fetch(HEAD("200") "{\"schema\": \"x\", \"schemaType\": \"JSON\"}", PL_BAD_DATA, "JSON");
}

static void references_are_asked_for_resolved(void **state)
{
    static const char *const answers[] = {
        HEAD("200") "{\"schema\": \"\\\"a.B\\\"\", \"references\": [{\"name\": \"a.B\"}]}",
        HEAD("200") "{\"schema\": \"\\\"long\\\"\"}"};
    struct fixture fixture;
    struct pl_bytes json;

    (void)state;
    begin(&fixture, answers, 2);
    assert_int_equal(pl_registry_fetch(fixture.registry, 7, &fixture.arena, &json, &fixture.error),
                     PL_OK);
    assert_true(pl_bytes_equal(json, PL_BYTES_LITERAL("\"long\"")));
    end(&fixture);
    assert_non_null(strstr(fixture.fake.received, "GET /schemas/ids/7?format=resolved "));
}

/* Not all registries do so: it is told, where the text alone makes no schema. */
static void references_that_are_not_put_in(void **state)
{
    static const char *const cases[][2] = {{"\\\"a.B\\\"", "defines all its types"},
                                           {"\\\"long\\\"", NULL}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture fixture;
        struct pl_bytes json;
        char answer[256];
        const char *answers[] = {answer, answer};
        enum pl_status status;

        (void)snprintf(answer, sizeof(answer),
                       HEAD("200") "{\"schema\": \"%s\", \"references\": [{\"name\": \"a.B\"}]}",
                       cases[i][0]);
        begin(&fixture, answers, 2);
        status = pl_registry_fetch(fixture.registry, 7, &fixture.arena, &json, &fixture.error);
        assert_int_equal(status, cases[i][1] == NULL ? PL_OK : PL_BAD_DATA);
        assert_true(cases[i][1] == NULL || strstr(fixture.error.text, cases[i][1]) != NULL);
        end(&fixture);
    }
}

static void versions_of_a_subject(void **state)
{
    static const char *const answers[] = {
        HEAD("200") "[3, 4]", HEAD("404") "{\"error_code\": 40401, \"message\": \"m\"}",
        HEAD("200") "{\"id\": 9, \"version\": 3, \"schema\": \"\\\"int\\\"\"}",
        HEAD("200") "{\"schema\": \"\\\"int\\\"\"}",
        HEAD("404") "{\"error_code\": 40402, \"message\": \"m\"}"};
    struct fixture fixture;
    struct pl_registry_schema schema;
    int64_t *versions;
    size_t count;

    (void)state;
    begin(&fixture, answers, 5);
    assert_int_equal(pl_registry_versions(fixture.registry, "a b/\xC3\xA4-value", &fixture.arena,
                                          &versions, &count, &fixture.error),
                     PL_OK);
    assert_int_equal(count, 2);
    assert_int_equal(versions[1], 4);
    assert_int_equal(pl_registry_versions(fixture.registry, "none", &fixture.arena, &versions,
                                          &count, &fixture.error),
                     PL_OK);
    assert_int_equal(count, 0);
    assert_int_equal(
        pl_registry_version(fixture.registry, "s", 3, &fixture.arena, &schema, &fixture.error),
        PL_OK);
    assert_int_equal(schema.id, 9);
    assert_int_equal(
        pl_registry_version(fixture.registry, "s", 3, &fixture.arena, &schema, &fixture.error),
        PL_AGAIN); /* without an id */
    assert_int_equal(
        pl_registry_version(fixture.registry, "s", 5, &fixture.arena, &schema, &fixture.error),
        PL_NOT_FOUND);
    end(&fixture);
    assert_non_null(
        strstr(fixture.fake.received, "GET /subjects/a%20b%2F%C3%A4-value/versions HTTP"));
    assert_non_null(strstr(fixture.fake.received, "GET /subjects/s/versions/3 HTTP"));
}

static void own_schemas_are_registered_or_looked_up(void **state)
{
    static const char *const answers[] = {
        HEAD("200") "{\"id\": 5}", HEAD("200") "{\"id\": 6}",
        HEAD("404") "{\"error_code\": 40403, \"message\": \"m\"}",
        HEAD("409") "{\"error_code\": 409, \"message\": \"field gone\"}",
        HEAD("422") "{\"error_code\": 42201, \"message\": \"m\"}"};
    static const enum pl_status wanted[] = {PL_OK, PL_OK, PL_FATAL, PL_FATAL, PL_AGAIN};
    static const char *const said[] = {"", "", "auto.register=true", "field gone", "42201"};
    struct fixture fixture;

    (void)state;
    begin(&fixture, answers, 5);
    for (int i = 0; i < 5; i++) {
        uint32_t id = 0;

        fixture.error.text[0] = '\0';
        assert_int_equal(pl_registry_own_id(fixture.registry, "s", PL_BYTES_LITERAL("\"int\""),
                                            i == 0 || i > 2, &id, &fixture.error),
                         wanted[i]);
        assert_int_equal(id, i == 0 ? 5 : i == 1 ? 6 : 0);
        assert_non_null(strstr(fixture.error.text, said[i]));
    }
    end(&fixture);
    assert_non_null(strstr(fixture.fake.received, "POST /subjects/s/versions HTTP"));
    assert_non_null(strstr(fixture.fake.received, "POST /subjects/s HTTP"));
    assert_non_null(strstr(fixture.fake.received, "{\"schema\":\"\\\"int\\\"\"}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_schema_is_fetched),
        cmocka_unit_test(only_the_registry_itself_says_that_there_is_none),
        cmocka_unit_test(a_schema_of_another_kind_is_told_from_none),
        cmocka_unit_test(references_are_asked_for_resolved),
        cmocka_unit_test(references_that_are_not_put_in),
        cmocka_unit_test(versions_of_a_subject),
        cmocka_unit_test(own_schemas_are_registered_or_looked_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
