/* Unit tests of io/redis_cache.c: what is sent, and what each answer means. What Redis makes of the
 * scripts is for tests/system. */
#include "fake_redis.h"
#include "planlift/arena.h"

struct fixture {
    struct fake_redis fake;
    struct pl_redis *redis;
    struct pl_cache cache;
    struct pl_arena arena;
    struct pl_error error;
};

static void begin(struct fixture *fixture, const struct fake_turn *turns, size_t count)
{
    struct pl_redis_url url = fake_start(&fixture->fake, turns, count);

    fixture->redis = pl_redis_new(&url, NULL, "g");
    fixture->cache = pl_redis_port(fixture->redis);
    fixture->arena = (struct pl_arena)PL_ARENA_INIT;
    fixture->error.text[0] = '\0';
}

static void end(struct fixture *fixture)
{
    pl_redis_free(fixture->redis);
    fake_stop(&fixture->fake);
    pl_arena_done(&fixture->arena);
}

static void assert_said(const struct fixture *fixture, const char *text)
{
    assert_non_null(strstr(fixture->error.text, text));
}

static void assert_bytes(struct pl_bytes found, const char *wanted)
{
    assert_int_equal(pl_bytes_is_null(found), wanted == NULL);
    if (wanted != NULL) {
        assert_int_equal(pl_bytes_compare(found, pl_bytes_of(wanted)), 0);
    }
}

/* ---- read ------------------------------------------------------------------------------------ */

#define BEFORE "+OK\r\n+QUEUED\r\n+QUEUED\r\n"

static enum pl_status read_some(struct fixture *fixture, struct pl_cache_read *reads, size_t count)
{
    return fixture->cache.ops->read(fixture->cache.self, reads, count, &fixture->arena,
                                    &fixture->error);
}

static void fields_checkpoint_and_count_are_of_one_moment(void **state)
{
    static const struct fake_turn turns[] = {
        {"EXEC\r\n", BEFORE "*2\r\n*3\r\n$2\r\ncp\r\n$0\r\n\r\n$-1\r\n:7\r\n", 0, false}};
    struct pl_cache_field fields[] = {{.field = PL_BYTES_LITERAL("a")},
                                      {.field = PL_BYTES_LITERAL("b")}};
    struct pl_cache_read read = {.partition = 3, .fields = fields, .field_count = 2};
    struct fixture fixture;

    (void)state;
    begin(&fixture, turns, 1);
    assert_int_equal(read_some(&fixture, &read, 1), PL_OK);
    assert_bytes(read.checkpoint, "cp");
    assert_bytes(fields[0].value, "");
    assert_bytes(fields[1].value, NULL);
    assert_int_equal(read.stored_fields, 7);
    end(&fixture);
    assert_string_equal(fixture.fake.received,
                        "*1\r\n$5\r\nMULTI\r\n"
                        "*5\r\n$5\r\nHMGET\r\n$15\r\nplanlift:{g:p3}\r\n$1\r\n#\r\n$1\r\na\r\n"
                        "$1\r\nb\r\n"
                        "*2\r\n$4\r\nHLEN\r\n$15\r\nplanlift:{g:p3}\r\n"
                        "*1\r\n$4\r\nEXEC\r\n");
}

static void an_absent_hash_reads_as_nothing(void **state)
{
    static const struct fake_turn turns[] = {
        {"EXEC\r\n", BEFORE "*2\r\n*1\r\n$-1\r\n:0\r\n", 0, false}};
    struct pl_cache_read read = {.partition = 0};
    struct fixture fixture;

    (void)state;
    begin(&fixture, turns, 1);
    assert_int_equal(read_some(&fixture, &read, 1), PL_OK);
    assert_bytes(read.checkpoint, NULL);
    assert_int_equal(read.stored_fields, 0);
    end(&fixture);
}

static void several_partitions_go_out_together(void **state)
{
    static const struct fake_turn turns[] = {
        {"p12}\r\n*1\r\n$4\r\nEXEC\r\n",
         BEFORE "*2\r\n*1\r\n$1\r\nx\r\n:1\r\n" BEFORE "*2\r\n*1\r\n$1\r\ny\r\n:2\r\n", 0, false}};
    struct pl_cache_read reads[] = {{.partition = 1}, {.partition = 12}};
    struct fixture fixture;

    (void)state;
    begin(&fixture, turns, 1);
    assert_int_equal(read_some(&fixture, reads, 2), PL_OK);
    assert_bytes(reads[0].checkpoint, "x");
    assert_bytes(reads[1].checkpoint, "y");
    assert_int_equal(reads[1].stored_fields, 2);
    end(&fixture);
}

