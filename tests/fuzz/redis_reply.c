/* What a Redis may answer: the first byte says what is asked of it, all others are what comes over
 * the connection, which then ends. A server of our own sends them, through hiredis. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fuzz.h"
#include "io/redis.h"

#define PASSWORD "geheim"
/* What a byte of an answer may cost: a value is copied. */
#define BYTES_PER_BYTE 4

enum call { CALL_READ, CALL_UPDATE, CALL_DROP, CALL_CHECK, CALL_COUNT };

/* ---- the server ------------------------------------------------------------------------------ */

static struct {
    pthread_mutex_t lock;
    struct pl_bytes answer; /* of the next connections; borrowed while a call lasts */
    int listener;
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
} server = {.lock = PTHREAD_MUTEX_INITIALIZER, .listener = -1};

static void forget_path(void)
{
    (void)unlink(server.path); /* it may be gone */
}

/* Send all at once, whatever the client asks, then wait for it to leave. */
static void serve(int connection)
{
    char unread[4096];
    struct pl_bytes left;

    ENSURE(pthread_mutex_lock(&server.lock) == 0);
    left = server.answer;
    while (left.len > 0) {
        ssize_t sent = send(connection, left.data, left.len, MSG_NOSIGNAL);

        if (sent <= 0) {
            break; /* it has left */
        }
        left = (struct pl_bytes){left.data + sent, left.len - (size_t)sent};
    }
    ENSURE(pthread_mutex_unlock(&server.lock) == 0);
    (void)shutdown(connection, SHUT_WR); /* it may have left */
    while (read(connection, unread, sizeof(unread)) > 0) {
    }
    (void)close(connection);
}

static void *serve_all(void *unused)
{
    (void)unused;
    for (;;) {
        int connection = accept(server.listener, NULL, NULL);

        ENSURE(connection >= 0);
        serve(connection);
    }
}

static const char *open_server(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    pthread_t thread;

    if (server.listener >= 0) {
        return server.path;
    }
    (void)snprintf(server.path, sizeof(server.path), "%s/redis-%ld", FUZZ_SCRATCH, (long)getpid());
    memcpy(address.sun_path, server.path, sizeof(server.path));
    forget_path(); /* that of a process with the same number */
    server.listener = socket(AF_UNIX, SOCK_STREAM, 0);
    ENSURE(server.listener >= 0);
    ENSURE(bind(server.listener, (struct sockaddr *)&address, sizeof(address)) == 0);
    ENSURE(atexit(forget_path) == 0);
    ENSURE(listen(server.listener, 8) == 0);
    ENSURE(pthread_create(&thread, NULL, serve_all, NULL) == 0);
    return server.path;
}

static void answer_with(struct pl_bytes bytes)
{
    ENSURE(pthread_mutex_lock(&server.lock) == 0);
    server.answer = bytes;
    ENSURE(pthread_mutex_unlock(&server.lock) == 0);
}

/* ---- the calls ------------------------------------------------------------------------------- */

static enum pl_status read_fields(const struct pl_cache *cache, size_t size, struct pl_error *error)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_cache_field fields[] = {{.field = {"h/c", 3}}, {.field = {"a0/c", 4}}};
    struct pl_cache_read reads[] = {{.partition = 0, .fields = fields, .field_count = 2},
                                    {.partition = 1, .fields = NULL, .field_count = 0}};
    enum pl_status status = cache->ops->read(cache->self, reads, 2, &arena, error);

    ENSURE(arena.used_bytes <= 8192 + size * BYTES_PER_BYTE);
    if (status == PL_OK) {
        unsigned sum = 0;

        for (size_t i = 0; i < 2; i++) {
            for (size_t at = 0; at < fields[i].value.len; at++) {
                sum += (unsigned char)fields[i].value.data[at]; /* all of it is there */
            }
        }
        ENSURE(sum <= size * 255);
    }
    pl_arena_done(&arena);
    return status;
}

static enum pl_status update(const struct pl_cache *cache, struct pl_error *error)
{
    const struct pl_cache_write writes[] = {{.field = {"h/c", 3}, .value = {"v", 1}},
                                            {.field = {"a0/c", 4}, .value = {NULL, 0}}};
    struct pl_cache_update updates[] = {
        {.partition = 0, .checkpoint = {"new", 3}, .writes = writes, .write_count = 2},
        {.partition = 1, .checkpoint = {"new", 3}}};

    return cache->ops->update(cache->self, updates, 2, error);
}

static enum pl_status call(struct pl_redis *redis, enum call what, size_t size,
                           struct pl_error *error)
{
    const struct pl_cache cache = pl_redis_port(redis);

    switch (what) {
    case CALL_READ:
        return read_fields(&cache, size, error);
    case CALL_UPDATE:
        return update(&cache, error);
    case CALL_DROP:
        return cache.ops->drop(cache.self, 0, PL_BYTES_LITERAL("old"), error);
    case CALL_CHECK:
    case CALL_COUNT:
        break;
    }
    return pl_redis_check(redis, error);
}

/* hiredis 0.14 asks for all elements of an array at once when it reads their number: address space,
 * which costs nothing until it is used, or none, which ends the call. The sanitizers, though, take
 * real memory for it: beyond six digits is not for them. */
static bool is_huge_array(struct pl_bytes bytes)
{
    size_t digits = 0;
    bool is_array = false;

    for (size_t at = 0; at < bytes.len && digits <= 6; at++) {
        bool is_digit = bytes.data[at] >= '0' && bytes.data[at] <= '9';

        is_array = bytes.data[at] == '*' || bytes.data[at] == '%' || bytes.data[at] == '~' ||
                   bytes.data[at] == '>' ||
                   (is_array && (is_digit || strchr("+- ", bytes.data[at]) != NULL));
        digits = is_array && is_digit ? digits + 1 : 0;
    }
    return digits > 6;
}

static bool contains(struct pl_bytes bytes, const char *text)
{
    size_t len = strlen(text);

    for (size_t at = 0; at + len <= bytes.len; at++) {
        if (memcmp(bytes.data + at, text, len) == 0) {
            return true;
        }
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct pl_redis_url url = {.path = (char *)(uintptr_t)open_server()};
    struct pl_bytes answer = pl_fuzz_input(data, size);
    enum call what = size == 0 ? CALL_READ : (enum call)(data[0] % CALL_COUNT);
    struct pl_error error = {""};
    struct pl_redis *redis;
    enum pl_status status;

    if (is_huge_array(answer)) {
        return 0;
    }
    if (answer.len > 0) {
        answer = (struct pl_bytes){answer.data + 1, answer.len - 1};
    }
    answer_with(answer);
    redis = pl_redis_new(&url, &(struct pl_secret){.text = PASSWORD}, "group");
    status = call(redis, what, size, &error);
    if (status != PL_OK) {
        ENSURE(status == PL_AGAIN || status == PL_BAD_DATA || status == PL_FATAL ||
               status == PL_NOT_FOUND || (status == PL_ABORT && what == CALL_DROP));
        ENSURE(error.text[0] != '\0');
        /* I14: the text is for the log. */
        ENSURE_WITH(strstr(error.text, PASSWORD) == NULL || contains(answer, PASSWORD), error.text);
    }
    pl_redis_free(redis);
    answer_with(PL_BYTES_LITERAL(""));
    return 0;
}
