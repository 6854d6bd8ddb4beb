/* An HTTP server that answers as a script says, a connection an answer, on a loopback port. */
#ifndef PL_TESTS_IO_FAKE_HTTP_H
#define PL_TESTS_IO_FAKE_HTTP_H

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
#include <unistd.h>

#include <cmocka.h>

/* What is sent once a whole question has come, as it stands; NULL: nothing, until the client has
 * had enough. */
struct fake_http {
    const char *const *answers;
    size_t answer_count;
    int listener;
    char url[64];
    char received[65536]; /* in all; valid once stopped */
    size_t received_len;
    pthread_t thread;
};

/* The head, and as much of a body as it announces. */
static inline bool fake_http_is_whole(const char *question)
{
    const char *end = strstr(question, "\r\n\r\n");
    const char *length = strstr(question, "Content-Length: ");
    size_t wanted = length == NULL ? 0 : strtoul(length + 16, NULL, 10);

    return end != NULL && strlen(end + 4) >= wanted;
}

static inline void fake_http_serve(struct fake_http *fake, int fd, const char *answer)
{
    size_t start = fake->received_len;

    while (!fake_http_is_whole(fake->received + start)) {
        ssize_t got = read(fd, fake->received + fake->received_len,
                           sizeof(fake->received) - 1 - fake->received_len);

        if (got <= 0) {
            return;
        }
        fake->received_len += (size_t)got;
        fake->received[fake->received_len] = '\0';
    }
    if (answer != NULL) {
        (void)send(fd, answer, strlen(answer), MSG_NOSIGNAL);
    } else {
        char byte;

        while (read(fd, &byte, 1) > 0) {
        }
    }
}

static inline void *fake_http_run(void *self)
{
    struct fake_http *fake = self;

    for (size_t i = 0; i < fake->answer_count; i++) {
        int fd = accept(fake->listener, NULL, NULL);

        if (fd < 0) {
            break;
        }
        fake_http_serve(fake, fd, fake->answers[i]);
        (void)close(fd);
    }
    return NULL;
}

static inline void fake_http_start(struct fake_http *fake, const char *const *answers, size_t count)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);

    memset(fake, 0, sizeof(*fake));
    fake->answers = answers;
    fake->answer_count = count;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fake->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fake->listener >= 0);
    assert_int_equal(bind(fake->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fake->listener, 4), 0);
    assert_int_equal(getsockname(fake->listener, (struct sockaddr *)&address, &size), 0);
    (void)snprintf(fake->url, sizeof(fake->url), "http://127.0.0.1:%d", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&fake->thread, NULL, fake_http_run, fake), 0);
}

static inline void fake_http_stop(struct fake_http *fake)
{
    (void)shutdown(fake->listener, SHUT_RDWR); /* ends an accept that waits for nobody */
    assert_int_equal(pthread_join(fake->thread, NULL), 0);
    (void)close(fake->listener);
}

#endif
