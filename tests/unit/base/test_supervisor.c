/* Unit tests of base/supervisor.c. */
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
#include <unistd.h>

#include <cmocka.h>

#include "base/supervisor.h"

#define TEXT_BYTES 2048

/* The supervisor's end: a socket with a name of its own. */
static int listen_at(const char *name, size_t name_len)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_DGRAM, 0);

    assert_true(listener >= 0);
    memcpy(address.sun_path, name, name_len);
    assert_int_equal(bind(listener, (const struct sockaddr *)(const void *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + name_len)),
                     0);
    return listener;
}

/* An abstract name that no other process has, as NOTIFY_SOCKET spells it. */
static int listen_abstract(char *ret_address, size_t size)
{
    char name[64];
    int len = snprintf(name, sizeof(name), "planlift-test-%ld", (long)getpid());

    assert_true(len > 0);
    (void)snprintf(ret_address, size, "@%s", name);
    memmove(name + 1, name, (size_t)len);
    name[0] = '\0';
    return listen_at(name, (size_t)len + 1);
}

/* The next datagram; "" where there is none. */
static const char *next(int listener)
{
    static char text[TEXT_BYTES];
    ssize_t len = recv(listener, text, sizeof(text) - 1, MSG_DONTWAIT);

    text[len < 0 ? 0 : len] = '\0';
    return text;
}

/* Fill the supervisor's socket by one more; false: it is full. */
static bool send_one(int sender, const char *address)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = strlen(address);

    memcpy(to.sun_path, address, len);
    to.sun_path[0] = '\0';
    return sendto(sender, "X=1", 3, MSG_DONTWAIT, (const struct sockaddr *)(const void *)&to,
                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) == 3;
}

static void meet_all(struct pl_health *health)
{
    for (int i = 0; i < PL_CONDITION_COUNT; i++) {
        pl_health_set(health, (enum pl_condition)i, true, "");
    }
}

struct stage {
    int listener;
    char address[80];
    struct pl_health *health;
    struct pl_supervisor *supervisor;
};

static int set_up(void **state)
{
    struct stage *stage = calloc(1, sizeof(*stage));

    assert_non_null(stage);
    stage->listener = listen_abstract(stage->address, sizeof(stage->address));
    stage->health = pl_health_new(3);
    stage->supervisor = pl_supervisor_new(stage->address);
    assert_non_null(stage->supervisor);
    *state = stage;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;

    pl_supervisor_free(stage->supervisor);
    pl_health_free(stage->health);
    (void)close(stage->listener);
    free(stage);
    return 0;
}

static void told_what_is_waited_for_then_ready_once(void **state)
{
    struct stage *stage = *state;

    pl_supervisor_tell_health(stage->supervisor, stage->health);
    assert_string_equal(next(stage->listener), "WATCHDOG=1");
    assert_string_equal(next(stage->listener),
                        "STATUS=kafka: not reached yet;redis: not reached yet;"
                        "assigned: the group has not given us our share of the partitions yet;"
                        "restored: the state of our partitions is not restored yet");

    meet_all(stage->health);
    pl_supervisor_tell_health(stage->supervisor, stage->health);
    assert_string_equal(next(stage->listener), "WATCHDOG=1");
    assert_string_equal(next(stage->listener), "READY=1\nSTATUS=ready");

    pl_supervisor_tell_health(stage->supervisor, stage->health);
    assert_string_equal(next(stage->listener), "WATCHDOG=1");
    assert_string_equal(next(stage->listener), ""); /* nothing new */

    pl_health_set(stage->health, PL_CONDITION_REDIS, false, "away");
    pl_supervisor_tell_health(stage->supervisor, stage->health);
    assert_string_equal(next(stage->listener), "WATCHDOG=1");
    assert_string_equal(next(stage->listener), "STATUS=redis: away");

    meet_all(stage->health);
    pl_supervisor_tell_health(stage->supervisor, stage->health);
    assert_string_equal(next(stage->listener), "WATCHDOG=1");
    assert_string_equal(next(stage->listener), "STATUS=ready");

    pl_supervisor_tell_stopping(stage->supervisor);
    assert_string_equal(next(stage->listener), "STOPPING=1");
}

