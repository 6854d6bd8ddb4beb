/* Unit tests of pipeline/tell.c: what the log says of single records. */
#include "base/child.h"
#include "outcome.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define TRACEPARENT "00-" TRACE "-00f067aa0ba902b7-01"

static const struct pl_header traced = {{"traceparent", 11},
                                        {TRACEPARENT, sizeof(TRACEPARENT) - 1}};
static const struct pl_header untraced = {{"traceparent", 11}, {"00-1", 4}};

/* The log at this level, of a run until all is taken in. */
struct listening {
    struct fixture *fixture;
    enum pl_log_level level;
};

static void run_and_log(const void *argument)
{
    const struct listening *listening = argument;

    pl_log_setup(listening->level, PL_LOG_TEXT);
    if (run_pipeline(listening->fixture) != PL_OK) {
        abort();
    }
}

static void give_header(struct fixture *fixture, enum pl_topic topic,
                        const struct pl_header *header)
{
    struct pl_fake_log *log = pl_fake_log(&fixture->world.broker, topic, place_of(fixture, "c1"));
    struct pl_fake_entry *entry = log->entries[log->end - 1];

    entry->headers = header;
    entry->header_count = 1;
}

static void send_broken(struct fixture *fixture)
{
    (void)send_to(fixture, PL_TOPIC_EVENTS, place_of(fixture, "c1"), PL_BYTES_LITERAL("c1"),
                  PL_NULL_BYTES);
}

static void assert_has(const struct child *child, const char *text)
{
    if (strstr(child->text, text) == NULL) {
        fail_msg("%s is not in:\n%s", text, child->text);
    }
}

static size_t count_of(const struct child *child, const char *text)
{
    size_t count = 0;

    for (const char *at = child->text; (at = strstr(at, text)) != NULL; at++) {
        count++;
    }
    return count;
}

static void a_dead_letter_is_told_with_its_trace(void **state)
{
    const struct listening listening = {*state, PL_LOG_WARN};
    struct child child;

    send_broken(*state);
    give_header(*state, PL_TOPIC_EVENTS, &traced);
    child = run_in_child(run_and_log, &listening);
    assert_int_equal(child.exit_status, 0);
    assert_has(&child,
               " warn dead_letter topic=events partition=1 offset=0 code=null_value reason=");
    assert_has(&child, " trace_id=" TRACE "\n");
}

static void what_is_no_trace_is_left_out(void **state)
{
    const struct listening listening = {*state, PL_LOG_WARN};
    struct child child;

    send_broken(*state);
    give_header(*state, PL_TOPIC_EVENTS, &untraced);
    child = run_in_child(run_and_log, &listening);
    assert_has(&child, "dead_letter");
    assert_int_equal(count_of(&child, "trace_id"), 0);
}

static void many_dead_letters_are_counted(void **state)
{
    const struct listening listening = {*state, PL_LOG_WARN};
    struct child child;

    for (int i = 0; i < 50; i++) {
        send_broken(*state);
    }
    child = run_in_child(run_and_log, &listening);
    assert_int_equal(count_of(&child, " dead_letter "), 20);
    assert_has(&child, " warn more_dead_letters count=30\n");
}

static void answers_are_told_to_who_debugs(void **state)
{
    struct listening listening = {*state, PL_LOG_INFO};
    struct child child;

    (void)send_request(*state, "c1", "r1", PL_OPERATION_CHECK, "s");
    give_header(*state, PL_TOPIC_REQUESTS, &traced);
    (void)send_request(*state, "c1", "r1", PL_OPERATION_CHECK, "s");
    child = run_in_child(run_and_log, &listening);
    assert_int_equal(count_of(&child, "answered"), 0);
    listening.level = PL_LOG_DEBUG;
    child = run_in_child(run_and_log, &listening);
    assert_has(&child, " debug answered topic=requests partition=1 offset=0 operation=CHECK "
                       "outcome=NOT_ELIGIBLE trace_id=" TRACE "\n");
    assert_has(&child, " offset=1 operation=CHECK outcome=repeated\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(a_dead_letter_is_told_with_its_trace),
        WITH_FIXTURE(what_is_no_trace_is_left_out),
        WITH_FIXTURE(many_dead_letters_are_counted),
        WITH_FIXTURE(answers_are_told_to_who_debugs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
