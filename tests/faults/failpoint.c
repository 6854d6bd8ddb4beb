/* A library to preload: ends or stops the process at a named place, without a line of test code in
 * the program. It stands before calls of librdkafka, hiredis and libc, and counts.
 *
 * FAILPOINT=NAME:N[:ACTION] says where from the start; FAILPOINT_FILE names a file that is mapped
 * and may be changed meanwhile (failpoint.py): one byte of length, then the same text. At the N-th
 * time the process is killed (action kill, the default) or stopped (action stop). */
/* NOLINTNEXTLINE(readability-identifier-naming): for RTLD_NEXT; before any include */
#define _GNU_SOURCE

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <hiredis/hiredis.h>
#include <librdkafka/rdkafka.h>

#define CONTROL_BYTES 256
#define NAME_BYTES 64

enum { TXN_OFFSET_COMMIT = 28, ADD_OFFSETS = 25, END_TXN = 26, INIT_PRODUCER_ID = 22 };

static struct {
    pthread_mutex_t mutex;
    unsigned char own[CONTROL_BYTES]; /* where there is no file */
    volatile unsigned char *control;  /* length, text */
    char armed[CONTROL_BYTES];        /* the text that the rest is about */
    char name[NAME_BYTES];
    unsigned long left;
    bool is_stop;
} state = {.mutex = PTHREAD_MUTEX_INITIALIZER, .control = state.own};

/* Calls that the libraries make themselves, inside one of ours, do not count. */
static _Thread_local int depth;

/* The program talks to Redis and to transactions in one thread. */
static _Thread_local int writes_pending;
static _Thread_local bool is_restoring;

/* ---- arming ---------------------------------------------------------------------------------- */

static void put_control(const char *text)
{
    size_t len = strlen(text);

    if (len < CONTROL_BYTES) {
        state.own[0] = (unsigned char)len;
        memcpy(state.own + 1, text, len);
    }
}

