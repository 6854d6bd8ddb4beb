/* Asking sentinels for the master. */
#include "io/redis_sentinel.h"

#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "planlift/arena.h"

/* Several may have to be asked while the group waits. */
#define SENTINEL_LIMIT_MS 2000

/* The answer: host and port, or null where the sentinel does not know the name. */
static enum pl_status take_address(const redisReply *reply, const struct pl_redis_link *link,
                                   struct pl_redis_place *ret_place, struct pl_error *error)
{
    const char *name = link->login.url->master;
    long port;

    if (reply->elements != 2 || reply->element[0]->type != REDIS_REPLY_STRING ||
        reply->element[1]->type != REDIS_REPLY_STRING) {
        return pl_fail(error, PL_AGAIN, "the sentinel at %s knows no master %s", link->place, name);
    }
    port = strtol(reply->element[1]->str, NULL, 10);
    if (port <= 0 || port > 65535) {
        return pl_fail(error, PL_AGAIN, "the sentinel at %s gives no address of %s", link->place,
                       name);
    }
    ret_place->host = strdup(reply->element[0]->str);
    if (ret_place->host == NULL) {
        pl_out_of_memory((size_t)reply->element[0]->len);
    }
    ret_place->port = (int)port;
    return PL_OK;
}

static enum pl_status ask_one(struct pl_redis_link *link, struct pl_redis_place *ret_place,
                              struct pl_error *error)
{
    redisReply *reply;
    enum pl_status status = pl_redis_link_open(link, error);

    if (status == PL_OK) {
        pl_redis_link_command(link, "SENTINEL");
        pl_redis_link_add_text(link, "get-master-addr-by-name");
        pl_redis_link_add_text(link, link->login.url->master);
        status = pl_redis_link_send(link, error);
    }
    if (status == PL_OK) {
        status = pl_redis_link_receive(link, REDIS_REPLY_ARRAY, &reply, error);
    }
    if (status == PL_OK) {
        status = take_address(reply, link, ret_place, error);
        freeReplyObject(reply);
    }
    return status == PL_OK ? PL_OK : PL_AGAIN;
}

/* Sentinels mostly have no users, even where the Redis they watch has: without a login first. */
static enum pl_status ask_place(const struct pl_redis_login *login,
                                const struct pl_redis_place *place,
                                struct pl_redis_place *ret_place, struct pl_error *error)
{
    struct pl_redis_url url = *login->url;
    struct pl_redis_login plain = {.url = &url, .tls = login->tls};
    struct pl_redis_link link;
    enum pl_status status = PL_AGAIN;

    url.database = 0;
    for (int with_login = 0; status != PL_OK && with_login < 2; with_login++) {
        plain.password = with_login == 1 ? login->password : (struct pl_secret){.text = NULL};
        pl_redis_link_init(&link, &plain, place);
        link.silence_limit_ms = SENTINEL_LIMIT_MS;
        link.call_limit_ms = SENTINEL_LIMIT_MS;
        status = ask_one(&link, ret_place, error);
        pl_redis_link_done(&link);
        if (strstr(error->text, "NOAUTH") == NULL) {
            break;
        }
    }
    return status;
}

enum pl_status pl_redis_sentinel_ask(const struct pl_redis_login *login, size_t *first,
                                     struct pl_redis_place *ret_place, struct pl_error *error)
{
    const struct pl_redis_url *url = login->url;
    enum pl_status status = PL_AGAIN;

    for (size_t i = 0; status != PL_OK && i < url->place_count; i++) {
        size_t asked = (*first + i) % url->place_count;

        status = ask_place(login, &url->places[asked], ret_place, error);
        if (status == PL_OK) {
            *first = asked;
        }
    }
    return status;
}

enum pl_status pl_redis_sentinel_check(struct pl_redis_link *link, struct pl_error *error)
{
    redisReply *reply;
    enum pl_status status;

    pl_redis_link_command(link, "ROLE");
    status = pl_redis_link_send(link, error);
    if (status == PL_OK) {
        status = pl_redis_link_receive(link, REDIS_REPLY_ARRAY, &reply, error);
    }
    if (status != PL_OK) {
        return PL_AGAIN;
    }
    if (reply->elements == 0 || reply->element[0]->type != REDIS_REPLY_STRING ||
        strcmp(reply->element[0]->str, "master") != 0) {
        status = pl_fail(error, PL_AGAIN,
                         "Redis at %s is not the master that the sentinels take it for: a failover "
                         "is under way",
                         link->place);
        pl_redis_link_close(link);
    }
    freeReplyObject(reply);
    return status;
}