/* No beat for five sixths of the limit: systemd is to end us. */
static void not_fed_while_the_loop_hangs(void **state)
{
    struct stage *stage = *state;
    const char *at;

    meet_all(stage->health);
    for (int second = 0; second < 4; second++) {
        (void)pl_health_tick(stage->health, &at);
    }
    pl_supervisor_tell_health(stage->supervisor, stage->health);
    assert_string_equal(next(stage->listener), "READY=1\nSTATUS=ready");
    assert_string_equal(next(stage->listener), "");

    pl_health_beat(stage->health, "going on");
    (void)pl_health_tick(stage->health, &at);
    pl_supervisor_tell_health(stage->supervisor, stage->health);
    assert_string_equal(next(stage->listener), "WATCHDOG=1");
}

/* Fill the listener's queue; returns with how many. One sender alone may be full before it is. */
static int fill_queue(const char *address)
{
    int count = 0;
    bool is_full = false;

    while (!is_full) {
        int sender = socket(AF_UNIX, SOCK_DGRAM, 0);
        int before = count;

        while (send_one(sender, address)) {
            count++;
        }
        is_full = count == before;
        (void)close(sender);
    }
    return count;
}

/* A supervisor whose socket is full is not waited for, and told once there is room. */
static void a_busy_supervisor_is_told_later(void **state)
{
    struct stage *stage = *state;
    int told = fill_queue(stage->address);

    meet_all(stage->health);
    pl_supervisor_tell_health(stage->supervisor, stage->health);
    for (int i = 0; i < told; i++) {
        assert_string_equal(next(stage->listener), "X=1");
    }
    assert_string_equal(next(stage->listener), "");
    pl_supervisor_tell_health(stage->supervisor, stage->health);
    assert_string_equal(next(stage->listener), "WATCHDOG=1");
    assert_string_equal(next(stage->listener), "READY=1\nSTATUS=ready");
}

static void a_socket_in_the_file_system(void **state)
{
    char folder[] = "planlift-test-XXXXXX";
    char path[256];
    char cwd[200];
    struct pl_supervisor *supervisor;
    int listener;

    (void)state;
    assert_non_null(getcwd(cwd, sizeof(cwd)));
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    listener = listen_at("socket", strlen("socket"));
    assert_int_equal(chdir(cwd), 0);
    (void)snprintf(path, sizeof(path), "%s/%s/socket", cwd, folder);
    supervisor = pl_supervisor_new(path);
    if (supervisor != NULL) { /* else the path is too long for a socket here */
        pl_supervisor_tell_stopping(supervisor);
        assert_string_equal(next(listener), "STOPPING=1");
    } else {
        assert_true(strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path));
    }
    pl_supervisor_free(supervisor);
    (void)close(listener);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void nobody_wants_to_know(void **state)
{
    struct stage *stage = *state;
    char long_path[200];

    memset(long_path, 'x', sizeof(long_path) - 1);
    long_path[0] = '/';
    long_path[sizeof(long_path) - 1] = '\0';
    assert_null(pl_supervisor_new(NULL));
    assert_null(pl_supervisor_new(""));
    assert_null(pl_supervisor_new("vsock:1:2"));
    assert_null(pl_supervisor_new(long_path));
    pl_supervisor_tell_health(NULL, stage->health);
    pl_supervisor_tell_stopping(NULL);
    pl_supervisor_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(told_what_is_waited_for_then_ready_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(not_fed_while_the_loop_hangs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_busy_supervisor_is_told_later, set_up, tear_down),
        cmocka_unit_test(a_socket_in_the_file_system),
        cmocka_unit_test_setup_teardown(nobody_wants_to_know, set_up, tear_down)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
