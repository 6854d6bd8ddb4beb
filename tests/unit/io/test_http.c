/* Unit tests of io/http.c. */
#include <netdb.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/http.h"

#define LIMIT_S 10U

struct server {
    struct pl_health *health;
    struct pl_http *http;
    char host[64];
    char port[8];
};

/* ---- set-up ---------------------------------------------------------------------------------- */

/* What follows `key` in a line of the log. */
static void read_field(const char *line, const char *key, char *ret_value, size_t size)
{
    const char *found = strstr(line, key);

    assert_non_null(found);
    (void)snprintf(ret_value, size, "%.*s", (int)strcspn(found + strlen(key), " \n"),
                   found + strlen(key));
}

/* Start it, and read from the log where it listens. */
static void open_server(struct server *server, const char *listen)
{
    char line[4096];
    ssize_t len;
    int ends[2];
    int before = dup(STDERR_FILENO);
    struct pl_error error = {""};
    enum pl_status status;

    server->health = pl_health_new(LIMIT_S);
    assert_int_equal(pipe(ends), 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    status = pl_http_new(listen, &(struct pl_http_source){.health = server->health}, &server->http,
                         &error);
    assert_true(dup2(before, STDERR_FILENO) >= 0);
    (void)close(before);
    (void)close(ends[1]);
    len = read(ends[0], line, sizeof(line) - 1);
    (void)close(ends[0]);
    assert_string_equal(error.text, "");
    assert_int_equal(status, PL_OK);
    assert_true(len > 0);
    line[len] = '\0';
    assert_non_null(strstr(line, " http_listening "));
    read_field(line, " host=", server->host, sizeof(server->host));
    read_field(line, " port=", server->port, sizeof(server->port));
}

static void close_server(struct server *server)
{
    pl_http_free(server->http);
    pl_health_free(server->health);
}

static void meet_all(struct pl_health *health)
{
    for (int i = 0; i < PL_CONDITION_COUNT; i++) {
        pl_health_set(health, (enum pl_condition)i, true, NULL);
    }
}

static int connect_to(const struct server *server)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int fd;

    assert_int_equal(getaddrinfo(server->host, server->port, &hints, &found), 0);
    assert_non_null(found);
    fd = socket(found->ai_family, found->ai_socktype, found->ai_protocol);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, found->ai_addr, found->ai_addrlen), 0);
    freeaddrinfo(found);
    return fd;
}

/* All that comes until the other end closes; false: it has not closed after timeout_ms. */
static bool read_all(int fd, int timeout_ms, char *ret_text, size_t size)
{
    struct pollfd in = {.fd = fd, .events = POLLIN};
    size_t used = 0;

    ret_text[0] = '\0';
    while (poll(&in, 1, timeout_ms) == 1) {
        ssize_t len = recv(fd, ret_text + used, size - 1 - used, 0);

        if (len <= 0) {
            return true;
        }
        used += (size_t)len;
        ret_text[used] = '\0';
    }
    return false;
}

/* Send bytes, and read what comes until the connection is closed. */
static void exchange(const struct server *server, const char *bytes, char *ret_text, size_t size)
{
    int fd = connect_to(server);
    size_t len = strlen(bytes);

    /* It may be closed while we still send. */
    for (ssize_t sent = 0; len > 0 && sent >= 0; bytes += sent, len -= (size_t)sent) {
        sent = send(fd, bytes, len, MSG_NOSIGNAL);
        if (sent < 0) {
            break;
        }
    }
    assert_true(read_all(fd, 20000, ret_text, size));
    (void)close(fd);
}

static void ask(const struct server *server, const char *method, const char *path, char *ret_text,
                size_t size)
{
    char request[256];

    (void)snprintf(request, sizeof(request),
                   "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", method, path);
    exchange(server, request, ret_text, size);
}

/* The answer to GET path: its status, and the body exactly. */
static void assert_answer(const struct server *server, const char *path, int status,
                          const char *body)
{
    char text[8192];
    char wanted[32];
    const char *found;

    ask(server, "GET", path, text, sizeof(text));
    (void)snprintf(wanted, sizeof(wanted), "HTTP/1.1 %d ", status);
    assert_memory_equal(text, wanted, strlen(wanted));
    assert_non_null(strstr(text, "Content-Type: text/plain; charset=utf-8\r\n"));
    assert_non_null(strstr(text, "Cache-Control: no-store\r\n"));
    found = strstr(text, "\r\n\r\n");
    assert_non_null(found);
    assert_string_equal(found + 4, body);
}

/* ---- pages ----------------------------------------------------------------------------------- */

