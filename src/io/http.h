/* The HTTP port of the service: /livez, /readyz and /metrics (contract 8, http.listen). */
#ifndef PL_IO_HTTP_H
#define PL_IO_HTTP_H

#include "planlift/buffer.h"
#include "planlift/compiler.h"
#include "planlift/health.h"
#include "planlift/status.h"

struct pl_http;

/* What it answers from; borrowed. The functions are called in the port's own thread, from the first
 * moment on; NULL: there is nothing to put. */
struct pl_http_source {
    struct pl_health *health;
    void (*put_metrics)(void *self, struct pl_buffer *page);
    void (*put_about)(void *self, struct pl_buffer *page); /* further lines of /readyz */
    void *self;
};

/* Answer at `listen`: host:port, the host a name or an address (IPv6 in brackets), the port 0 to
 * 65535 (0: any free one); the log tells the address taken.
 * Errors: PL_BAD_DATA: not of that form, no such host, or the port cannot be had.
 * Owns: free with pl_http_free. */
PL_MUST_CHECK enum pl_status pl_http_new(const char *listen, const struct pl_http_source *source,
                                         struct pl_http **ret_http, struct pl_error *error);
void pl_http_free(struct pl_http *http); /* NULL: nothing */

#endif
