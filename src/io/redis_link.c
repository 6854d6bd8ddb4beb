/* A connection to Redis. */
#include "io/redis_link.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <hiredis/hiredis.h>

#include "base/clock.h"
#include "io/redis_reply.h"
#include "io/redis_tls.h"
#include "planlift/arena.h"

/* Short enough that little time is lost once Redis is back, and long enough for a Redis that forks,
 * waits for its disk, or is two seconds late. The group is served between calls only. */
#define CONNECT_LIMIT_S 2
#define SILENCE_LIMIT_MS 3000
#define CALL_LIMIT_MS 10000

/* ---- life ------------------------------------------------------------------------------------ */

static char *copy_text(const char *text)
{
    char *copy = text == NULL ? NULL : strdup(text);

    if (text != NULL && copy == NULL) {
        pl_out_of_memory(strlen(text));
    }
    return copy;
}

static void set_place(struct pl_redis_link *link, const struct pl_redis_place *place)
{
    char *host = copy_text(place->host);

    free(link->at.host);
    link->at = (struct pl_redis_place){host, place->port};
    (void)snprintf(link->place, sizeof(link->place), "%s:%d", host, place->port); /* cut to fit */
}

void pl_redis_link_init(struct pl_redis_link *link, const struct pl_redis_login *login,
                        const struct pl_redis_place *place)
{
    *link = (struct pl_redis_link){
        .login = *login, .silence_limit_ms = SILENCE_LIMIT_MS, .call_limit_ms = CALL_LIMIT_MS};
    if (place == NULL) {
        (void)snprintf(link->place, sizeof(link->place), "%s", login->url->path); /* cut to fit */
    } else {
        set_place(link, place);
    }
}

void pl_redis_link_move(struct pl_redis_link *link, const struct pl_redis_place *place)
{
    if (link->at.port != place->port || strcmp(link->at.host, place->host) != 0) {
        pl_redis_link_close(link);
        set_place(link, place);
    }
}

void pl_redis_link_close(struct pl_redis_link *link)
{
    if (link->context != NULL) {
        redisFree(link->context);
        link->context = NULL;
    }
}

void pl_redis_link_done(struct pl_redis_link *link)
{
    pl_redis_link_close(link);
    free(link->at.host);
    free(link->argv);
    free(link->argv_len);
}

/* ---- commands -------------------------------------------------------------------------------- */

void pl_redis_link_add(struct pl_redis_link *link, struct pl_bytes argument)
{
    if (link->argc == link->argv_capacity) {
        link->argv_capacity = link->argv_capacity == 0 ? 1024 : link->argv_capacity * 2;
        link->argv = realloc(link->argv, link->argv_capacity * sizeof(*link->argv));
        link->argv_len = realloc(link->argv_len, link->argv_capacity * sizeof(size_t));
        if (link->argv == NULL || link->argv_len == NULL) {
            pl_out_of_memory(link->argv_capacity * sizeof(*link->argv));
        }
    }
    link->argv[link->argc] = argument.data == NULL ? "" : argument.data;
    link->argv_len[link->argc++] = argument.len;
}

void pl_redis_link_add_text(struct pl_redis_link *link, const char *argument)
{
    pl_redis_link_add(link, pl_bytes_of(argument));
}

void pl_redis_link_command(struct pl_redis_link *link, const char *name)
{
    link->argc = 0;
    pl_redis_link_add_text(link, name);
}

enum pl_status pl_redis_link_send(struct pl_redis_link *link, struct pl_error *error)
{
    if (redisAppendCommandArgv(link->context, (int)link->argc, link->argv, link->argv_len) !=
        REDIS_OK) {
        pl_redis_link_close(link);
        return pl_fail(error, PL_AGAIN, "no memory for a command to Redis");
    }
    return PL_OK;
}

/* ---- answers --------------------------------------------------------------------------------- */

/* What hiredis ran into, with the errno it left. */
static enum pl_status broken(struct pl_redis_link *link, int number, struct pl_error *error)
{
    const redisContext *context = link->context;

    if (context->err == REDIS_ERR_EOF) {
        (void)pl_fail(error, PL_AGAIN, "Redis at %s closed the connection", link->place);
    } else if (context->err == REDIS_ERR_PROTOCOL) {
        (void)pl_fail(error, PL_AGAIN, "what answers at %s is no Redis: check redis.url (%s)",
                      link->place, context->errstr);
    } else if (context->err == REDIS_ERR_IO && number == EAGAIN) {
        (void)pl_fail(error, PL_AGAIN, "Redis at %s did not answer within %g s", link->place,
                      link->silence_limit_ms / 1000.0);
    } else {
        (void)pl_fail(error, PL_AGAIN, "Redis at %s: the connection broke (%s)", link->place,
                      context->errstr);
    }
    pl_redis_link_close(link);
    return PL_AGAIN;
}

