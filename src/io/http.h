/* The HTTP port of the service: /livez and /readyz (contract 8, http.listen). */
#ifndef PL_IO_HTTP_H
#define PL_IO_HTTP_H

#include "planlift/compiler.h"
#include "planlift/health.h"
#include "planlift/status.h"

struct pl_http;

/* Answer at `listen`: host:port, the host a name or an address (IPv6 in brackets), the port 0 to
 * 65535 (0: any free one); the log tells the address taken. It has a thread of its own, which reads
 * nothing but health (borrowed until it is freed).
 * Errors: PL_BAD_DATA: not of that form, no such host, or the port cannot be had.
 * Owns: free with pl_http_free. */
PL_MUST_CHECK enum pl_status pl_http_new(const char *listen, struct pl_health *health,
                                         struct pl_http **ret_http, struct pl_error *error);
void pl_http_free(struct pl_http *http); /* NULL: nothing */

#endif
