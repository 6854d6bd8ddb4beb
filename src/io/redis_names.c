/* HSCAN over a hash. */
#include "io/redis_names.h"

#include <string.h>

#include <hiredis/hiredis.h>

#include "io/redis_errand.h"

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

struct scan {
    char cursor[CURSOR_BYTES];
    pl_redis_name_fn *take;
    void *self;
    bool is_begun;
};

static enum pl_status send_scan(const struct pl_redis_errand *errand, struct pl_redis_link *link,
                                struct pl_error *error)
{
    const struct scan *scan = errand->item;

    pl_redis_link_command(link, "HSCAN");
    pl_redis_link_add(link, errand->key);
    pl_redis_link_add_text(link, scan->cursor);
    pl_redis_link_add_text(link, "COUNT");
    pl_redis_link_add_text(link, AT_ONCE);
    return pl_redis_link_send(link, error);
}

static enum pl_status take_scan(const struct pl_redis_errand *errand, struct pl_redis_link *link,
                                struct pl_error *error)
{
    struct scan *scan = errand->item;
    redisReply *reply;
    enum pl_status status = pl_redis_link_receive(link, REDIS_REPLY_ARRAY, &reply, error);

    if (status == PL_ABORT && scan->is_begun) { /* a cursor means nothing to another server */
        return pl_fail(error, PL_AGAIN, "the hash has moved in its cluster meanwhile: try again");
    }
    if (status == PL_OK) {
        scan->is_begun = true;
        status = take_answer(reply, scan->cursor, scan->take, scan->self, error);
        freeReplyObject(reply);
    }
    return status;
}

enum pl_status pl_redis_names(const struct pl_redis_url *url, const struct pl_secret *password,
                              struct pl_bytes key, pl_redis_name_fn *take, void *self,
                              struct pl_error *error)
{
    struct pl_redis_nodes *nodes = pl_redis_nodes_new(url, password);
    struct scan scan = {.cursor = "0", .take = take, .self = self};
    struct pl_redis_errand errand = {send_scan, take_scan, key, &scan, NULL, NULL};
    enum pl_status status;

    do {
        status = pl_redis_errands_run(nodes, &errand, 1, error);
    } while (status == PL_OK && strcmp(scan.cursor, "0") != 0);
    pl_redis_nodes_free(nodes);
    return status == PL_OK ? PL_OK : PL_AGAIN;
}
