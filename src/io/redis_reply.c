/* What an error reply of Redis means to who runs planlift. */
#include "io/redis_reply.h"

#include <stddef.h>
#include <string.h>

#define REPLY_SHOWN 200

/* How replies begin: a code, or the words of an error that has none of its own. */
static const struct meaning {
    const char *start;
    const char *text;
    enum pl_status status;
} meanings[] = {
    {"LOADING", "it is loading its data (LOADING) and answers once that is done", PL_AGAIN},
    {"OOM", "it is full (OOM): raise its maxmemory or free memory", PL_AGAIN},
    {"READONLY",
     "it is a read-only replica (READONLY): after a failover planlift finds the new master by "
     "connecting anew; else let redis.url name the master",
     PL_AGAIN},
    {"MASTERDOWN",
     "it is a replica without its master (MASTERDOWN): bring the master back, or let redis.url "
     "name the new one",
     PL_AGAIN},
    {"MISCONF",
     "it refuses writes as it cannot save to its disk (MISCONF): see its log; planlift needs no "
     "saving, so it may be switched off",
     PL_AGAIN},
    {"NOREPLICAS", "it has too few good replicas to take writes (NOREPLICAS)", PL_AGAIN},
    {"BUSY", "it is busy with somebody's script (BUSY); SCRIPT KILL ends that", PL_AGAIN},
    {"CLUSTERDOWN", "its cluster is down (CLUSTERDOWN)", PL_AGAIN},
    {"MOVED", "it is one node of a cluster (MOVED): redis.url must name a single Redis", PL_AGAIN},
    {"ASK", "it is one node of a cluster (ASK): redis.url must name a single Redis", PL_AGAIN},
    {"NOAUTH", "it wants a password (NOAUTH): set redis.password", PL_AGAIN},
    {"WRONGPASS",
     "it refuses the user or the password (WRONGPASS): check redis.password and redis.url",
     PL_AGAIN},
    {"ERR invalid password", "it refuses the password (invalid password): check redis.password",
     PL_AGAIN},
    {"ERR AUTH", "it knows no password for this user: check redis.password and redis.url",
     PL_AGAIN},
    {"ERR Client sent AUTH", "it has no password: unset redis.password", PL_AGAIN},
    {"ERR DB index", "it has no database of that number: check the end of redis.url", PL_AGAIN},
    {"ERR max number of clients", "it has too many clients: raise its maxclients", PL_AGAIN},
    {"WRONGTYPE",
     "the key holds a value of another type (WRONGTYPE), which planlift did not write: delete the "
     "key, and give planlift a Redis or a database of its own",
     PL_BAD_DATA},
};

/* The words after a code are for the reader, without what was asked. */
static int shown_length(const char *reply)
{
    const char *arguments = strstr(reply, ", with args");
    size_t len = arguments == NULL ? strcspn(reply, "\r\n") : (size_t)(arguments - reply);

    return (int)(len < REPLY_SHOWN ? len : REPLY_SHOWN);
}

enum pl_status pl_redis_explain(const char *reply, const char *place, struct pl_error *error)
{
    static const char of_transaction[] = "because of: "; /* EXECABORT, of its EXEC */
    const char *inner = strstr(reply, ": -"); /* of a command in a script, before Redis 7 */
    const char *cause = strstr(reply, of_transaction);
    const char *start = inner != NULL   ? inner + 3
                        : cause != NULL ? cause + sizeof(of_transaction) - 1
                                        : reply;
    int len = shown_length(start);

    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        if (strncmp(start, meanings[i].start, strlen(meanings[i].start)) == 0) {
            return pl_fail(error, meanings[i].status, "Redis at %s: %s", place, meanings[i].text);
        }
    }
    if (strstr(start, "user executing the script") != NULL || /* Redis 7.0; it names no command */
        strstr(start, "ACL failure in script") != NULL) {
        return pl_fail(error, PL_NOT_FOUND,
                       "Redis at %s lets us not use a command of planlift's scripts, which need "
                       "hget, hset, hdel and unlink (%.*s): see its ACL",
                       place, len, start);
    }
    if (strncmp(start, "NOPERM", 6) == 0 || strncmp(start, "ERR unknown command", 19) == 0) {
        return pl_fail(error, PL_NOT_FOUND,
                       "Redis at %s lets us not use a command or key that planlift needs (%.*s): "
                       "see its ACL and its renamed commands",
                       place, len, start);
    }
    return pl_fail(error, PL_AGAIN, "Redis at %s answers: %.*s", place, len, start);
}
