/* Unit tests of base/log.c: each runs in a child process whose standard error is read. */
#include <regex.h>

#include <jansson.h>

#include "child.h"
#include "planlift/log.h"

/* What to write: one line of two fields after the set-up. */
struct words {
    enum pl_log_level threshold;
    enum pl_log_format format;
    enum pl_log_level level;
    const char *event;
    struct pl_log_field fields[4];
    unsigned count;
};

static void write_line(const void *argument)
{
    const struct words *words = argument;

    pl_log_setup(words->threshold, words->format);
    pl_log_write(words->level, words->event, words->fields, words->count);
}

/* The text of the line without its time, which must look like one; in the child's memory. */
static const char *after_time(const char *text)
{
    regex_t time;
    regmatch_t match;

    assert_int_equal(regcomp(&time,
                             "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z ",
                             REG_EXTENDED),
                     0);
    assert_int_equal(regexec(&time, text, 1, &match, 0), 0);
    regfree(&time);
    return text + match.rm_eo;
}

/* The line as JSON, which it must be, whole, on one line, and without a repeated key. */
static json_t *parse_line(const struct child *child)
{
    json_error_t error;
    json_t *line;

    assert_int_equal(child->exit_status, 0);
    assert_true(child->len > 0 && child->text[child->len - 1] == '\n');
    assert_ptr_equal(memchr(child->text, '\n', child->len), child->text + child->len - 1);
    line = json_loadb(child->text, child->len, JSON_REJECT_DUPLICATES, &error);
    if (line == NULL) {
        fail_msg("%s in %s", error.text, child->text);
    }
    return line;
}

static void assert_member(const json_t *line, const char *key, const char *expected)
{
    const char *found = json_string_value(json_object_get(line, key));

    assert_non_null(found);
    assert_string_equal(found, expected);
}

/* ---- text ------------------------------------------------------------------------------------ */

static void a_text_line_has_time_level_event_and_fields(void **state)
{
    const struct words words = {.threshold = PL_LOG_INFO,
                                .level = PL_LOG_WARN,
                                .event = "cache_rebuild",
                                .fields = {PL_F_INT("partition", 3), PL_F_TEXT("reason", "empty")},
                                .count = 2};
    struct child child = run_in_child(write_line, &words);

    (void)state;
    assert_string_equal(after_time(child.text), "warn cache_rebuild partition=3 reason=empty\n");
}