static void map_control(const char *path)
{
    int file = open(path, O_RDWR | O_CLOEXEC);
    void *view = MAP_FAILED;

    if (file >= 0) {
        view = mmap(NULL, CONTROL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        (void)close(file);
    }
    if (view == MAP_FAILED) {
        perror("failpoint: FAILPOINT_FILE");
        abort();
    }
    state.control = view;
}

__attribute__((constructor)) static void set_up(void)
{
    const char *text = getenv("FAILPOINT");      /* NOLINT(concurrency-mt-unsafe): one thread */
    const char *path = getenv("FAILPOINT_FILE"); /* NOLINT(concurrency-mt-unsafe) */

    if (path != NULL) {
        map_control(path);
    } else if (text != NULL) {
        put_control(text);
    }
}

/* NAME:N[:ACTION] */
static void parse(const char *text)
{
    size_t len = strcspn(text, ":");
    char *rest = NULL;

    (void)snprintf(state.name, sizeof(state.name), "%.*s", (int)len, text); /* cut to fit */
    state.left = text[len] == ':' ? strtoul(text + len + 1, &rest, 10) : 1;
    state.is_stop = rest != NULL && strcmp(rest, ":stop") == 0;
}

/* Read what is asked for anew where it has changed. False: nothing is. */
static bool is_armed(void)
{
    char text[CONTROL_BYTES] = "";
    unsigned len = state.control[0];

    for (unsigned i = 0; i < len && i + 1 < CONTROL_BYTES; i++) {
        text[i] = (char)state.control[i + 1];
    }
    if (len != 0 && strcmp(text, state.armed) != 0) {
        parse(text);
    }
    memcpy(state.armed, text, sizeof(text));
    return len != 0;
}

/* The place called name was reached. */
static void reach(const char *name)
{
    bool is_here = false;

    if (depth > 0 || state.control[0] == 0) {
        return;
    }
    (void)pthread_mutex_lock(&state.mutex);
    if (is_armed() && strcmp(state.name, name) == 0 && --state.left == 0) {
        is_here = true;
        state.control[0] = 0; /* not again, nor in the process that comes after */
        state.armed[0] = '\0';
    }
    (void)pthread_mutex_unlock(&state.mutex);
    if (is_here) {
        (void)kill(getpid(), state.is_stop ? SIGSTOP : SIGKILL);
    }
}

/* ---- the calls behind ours ------------------------------------------------------------------- */

/* Sets *ret_function, a pointer to a function, to the next one of that name. */
static void find(const char *name, void *ret_function)
{
    void *found = dlsym(RTLD_NEXT, name);

    if (found == NULL) {
        (void)fprintf(stderr, "failpoint: no %s to stand before\n", name);
        abort();
    }
    memcpy(ret_function, &found, sizeof(found)); /* C has no cast from object to function */
}

/* ---- librdkafka ------------------------------------------------------------------------------ */

rd_kafka_error_t *rd_kafka_init_transactions(rd_kafka_t *rk, int timeout_ms)
{
    rd_kafka_error_t *(*real)(rd_kafka_t *, int);
    rd_kafka_error_t *error;

    find("rd_kafka_init_transactions", &real);
    depth++;
    error = real(rk, timeout_ms);
    depth--;
    reach("init");
    return error;
}

rd_kafka_error_t *rd_kafka_begin_transaction(rd_kafka_t *rk)
{
    rd_kafka_error_t *(*real)(rd_kafka_t *);

    find("rd_kafka_begin_transaction", &real);
    is_restoring = false;
    reach("begin");
    return real(rk);
}

rd_kafka_resp_err_t rd_kafka_flush(rd_kafka_t *rk, int timeout_ms)
{
    rd_kafka_resp_err_t (*real)(rd_kafka_t *, int);
    rd_kafka_resp_err_t err;

    find("rd_kafka_flush", &real);
    reach("before_flush");
    depth++;
    err = real(rk, timeout_ms);
    depth--;
    reach("after_flush");
    return err;
}

rd_kafka_error_t *
rd_kafka_send_offsets_to_transaction(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *offsets,
                                     const rd_kafka_consumer_group_metadata_t *metadata,
                                     int timeout_ms)
{
    rd_kafka_error_t *(*real)(rd_kafka_t *, const rd_kafka_topic_partition_list_t *,
                              const rd_kafka_consumer_group_metadata_t *, int);
    rd_kafka_error_t *error;

    find("rd_kafka_send_offsets_to_transaction", &real);
    depth++;
    error = real(rk, offsets, metadata, timeout_ms);
    depth--;
    reach("after_offsets");
    return error;
}

rd_kafka_error_t *rd_kafka_commit_transaction(rd_kafka_t *rk, int timeout_ms)
{
    rd_kafka_error_t *(*real)(rd_kafka_t *, int);
    rd_kafka_error_t *error;

    find("rd_kafka_commit_transaction", &real);
    depth++;
    error = real(rk, timeout_ms);
    depth--;
    reach("after_commit");
    return error;
}

rd_kafka_resp_err_t rd_kafka_assign(rd_kafka_t *rk,
                                    const rd_kafka_topic_partition_list_t *partitions)
{
    rd_kafka_resp_err_t (*real)(rd_kafka_t *, const rd_kafka_topic_partition_list_t *);

    find("rd_kafka_assign", &real);
    reach("before_assign");
    return real(rk, partitions);
}

static bool is_of_state(const rd_kafka_message_t *message)
{
    static const char end[] = "state";
    const char *topic;
    size_t len;

    if (message == NULL || message->err != RD_KAFKA_RESP_ERR_NO_ERROR || message->rkt == NULL) {
        return false;
    }
    topic = rd_kafka_topic_name(message->rkt);
    len = strlen(topic);
    return len >= strlen(end) && strcmp(topic + len - strlen(end), end) == 0;
}

rd_kafka_message_t *rd_kafka_consumer_poll(rd_kafka_t *rk, int timeout_ms)
{
    rd_kafka_message_t *(*real)(rd_kafka_t *, int);
    rd_kafka_message_t *message;

    find("rd_kafka_consumer_poll", &real);
    message = real(rk, timeout_ms); /* calls back: what is called from there counts */
    if (is_of_state(message)) {
        is_restoring = true;
        reach("restore_read");
    }
    return message;
}

/* ---- what librdkafka sends ------------------------------------------------------------------- */

/* The api key of a request that begins here: four bytes of size, then two of key. */
static int api_key(const struct msghdr *message)
{
    unsigned char head[6];
    size_t have = 0;

    for (size_t i = 0; i < (size_t)message->msg_iovlen && have < sizeof(head); i++) {
        size_t some = message->msg_iov[i].iov_len;

        if (some > sizeof(head) - have) {
            some = sizeof(head) - have;
        }
        memcpy(head + have, message->msg_iov[i].iov_base, some);
        have += some;
    }
    return have == sizeof(head) ? head[4] << 8 | head[5] : -1;
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): libc's are reserved */
ssize_t sendmsg(int file, const struct msghdr *message, int flags)
{
    ssize_t (*real)(int, const struct msghdr *, int);
    ssize_t sent;

    find("sendmsg", &real);
    sent = real(file, message, flags);
    if (sent > 0) {
        switch (api_key(message)) {
        case INIT_PRODUCER_ID:
            reach("init_sent");
            break;
        case ADD_OFFSETS:
            reach("add_offsets_sent");
            break;
        case TXN_OFFSET_COMMIT:
            reach("offsets_sent");
            break;
        case END_TXN:
            reach("commit_sent");
            break;
        default:
            break;
        }
    }
    return sent;
}

/* ---- hiredis --------------------------------------------------------------------------------- */

static bool is_text(const char *data, size_t len, const char *text)
{
    return len == strlen(text) && memcmp(data, text, len) == 0;
}

/* planlift's scripts say in their first line what they do. */
static bool is_drop(int argc, const char **argv)
{
    return argc > 1 && strstr(argv[1], "planlift: drop") == argv[1] + strlen("-- ");
}

int redisAppendCommandArgv(redisContext *c, int argc, const char **argv, const size_t *argvlen)
{
    int (*real)(redisContext *, int, const char **, const size_t *);

    find("redisAppendCommandArgv", &real);
    if (is_text(argv[0], argvlen[0], "EVAL") && !is_drop(argc, argv)) {
        reach(is_restoring ? "before_restore_write" : "before_redis_write");
        writes_pending++;
        return real(c, argc, argv, argvlen);
    }
    writes_pending = 0;
    if (is_text(argv[0], argvlen[0], "EVAL")) {
        reach("restore_drop");
    } else if (is_text(argv[0], argvlen[0], "HMGET")) {
        reach("redis_read");
    }
    return real(c, argc, argv, argvlen);
}

/* All is sent by then, and nothing of the answer is read. */
int redisBufferRead(redisContext *c)
{
    int (*real)(redisContext *);

    find("redisBufferRead", &real);
    if (writes_pending > 0) {
        reach(is_restoring ? "restore_write_sent" : "redis_write_sent");
    }
    return real(c);
}

int redisGetReplyFromReader(redisContext *c, void **reply)
{
    int (*real)(redisContext *, void **);
    int status;

    find("redisGetReplyFromReader", &real);
    status = real(c, reply);
    if (writes_pending > 0 && status == REDIS_OK && reply != NULL && *reply != NULL) {
        writes_pending--;
        reach(is_restoring ? "restore_written" : "redis_written");
    }
    return status;
}
