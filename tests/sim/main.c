/* planlift_sim [--seed N] [--count N] [--steps N] [--every-foreign N] [--faultless] [--trace]
 *
 * Runs schedules N, N+1, ... each in a child process of its own, and writes what they leave behind
 * to the standard output as frames (dump.h); tests/sim/simulate.py starts it and judges them. With
 * --trace what happens is told on the standard error, line by line. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dump.h"
#include "judge.h"
#include "planlift/log.h"
#include "sim.h"
#include "workload.h"

#define DEFAULT_STEPS 1000
#define DEFAULT_EVERY_FOREIGN 40
#define CHILD_SECONDS 60 /* a schedule that takes longer is in an endless loop */

struct arguments {
    uint64_t seed, count, steps;
    uint64_t every_foreign; /* so many schedules have one with a foreign writer; 0: none */
    bool is_faultless;
    bool has_trace;
    FILE *last_words; /* where a schedule's standard error goes */
};

/* ---- one schedule ---------------------------------------------------------------------------- */

/* Everything is taken in, then once more with the probes, then all processes stop. */
static void bring_to_rest(struct sim *sim, struct sim_workload *workload, FILE *out)
{
    char why[512];

    if (sim->options.has_foreign_writer) {
        /* planlift refuses to go on: nothing comes to rest but what Kafka was told to end. */
        pl_fake_end_markers(&sim->world.broker);
        return;
    }
    if (!sim_settle(sim, why, sizeof(why))) {
        sim_dump_text(out, 'V', "does not settle: %s", why);
        return;
    }
    sim_workload_send_probes(workload);
    if (!sim_settle(sim, why, sizeof(why))) {
        sim_dump_text(out, 'V', "does not settle with the probes: %s", why);
        return;
    }
    if (!sim_stop_all(sim, why, sizeof(why))) {
        sim_dump_text(out, 'V', "does not stop: %s", why);
    }
}

static void run_schedule(const struct sim_base *base, const struct arguments *arguments,
                         uint64_t seed, FILE *out)
{
    static struct sim sim; /* large, and must not move */
    struct sim_workload *workload = NULL;
    struct sim_options options = {
        .base = base,
        .seed = seed,
        .trace = arguments->has_trace ? stderr : NULL,
        .on_step = sim_workload_on_step,
        .is_all_sent = sim_workload_is_all_sent,
        .self = &workload,
        .is_faultless = arguments->is_faultless,
        .has_foreign_writer = arguments->every_foreign > 0 && !arguments->is_faultless &&
                              seed % arguments->every_foreign == arguments->every_foreign - 1};

    sim_init(&sim, &options);
    workload = sim_workload_new(&sim, arguments->steps);
    sim_dump_settings(&sim, seed, out);
    sim_run(&sim, arguments->steps);
    bring_to_rest(&sim, workload, out);
    sim_judge(&sim, out);
    sim_dump_logs(&sim, out);
    sim_dump_tallies(&sim, out);
    sim_dump_end(&sim, workload, out);
}

/* ---- children -------------------------------------------------------------------------------- */

static void write_all(const char *data, size_t len)
{
    while (len > 0) {
        ssize_t written = write(STDOUT_FILENO, data, len);

        if (written < 0 && errno != EINTR) {
            _exit(1);
        }
        data += written > 0 ? written : 0;
        len -= written > 0 ? (size_t)written : 0;
    }
}

/* All frames go out together, so that of a schedule that crashes there are none. */
static void be_child(const struct sim_base *base, const struct arguments *arguments, uint64_t seed)
{
    char *data = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&data, &len);

    if (out == NULL || (!arguments->has_trace && dup2(fileno(arguments->last_words), 2) < 0)) {
        _exit(1);
    }
    (void)alarm(arguments->has_trace ? 0 : CHILD_SECONDS);
    run_schedule(base, arguments, seed, out);
    if (fclose(out) != 0) {
        _exit(1);
    }
    write_all(data, len);
    _exit(0); /* what killed processes held is not given back: no leak check */
}

/* The end of what it wrote to its standard error. */
static void read_last_words(FILE *words, char *ret_text, size_t size)
{
    long len = fseek(words, 0, SEEK_END) == 0 ? ftell(words) : 0;
    long from = len < (long)size ? 0 : len - (long)size + 1;
    size_t count = 0;

    if (fseek(words, from, SEEK_SET) == 0) {
        count = fread(ret_text, 1, size - 1, words);
    }
    ret_text[count] = '\0';
}

