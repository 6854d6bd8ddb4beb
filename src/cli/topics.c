/* `planlift topics create`. */
#include "cli/topics.h"

#include <stdio.h>
#include <string.h>

#include "cli/options.h"
#include "cli/settings.h"
#include "config/reference.h"

#define COMMAND "planlift topics"

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
        (void)fprintf(stderr, COMMAND ": %s\n", error.text);
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
        (void)fprintf(stderr, COMMAND ": %s\n", error.text);
    }
    pl_settings_done(&settings);
    return status == PL_OK ? 0 : status == PL_BAD_DATA ? 2 : 1;
}

int pl_cli_topics(int argc, char **argv)
{
    const char *path = NULL;
    const struct pl_option options[] = {{.letter = 'c',
                                         .name = "config",
                                         .argument = "FILE",
                                         .meaning = "settings, as key=value lines",
                                         .text = &path}};
    const struct pl_usage usage = {
        .command = COMMAND,
        .operands = "create [--config FILE]",
        .about =
            "Makes the topics that the service needs, where they are not there yet: the two "
            "inputs,\n"
            "results, the compacted state topic, and a dead-letter topic for each input. The "
            "number\n"
            "of partitions is topic.partitions, the replication factor topic.replication.factor.",
        .options = options,
        .option_count = PL_COUNT(options),
        .exit_codes = "0 all topics are there, 1 failed, 2 wrong use or configuration",
        .print_more = pl_config_help};
    int operand;
    int code = pl_options_parse(&usage, argc, argv, &operand);

    if (code != PL_GO_ON) {
        return code;
    }
    if (argc - operand != 1 || strcmp(argv[operand], "create") != 0) {
        return pl_options_wrong(COMMAND, "the one command is `create`", "");
    }
    return create(path);
}