static void ready_once_all_is_so(void **state)
{
    struct server server;

    (void)state;
    open_server(&server, "127.0.0.1:0");
    pl_health_set(server.health, PL_CONDITION_ASSIGNED, true, NULL);
    pl_health_set(server.health, PL_CONDITION_RESTORED, true, NULL);
    pl_health_set(server.health, PL_CONDITION_REDIS, false, "Redis: Connection refused");
    assert_answer(&server, "/readyz", 503,
                  "kafka: not reached yet\nredis: Redis: Connection refused\n");
    meet_all(server.health);
    assert_answer(&server, "/readyz", 200, "ready\n");
    assert_answer(&server, "/readyz?verbose=1", 200, "ready\n");
    pl_health_set(server.health, PL_CONDITION_SLOT, false, "held by another");
    assert_answer(&server, "/readyz", 503, "slot: held by another\n");
    close_server(&server);
}

static void alive_while_the_loop_beats(void **state)
{
    struct server server;
    const char *stage;

    (void)state;
    open_server(&server, "127.0.0.1:0");
    assert_answer(&server, "/livez", 200, "alive\n");
    for (unsigned i = 0; i < LIMIT_S; i++) {
        (void)pl_health_tick(server.health, &stage);
    }
    assert_answer(&server, "/livez", 503, "hung: no sign of the loop\n");
    pl_health_beat(server.health, "back");
    (void)pl_health_tick(server.health, &stage);
    assert_answer(&server, "/livez", 200, "alive\n");
    close_server(&server);
}

static void nothing_else_is_there(void **state)
{
    static const char *const paths[] = {"/",      "/livez/",   "/readyzz",
                                        "/LIVEZ", "/livez%20", "//livez"};
    struct server server;

    (void)state;
    open_server(&server, "127.0.0.1:0");
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        assert_answer(&server, paths[i], 404, "there is /livez, /readyz and /metrics\n");
    }
    assert_answer(&server, "/metrics", 404, "nothing is measured\n");
    close_server(&server);
}

static void head_has_no_body_and_others_are_not_allowed(void **state)
{
    static const char *const methods[] = {"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"};
    struct server server;
    char text[8192];

    (void)state;
    open_server(&server, "127.0.0.1:0");
    ask(&server, "HEAD", "/livez", text, sizeof(text));
    assert_memory_equal(text, "HTTP/1.1 200 ", 13);
    assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\n");
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        ask(&server, methods[i], "/livez", text, sizeof(text));
        assert_memory_equal(text, "HTTP/1.1 405 ", 13);
        assert_non_null(strstr(text, "Allow: GET, HEAD\r\n"));
    }
    close_server(&server);
}

/* ---- clients that are not nice --------------------------------------------------------------- */

static void a_head_of_more_than_4_kb_is_refused(void **state)
{
    static const char start[] = "GET /livez HTTP/1.1\r\nHost: x\r\nCookie: ";
    struct server server;
    char *request = calloc(1, 100001);
    char text[8192];

    (void)state;
    assert_non_null(request);
    open_server(&server, "127.0.0.1:0");
    (void)snprintf(request, 6, "GET /");
    memset(request + 5, 'x', 99995);
    exchange(&server, request, text, sizeof(text));
    assert_true(text[0] == '\0' || strncmp(text, "HTTP/1.1 414 ", 13) == 0);
    memcpy(request, start, sizeof(start) - 1);
    exchange(&server, request, text, sizeof(text));
    assert_true(text[0] == '\0' || strncmp(text, "HTTP/1.1 431 ", 13) == 0);
    assert_answer(&server, "/livez", 200, "alive\n"); /* it goes on */
    close_server(&server);
    free(request);
}

static void what_is_no_http_is_refused(void **state)
{
    static const char *const requests[] = {"GET\r\n\r\n", "\x16\x03\x01\r\n\r\n",
                                           "GET /livez HTTP/9.9\r\n\r\n"};
    struct server server;
    char text[8192];

    (void)state;
    open_server(&server, "127.0.0.1:0");
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        exchange(&server, requests[i], text, sizeof(text));
        assert_null(strstr(text, " 200 "));
    }
    assert_answer(&server, "/livez", 200, "alive\n");
    close_server(&server);
}

/* A body that is announced and never sent is not waited for. */
static void a_body_is_not_read(void **state)
{
    static const char request[] =
        "POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\nx";
    struct server server;
    char text[8192] = "";
    int fd;

    (void)state;
    open_server(&server, "127.0.0.1:0");
    fd = connect_to(&server);
    assert_int_equal(send(fd, request, sizeof(request) - 1, 0), sizeof(request) - 1);
    assert_true(recv(fd, text, sizeof(text) - 1, 0) > 0);
    assert_memory_equal(text, "HTTP/1.1 405 ", 13);
    (void)close(fd);
    close_server(&server);
}

