/* A connection to Redis: commands go out together, answers are read in order. It connects by itself
 * when a call is opened, and any failure closes it, so that an answer which comes late is never
 * taken for that of another command. */
#ifndef PL_IO_REDIS_LINK_H
#define PL_IO_REDIS_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/redis.h"
#include "planlift/bytes.h"
#include "planlift/status.h"

struct redisContext;
struct redisReply;
struct pl_redis_tls;

/* What a link needs to know of its servers. Borrowed. */
struct pl_redis_login {
    const struct pl_redis_url *url; /* user, database, path of the socket */
    struct pl_secret password;      /* read anew for every connection; text NULL: none */
    struct pl_redis_tls *tls;       /* NULL: without */
};

/* Where a node of a cluster says that a key is now. */
struct pl_redis_redirect {
    bool is_there;
    bool is_once; /* ASK: for this command alone; else MOVED: from now on */
    int port;
    char host[280]; /* empty: that of the node that says so */
};

struct pl_redis_link {
    struct pl_redis_login login;
    struct pl_redis_place at; /* owned host; unused for a unix socket */
    char place[280];          /* host:port or path, for messages */
    bool follows;             /* errors MOVED and ASK are noted, and leave the link open */
    struct pl_redis_redirect redirect;
    struct redisContext *context; /* NULL: not connected */
    int silence_limit_ms;         /* without a byte */
    int call_limit_ms;            /* in all */
    int64_t deadline_ms;          /* of the call, on the monotonic clock */
    const char **argv;            /* of the command being put together; kept for the next */
    size_t *argv_len;
    size_t argv_capacity;
    size_t argc;
};

/* place: NULL: the URL's unix socket; copied. Of the login the texts are borrowed. */
void pl_redis_link_init(struct pl_redis_link *link, const struct pl_redis_login *login,
                        const struct pl_redis_place *place);
/* Another place from now on; closes the connection if it is another. */
void pl_redis_link_move(struct pl_redis_link *link, const struct pl_redis_place *place);
void pl_redis_link_done(struct pl_redis_link *link);

/* Begin a call: connected, logged in, nothing under way. The call has a limit from now on, however
 * slowly bytes come. Errors: PL_AGAIN. */
PL_MUST_CHECK enum pl_status pl_redis_link_open(struct pl_redis_link *link, struct pl_error *error);
void pl_redis_link_close(struct pl_redis_link *link);
/* Connected, as far as can be told, and in step. */
bool pl_redis_link_is_alive(const struct pl_redis_link *link);

/* Put a command together. Arguments are borrowed until it is sent. */
void pl_redis_link_command(struct pl_redis_link *link, const char *name);
void pl_redis_link_add(struct pl_redis_link *link, struct pl_bytes argument);
void pl_redis_link_add_text(struct pl_redis_link *link, const char *argument);
/* Queue the command; it goes out with the first answer waited for. Errors: PL_AGAIN. */
PL_MUST_CHECK enum pl_status pl_redis_link_send(struct pl_redis_link *link, struct pl_error *error);

/* The next answer, which is of that REDIS_REPLY_ type; freeReplyObject(*ret_reply). After an error
 * the link is closed, and what was under way may have been done or not. Errors: PL_AGAIN, and
 * those of pl_redis_explain. Where the link follows also PL_ABORT: the command was not done, for
 * its key is elsewhere (redirect); the link is as good as before. */
PL_MUST_CHECK enum pl_status pl_redis_link_receive(struct pl_redis_link *link, int type,
                                                   struct redisReply **ret_reply,
                                                   struct pl_error *error);
/* As pl_redis_link_receive, for an answer that says no more than that all is well. */
PL_MUST_CHECK enum pl_status pl_redis_link_confirm(struct pl_redis_link *link,
                                                   struct pl_error *error);

#endif
