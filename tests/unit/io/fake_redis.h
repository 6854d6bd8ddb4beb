/* A Redis that says what a script tells it to, on a unix socket: turn by turn. */
#ifndef PL_TESTS_IO_FAKE_REDIS_H
#define PL_TESTS_IO_FAKE_REDIS_H

#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/redis.h"

/* Once the client has sent `until`, on this connection or, where it has closed that, on the next:
 * `answer` is sent. */
struct fake_turn {
    const char *until;
    const char *answer;
    int byte_ms; /* this long before each byte of the answer */
    bool closes; /* the connection, then */
};

struct fake_redis {
    const struct fake_turn *turns;
    size_t turn_count;
    char folder[64];
    char path[80];
    int listener;
    int connections;      /* made so far; valid once stopped */
    char received[16384]; /* in all, as text; valid once stopped */
    size_t received_len;
    size_t turn_start; /* of what was received in this turn */
    pthread_t thread;
};

static inline void fake_sleep_ms(int ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    (void)nanosleep(&time, NULL);
}

/* False: the client has closed the connection. */
static inline bool fake_hear(struct fake_redis *fake, int fd, const char *until)
{
    while (strstr(fake->received + fake->turn_start, until) == NULL) {
        ssize_t got = read(fd, fake->received + fake->received_len,
                           sizeof(fake->received) - 1 - fake->received_len);

        if (got <= 0) {
            return false;
        }
        fake->received_len += (size_t)got;
        fake->received[fake->received_len] = '\0';
    }
    return true;
}

static inline void fake_say(int fd, const struct fake_turn *turn)
{
    size_t len = strlen(turn->answer);

    if (turn->byte_ms == 0) {
        (void)send(fd, turn->answer, len, MSG_NOSIGNAL);
        return;
    }
    for (size_t i = 0; i < len; i++) {
        fake_sleep_ms(turn->byte_ms);
        if (send(fd, turn->answer + i, 1, MSG_NOSIGNAL) < 0) {
            break; /* the client has had enough */
        }
    }
}

/* Ends once all turns were taken and the client has closed the last connection. */
static inline void *fake_run(void *self)
{
    struct fake_redis *fake = self;
    size_t turn = 0;

    while (turn < fake->turn_count) {
        int fd = accept(fake->listener, NULL, NULL);
        bool is_open = fd >= 0;

        if (fd < 0) {
            break;
        }
        fake->connections++;
        while (is_open && turn < fake->turn_count) {
            fake->turn_start = fake->received_len;
            is_open = fake_hear(fake, fd, fake->turns[turn].until);
            if (is_open) {
                fake_say(fd, &fake->turns[turn]);
                is_open = !fake->turns[turn++].closes;
            }
        }
        if (is_open) {
            (void)fake_hear(fake, fd, "\1"); /* which never comes */
        }
        (void)close(fd);
    }
    return NULL;
}

/* The same on a loopback port; returns that. turns are borrowed. */
static inline int fake_start_on_port(struct fake_redis *fake, const struct fake_turn *turns,
                                     size_t turn_count)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);

    memset(fake, 0, sizeof(*fake));
    fake->turns = turns;
    fake->turn_count = turn_count;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fake->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fake->listener >= 0);
    assert_int_equal(bind(fake->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fake->listener, 4), 0);
    assert_int_equal(getsockname(fake->listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(pthread_create(&fake->thread, NULL, fake_run, fake), 0);
    return ntohs(address.sin_port);
}

/* turns are borrowed. Returns where it is, to be connected to. */
static inline struct pl_redis_url fake_start(struct fake_redis *fake, const struct fake_turn *turns,
                                             size_t turn_count)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *base = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe): no thread yet */

    memset(fake, 0, sizeof(*fake));
    fake->turns = turns;
    fake->turn_count = turn_count;
    (void)snprintf(fake->folder, sizeof(fake->folder), "%s/fake-redis-XXXXXX",
                   base == NULL ? "/tmp" : base);
    assert_non_null(mkdtemp(fake->folder));
    (void)snprintf(fake->path, sizeof(fake->path), "%s/s", fake->folder);
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", fake->path);
    fake->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(fake->listener >= 0);
    assert_int_equal(bind(fake->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fake->listener, 4), 0);
    assert_int_equal(pthread_create(&fake->thread, NULL, fake_run, fake), 0);
    return (struct pl_redis_url){.path = fake->path};
}

/* After the client has closed its connection. */
static inline void fake_stop(struct fake_redis *fake)
{
    (void)shutdown(fake->listener, SHUT_RDWR); /* ends an accept that waits for nobody */
    assert_int_equal(pthread_join(fake->thread, NULL), 0);
    (void)close(fake->listener);
    if (fake->path[0] != '\0') {
        (void)unlink(fake->path);
        (void)rmdir(fake->folder);
    }
}

#endif
