/* The settings: one table gives the parser, the environment names, the help and the documentation
 * (contract 8). */
#ifndef PL_CONFIG_H
#define PL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "planlift/compiler.h"
#include "planlift/status.h"

/* key, name, kind, default (NULL: none), what it means. Alphabetical by name. */
#define PL_SETTINGS(X)                                                                             \
    X(BATCH_MAX_RECORDS, "batch.max.records", NUMBER, "5000",                                      \
      "most records that one transaction takes in")                                                \
    X(BATCH_MAX_WAIT_MS, "batch.max.wait.ms", NUMBER, "0",                                         \
      "how long a batch that is not full waits for more records; 0: a lone request goes at once")  \
    X(CATALOGUE_PATH, "catalogue.path", TEXT, NULL,                                                \
      "catalogue file; unset: the one compiled in (catalogue/csp.json)")                           \
    X(GROUP_ID, "group.id", TEXT, "planlift",                                                      \
      "name of the deployment: its consumer group, and part of every name it uses")                \
    X(HTTP_LISTEN, "http.listen", TEXT, NULL,                                                      \
      "host:port for /livez and /readyz; port 0: any free one, see the log; unset: none")          \
    X(LOG_FORMAT, "log.format", TEXT, "text", "text or json")                                      \
    X(LOG_LEVEL, "log.level", TEXT, "info", "debug, info, warn or error")                          \
    X(PARTITIONER, "partitioner", TEXT, "murmur2_random",                                          \
      "how producers choose a record's partition by its key: murmur2_random (the Java client's), " \
      "consistent_random (librdkafka's), none (not checked)")                                      \
    X(REDIS_PASSWORD, "redis.password", SECRET, NULL, "password of the Redis user")                \
    X(REDIS_URL, "redis.url", SECRET, "redis://127.0.0.1:6379/0",                                  \
      "the cache: redis://[user[:password]@]host[:port][/db] or unix://path")                      \
    X(RESULT_MAX_ACCOUNTS, "result.max.accounts", NUMBER, "1000",                                  \
      "most affected accounts in one result record; more go out in parts")                         \
    X(SCHEMA_REGISTRY_AUTO_REGISTER, "schema.registry.auto.register", TEXT, "true",                \
      "register planlift's own schemas (true), or only look them up (false)")                      \
    X(SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO, "schema.registry.basic.auth.user.info", SECRET, NULL,  \
      "user:password for the schema registry")                                                     \
    X(SCHEMA_REGISTRY_SSL_CA_LOCATION, "schema.registry.ssl.ca.location", TEXT, NULL,              \
      "file of certificates that the schema registry's is checked with")                           \
    X(SCHEMA_REGISTRY_URL, "schema.registry.url", TEXT, NULL,                                      \
      "Confluent-compatible schema registry; unset: the schemas of schemas.path")                  \
    X(SCHEMAS_PATH, "schemas.path", TEXT, NULL,                                                    \
      "folder with manifest.json and schemas; unset: the ones compiled in")                        \
    X(SLOT, "slot", TEXT, NULL,                                                                    \
      "which of the deployment's stable places this process holds; unset: the number after the "   \
      "last hyphen at the end of the host name, else 0")                                           \
    X(TOPIC_EVENTS, "topic.events", TEXT, "subscription-events", "input: facts")                   \
    X(TOPIC_PARTITIONS, "topic.partitions", NUMBER, "12", "for `topics create`")                   \
    X(TOPIC_REPLICATION_FACTOR, "topic.replication.factor", NUMBER, "-1",                          \
      "for `topics create`; -1: the broker's default")                                             \
    X(TOPIC_REQUESTS, "topic.requests", TEXT, "upgrade-requests", "input: requests")               \
    X(TOPIC_RESULTS, "topic.results", TEXT, "upgrade-results", "output: results")                  \
    X(TOPIC_STATE, "topic.state", TEXT, "subscription-state",                                      \
      "planlift's own compacted topic, the truth that Redis caches")

enum pl_setting {
#define X(key, name, kind, value, meaning) PL_SETTING_##key,
    PL_SETTINGS(X)
#undef X
};
#define PL_SETTING_ONE(...) +1
enum { PL_SETTING_COUNT = 0 PL_SETTINGS(PL_SETTING_ONE) };

struct pl_config; /* immutable once loaded */

/* Defaults, then the file (NULL: none), then the environment (entries as in environ).
 * Errors: PL_BAD_DATA: unknown key (the nearest known one is named), bad value, file that cannot be
 * read, a kafka.* setting that exactly-once depends on. Owns: free with pl_config_free. */
PL_MUST_CHECK enum pl_status pl_config_load(const char *path, const char *const *environment,
                                            struct pl_config **ret_config, struct pl_error *error);

/* A value that a subcommand decides by itself, whatever file and environment say. */
struct pl_config_fixed {
    enum pl_setting setting;
    const char *value; /* NULL: unset, the default counts */
};

/* As pl_config_load, then the fixed ones. */
PL_MUST_CHECK enum pl_status pl_config_load_fixed(const char *path, const char *const *environment,
                                                  const struct pl_config_fixed *fixed,
                                                  size_t fixed_count, struct pl_config **ret_config,
                                                  struct pl_error *error);
void pl_config_free(struct pl_config *config);

/* NULL where unset and without a default. Borrowed for the life of the configuration. */
const char *pl_config_text(const struct pl_config *config, enum pl_setting setting);
int64_t pl_config_number(const struct pl_config *config, enum pl_setting setting);

/* The kafka.* settings without the prefix. */
size_t pl_config_kafka(const struct pl_config *config, const char *const (**ret_pairs)[2]);
/* Value of one of them, or NULL. */
const char *pl_config_kafka_value(const struct pl_config *config, const char *name);

/* Its name, and whether its value must not be shown. */
const char *pl_config_name(enum pl_setting setting);
bool pl_config_is_secret(enum pl_setting setting);

/* Where it was set: "file:line", or the name of a variable; NULL: nowhere, the default counts. */
const char *pl_config_origin(const struct pl_config *config, enum pl_setting setting);
/* The same of the kafka.* setting at an index of pl_config_kafka. */
const char *pl_config_kafka_origin(const struct pl_config *config, size_t index);

/* Names, defaults and meanings, for --help. */
void pl_config_help(FILE *out);

#endif
