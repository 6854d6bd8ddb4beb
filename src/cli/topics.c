/* `planlift topics create`. */
#include "cli/topics.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/settings.h"
#include "config/reference.h"

static const char usage[] =
    "Usage: planlift topics create [--config FILE]\n"
    "\n"
    "Makes the topics that the service needs, where they are not there yet: the two inputs,\n"
    "results, the compacted state topic, and a dead-letter topic for each input. The number of\n"
    "partitions is topic.partitions, the replication factor topic.replication.factor.\n"
    "\n"
    "  -c, --config FILE    settings, as key=value lines\n"
    "  -h, --help           show this text\n"
    "\n"
    "Exit codes: 0 all topics are there, 1 failed, 2 wrong use or configuration.\n\n";

static void report(const char *topic, const char *outcome)
{
    (void)printf("%-8s %s\n", outcome, topic);
}

static int create(const char *path)
{
    struct pl_settings settings;
    struct pl_kafka_topics unused;
    struct pl_error error = {""};
    enum pl_status status = pl_settings_load(path, &settings, &error);

    if (status != PL_OK) {
        (void)fprintf(stderr, "planlift topics: %s\n", error.text);
        return 2;
    }
    status = pl_kafka_topics_create(
        &settings.kafka, (int32_t)pl_config_number(settings.config, PL_SETTING_TOPIC_PARTITIONS),
        (int32_t)pl_config_number(settings.config, PL_SETTING_TOPIC_REPLICATION_FACTOR), report,
        &error);
    if (status == PL_OK) { /* topics that were there before may not fit together */
        status = pl_kafka_topics_check(&settings.kafka, &unused, &error);
    }
    if (status != PL_OK) {
        (void)fprintf(stderr, "planlift topics: %s\n", error.text);
    }
    pl_settings_done(&settings);
    return status == PL_OK ? 0 : status == PL_BAD_DATA ? 2 : 1;
}

int pl_cli_topics(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *path = NULL;
    int option;

    /* NOLINTNEXTLINE(concurrency-mt-unsafe): called before there are threads */
    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            path = optarg;
            break;
        case 'h':
            (void)fputs(usage, stdout);
            pl_config_help(stdout);
            return 0;
        default:
            (void)fputs("planlift topics: see planlift topics --help\n", stderr);
            return 2;
        }
    }
    if (argc - optind != 1 || strcmp(argv[optind], "create") != 0) {
        (void)fputs("planlift topics: the one command is `create`; see --help\n", stderr);
        return 2;
    }
    return create(path);
}
