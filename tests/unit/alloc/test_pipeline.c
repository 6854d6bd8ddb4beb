/* The pipeline's story with one allocation after the other failing: the process ends there, saying
 * out_of_memory, and the next one in its place comes to the right end. */
#include <fcntl.h>
#include <unistd.h>

#include "alloc.h"
#include "pipeline/story.h"
#include "sweep.h"

#define MOST_RUNS 400

/* Standard error away for the time of a run that says how it ends. */
static int silence(void)
{
    int kept = dup(STDERR_FILENO);
    int nowhere = open("/dev/null", O_WRONLY);

    assert_true(kept >= 0 && nowhere >= 0);
    assert_true(dup2(nowhere, STDERR_FILENO) >= 0);
    assert_int_equal(close(nowhere), 0);
    return kept;
}

static void speak_again(int kept)
{
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    assert_int_equal(close(kept), 0);
}

/* Whether the process ran out of memory; else it came to its end. */
static bool runs_out(struct fixture *fixture, unsigned long number)
{
    const int kept = silence();
    int exit_status = setjmp(pl_alloc_exit_to);

    if (exit_status == 0) {
        pl_alloc_fail_at(number);
        (void)run_pipeline(fixture);
    }
    pl_alloc_fail_at(0);
    speak_again(kept);
    assert_true(exit_status == 0 || exit_status == 1 + 1);
    return exit_status != 0;
}

/* A new process, which shares no memory with the one that is no more. */
static void take_over(struct fixture *fixture)
{
    pl_fake_kill(&fixture->process);
    fixture->process.held_records = 0; /* they went with it */
    parts = (struct parts){.arena = PL_ARENA_INIT};
    open_parts(&parts);
    restart_process(fixture);
    fixture->options.decoder = parts.decoder;
    fixture->options.catalogue = parts.catalogue;
}

/* The story waits for a process that has seen nothing of it. */
static struct fixture *open_story_anew(enum stage stage)
{
    struct fixture *fixture = open_story(stage);
    struct parts old = parts;

    take_over(fixture);
    close_parts(&old);
    return fixture;
}

static void fail_allocation(enum stage stage, unsigned long number)
{
    const struct trial trial = {stage, "without memory for allocation", number};
    struct fixture *fixture = open_story_anew(stage);

    if (!runs_out(fixture, number)) {
        fail_msg("%s: allocation %lu failed, and the process went on", stage_names[stage], number);
    }
    take_over(fixture);
    run_trial(fixture, &trial);
    assert_told(fixture, &trial);
    assert_settled(fixture);
    close_fixture(fixture);
}

static unsigned long count_allocations(enum stage stage)
{
    struct fixture *fixture = open_story_anew(stage);
    unsigned long count;

    pl_alloc_fail_at(0);
    run_to_the_end(fixture);
    count = pl_alloc_count();
    close_fixture(fixture);
    assert_true(count > 5);
    return count;
}

static void the_story_without_memory(void **state)
{
    (void)state;
    for (int stage = 0; stage < STAGE_COUNT; stage++) {
        struct sweep sweep = sweep_of(count_allocations((enum stage)stage), MOST_RUNS);
        unsigned runs = 0;
        unsigned long number;

        for (; (number = sweep_next(&sweep)) != 0; runs++) {
            fail_allocation((enum stage)stage, number);
        }
        print_message("%s: %u of %lu allocations failed\n", stage_names[stage], runs, sweep.count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_story_without_memory),
    };

    return cmocka_run_group_tests(tests, tell_undisturbed, forget_story);
}