static void a_read_that_fails_is_told_and_tried_anew(void **state)
{
    static const struct {
        const char *answer;
        const char *said;
    } failures[] = {
        {"+OK\r\n-LOADING Redis is loading\r\n-LOADING x\r\n-EXECABORT x\r\n", "(LOADING)"},
        {"-NOAUTH Authentication required.\r\n", "redis.password"},
        {"-NOPERM no permissions to run the 'multi' command\r\n", "'multi'"},
        {BEFORE "*2\r\n-WRONGTYPE Operation against a key\r\n-WRONGTYPE x\r\n",
         "key planlift:{g:p5}: "},
        {BEFORE "*-1\r\n", "another kind"},
        {BEFORE "*1\r\n*1\r\n$1\r\nx\r\n", "another kind"},
        {BEFORE "*2\r\n*2\r\n$1\r\nx\r\n$1\r\ny\r\n:2\r\n", "another kind"},
        {BEFORE "*2\r\n*1\r\n$1\r\nx\r\n$1\r\n2\r\n", "another kind"},
        {BEFORE "*2\r\n$1\r\nx\r\n:2\r\n", "another kind"},
        {"$2\r\nOK\r\n", "another kind"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        const struct fake_turn turns[] = {
            {"EXEC\r\n", failures[i].answer, 0, false},
            {"EXEC\r\n", BEFORE "*2\r\n*1\r\n$1\r\nx\r\n:1\r\n", 0, false}};
        struct pl_cache_read read = {.partition = 5};
        struct fixture fixture;

        begin(&fixture, turns, 2);
        assert_int_equal(read_some(&fixture, &read, 1), PL_AGAIN);
        assert_said(&fixture, failures[i].said);
        assert_int_equal(read_some(&fixture, &read, 1), PL_OK);
        assert_bytes(read.checkpoint, "x");
        end(&fixture);
        assert_int_equal(fixture.fake.connections, 2);
    }
}

/* ---- update ---------------------------------------------------------------------------------- */

static const struct pl_cache_write writes[] = {{{"f", 1}, {"value", 5}}, {{"gone", 4}, {NULL, 0}}};

static void an_update_tells_whether_it_was_applied(void **state)
{
    static const struct fake_turn turns[] = {{"$3\r\nnew\r\n", ":1\r\n:0\r\n", 0, false}};
    struct pl_cache_update updates[] = {
        {.partition = 0, .checkpoint = PL_BYTES_LITERAL("one"), .writes = writes, .write_count = 2},
        {.partition = 1, .expected = PL_BYTES_LITERAL("old"), .checkpoint = {"new", 3}}};
    struct fixture fixture;

    (void)state;
    begin(&fixture, turns, 1);
    assert_int_equal(fixture.cache.ops->update(fixture.cache.self, updates, 2, &fixture.error),
                     PL_OK);
    assert_true(updates[0].is_applied);
    assert_false(updates[1].is_applied);
    end(&fixture);
    assert_non_null(strstr(fixture.fake.received,
                           "$1\r\n1\r\n$15\r\nplanlift:{g:p0}\r\n$0\r\n\r\n$3\r\none\r\n"
                           "$1\r\nf\r\n$5\r\nvalue\r\n$4\r\ngone\r\n$0\r\n\r\n"));
    assert_non_null(
        strstr(fixture.fake.received, "$15\r\nplanlift:{g:p1}\r\n$3\r\nold\r\n$3\r\nnew\r\n"));
}

static void an_update_without_its_answer_is_unknown(void **state)
{
    static const struct {
        const char *answer;
        const char *said;
    } failures[] = {
        {":1\r\n", "closed the connection"}, /* of two */
        {":1\r\n-OOM command not allowed\r\n", "full (OOM)"},
        {"-READONLY You can't write against a read only replica.\r\n", "name the master"},
        {":1\r\n-WRONGTYPE Operation\r\n", "key planlift:{g:p9}: "},
        {"$1\r\n1\r\n", "another kind"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        const struct fake_turn turns[] = {{"$3\r\nnew\r\n", failures[i].answer, 0, true},
                                          {"$3\r\nnew\r\n", ":1\r\n:1\r\n", 0, false}};
        struct pl_cache_update updates[] = {
            {.partition = 0, .checkpoint = {"one", 3}},
            {.partition = 9, .expected = {"old", 3}, .checkpoint = {"new", 3}}};
        struct fixture fixture;

        begin(&fixture, turns, 2);
        assert_int_equal(fixture.cache.ops->update(fixture.cache.self, updates, 2, &fixture.error),
                         PL_AGAIN);
        assert_said(&fixture, failures[i].said);
        assert_int_equal(fixture.cache.ops->update(fixture.cache.self, updates, 2, &fixture.error),
                         PL_OK);
        end(&fixture);
        assert_int_equal(fixture.fake.connections, 2);
    }
}

/* ---- drop ------------------------------------------------------------------------------------ */

static void a_drop_is_of_what_was_seen(void **state)
{
    static const struct fake_turn turns[] = {{"$3\r\nold\r\n", ":1\r\n", 0, false},
                                             {"$0\r\n\r\n", ":0\r\n", 0, false},
                                             {"$3\r\nold\r\n", "-READONLY x\r\n", 0, false}};
    struct fixture fixture;
    struct pl_bytes old = PL_BYTES_LITERAL("old");
    struct pl_cache *cache = &fixture.cache;

    (void)state;
    begin(&fixture, turns, 3);
    assert_int_equal(cache->ops->drop(cache->self, 4, old, &fixture.error), PL_OK);
    assert_int_equal(cache->ops->drop(cache->self, 4, PL_NULL_BYTES, &fixture.error), PL_ABORT);
    assert_said(&fixture, "partition 4");
    assert_int_equal(cache->ops->drop(cache->self, 4, old, &fixture.error), PL_AGAIN);
    end(&fixture);
    assert_non_null(
        strstr(fixture.fake.received, "$1\r\n1\r\n$15\r\nplanlift:{g:p4}\r\n$3\r\nold\r\n"));
}

/* ---- start-up check -------------------------------------------------------------------------- */

static void what_may_evict_is_refused(void **state)
{
    static const struct {
        const char *info;
        enum pl_status status;
        const char *said;
    } cases[] = {
        {"maxmemory:100\r\nmaxmemory_human:100B\r\nmaxmemory_policy:allkeys-lru\r\n", PL_FATAL,
         "maxmemory 100, maxmemory-policy allkeys-lru"},
        {"maxmemory:1\r\nmaxmemory_policy:volatile-ttl\r\n", PL_FATAL, "noeviction"},
        {"maxmemory:100\r\nmaxmemory_policy:noeviction\r\n", PL_OK, ""},
        {"maxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\n", PL_OK, ""},
        {"maxmemory:100\r\n", PL_NOT_FOUND, "does not tell"},
        {"used_maxmemory:100\r\nmaxmemory_policy:allkeys-lru\r\n", PL_NOT_FOUND, "does not tell"},
        {"", PL_NOT_FOUND, "does not tell"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char answer[300];
        const struct fake_turn turns[] = {{"$6\r\nmemory\r\n", answer, 0, false}};
        struct fixture fixture;

        (void)snprintf(answer, sizeof(answer), "$%zu\r\n# Memory\r\n%s\r\n",
                       strlen("# Memory\r\n") + strlen(cases[i].info), cases[i].info);
        begin(&fixture, turns, 1);
        assert_int_equal(pl_redis_check(fixture.redis, &fixture.error), cases[i].status);
        assert_said(&fixture, cases[i].said);
        end(&fixture);
    }
}

static void a_redis_that_does_not_tell_is_not_refused(void **state)
{
    static const struct fake_turn turns[] = {
        {"memory", "-NOPERM this user has no permissions to run the 'info' command\r\n", 0, false},
        {"memory", "-ERR unknown command 'INFO', with args beginning with: 'memory' \r\n", 0,
         false},
        {"memory", "-NOAUTH Authentication required.\r\n", 0, false}, /* waited for */
        {"memory", "-LOADING Redis is loading\r\n", 0, false}};
    struct fixture fixture;

    (void)state;
    begin(&fixture, turns, 4);
    assert_int_equal(pl_redis_check(fixture.redis, &fixture.error), PL_NOT_FOUND);
    assert_int_equal(pl_redis_check(fixture.redis, &fixture.error), PL_NOT_FOUND);
    assert_int_equal(pl_redis_check(fixture.redis, &fixture.error), PL_AGAIN);
    assert_int_equal(pl_redis_check(fixture.redis, &fixture.error), PL_AGAIN);
    end(&fixture);
}

/* ---- slots ----------------------------------------------------------------------------------- */

static void the_slot_book_is_a_hash(void **state)
{
    static const struct fake_turn turns[] = {{"host/1-ab\r\n", ":1\r\n", 0, false},
                                             {"HMGET", "*1\r\n$9\r\nhost/2-cd\r\n", 0, false},
                                             {"HMGET", "*1\r\n$-1\r\n", 0, false}};
    struct fixture fixture;
    char name[64] = "unset";
    char few[5];

    (void)state;
    begin(&fixture, turns, 3);
    assert_int_equal(pl_redis_slot_claim(fixture.redis, "g-0", "host/1-ab", &fixture.error), PL_OK);
    assert_int_equal(pl_redis_slot_holder(fixture.redis, "g-0", few, sizeof(few), &fixture.error),
                     PL_OK);
    assert_string_equal(few, "host"); /* cut to fit */
    assert_int_equal(pl_redis_slot_holder(fixture.redis, "g-0", name, sizeof(name), &fixture.error),
                     PL_NOT_FOUND);
    assert_string_equal(name, "unset");
    assert_said(&fixture, "g-0");
    end(&fixture);
    assert_string_equal(fixture.fake.received,
                        "*4\r\n$4\r\nHSET\r\n$18\r\nplanlift:{g:slots}\r\n$3\r\ng-0\r\n"
                        "$9\r\nhost/1-ab\r\n"
                        "*3\r\n$5\r\nHMGET\r\n$18\r\nplanlift:{g:slots}\r\n$3\r\ng-0\r\n"
                        "*3\r\n$5\r\nHMGET\r\n$18\r\nplanlift:{g:slots}\r\n$3\r\ng-0\r\n");
}

static void a_slot_book_that_is_away_is_asked_again(void **state)
{
    static const struct fake_turn turns[] = {{"HSET", "-OOM command not allowed\r\n", 0, false},
                                             {"HMGET", "-LOADING Redis is loading\r\n", 0, false},
                                             {"HMGET", "*0\r\n", 0, false},
                                             {"HMGET", "", 0, true}};
    struct fixture fixture;
    char name[64] = "unset";

    (void)state;
    begin(&fixture, turns, 4);
    assert_int_equal(pl_redis_slot_claim(fixture.redis, "g-0", "me", &fixture.error), PL_AGAIN);
    assert_said(&fixture, "OOM");
    assert_int_equal(pl_redis_slot_holder(fixture.redis, "g-0", name, sizeof(name), &fixture.error),
                     PL_AGAIN);
    assert_said(&fixture, "LOADING");
    assert_int_equal(pl_redis_slot_holder(fixture.redis, "g-0", name, sizeof(name), &fixture.error),
                     PL_NOT_FOUND); /* no answer that we know: nobody is noted */
    assert_int_equal(pl_redis_slot_holder(fixture.redis, "g-0", name, sizeof(name), &fixture.error),
                     PL_AGAIN);
    assert_string_equal(name, "unset");
    end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_checkpoint_and_count_are_of_one_moment),
        cmocka_unit_test(an_absent_hash_reads_as_nothing),
        cmocka_unit_test(several_partitions_go_out_together),
        cmocka_unit_test(a_read_that_fails_is_told_and_tried_anew),
        cmocka_unit_test(an_update_tells_whether_it_was_applied),
        cmocka_unit_test(an_update_without_its_answer_is_unknown),
        cmocka_unit_test(a_drop_is_of_what_was_seen),
        cmocka_unit_test(what_may_evict_is_refused),
        cmocka_unit_test(a_redis_that_does_not_tell_is_not_refused),
        cmocka_unit_test(the_slot_book_is_a_hash),
        cmocka_unit_test(a_slot_book_that_is_away_is_asked_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