static enum pl_status check_limit(struct pl_redis_link *link, struct pl_error *error)
{
    if (pl_clock_ms() < link->deadline_ms) {
        return PL_OK;
    }
    pl_redis_link_close(link);
    return pl_fail(error, PL_AGAIN, "Redis at %s is slow: no whole answer within %g s", link->place,
                   link->call_limit_ms / 1000.0);
}

/* Send what is queued. */
static enum pl_status flush(struct pl_redis_link *link, struct pl_error *error)
{
    enum pl_status status = PL_OK;
    int is_done = 0;

    while (status == PL_OK && is_done == 0) {
        if (redisBufferWrite(link->context, &is_done) != REDIS_OK) {
            return broken(link, errno, error);
        }
        status = is_done != 0 ? PL_OK : check_limit(link, error);
    }
    return status;
}

/* The next answer, whatever it is. */
static enum pl_status get_reply(struct pl_redis_link *link, redisReply **ret_reply,
                                struct pl_error *error)
{
    void *reply = NULL;
    enum pl_status status = flush(link, error);

    while (status == PL_OK) {
        if (redisGetReplyFromReader(link->context, &reply) != REDIS_OK) {
            return broken(link, 0, error);
        }
        if (reply != NULL) {
            *ret_reply = reply;
            break;
        }
        if (redisBufferRead(link->context) != REDIS_OK) {
            return broken(link, errno, error);
        }
        status = check_limit(link, error);
    }
    return status;
}

/* The first error in an answer, also in one that is made of answers; NULL: none. */
static const char *find_error(const redisReply *reply)
{
    const char *found = reply->type == REDIS_REPLY_ERROR ? reply->str : NULL;

    for (size_t i = 0; found == NULL && i < reply->elements; i++) {
        if (reply->element[i]->type == REDIS_REPLY_ERROR) {
            found = reply->element[i]->str;
        }
    }
    return found;
}

/* "MOVED 3999 host:port" or "ASK 3999 host:port"; without a host: the one that says so. */
static bool note_redirect(struct pl_redis_link *link, const char *refusal)
{
    struct pl_redis_redirect *redirect = &link->redirect;
    bool is_moved = strncmp(refusal, "MOVED ", 6) == 0;
    const char *slot = strchr(refusal, ' ');
    const char *place = slot == NULL ? NULL : strchr(slot + 1, ' ');
    const char *colon = place == NULL ? NULL : strrchr(place + 1, ':');
    size_t len;

    if ((!is_moved && strncmp(refusal, "ASK ", 4) != 0) || colon == NULL) {
        return false;
    }
    len = (size_t)(colon - place) - 1;
    if (len >= sizeof(redirect->host)) {
        return false;
    }
    memcpy(redirect->host, place + 1, len);
    redirect->host[len] = '\0';
    redirect->is_there = true;
    redirect->is_once = !is_moved;
    redirect->port = (int)strtol(colon + 1, NULL, 10);
    return redirect->port > 0 && redirect->port <= 65535;
}

static enum pl_status refuse(struct pl_redis_link *link, const char *refusal,
                             struct pl_error *error)
{
    enum pl_status status;

    if (link->follows && note_redirect(link, refusal)) {
        return pl_fail(error, PL_ABORT, "Redis at %s: a key is elsewhere in its cluster",
                       link->place);
    }
    if (link->redirect.is_there && strncmp(refusal, "EXECABORT", 9) == 0) {
        return pl_fail(error, PL_ABORT, "Redis at %s: a key is elsewhere in its cluster",
                       link->place); /* as was said already */
    }
    status = pl_redis_explain(refusal, link->place, error);
    pl_redis_link_close(link);
    return status;
}

/* Where a list is asked for, null is one that has nothing. */
static bool is_null(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_NIL;
}

enum pl_status pl_redis_link_receive(struct pl_redis_link *link, int type,
                                     struct redisReply **ret_reply, struct pl_error *error)
{
    redisReply *reply = NULL;
    const char *refusal;
    enum pl_status status = get_reply(link, &reply, error);