/* Of one host's idle connections only so many are kept, and those not for ever. */
static void idle_connections_are_bounded(void **state)
{
    struct server server;
    int idle[40];
    int closed = 0;
    char text[64];

    (void)state;
    open_server(&server, "127.0.0.1:0");
    for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++) {
        idle[i] = connect_to(&server);
    }
    for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++) {
        closed += read_all(idle[i], i < 16 ? 0 : 5000, text, sizeof(text)) ? 1 : 0;
    }
    assert_true(closed >= 24);
    for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++) {
        assert_true(read_all(idle[i], 20000, text, sizeof(text)));
        (void)close(idle[i]);
    }
    assert_answer(&server, "/livez", 200, "alive\n");
    close_server(&server);
}

/* ---- addresses ------------------------------------------------------------------------------- */

static void addresses_of_all_kinds(void **state)
{
    static const char *const addresses[][2] = {{"127.0.0.1:0", "127.0.0.1"},
                                               {"localhost:0", "127.0.0.1"},
                                               {"[127.0.0.1]:0", "127.0.0.1"},
                                               {"0.0.0.0:0", "0.0.0.0"}};

    (void)state;
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        struct server server;

        open_server(&server, addresses[i][0]);
        assert_string_equal(server.host, addresses[i][1]);
        assert_answer(&server, "/livez", 200, "alive\n");
        close_server(&server);
    }
}

/* Where the machine has no IPv6 the refusal says so. */
static void an_ipv6_address_in_brackets(void **state)
{
    struct pl_health *health = pl_health_new(LIMIT_S);
    struct pl_http *http = NULL;
    struct pl_error error = {""};
    enum pl_status status =
        pl_http_new("[::1]:0", &(struct pl_http_source){.health = health}, &http, &error);

    (void)state;
    if (status == PL_OK) {
        pl_http_free(http);
    } else {
        assert_int_equal(status, PL_BAD_DATA);
        assert_memory_equal(error.text, "http.listen=[::1]:0: ", 21);
        assert_null(strstr(error.text, "must be host:port"));
    }
    pl_health_free(health);
}

static void what_is_no_address_is_refused(void **state)
{
    static const char *const wrong[] = {"",
                                        "x",
                                        ":8080",
                                        "localhost",
                                        "8080",
                                        "localhost:",
                                        "localhost:x",
                                        "localhost:65536",
                                        "localhost:-1",
                                        "localhost:+1",
                                        "localhost: 1",
                                        "localhost:1 ",
                                        "localhost:000001",
                                        "::1:8080",
                                        "[]:8080",
                                        "[::1]8080",
                                        "http://localhost:8080"};
    struct pl_health *health = pl_health_new(LIMIT_S);
    char long_name[300];

    (void)state;
    memset(long_name, 'x', sizeof(long_name) - 4);
    memcpy(long_name + sizeof(long_name) - 4, ":80", 4);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]) + 1; i++) {
        const char *listen = i == 0 ? long_name : wrong[i - 1];
        struct pl_http *http = NULL;
        struct pl_error error = {""};

        assert_int_equal(
            pl_http_new(listen, &(struct pl_http_source){.health = health}, &http, &error),
            PL_BAD_DATA);
        assert_null(http);
        assert_memory_equal(error.text, "http.listen=", 12);
        assert_non_null(strstr(error.text, "must be host:port"));
    }
    pl_health_free(health);
}

static void a_port_in_use_is_refused(void **state)
{
    struct server server;
    struct pl_http *second = NULL;
    struct pl_error error = {""};
    char listen[128];

    (void)state;
    open_server(&server, "127.0.0.1:0");
    (void)snprintf(listen, sizeof(listen), "127.0.0.1:%s", server.port);
    assert_int_equal(
        pl_http_new(listen, &(struct pl_http_source){.health = server.health}, &second, &error),
        PL_BAD_DATA);
    assert_non_null(strstr(error.text, "Address already in use"));
    assert_non_null(strstr(error.text, listen));
    close_server(&server);
}

/* Connections of the one before still linger. */
static void a_port_is_free_again_at_once(void **state)
{
    struct server server;
    char listen[128];

    (void)state;
    open_server(&server, "127.0.0.1:0");
    (void)snprintf(listen, sizeof(listen), "127.0.0.1:%s", server.port);
    assert_answer(&server, "/livez", 200, "alive\n");
    close_server(&server);
    open_server(&server, listen);
    assert_answer(&server, "/livez", 200, "alive\n");
    close_server(&server);
    pl_http_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ready_once_all_is_so),
        cmocka_unit_test(alive_while_the_loop_beats),
        cmocka_unit_test(nothing_else_is_there),
        cmocka_unit_test(head_has_no_body_and_others_are_not_allowed),
        cmocka_unit_test(a_head_of_more_than_4_kb_is_refused),
        cmocka_unit_test(what_is_no_http_is_refused),
        cmocka_unit_test(a_body_is_not_read),
        cmocka_unit_test(idle_connections_are_bounded),
        cmocka_unit_test(addresses_of_all_kinds),
        cmocka_unit_test(an_ipv6_address_in_brackets),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(a_port_in_use_is_refused),
        cmocka_unit_test(a_port_is_free_again_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
