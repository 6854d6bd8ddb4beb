/* What every subcommand that talks to Kafka starts from: the configuration, and what follows from
 * it. */
#ifndef PL_CLI_SETTINGS_H
#define PL_CLI_SETTINGS_H

#include "base/secret.h"
#include "config/config.h"
#include "io/kafka.h"
#include "io/redis.h"
#include "planlift/status.h"

struct pl_settings {
    struct pl_config *config;
    struct pl_kafka_options kafka;
    char *dlq_names[PL_INPUT_COUNT]; /* owned */
    char *instance_id;               /* owned: group.id-slot */
    char *host;                      /* owned: this machine's name */
    char *client_id;                 /* owned: the host's name and what tells this process apart */
};

/* Load the file (NULL: none) and the environment; sets up the log. Errors: PL_BAD_DATA.
 * Owns: release with pl_settings_done. The struct must not move afterwards. */
PL_MUST_CHECK enum pl_status pl_settings_load(const char *path, struct pl_settings *ret_settings,
                                              struct pl_error *error);

/* The same, but for the fixed ones. */
PL_MUST_CHECK enum pl_status
pl_settings_load_fixed(const char *path, const struct pl_config_fixed *fixed, size_t fixed_count,
                       struct pl_settings *ret_settings, struct pl_error *error);
void pl_settings_done(struct pl_settings *settings);

/* A setting that is a secret; its file is read anew each time. Borrows from the settings. */
struct pl_secret pl_settings_secret(const struct pl_settings *settings, enum pl_setting setting);

/* Whether planlift registers its own schemas, rather than look them up only. */
bool pl_settings_may_register(const struct pl_settings *settings);

/* The cache, not connected yet. Errors: PL_BAD_DATA (redis.url). Owns: pl_redis_free. */
PL_MUST_CHECK enum pl_status pl_settings_redis(const struct pl_settings *settings,
                                               struct pl_redis **ret_redis, struct pl_error *error);

#endif
