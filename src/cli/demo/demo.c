/* `planlift demo`: sends a small story through the real service and shows what comes back. */
#include "cli/demo/demo.h"

#include <stdio.h>
#include <unistd.h>

#include "base/signals.h"
#include "cli/demo/demo_stage.h"
#include "cli/options.h"
#include "config/reference.h"

/* It takes two seconds; where it takes this long, Kafka or Redis went away in between. */
#define LIMIT_S 30

static void complain(const char *text)
{
    (void)fprintf(stderr, "planlift demo: %s\n", text); /* nowhere else to say it */
}

/* ---- is everything there? -------------------------------------------------------------------- */

/* Complain of one that is away or refused. */
static bool is_there(const char *what, struct pl_bytes place, enum pl_status status,
                     const struct pl_error *error)
{
    if (status == PL_AGAIN) {
        (void)fprintf(stderr, "planlift demo: %s at %.*s cannot be reached: %s\n", what,
                      (int)place.len, place.data, error->text);
    } else if (status != PL_OK) {
        complain(error->text);
    }
    return status == PL_OK;
}

static enum pl_status check_services(struct pl_demo_stage *stage, struct pl_arena *arena)
{
    struct pl_error error = {""};
    enum pl_status redis = pl_demo_stage_check_redis(stage, &error);
    enum pl_status kafka;
    bool are_there = is_there("Redis", pl_demo_stage_redis(stage, arena), redis, &error);

    kafka = pl_demo_stage_check_kafka(stage, &error);
    are_there = is_there("Kafka", pl_demo_stage_kafka(stage, arena), kafka, &error) && are_there;
    if (redis == PL_AGAIN || kafka == PL_AGAIN) {
        complain("`make demo` starts a Kafka and a Redis for it; or say where yours are (and see "
                 "more with --verbose):\n"
                 "  PLANLIFT_KAFKA_BOOTSTRAP_SERVERS=host:9092 "
                 "PLANLIFT_REDIS_URL=redis://host:6379 planlift demo");
    }
    return are_there ? PL_OK : PL_AGAIN;
}

/* ---- is all as it should be? ----------------------------------------------------------------- */

static size_t count_results(const struct pl_demo_answers *answers, struct pl_bytes request_id,
                            enum pl_outcome outcome)
{
    size_t count = 0;

    for (size_t i = 0; i < answers->result_count; i++) {
        const struct pl_result *result = &answers->results[i].result;

        count += answers->results[i].part == 1 && result->outcome == outcome &&
                 pl_bytes_equal(result->request_id, request_id);
    }
    return count;
}

static size_t count_dead_letters(const struct pl_demo_answers *answers, enum pl_dead_letter code)
{
    size_t count = 0;

    for (size_t i = 0; i < answers->dead_letter_count; i++) {
        count +=
            pl_bytes_equal(answers->dead_letters[i].code, pl_bytes_of(pl_dead_letter_names[code]));
    }
    return count;
}

static bool is_answered(const struct pl_demo_request *asked, const struct pl_demo_answers *answers)
{
    struct pl_bytes id = asked->request.request_id;
    const char *expected = asked->answer == PL_DEMO_DEAD_LETTER
                               ? pl_dead_letter_names[asked->refusal]
                               : pl_outcome_names[asked->outcome];
    size_t found = 1;

    if (asked->answer == PL_DEMO_RESULT) {
        found = count_results(answers, id, asked->outcome);
    } else if (asked->answer == PL_DEMO_DEAD_LETTER) {
        found = count_dead_letters(answers, asked->refusal);
    }
    if (found != 1) {
        (void)fprintf(stderr, "planlift demo: %.*s: expected %s once, found it %zu times\n",
                      (int)id.len, id.data, expected, found);
    }
    return found == 1;
}

/* Every answer once, and no other. */
static bool are_expected(const struct pl_demo_story *story, const struct pl_demo_answers *answers)
{
    size_t expected[] = {[PL_DEMO_RESULT] = 0, [PL_DEMO_NO_RESULT] = 0, [PL_DEMO_DEAD_LETTER] = 0};
    size_t results = 0;
    bool is_good = true;

    for (size_t i = 0; i < story->request_count; i++) {
        expected[story->requests[i].answer]++;
        is_good = is_answered(&story->requests[i], answers) && is_good;
    }
    for (size_t i = 0; i < answers->result_count; i++) {
        results += answers->results[i].part == 1;
    }
    if (results != expected[PL_DEMO_RESULT] ||
        answers->dead_letter_count != expected[PL_DEMO_DEAD_LETTER]) {
        (void)fprintf(stderr,
                      "planlift demo: expected %zu results and %zu dead letters, found %zu and "
                      "%zu\n",
                      expected[PL_DEMO_RESULT], expected[PL_DEMO_DEAD_LETTER], results,
                      answers->dead_letter_count);
        is_good = false;
    }
    return is_good;
}

/* ---- the demo -------------------------------------------------------------------------------- */