static void texts_that_could_be_misread_are_quoted(void **state)
{
    const struct {
        const char *text, *expected;
    } cases[] = {
        {"two words", "\"two words\""},
        {"", "\"\""},
        {"a=b", "\"a=b\""},
        {"say \"no\"", "\"say \\\"no\\\"\""},
        {"back\\slash", "\"back\\\\slash\""},
        {"line\nbreak", "\"line\\u000abreak\""},
        {"carriage\rreturn", "\"carriage\\u000dreturn\""},
        {"\x1b[31mred", "\"\\u001b[31mred\""},
        {"plain-1.2/3", "plain-1.2/3"},
        {"caf\xc3\xa9", "\"caf\xc3\xa9\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct words words = {.level = PL_LOG_ERROR,
                                    .event = "e",
                                    .fields = {PL_F_TEXT("f", cases[i].text), PL_F_INT("n", -5)},
                                    .count = 2};
        struct child child = run_in_child(write_line, &words);
        char expected[64];

        (void)snprintf(expected, sizeof(expected), "error e f=%s n=-5\n", cases[i].expected);
        assert_string_equal(after_time(child.text), expected);
    }
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void a_json_line_has_time_level_event_and_fields(void **state)
{
    const struct words words = {.format = PL_LOG_JSON,
                                .level = PL_LOG_DEBUG,
                                .event = "restored",
                                .fields = {PL_F_INT("lowest", INT64_MIN),
                                           PL_F_TEXT("text", "\"q\" \\ \n \t \x01 caf\xc3\xa9"),
                                           PL_F_INT("highest", INT64_MAX), PL_F_TEXT("empty", "")},
                                .count = 4};
    struct child child = run_in_child(write_line, &words);
    json_t *line = parse_line(&child);
    char time[64];

    (void)state;
    assert_int_equal(json_object_size(line), 7);
    (void)snprintf(time, sizeof(time), "%s ", json_string_value(json_object_get(line, "time")));
    assert_string_equal(after_time(time), "");
    assert_member(line, "level", "debug");
    assert_member(line, "event", "restored");
    assert_int_equal(json_integer_value(json_object_get(line, "lowest")), INT64_MIN);
    assert_int_equal(json_integer_value(json_object_get(line, "highest")), INT64_MAX);
    assert_member(line, "text", "\"q\" \\ \n \t \x01 caf\xc3\xa9");
    assert_member(line, "empty", "");
    json_decref(line);
}

/* Bytes that are no text must not make the line unreadable. */
static void bytes_that_are_no_utf8_are_marked(void **state)
{
    const struct {
        const char *text, *expected;
    } cases[] = {
        {"a\xff"
         "b",
         "a?b"},
        {"cut \xe2\x82", "cut ??"},
        {"\xc0\xaf", "??"},
        {"\xed\xa0\x80", "???"},
        {"\xf4\x90\x80\x80", "????"},
        {"\xf0\x9f\x98\x80 \xe2\x82\xac \xc2\x80", "\xf0\x9f\x98\x80 \xe2\x82\xac \xc2\x80"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct words words = {.format = PL_LOG_JSON,
                                    .level = PL_LOG_INFO,
                                    .event = "e",
                                    .fields = {PL_F_TEXT("f", cases[i].text)},
                                    .count = 1};
        struct child child = run_in_child(write_line, &words);
        json_t *line = parse_line(&child);

        assert_member(line, "f", cases[i].expected);
        json_decref(line);
    }
}

/* Wherever the space ends, within whatever it is, the line is JSON, and what it says is true. */
static void a_line_that_is_too_long_is_cut_to_whole_json(void **state)
{
    static const char *const ends[] = {"\n\n\n\n\n\n\n\n", "\"\"\"\"\"\"\"\"",
                                       "\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80",
                                       "xxxxxxxx"};
    char text[4400];

    (void)state;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        for (size_t len = 3900; len < 4110; len++) {
            const struct words words = {.format = PL_LOG_JSON,
                                        .level = PL_LOG_INFO,
                                        .event = "long",
                                        .fields = {PL_F_TEXT("text", text),
                                                   PL_F_INT("number", -123456),
                                                   PL_F_TEXT("more", "the end")},
                                        .count = 3};
            struct child child;
            json_t *line;
            const json_t *number;

            (void)snprintf(text, sizeof(text), "%0*d%s", (int)len, 0, ends[i]);
            child = run_in_child(write_line, &words);
            line = parse_line(&child);
            assert_true(child.len <= 4096);
            assert_member(line, "event", "long");
            assert_true(json_string_length(json_object_get(line, "text")) >= 3800);
            number = json_object_get(line, "number");
            assert_true(number == NULL || json_integer_value(number) == -123456);
            json_decref(line);
        }
    }
}

static void lines_are_cut_in_text_too(void **state)
{
    char text[9000];
    const struct words words = {.level = PL_LOG_INFO,
                                .event = "long",
                                .fields = {PL_F_TEXT("text", text), PL_F_INT("number", 5)},
                                .count = 2};
    struct child child;

    (void)state;
    (void)snprintf(text, sizeof(text), "%08999d", 0);
    child = run_in_child(write_line, &words);
    assert_int_equal(child.exit_status, 0);
    assert_in_range(child.len, 4000, 4096);
    assert_ptr_equal(memchr(child.text, '\n', child.len), child.text + child.len - 1);
}

/* ---- levels ---------------------------------------------------------------------------------- */

static void only_what_is_on_is_written(void **state)
{
    (void)state;
    for (int threshold = PL_LOG_DEBUG; threshold <= PL_LOG_ERROR; threshold++) {
        for (int level = PL_LOG_DEBUG; level <= PL_LOG_ERROR; level++) {
            const struct words words = {.threshold = (enum pl_log_level)threshold,
                                        .level = (enum pl_log_level)level,
                                        .event = "e",
                                        .fields = {PL_F_INT("n", 1)},
                                        .count = 1};

            assert_int_equal(run_in_child(write_line, &words).len > 0, level >= threshold);
        }
    }
}

static void write_without_set_up(const void *argument)
{
    (void)argument;
    pl_log(DEBUG, "hidden", PL_F_INT("n", 1));
    pl_log(INFO, "shown", PL_F_INT("n", 2));
}

static void without_a_set_up_info_is_written_as_text(void **state)
{
    struct child child = run_in_child(write_without_set_up, NULL);

    (void)state;
    assert_true(pl_log_is_on(PL_LOG_INFO));
    assert_false(pl_log_is_on(PL_LOG_DEBUG));
    assert_string_equal(after_time(child.text), "info shown n=2\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_line_has_time_level_event_and_fields),
        cmocka_unit_test(texts_that_could_be_misread_are_quoted),
        cmocka_unit_test(a_json_line_has_time_level_event_and_fields),
        cmocka_unit_test(bytes_that_are_no_utf8_are_marked),
        cmocka_unit_test(a_line_that_is_too_long_is_cut_to_whole_json),
        cmocka_unit_test(lines_are_cut_in_text_too),
        cmocka_unit_test(only_what_is_on_is_written),
        cmocka_unit_test(without_a_set_up_info_is_written_as_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
