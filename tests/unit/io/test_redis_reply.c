/* Unit tests of io/redis_reply.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "io/redis_reply.h"

/* Texts are those of Redis 5 to 7. */
static const struct known {
    const char *reply;
    const char *said; /* is in the explanation */
    enum pl_status status;
} replies[] = {
    {"LOADING Redis is loading the dataset in memory", "loading its data (LOADING)", PL_AGAIN},
    {"OOM command not allowed when used memory > 'maxmemory'.", "maxmemory", PL_AGAIN},
    {"OOM command not allowed when used memory > 'maxmemory'. script: 6e7f, on @user_script:14.",
     "full (OOM)", PL_AGAIN},
    {"ERR Error running script (call to f_6e7f): @user_script:14: @user_script: 14: -OOM command "
     "not allowed when used memory > 'maxmemory'.",
     "full (OOM)", PL_AGAIN},
    {"READONLY You can't write against a read only replica.", "name the master", PL_AGAIN},
    {"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
     "(MASTERDOWN)", PL_AGAIN},
    {"MISCONF Redis is configured to save RDB snapshots, but ...", "cannot save", PL_AGAIN},
    {"NOREPLICAS Not enough good replicas to write.", "replicas", PL_AGAIN},
    {"BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
     "SCRIPT KILL", PL_AGAIN},
    {"CLUSTERDOWN The cluster is down", "(CLUSTERDOWN)", PL_AGAIN},
    {"MOVED 3999 127.0.0.1:6381", "single Redis", PL_AGAIN},
    {"ASK 3999 127.0.0.1:6381", "single Redis", PL_AGAIN},
    {"NOAUTH Authentication required.", "set redis.password", PL_AGAIN},
    {"WRONGPASS invalid username-password pair or user is disabled.", "(WRONGPASS)", PL_AGAIN},
    {"ERR invalid password", "check redis.password", PL_AGAIN},
    {"ERR AUTH <password> called without any password configured for the default user.",
     "knows no password", PL_AGAIN},
    {"ERR Client sent AUTH, but no password is set", "unset redis.password", PL_AGAIN},
    {"ERR DB index is out of range", "redis.url", PL_AGAIN},
    {"ERR max number of clients reached", "maxclients", PL_AGAIN},
    {"WRONGTYPE Operation against a key holding the wrong kind of value", "delete the key",
     PL_BAD_DATA},
    {"NOPERM this user has no permissions to run the 'eval' command", "'eval'", PL_NOT_FOUND},
    {"ERR ACL failure in script: User u has no permissions to run the 'hdel' command", "'hdel'",
     PL_NOT_FOUND},
    {"EXECABORT Transaction discarded because of: NOPERM no permissions to run the 'exec' command",
     "'exec'", PL_NOT_FOUND},
    {"ERR unknown command 'INFO', with args beginning with: 'memory' ", "'INFO'", PL_NOT_FOUND},
    {"ERR something new\r\nand more", "answers: ERR something new", PL_AGAIN},
    {"", "answers: ", PL_AGAIN},
};

static void each_reply_is_explained(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
        struct pl_error error = {""};

        assert_int_equal(pl_redis_explain(replies[i].reply, "h:1", &error), replies[i].status);
        assert_non_null(strstr(error.text, replies[i].said));
        assert_non_null(strstr(error.text, "Redis at h:1"));
        assert_null(strpbrk(error.text, "\r\n"));
    }
}

/* Redis repeats what was asked, which may be a password or a customer. */
static void what_was_asked_is_not_shown(void **state)
{
    static const char *const told[] = {
        "ERR unknown command 'AUTH', with args beginning with: 'user' 'secret' ",
        "ERR unknown command `AUTH`, with args beginning with: `secret`, ",
        "ERR unknown subcommand 'X', with args beginning with: 'secret' ",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
        struct pl_error error = {""};

        assert_int_not_equal(pl_redis_explain(told[i], "h:1", &error), PL_OK);
        assert_null(strstr(error.text, "secret"));
        assert_non_null(strstr(error.text, "ERR unknown"));
    }
}

static void a_long_reply_is_cut(void **state)
{
    char reply[5000];
    struct pl_error error = {""};

    (void)state;
    memset(reply, 'x', sizeof(reply));
    reply[sizeof(reply) - 1] = '\0';
    assert_int_equal(pl_redis_explain(reply, "h:1", &error), PL_AGAIN);
    assert_true(strlen(error.text) < 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_reply_is_explained),
        cmocka_unit_test(what_was_asked_is_not_shown),
        cmocka_unit_test(a_long_reply_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
