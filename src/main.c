/* planlift: finds the subcommand. */
#include <stdio.h>
#include <string.h>

#include "cli/cache/cache.h"
#include "cli/catalogue.h"
#include "cli/customer/customer.h"
#include "cli/decide.h"
#include "cli/demo/demo.h"
#include "cli/dlq/dlq.h"
#include "cli/explain/explain.h"
#include "cli/results/results.h"
#include "cli/run/run.h"
#include "cli/settings_show.h"
#include "cli/submit/submit.h"
#include "cli/topics.h"
#include "planlift/bytes.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *meaning;
};

static const struct command commands[] = {
    {"run", pl_cli_run, "the service: decide upgrade requests from Kafka"},
    {"demo", pl_cli_demo, "the service at work on sample data, shown as tables"},
    {"decide", pl_cli_decide,
     "decide requests and apply events from standard input, without Kafka"},
    {"topics", pl_cli_topics, "make the Kafka topics that the service needs"},
    {"customer", pl_cli_customer, "a customer's subscriptions, and what they could become"},
    {"results", pl_cli_results, "what was decided, as a table or JSON"},
    {"explain", pl_cli_explain, "a past decision: replayed, rule by rule, and checked"},
    {"submit", pl_cli_submit, "send upgrade requests"},
    {"dlq", pl_cli_dlq, "look at dead letters, put them back"},
    {"cache", pl_cli_cache, "rebuild Redis from the state topic, compare the two"},
    {"config", pl_cli_config, "the effective settings, and where each comes from"},
    {"catalogue", pl_cli_catalogue, "validate a catalogue"},
};

static void print_usage(FILE *out)
{
    (void)fputs("Usage: planlift SUBCOMMAND [OPTIONS]\n\n", out);
    for (size_t i = 0; i < PL_COUNT(commands); i++) {
        (void)fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].meaning);
    }
    (void)fputs("\nplanlift SUBCOMMAND --help explains each; planlift --version tells the "
                "version.\n",
                out);
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";

    for (size_t i = 0; i < PL_COUNT(commands); i++) {
        if (strcmp(name, commands[i].name) == 0) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    if (strcmp(name, "--version") == 0) {
        (void)puts("planlift " PLANLIFT_VERSION);
        return 0;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_usage(stdout);
        return 0;
    }
    if (*name != '\0') {
        (void)fprintf(stderr, "planlift: unknown subcommand %s\n", name);
    }
    print_usage(stderr);
    return 2;
}
