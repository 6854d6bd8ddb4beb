/* The HTTP port: a few pages, put together by libmicrohttpd's own thread. */
#include "io/http.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "base/signals.h"
#include "planlift/arena.h"
#include "planlift/log.h"

#define HOST_BYTES 256
#define PORT_BYTES 6
#define REASONS_BYTES 4096
#define BACKLOG 16
#define CONNECTION_LIMIT 32U
#define CONNECTION_LIMIT_PER_HOST 16U /* so that one alone cannot keep the others out */
#define CONNECTION_TIMEOUT_S 5U
#define CONNECTION_BYTES ((size_t)4096) /* of a request's head, beyond which it is refused */

struct pl_http {
    struct pl_http_source source;
    struct MHD_Daemon *daemon;
};

/* ---- pages ----------------------------------------------------------------------------------- */

static void put_text(struct pl_buffer *page, const char *text)
{
    pl_buffer_put(page, text, strlen(text));
}

static unsigned put_live(const struct pl_http_source *source, struct pl_buffer *page)
{
    bool is_alive = pl_health_is_alive(source->health);

    put_text(page, is_alive ? "alive\n" : "hung: no sign of the loop\n");
    return is_alive ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
}

static unsigned put_ready(const struct pl_http_source *source, struct pl_buffer *page)
{
    char reasons[REASONS_BYTES];
    bool is_ready = pl_health_is_ready(source->health, reasons, sizeof(reasons));

    put_text(page, is_ready ? "ready\n" : reasons);
    if (source->put_about != NULL) {
        source->put_about(source->self, page);
    }
    return is_ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
}

static unsigned put_metrics(const struct pl_http_source *source, struct pl_buffer *page)
{
    if (source->put_metrics == NULL) {
        put_text(page, "nothing is measured\n");
        return MHD_HTTP_NOT_FOUND;
    }
    source->put_metrics(source->self, page);
    return MHD_HTTP_OK;
}

struct page {
    const char *path;
    unsigned (*put)(const struct pl_http_source *source, struct pl_buffer *page);
    const char *type;
};

#define PLAIN_TYPE "text/plain; charset=utf-8"

static const struct page pages[] = {
    {"/livez", put_live, PLAIN_TYPE},
    {"/readyz", put_ready, PLAIN_TYPE},
    {"/metrics", put_metrics, "text/plain; version=0.0.4; charset=utf-8"}};

static unsigned put_answer(const struct pl_http_source *source, const char *path,
                           const char *method, const char **ret_type, struct pl_buffer *page)
{
    *ret_type = PLAIN_TYPE;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        put_text(page, "only GET and HEAD\n");
        return MHD_HTTP_METHOD_NOT_ALLOWED;
    }
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        if (strcmp(path, pages[i].path) == 0) {
            unsigned status = pages[i].put(source, page);

            *ret_type = status == MHD_HTTP_OK ? pages[i].type : PLAIN_TYPE;
            return status;
        }
    }
    put_text(page, "there is /livez, /readyz and /metrics\n");
    return MHD_HTTP_NOT_FOUND;
}

