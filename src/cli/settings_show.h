/* `planlift config` (contract 8). */
#ifndef PL_CLI_SETTINGS_SHOW_H
#define PL_CLI_SETTINGS_SHOW_H

#include <stdbool.h>

#include "planlift/arena.h"
#include "planlift/bytes.h"

/* argv[0] is "config". Returns the exit code. */
int pl_cli_config(int argc, char **argv);

/* A setting's value as it may be shown: secrets are masked, in URLs only the password. is_secret:
 * it is one as a whole, or a URL that may hold one. */
struct pl_bytes pl_settings_mask(const char *value, bool is_secret, struct pl_arena *arena);

/* Is a setting of librdkafka a secret? By its name, for librdkafka does not say. */
bool pl_settings_is_kafka_secret(const char *name);

#endif