static void tell_crash(const struct arguments *arguments, uint64_t seed, int status)
{
    char *data = NULL;
    size_t len = 0;
    char words[2000];
    FILE *out = open_memstream(&data, &len);

    if (out == NULL) {
        _exit(1);
    }
    read_last_words(arguments->last_words, words, sizeof(words));
    sim_dump_text(out, 'S', "{\"seed\": %" PRIu64 "}", seed);
    if (WIFSIGNALED(status)) {
        sim_dump_text(out, 'X', "ended by signal %d%s: %s", WTERMSIG(status),
                      WTERMSIG(status) == SIGALRM ? " (no end in sight)" : "", words);
    } else {
        sim_dump_text(out, 'X', "ended with exit status %d: %s", WEXITSTATUS(status), words);
    }
    (void)fclose(out);
    write_all(data, len);
    free(data);
}

/* False: it crashed. */
static bool run_child(const struct sim_base *base, const struct arguments *arguments, uint64_t seed)
{
    int status = 0;
    pid_t child;

    rewind(arguments->last_words);
    if (ftruncate(fileno(arguments->last_words), 0) != 0) {
        return false;
    }
    child = fork();

    if (child < 0) {
        perror("planlift_sim: fork");
        _exit(1);
    }
    if (child == 0) {
        be_child(base, arguments, seed);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return true;
    }
    tell_crash(arguments, seed, status);
    return false;
}

/* ---- arguments ------------------------------------------------------------------------------- */

static void print_manners(void)
{
    for (int i = 0; i < SIM_MANNER_COUNT; i++) {
        (void)printf("%s\t%s\t%s\n", sim_manner_texts[i].name, sim_manner_texts[i].occurs,
                     sim_manner_texts[i].matters);
    }
}

static bool parse_number(const char *text, uint64_t *ret_number)
{
    char *end;

    if (text == NULL || *text < '0' || *text > '9') {
        return false;
    }
    *ret_number = strtoull(text, &end, 10);
    return *end == '\0';
}

/* The number that an option sets; NULL: it is none. */
static uint64_t *number_of(struct arguments *arguments, const char *name)
{
    struct {
        const char *name;
        uint64_t *number;
    } options[] = {{"--seed", &arguments->seed},
                   {"--count", &arguments->count},
                   {"--steps", &arguments->steps},
                   {"--every-foreign", &arguments->every_foreign}};

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (strcmp(name, options[i].name) == 0) {
            return options[i].number;
        }
    }
    return NULL;
}

static bool parse_arguments(int argc, char **argv, struct arguments *arguments)
{
    for (int i = 1; i < argc; i++) {
        uint64_t *number = number_of(arguments, argv[i]);

        if (number != NULL) {
            if (!parse_number(argv[++i], number)) {
                return false;
            }
        } else if (strcmp(argv[i], "--trace") == 0) {
            arguments->has_trace = true;
        } else if (strcmp(argv[i], "--faultless") == 0) {
            arguments->is_faultless = true;
        } else {
            return false;
        }
    }
    return true;
}

static int run_all(const struct arguments *arguments)
{
    struct sim_base base;
    struct pl_error error;
    bool is_good = true;

    if (sim_base_load(&base, &error) != PL_OK) {
        (void)fprintf(stderr, "planlift_sim: %s\n", error.text);
        return 1;
    }
    for (uint64_t i = 0; i < arguments->count; i++) {
        is_good = run_child(&base, arguments, arguments->seed + i) && is_good;
    }
    return is_good ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {
        .seed = 1, .count = 1, .steps = DEFAULT_STEPS, .every_foreign = DEFAULT_EVERY_FOREIGN};
    int status;

    if (argc == 2 && strcmp(argv[1], "--manners") == 0) {
        print_manners();
        return 0;
    }
    if (!parse_arguments(argc, argv, &arguments)) {
        (void)fprintf(stderr, "usage: planlift_sim [--seed N] [--count N] [--steps N] "
                              "[--every-foreign N] [--faultless] [--trace] | --manners\n");
        return 2;
    }
    arguments.last_words = tmpfile();
    if (arguments.last_words == NULL) {
        perror("planlift_sim: a temporary file");
        return 1;
    }
    pl_log_setup(arguments.has_trace ? PL_LOG_DEBUG : PL_LOG_ERROR, PL_LOG_TEXT);
    status = run_all(&arguments);
    (void)fclose(arguments.last_words);
    return status;
}
