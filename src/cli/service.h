/* The service put together: adapters, catalogue, codec and pipeline, run until the end. */
#ifndef PL_CLI_SERVICE_H
#define PL_CLI_SERVICE_H

#include <signal.h>
#include <stdbool.h>

#include "cli/settings.h"

/* Run on these settings until *stop is set, or all is drained (drain). While Kafka or Redis
 * cannot be reached at the start it waits. Errors: PL_BAD_DATA (catalogue, schemas or redis.url
 * are refused), PL_FENCED, PL_FATAL. */
PL_MUST_CHECK enum pl_status pl_service_run(const struct pl_settings *settings, bool drain,
                                            const volatile sig_atomic_t *stop,
                                            struct pl_error *error);

#endif
