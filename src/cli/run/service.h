/* The service put together: adapters, catalogue, codec and pipeline, run until the end. */
#ifndef PL_CLI_SERVICE_H
#define PL_CLI_SERVICE_H

#include <signal.h>
#include <stdbool.h>

#include "cli/settings.h"

/* Run on these settings until *stop is set, or all is drained (drain). While Kafka or Redis
 * cannot be reached at the start it waits. A loop that never comes back ends the process
 * (exit_reason=hung).
 * ret_reason: unless PL_OK, what failed, as the one word of exit_reason; may be NULL.
 * Errors: PL_BAD_DATA (catalogue, schemas, redis.url or http.listen are refused), PL_FENCED,
 * PL_FATAL. */
PL_MUST_CHECK enum pl_status pl_service_run(const struct pl_settings *settings, bool drain,
                                            const volatile sig_atomic_t *stop,
                                            const char **ret_reason, struct pl_error *error);

#endif