static bool add_headers(struct MHD_Response *response, const char *type, unsigned status)
{
    return MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_YES &&
           MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") ==
               MHD_YES &&
           (status != MHD_HTTP_METHOD_NOT_ALLOWED ||
            MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD") == MHD_YES);
}

/* Called in the daemon's thread, at the head of a request; a body is never read. */
/* NOLINTBEGIN(readability-function-size,readability-non-const-parameter): the library's form */
static enum MHD_Result answer(void *self, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload_data,
                              size_t *upload_data_size, void **request)
/* NOLINTEND(readability-function-size,readability-non-const-parameter) */
{
    const struct pl_http *http = self;
    struct pl_buffer page = {NULL, 0, 0};
    const char *type;
    unsigned status = put_answer(&http->source, url, method, &type, &page);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(page.len, page.data, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result result = MHD_NO;

    (void)version;
    (void)upload_data;
    (void)upload_data_size;
    (void)request;
    pl_buffer_done(&page);
    if (response == NULL) {
        return MHD_NO; /* no memory: the connection is closed */
    }
    if (add_headers(response, type, status)) {
        result = MHD_queue_response(connection, status, response);
    }
    MHD_destroy_response(response);
    return result;
}

/* ---- the address ----------------------------------------------------------------------------- */

static enum pl_status refuse(const char *listen, const char *why, struct pl_error *error)
{
    return pl_fail(error, PL_BAD_DATA, "http.listen=%s: %s", listen, why);
}

static bool is_port(const char *text)
{
    size_t len = strspn(text, "0123456789");

    return len > 0 && len < PORT_BYTES && text[len] == '\0' && strtol(text, NULL, 10) <= UINT16_MAX;
}

/* host:port or [address]:port into its two parts. */
static enum pl_status split(const char *listen, char ret_host[HOST_BYTES],
                            char ret_port[PORT_BYTES], struct pl_error *error)
{
    const char *colon = strrchr(listen, ':');
    const char *host = listen;
    size_t len = colon == NULL ? 0 : (size_t)(colon - listen);
    bool has_brackets = len >= 2 && host[0] == '[' && host[len - 1] == ']';

    if (has_brackets) {
        host++;
        len -= 2;
    }
    if (len == 0 || len >= HOST_BYTES || !is_port(colon + 1) ||
        (!has_brackets && memchr(host, ':', len) != NULL)) {
        return refuse(listen,
                      "must be host:port, for example 127.0.0.1:8080, or 0.0.0.0:8080 or [::]:8080 "
                      "for every address of this machine",
                      error);
    }
    (void)snprintf(ret_host, HOST_BYTES, "%.*s", (int)len, host);
    (void)snprintf(ret_port, PORT_BYTES, "%s", colon + 1);
    return PL_OK;
}

static enum pl_status refuse_system(const char *listen, int reason, struct pl_error *error)
{
    char text[128] = "";

    (void)strerror_r(reason, text, sizeof(text)); /* an unknown number leaves what it can say */
    return refuse(listen, text, error);
}

/* A socket that listens. */
static enum pl_status listen_at(const char *listen_text, const struct addrinfo *address,
                                int *ret_socket, struct pl_error *error)
{
    const int on = 1;
    int fd = socket(address->ai_family, address->ai_socktype, address->ai_protocol);
    int reason;

    /* The port of a process that has just ended can be had again at once. */
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) {
        *ret_socket = fd;
        return PL_OK;
    }
    reason = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    return refuse_system(listen_text, reason, error);
}

/* Of a name's addresses the first IPv4 one, which clients try as well; else the first. */
static const struct addrinfo *choose(const struct addrinfo *found)
{
    const struct addrinfo *one = found;

    while (one->ai_family != AF_INET && one->ai_next != NULL) {
        one = one->ai_next;
    }
    return one->ai_family == AF_INET ? one : found;
}

static enum pl_status open_socket(const char *listen_text, int *ret_socket, struct pl_error *error)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICSERV | AI_PASSIVE};
    char host[HOST_BYTES];
    char port[PORT_BYTES];
    struct addrinfo *found = NULL;
    enum pl_status status = split(listen_text, host, port, error);
    int result;

    if (status != PL_OK) {
        return status;
    }
    result = getaddrinfo(host, port, &hints, &found);
    if (result != 0 || found == NULL) {
        return refuse(listen_text, gai_strerror(result), error);
    }
    status = listen_at(listen_text, choose(found), ret_socket, error);
    freeaddrinfo(found);
    return status;
}

/* ---- life ------------------------------------------------------------------------------------ */

/* Where it really listens, as the port may have been left to the system. */
static void log_address(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);
    char host[HOST_BYTES] = "?";
    char port[PORT_BYTES] = "?";

    if (getsockname(fd, (struct sockaddr *)&address, &len) == 0) {
        (void)getnameinfo((struct sockaddr *)&address, len, host, sizeof(host), port, sizeof(port),
                          NI_NUMERICHOST | NI_NUMERICSERV); /* only for the log */
    }
    pl_log(INFO, "http_listening", PL_F_TEXT("host", host), PL_F_TEXT("port", port));
}

enum pl_status pl_http_new(const char *listen, const struct pl_http_source *source,
                           struct pl_http **ret_http, struct pl_error *error)
{
    struct pl_http *http;
    sigset_t before;
    int fd = -1;
    enum pl_status status = open_socket(listen, &fd, error);

    if (status != PL_OK) {
        return status;
    }
    http = calloc(1, sizeof(*http));
    if (http == NULL) {
        pl_out_of_memory(sizeof(*http));
    }
    http->source = *source;
    pl_signals_hold(&before);
    http->daemon = MHD_start_daemon(
        MHD_USE_AUTO_INTERNAL_THREAD, 0, NULL, NULL, answer, http, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, CONNECTION_LIMIT, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        CONNECTION_LIMIT_PER_HOST, MHD_OPTION_CONNECTION_TIMEOUT, CONNECTION_TIMEOUT_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES, MHD_OPTION_END);
    pl_signals_release(&before);
    if (http->daemon == NULL) {
        (void)close(fd);
        free(http);
        return refuse(listen, "the HTTP server cannot be started", error);
    }
    log_address(fd);
    *ret_http = http;
    return PL_OK;
}

void pl_http_free(struct pl_http *http)
{
    if (http != NULL) {
        MHD_stop_daemon(http->daemon); /* closes the socket */
        free(http);
    }
}
