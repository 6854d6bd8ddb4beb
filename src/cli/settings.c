/* From the configuration to the options of the adapters. */
#include "cli/settings.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/world.h"
#include "planlift/arena.h"
#include "planlift/log.h"

#define KAFKA_MESSAGE_MAX_BYTES 1000000 /* librdkafka's default of message.max.bytes */
#define HOST_BYTES 256

extern char **environ;

/* a + b, owned. */
static char *join(const char *a, const char *b)
{
    size_t size = strlen(a) + strlen(b) + 1;
    char *joined = malloc(size);

    if (joined == NULL) {
        pl_out_of_memory(size);
    }
    (void)snprintf(joined, size, "%s%s", a, b); /* fits */
    return joined;
}

/* The number after the last hyphen at the end of the host name, as a StatefulSet's pods have it. */
static const char *host_slot(const char *host)
{
    const char *hyphen = strrchr(host, '-');

    if (hyphen == NULL || hyphen[1] == '\0') {
        return "0";
    }
    for (const char *c = hyphen + 1; *c != '\0'; c++) {
        if (!isdigit((unsigned char)*c)) {
            return "0";
        }
    }
    return hyphen + 1;
}

static char *host_name(void)
{
    char host[HOST_BYTES] = "";

    return gethostname(host, sizeof(host) - 1) == 0 ? join(host, "") : join("unknown", "");
}

/* Of this process alone, also where every container's process has the same number. */
static char *make_client_id(const char *host)
{
    struct pl_system_world system = {.stop = NULL};
    const struct pl_world world = pl_system_world_port(&system);
    unsigned char nonce[16];
    char process[64];

    world.ops->random_id(world.self, nonce);
    (void)snprintf(process, sizeof(process), "/%ld-%02x%02x%02x", (long)getpid(), nonce[0],
                   nonce[1], nonce[2]);
    return join(host, process);
}

static char *make_instance_id(const struct pl_config *config, const char *host)
{
    const char *slot = pl_config_text(config, PL_SETTING_SLOT);
    char *prefix = join(pl_config_text(config, PL_SETTING_GROUP_ID), "-");
    char *instance_id = join(prefix, slot == NULL ? host_slot(host) : slot);

    free(prefix);
    return instance_id;
}

static void set_up_log(const struct pl_config *config)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    const char *level = pl_config_text(config, PL_SETTING_LOG_LEVEL);
    const char *format = pl_config_text(config, PL_SETTING_LOG_FORMAT);
    int found = PL_LOG_DEBUG;

    while (found < PL_LOG_ERROR && strcmp(level, levels[found]) != 0) {
        found++;
    }
    pl_log_setup((enum pl_log_level)found, strcmp(format, "json") == 0 ? PL_LOG_JSON : PL_LOG_TEXT);
}

static void set_kafka(struct pl_settings *settings)
{
    const struct pl_config *config = settings->config;
    struct pl_kafka_options *kafka = &settings->kafka;
    const char *most = pl_config_kafka_value(config, "message.max.bytes");

    kafka->property_count = pl_config_kafka(config, &kafka->properties);
    kafka->group_id = pl_config_text(config, PL_SETTING_GROUP_ID);
    kafka->instance_id = settings->instance_id;
    kafka->client_id = settings->client_id;
    kafka->sasl_password = (struct pl_secret){pl_config_kafka_value(config, "sasl.password"),
                                              pl_config_kafka_file(config, "sasl.password")};
    kafka->partitioner = pl_config_text(config, PL_SETTING_PARTITIONER);
    kafka->message_max_bytes = most == NULL ? KAFKA_MESSAGE_MAX_BYTES : strtoll(most, NULL, 10);
    kafka->topics[PL_TOPIC_EVENTS] = pl_config_text(config, PL_SETTING_TOPIC_EVENTS);
    kafka->topics[PL_TOPIC_REQUESTS] = pl_config_text(config, PL_SETTING_TOPIC_REQUESTS);
    kafka->topics[PL_TOPIC_RESULTS] = pl_config_text(config, PL_SETTING_TOPIC_RESULTS);
    kafka->topics[PL_TOPIC_STATE] = pl_config_text(config, PL_SETTING_TOPIC_STATE);
    for (int input = 0; input < PL_INPUT_COUNT; input++) {
        settings->dlq_names[input] = join(kafka->topics[input], ".dlq");
    }
    kafka->topics[PL_TOPIC_EVENTS_DLQ] = settings->dlq_names[PL_TOPIC_EVENTS];
    kafka->topics[PL_TOPIC_REQUESTS_DLQ] = settings->dlq_names[PL_TOPIC_REQUESTS];
}

enum pl_status pl_settings_load(const char *path, struct pl_settings *ret_settings,
                                struct pl_error *error)
{
    return pl_settings_load_fixed(path, NULL, 0, ret_settings, error);
}

enum pl_status pl_settings_load_fixed(const char *path, const struct pl_config_fixed *fixed,
                                      size_t fixed_count, struct pl_settings *ret_settings,
                                      struct pl_error *error)
{
    struct pl_settings *settings = ret_settings;
    enum pl_status status;

    *settings = (struct pl_settings){.config = NULL};
    status = pl_config_load_fixed(path, (const char *const *)environ, fixed, fixed_count,
                                  &settings->config, error);
    if (status != PL_OK) {
        pl_settings_done(settings);
        return status;
    }
    set_up_log(settings->config);
    settings->host = host_name();
    settings->client_id = make_client_id(settings->host);
    settings->instance_id = make_instance_id(settings->config, settings->host);
    set_kafka(settings);
    return PL_OK;
}

void pl_settings_done(struct pl_settings *settings)
{
    pl_config_free(settings->config);
    for (int input = 0; input < PL_INPUT_COUNT; input++) {
        free(settings->dlq_names[input]);
    }
    free(settings->instance_id);
    free(settings->client_id);
    free(settings->host);
    *settings = (struct pl_settings){.config = NULL};
}

struct pl_secret pl_settings_secret(const struct pl_settings *settings, enum pl_setting setting)
{
    return (struct pl_secret){pl_config_text(settings->config, setting),
                              pl_config_file(settings->config, setting)};
}

bool pl_settings_may_register(const struct pl_settings *settings)
{
    const char *text = pl_config_text(settings->config, PL_SETTING_SCHEMA_REGISTRY_AUTO_REGISTER);

    return strcmp(text, "true") == 0;
}

enum pl_status pl_settings_redis(const struct pl_settings *settings, struct pl_redis **ret_redis,
                                 struct pl_error *error)
{
    const struct pl_config *config = settings->config;
    struct pl_redis_url url;
    enum pl_status status =
        pl_redis_url_parse(pl_config_text(config, PL_SETTING_REDIS_URL), &url, error);

    if (status == PL_OK) {
        struct pl_secret password = pl_settings_secret(settings, PL_SETTING_REDIS_PASSWORD);

        *ret_redis = pl_redis_new(&url, &password, pl_config_text(config, PL_SETTING_GROUP_ID));
        pl_redis_url_done(&url);
    }
    return status;
}