static void show_start(const struct pl_page *page, const struct pl_demo_stage *stage,
                       struct pl_arena *arena)
{
    struct pl_bytes kafka = pl_demo_stage_kafka(stage, arena);
    struct pl_bytes redis = pl_demo_stage_redis(stage, arena);

    pl_page_text(page, pl_arena_format(arena,
                                       "planlift demo on Kafka at %.*s and Redis at %.*s; "
                                       "consumer group and topics are %s and %s.*",
                                       (int)kafka.len, kafka.data, (int)redis.len, redis.data,
                                       stage->name, stage->name));
}

static void show_end(const struct pl_page *page)
{
    pl_page_heading(page, "What to do next", NULL);
    pl_page_text(page, PL_BYTES_LITERAL(
                           "planlift topics create && planlift run    the service, on topics of "
                           "your own\n"
                           "planlift decide --help                    single decisions, without "
                           "Kafka and Redis"));
}

static enum pl_status play(struct pl_demo_stage *stage, const struct pl_page *page,
                           struct pl_arena *arena, struct pl_error *error)
{
    const struct pl_demo_story story = pl_demo_story();
    struct pl_demo_answers answers;
    enum pl_status status;

    show_start(page, stage, arena);
    pl_demo_show_sent(page, &story, arena);
    (void)fflush(page->out); /* something to read meanwhile; its failure shows at the end */
    status = pl_demo_stage_set_up(stage, error);
    if (status == PL_OK) {
        status = pl_demo_stage_play(stage, &story, error);
    }
    if (status == PL_OK) {
        status = pl_demo_stage_read(stage, arena, &answers, error);
    }
    if (status != PL_OK) {
        return status;
    }
    pl_demo_show_answers(page, &answers, arena);
    if (!are_expected(&story, &answers)) {
        return pl_fail(error, PL_FATAL, "the service did not answer as it should");
    }
    return PL_OK;
}

/* The error's text, unless it was the end of patience that brought it about. */
static void tell_failure(int stop_signal, const struct pl_error *error)
{
    if (stop_signal == SIGALRM) {
        (void)fprintf(stderr,
                      "planlift demo: not done within %d seconds; --verbose shows what it waits "
                      "for\n",
                      LIMIT_S);
    } else {
        complain(stop_signal != 0 ? "stopped" : error->text);
    }
}

static int demo(const char *path, bool is_verbose)
{
    const volatile sig_atomic_t *stop = pl_signals_catch_stop();
    const struct pl_page page = pl_page_of(stdout);
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_demo_stage stage;
    struct pl_error error = {""};
    enum pl_status status;
    int code = 1;

    (void)alarm(LIMIT_S);
    status = pl_demo_stage_open(&stage, path, is_verbose, stop, &error);
    if (status != PL_OK) {
        complain(error.text);
        code = 2;
    } else if (check_services(&stage, &arena) == PL_OK) {
        status = play(&stage, &page, &arena, &error);
        if (status != PL_OK) {
            tell_failure(*stop, &error);
        }
        code = status == PL_OK ? 0 : 1;
    }
    if (pl_demo_stage_close(&stage, &error) != PL_OK) {
        complain(error.text);
    }
    if (code == 0) {
        show_end(&page);
    }
    pl_arena_done(&arena);
    return fflush(stdout) == 0 && ferror(stdout) == 0 ? code : 1;
}

static int parse(int argc, char **argv, const char **ret_path, bool *ret_verbose)
{
    const struct pl_option options[] = {{.letter = 'c',
                                         .name = "config",
                                         .argument = "FILE",
                                         .meaning = "settings, as key=value lines",
                                         .text = ret_path},
                                        {.letter = 'v',
                                         .name = "verbose",
                                         .meaning = "log on standard error what the service does",
                                         .is_given = ret_verbose}};
    const struct pl_usage usage = {
        .command = "planlift demo",
        .operands = "[--config FILE] [--verbose]",
        .about =
            "Shows the service at work: sends sample facts and upgrade requests of two customers\n"
            "through the configured Kafka and Redis, runs the service on them, and shows as "
            "tables\n"
            "what each subscription can be upgraded to, how each request was decided, which "
            "accounts\n"
            "and services are affected, the billing lines, and the dead letters. It uses topics, "
            "a\n"
            "consumer group and cache entries of its own, which are removed at the end, and "
            "always\n"
            "the catalogue and the schemas that are compiled in.\n"
            "\n"
            "Lines and colours are for terminals: not in a pipe or file, nor with NO_COLOR=1.",
        .options = options,
        .option_count = PL_COUNT(options),
        .exit_codes = "0 all went as it should, 1 it did not, 2 wrong use or configuration",
        .print_more = pl_config_help};

    return pl_options_parse(&usage, argc, argv, NULL);
}

int pl_cli_demo(int argc, char **argv)
{
    const char *path = NULL;
    bool is_verbose = false;
    int code = parse(argc, argv, &path, &is_verbose);

    return code == PL_GO_ON ? demo(path, is_verbose) : code;
}
