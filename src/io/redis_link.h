/* A connection to Redis: commands go out together, answers are read in order. It connects by itself
 * when a call is opened, and any failure closes it, so that an answer which comes late is never
 * taken for that of another command. */
#ifndef PL_IO_REDIS_LINK_H
#define PL_IO_REDIS_LINK_H

#include <stddef.h>
#include <stdint.h>

#include "io/redis.h"
#include "planlift/bytes.h"
#include "planlift/status.h"

struct redisContext;
struct redisReply;

struct pl_redis_link {
    struct pl_redis_url url;
    char *password;               /* NULL: none */
    char place[280];              /* host:port or path, for messages */
    struct redisContext *context; /* NULL: not connected */
    int silence_limit_ms;         /* without a byte */
    int call_limit_ms;            /* in all */
    int64_t deadline_ms;          /* of the call, on the monotonic clock */
    const char **argv;            /* of the command being put together; kept for the next */
    size_t *argv_len;
    size_t argv_capacity;
    size_t argc;
};

/* Copies its arguments. password: overrides the URL's; may be NULL. */
void pl_redis_link_init(struct pl_redis_link *link, const struct pl_redis_url *url,
                        const char *password);
void pl_redis_link_done(struct pl_redis_link *link);

/* Begin a call: connected, logged in, nothing under way. The call has a limit from now on, however
 * slowly bytes come. Errors: PL_AGAIN. */
PL_MUST_CHECK enum pl_status pl_redis_link_open(struct pl_redis_link *link, struct pl_error *error);
void pl_redis_link_close(struct pl_redis_link *link);

/* Put a command together. Arguments are borrowed until it is sent. */
void pl_redis_link_command(struct pl_redis_link *link, const char *name);
void pl_redis_link_add(struct pl_redis_link *link, struct pl_bytes argument);
void pl_redis_link_add_text(struct pl_redis_link *link, const char *argument);
/* Queue the command; it goes out with the first answer waited for. Errors: PL_AGAIN. */
PL_MUST_CHECK enum pl_status pl_redis_link_send(struct pl_redis_link *link, struct pl_error *error);

/* The next answer, which is of that REDIS_REPLY_ type; freeReplyObject(*ret_reply). After an error
 * the link is closed, and what was under way may have been done or not. Errors: PL_AGAIN, and
 * those of pl_redis_explain. */
PL_MUST_CHECK enum pl_status pl_redis_link_receive(struct pl_redis_link *link, int type,
                                                   struct redisReply **ret_reply,
                                                   struct pl_error *error);
/* As pl_redis_link_receive, for an answer that says no more than that all is well. */
PL_MUST_CHECK enum pl_status pl_redis_link_confirm(struct pl_redis_link *link,
                                                   struct pl_error *error);

#endif
