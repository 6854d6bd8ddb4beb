/* HSCAN over a hash. */
#include "io/redis_names.h"

#include <string.h>

#include <hiredis/hiredis.h>

#include "io/redis_link.h"

#define CURSOR_BYTES 24
#define AT_ONCE "1000"

/* The answer: the next cursor, and names and values in turn. */
static enum pl_status take_answer(const redisReply *reply, char cursor[CURSOR_BYTES],
                                  pl_redis_name_fn *take, void *self, struct pl_error *error)
{
    const redisReply *next = reply->elements == 2 ? reply->element[0] : NULL;
    const redisReply *pairs = reply->elements == 2 ? reply->element[1] : NULL;

    if (next == NULL || next->type != REDIS_REPLY_STRING || (size_t)next->len >= CURSOR_BYTES ||
        pairs->type != REDIS_REPLY_ARRAY) {
        return pl_fail(error, PL_AGAIN, "Redis gives an answer of another kind than asked for");
    }
    memcpy(cursor, next->str, (size_t)next->len + 1);
    for (size_t i = 0; i + 1 < pairs->elements; i += 2) {
        if (pairs->element[i]->type == REDIS_REPLY_STRING) {
            take(self, (struct pl_bytes){pairs->element[i]->str, (size_t)pairs->element[i]->len});
        }
    }
    return PL_OK;
}

static enum pl_status scan_once(struct pl_redis_link *link, struct pl_bytes key,
                                char cursor[CURSOR_BYTES], redisReply **ret_reply,
                                struct pl_error *error)
{
    enum pl_status status = pl_redis_link_open(link, error);

    if (status == PL_OK) {
        pl_redis_link_command(link, "HSCAN");
        pl_redis_link_add(link, key);
        pl_redis_link_add_text(link, cursor);
        pl_redis_link_add_text(link, "COUNT");
        pl_redis_link_add_text(link, AT_ONCE);
        status = pl_redis_link_send(link, error);
    }
    return status == PL_OK ? pl_redis_link_receive(link, REDIS_REPLY_ARRAY, ret_reply, error)
                           : status;
}

enum pl_status pl_redis_names(const struct pl_redis_url *url, const char *password,
                              struct pl_bytes key, pl_redis_name_fn *take, void *self,
                              struct pl_error *error)
{
    struct pl_redis_link link;
    char cursor[CURSOR_BYTES] = "0";
    enum pl_status status;

    pl_redis_link_init(&link, url, password);
    do {
        redisReply *reply;

        status = scan_once(&link, key, cursor, &reply, error);
        if (status == PL_OK) {
            status = take_answer(reply, cursor, take, self, error);
            freeReplyObject(reply);
        }
    } while (status == PL_OK && strcmp(cursor, "0") != 0);
    pl_redis_link_done(&link);
    return status == PL_OK ? PL_OK : PL_AGAIN;
}
