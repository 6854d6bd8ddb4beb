/* The settings, loaded and checked once (contract 8, Configuration). */
#ifndef PL_CONFIG_CONFIG_H
#define PL_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/table.h"
#include "planlift/compiler.h"
#include "planlift/status.h"

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

/* The file that holds the value (a variable ending in _FILE named it), to be read anew; NULL: none.
 * The second is for a kafka.* setting. */
const char *pl_config_file(const struct pl_config *config, enum pl_setting setting);
const char *pl_config_kafka_file(const struct pl_config *config, const char *name);

#endif