    if (status != PL_OK) {
        return status;
    }
    refusal = find_error(reply);
    if (refusal != NULL) {
        status = refuse(link, refusal, error);
    } else if (reply->type != type && !(type == REDIS_REPLY_ARRAY && is_null(reply))) {
        status = pl_fail(error, PL_AGAIN, "Redis at %s gives an answer of another kind than asked",
                         link->place);
        pl_redis_link_close(link);
    } else {
        *ret_reply = reply;
        return PL_OK;
    }
    freeReplyObject(reply);
    return status;
}

enum pl_status pl_redis_link_confirm(struct pl_redis_link *link, struct pl_error *error)
{
    redisReply *reply = NULL;
    enum pl_status status = pl_redis_link_receive(link, REDIS_REPLY_STATUS, &reply, error);

    if (status == PL_OK) {
        freeReplyObject(reply);
    }
    return status;
}

/* ---- connection ------------------------------------------------------------------------------ */

static enum pl_status finish_command(struct pl_redis_link *link, struct pl_error *error)
{
    enum pl_status status = pl_redis_link_send(link, error);

    return status == PL_OK ? pl_redis_link_confirm(link, error) : status;
}

static enum pl_status authenticate(struct pl_redis_link *link, struct pl_error *error)
{
    char *password = NULL;
    enum pl_status status = pl_secret_get(&link->login.password, &password, error);

    if (status == PL_OK && password != NULL) {
        pl_redis_link_command(link, "AUTH");
        if (link->login.url->user != NULL) {
            pl_redis_link_add_text(link, link->login.url->user);
        }
        pl_redis_link_add_text(link, password);
        status = finish_command(link, error);
    }
    pl_secret_free(password);
    return status;
}

static enum pl_status log_in(struct pl_redis_link *link, struct pl_error *error)
{
    enum pl_status status = authenticate(link, error);

    if (status == PL_OK && link->login.url->database != 0) {
        char number[16];

        (void)snprintf(number, sizeof(number), "%d", link->login.url->database);
        pl_redis_link_command(link, "SELECT");
        pl_redis_link_add_text(link, number);
        status = finish_command(link, error);
    }
    return status == PL_OK ? PL_OK : PL_AGAIN;
}

/* Nothing is under way between calls: a connection that has something to say has been closed, or
 * is not in step with us. */
static bool is_quiet(const redisContext *context)
{
    struct pollfd fd = {.fd = context->fd, .events = POLLIN};

    return context->reader->pos == context->reader->len && poll(&fd, 1, 0) == 0;
}

bool pl_redis_link_is_alive(const struct pl_redis_link *link)
{
    return link->context != NULL && is_quiet(link->context);
}

static enum pl_status unreachable(struct pl_redis_link *link, int number, struct pl_error *error)
{
    const redisContext *context = link->context;

    if (context == NULL) {
        return pl_fail(error, PL_AGAIN, "no memory for a connection to Redis");
    }
    if (number == ETIMEDOUT) {
        (void)pl_fail(error, PL_AGAIN, "Redis at %s cannot be reached: no answer within %d s",
                      link->place, CONNECT_LIMIT_S);
    } else {
        (void)pl_fail(error, PL_AGAIN, "Redis at %s cannot be reached: %s", link->place,
                      context->errstr);
    }
    pl_redis_link_close(link);
    return PL_AGAIN;
}

enum pl_status pl_redis_link_open(struct pl_redis_link *link, struct pl_error *error)
{
    const struct timeval connect_limit = {.tv_sec = CONNECT_LIMIT_S};
    const struct timeval silence_limit = {.tv_sec = link->silence_limit_ms / 1000,
                                          .tv_usec = link->silence_limit_ms % 1000 * 1000L};
    const char *path = link->login.url->path;

    link->redirect.is_there = false;
    link->deadline_ms = pl_clock_ms() + link->call_limit_ms;
    if (pl_redis_link_is_alive(link)) {
        return PL_OK;
    }
    pl_redis_link_close(link);
    errno = 0;
    link->context = path != NULL
                        ? redisConnectUnixWithTimeout(path, connect_limit)
                        : redisConnectWithTimeout(link->at.host, link->at.port, connect_limit);
    if (link->context == NULL || link->context->err != 0 ||
        redisSetTimeout(link->context, silence_limit) != REDIS_OK) {
        return unreachable(link, errno, error);
    }
    if (link->login.tls != NULL &&
        pl_redis_tls_start(link->login.tls, link->context, link->at.host, error) != PL_OK) {
        pl_redis_link_close(link);
        return PL_AGAIN;
    }
    return log_in(link, error);
}
