/* Questions to a schema registry over HTTP or HTTPS. Thread: one owner. */
#ifndef PL_IO_REGISTRY_HTTP_H
#define PL_IO_REGISTRY_HTTP_H

#include <stdbool.h>

#include "base/secret.h"
#include "planlift/bytes.h"
#include "planlift/ports.h"
#include "planlift/status.h"

/* Borrowed for the client's life. */
struct pl_registry_options {
    const char *url; /* schema.registry.url: one place, or several of the same registry */
    struct pl_secret user_info; /* user:password; over what the URL says */
    const char *ca_location;    /* file or folder of certificates; NULL: the system's */
    struct pl_world world;      /* asked to stop: a question under way ends */
};

struct pl_registry_answer {
    long status;          /* HTTP's, from 200 on, below 500 */
    struct pl_bytes body; /* valid until the next question */
    bool is_cut;          /* it is larger than any answer that could be used */
};

struct pl_registry_http;

/* Takes the URLs apart; connects to nothing. Errors: PL_BAD_DATA.
 * Owns: free with pl_registry_http_free. */
PL_MUST_CHECK enum pl_status pl_registry_http_new(const struct pl_registry_options *options,
                                                  struct pl_registry_http **ret_http,
                                                  struct pl_error *error);
void pl_registry_http_free(struct pl_registry_http *http);

/* GET a path ("/schemas/ids/1"), or POST the body where it is not null. The place that answered
 * last is asked first, the others where it does not answer or fails, all within five seconds.
 * Errors: PL_AGAIN: nobody answered, or only to say "later" or "who are you". */
PL_MUST_CHECK enum pl_status pl_registry_http_ask(struct pl_registry_http *http, const char *path,
                                                  struct pl_bytes body,
                                                  struct pl_registry_answer *ret_answer,
                                                  struct pl_error *error);

/* Where the last answer came from, for messages: without user and password. */
const char *pl_registry_http_place(const struct pl_registry_http *http);

/* In place of five seconds, for tests. */
void pl_registry_http_limit(struct pl_registry_http *http, int limit_ms);

#endif
