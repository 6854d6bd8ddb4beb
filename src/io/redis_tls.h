/* TLS for connections to Redis, where hiredis has it (libhiredis_ssl, from Debian 13 on). */
#ifndef PL_IO_REDIS_TLS_H
#define PL_IO_REDIS_TLS_H

#include <stdbool.h>

#include "io/redis.h"
#include "planlift/status.h"

struct redisContext;
struct pl_redis_tls; /* certificates, read once and used for every connection */

bool pl_redis_tls_is_built(void);

/* Reads the files that the URL names. Errors: PL_AGAIN: one cannot be read, or TLS is not built.
 * Owns: free with pl_redis_tls_free. */
PL_MUST_CHECK enum pl_status pl_redis_tls_new(const struct pl_redis_url *url,
                                              struct pl_redis_tls **ret_tls,
                                              struct pl_error *error);
void pl_redis_tls_free(struct pl_redis_tls *tls);

/* On a fresh connection: shake hands, and check that the certificate is for this host.
 * Errors: PL_AGAIN. */
PL_MUST_CHECK enum pl_status pl_redis_tls_start(struct pl_redis_tls *tls,
                                                struct redisContext *context, const char *host,
                                                struct pl_error *error);

#endif
