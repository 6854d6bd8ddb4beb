/* The one table of settings: it gives the parser, the names of environment variables, the checks,
 * the help and docs/configuration.md (contract 8). To add a setting, add a row. */
#ifndef PL_CONFIG_TABLE_H
#define PL_CONFIG_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "planlift/compiler.h"
#include "planlift/status.h"

/* Key, name, kind, what is allowed, default (NULL: none), what it means. Alphabetical by name. */
#define PL_SETTINGS(X)                                                                             \
    X(BATCH_MAX_RECORDS, "batch.max.records", NUMBER, "1 to 1000000", "5000",                      \
      "most records that one transaction takes in")                                                \
    X(BATCH_MAX_WAIT_MS, "batch.max.wait.ms", NUMBER, "0 to 60000", "0",                           \
      "how long a batch that is not full waits for more records; 0: a lone request goes at once")  \
    X(CATALOGUE_PATH, "catalogue.path", TEXT, NULL, NULL,                                          \
      "catalogue file; unset: the one compiled in (catalogue/csp.json)")                           \
    X(GROUP_ID, "group.id", NAME, NULL, "planlift",                                                \
      "name of the deployment: its consumer group, and part of every name it uses")                \
    X(HTTP_LISTEN, "http.listen", TEXT, NULL, NULL,                                                \
      "host:port for /livez, /readyz and /metrics; port 0: any free one, see the log; unset: "     \
      "none")                                                                                      \
    X(LOG_FORMAT, "log.format", ONE_OF, "text, json", "text", "form of the log's lines")           \
    X(LOG_LEVEL, "log.level", ONE_OF, "debug, info, warn, error", "info",                          \
      "least weight of what is logged")                                                            \
    X(PARTITIONER, "partitioner", ONE_OF, "murmur2_random, consistent_random, none",               \
      "murmur2_random",                                                                            \
      "how producers choose a record's partition by its key: murmur2_random (the Java client's), " \
      "consistent_random (librdkafka's), none (not checked)")                                      \
    X(REDIS_PASSWORD, "redis.password", SECRET, NULL, NULL, "password of the Redis user")          \
    X(REDIS_URL, "redis.url", SECRET, NULL, "redis://127.0.0.1:6379/0",                            \
      "the cache: redis://[user[:password]@]host[:port][/db], unix://path, "                       \
      "redis+sentinel://host:port,.../master, redis+cluster://host:port,...; with TLS rediss...")  \
    X(RESULT_MAX_ACCOUNTS, "result.max.accounts", NUMBER, "1 to 1000000", "1000",                  \
      "most affected accounts in one result record; more go out in parts")                         \
    X(SCHEMA_REGISTRY_AUTO_REGISTER, "schema.registry.auto.register", ONE_OF, "true, false",       \
      "true", "register planlift's own schemas (true), or only look them up (false)")              \
    X(SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO, "schema.registry.basic.auth.user.info", SECRET, NULL,  \
      NULL, "user:password for the schema registry")                                               \
    X(SCHEMA_REGISTRY_SSL_CA_LOCATION, "schema.registry.ssl.ca.location", TEXT, NULL, NULL,        \
      "file of certificates that the schema registry's is checked with")                           \
    X(SCHEMA_REGISTRY_URL, "schema.registry.url", SECRET, NULL, NULL,                              \
      "Confluent-compatible schema registry: http(s)://host[:port][/path], or several places of "  \
      "the same one with commas between; unset: the schemas of schemas.path")                      \
    X(SCHEMAS_PATH, "schemas.path", TEXT, NULL, NULL,                                              \
      "folder with manifest.json and schemas; unset: the ones compiled in")                        \
    X(SLOT, "slot", TEXT, NULL, NULL,                                                              \
      "which of the deployment's stable places this process holds; unset: the number after the "   \
      "last hyphen at the end of the host name, else 0")                                           \
    X(TOPIC_EVENTS, "topic.events", NAME, NULL, "subscription-events", "input: facts")             \
    X(TOPIC_PARTITIONS, "topic.partitions", NUMBER, "1 to 100000", "12", "for `topics create`")    \
    X(TOPIC_REPLICATION_FACTOR, "topic.replication.factor", NUMBER, "-1 to 32767", "-1",           \
      "for `topics create`; -1: the broker's default")                                             \
    X(TOPIC_REQUESTS, "topic.requests", NAME, NULL, "upgrade-requests", "input: requests")         \
    X(TOPIC_RESULTS, "topic.results", NAME, NULL, "upgrade-results", "output: results")            \
    X(TOPIC_STATE, "topic.state", NAME, NULL, "subscription-state",                                \
      "planlift's own compacted topic, the truth that Redis caches")

enum pl_setting {
#define X(key, ...) PL_SETTING_##key,
    PL_SETTINGS(X)
#undef X
};
#define PL_SETTING_ONE(...) +1
enum { PL_SETTING_COUNT = 0 PL_SETTINGS(PL_SETTING_ONE) };

enum pl_setting_kind {
    PL_SETTING_TEXT,
    PL_SETTING_NAME,   /* a text that is not empty */
    PL_SETTING_SECRET, /* a text that is never shown */
    PL_SETTING_NUMBER, /* allowed: "least to most" */
    PL_SETTING_ONE_OF  /* allowed: "these, words" */
};

struct pl_setting_row {
    const char *name;
    enum pl_setting_kind kind;
    const char *allowed;
    const char *value; /* the default */
    const char *meaning;
};

/* By enum pl_setting. */
extern const struct pl_setting_row pl_setting_rows[PL_SETTING_COUNT];

#define PL_KAFKA_PREFIX "kafka."

/* Settings of librdkafka that cannot be set, for exactly-once depends on them; NULL ends them. */
extern const char *const pl_kafka_forced[];

/* Errors: PL_BAD_DATA: none is called that; the nearest one that is known is named. */
PL_MUST_CHECK enum pl_status pl_setting_find(const char *name, enum pl_setting *ret_setting,
                                             struct pl_error *error);

/* May it have this value? ret_number is written where it is a number.
 * Errors: PL_BAD_DATA, with what is allowed. */
PL_MUST_CHECK enum pl_status pl_setting_check(enum pl_setting setting, const char *value,
                                              int64_t *ret_number, struct pl_error *error);

#endif
