/* The simulated hiredis, and what goes wrong between a client and its Redis, or with Redis itself.
 *
 * Commands go out with the first answer that is waited for, as in hiredis. Then one of three things
 * happens to them: all are executed at once, or each when its answer is asked for (others may come
 * between), or they are under way for a time and are executed even if their client is dead by
 * then. */
#include "redis.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "redis_inner.h"

#define DEFAULT_TIMEOUT_MS 5000

enum fate {
    FATE_ANSWERED,
    FATE_DROPPED, /* never executed */
    FATE_SILENT,  /* executed, not answered */
    FATE_LATE     /* executed once its client has given it up */
};

/* A command on its way. */
struct item {
    struct item *next;
    struct connection *connection;
    struct sim_command command;
    enum fate fate;
    bool is_sent;
    bool is_done;      /* executed */
    bool is_read;      /* the answer is in the client's reader */
    redisReply *reply; /* of one that is answered, until it is handed out */
};

enum pace { PACE_AT_ONCE, PACE_WHEN_ASKED, PACE_UNDER_WAY };

/* Lives in the world's arena: late commands outlast their client. */
struct connection {
    redisContext context; /* what the client sees; first */
    redisReader reader;   /* empty: looked at, to see whether something is unread */
    struct sim *sim;
    struct sim_process *process;
    uint64_t life; /* of the server, when it was made */
    struct sim_session session;
    int64_t timeout_ms;
    struct item *first, *last; /* not handed out yet */
    enum pace pace;
    bool is_silent; /* what fails, fails by a timeout */
    bool is_closed;
};

struct sim_redis *sim_redis_of(struct sim *sim)
{
    if (sim->redis == NULL) {
        sim->redis = pl_arena_zalloc(&sim->world.arena, 1, sizeof(*sim->redis));
        sim_server_init(&sim->redis->server, &sim->world, sim->group_id);
    }
    return sim->redis;
}

uint64_t sim_redis_commands(const struct sim *sim)
{
    return sim->redis == NULL ? 0 : sim->redis->commands;
}

/* ---- execution ------------------------------------------------------------------------------- */

static bool is_named(const struct item *item, const char *name)
{
    return pl_bytes_equal(item->command.argv[0], pl_bytes_of(name));
}

static bool is_write(const struct item *item)
{
    return is_named(item, "EVAL") || is_named(item, "HSET") || is_named(item, "UNLINK");
}

static bool is_error(const redisReply *reply, const char *code)
{
    return reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, code, strlen(code)) == 0;
}

static void count_error(struct sim *sim, const redisReply *reply)
{
    if (is_error(reply, "OOM")) {
        sim_mattered(sim, SIM_REDIS_OOM);
    } else if (is_error(reply, "READONLY")) {
        sim_mattered(sim, SIM_REDIS_READONLY);
    } else if (is_error(reply, "LOADING")) {
        sim_mattered(sim, SIM_REDIS_LOADING);
    }
}

/* What a client finds out about earlier misfortunes of the hash. */
static void count_discovery(struct sim *sim, struct sim_redis *redis,
                            const struct sim_effect *effect)
{
    uint32_t bit = effect->partition < 0 ? 0 : UINT32_C(1) << effect->partition;

    if (effect->has_looked && (redis->stale & bit) != 0) {
        redis->stale &= ~bit;
        sim_mattered(sim, SIM_REDIS_WRITE_LOST);
    }
    if (effect->has_cleared) { /* planlift's answer to damage */
        if ((redis->deleted & bit) != 0) {
            sim_mattered(sim, SIM_REDIS_FIELD_DELETED);
        }
        if ((redis->damaged & bit) != 0) {
            sim_mattered(sim, SIM_REDIS_FIELD_GARBLED);
        }
        redis->deleted &= ~bit;
        redis->damaged &= ~bit;
    }
}

/* Run a command, unless the connection breaks right before. */
static void execute(struct item *item)
{
    struct connection *connection = item->connection;
    struct sim *sim = connection->sim;
    struct sim_redis *redis = sim_redis_of(sim);
    struct sim_effect effect;
    redisReply *reply;

    sim_redis_tempt_fate(sim, redis);
    if (connection->life != redis->life) {
        return;
    }
    redis->commands++;
    reply = sim_server_execute(&redis->server, &connection->session, item->command, &effect);
    item->is_done = true;
    count_error(sim, reply);
    count_discovery(sim, redis, &effect);
    sim_trace(sim, "redis: p%d %.*s -> %d %s%s", connection->process->number,
              (int)item->command.argv[0].len, item->command.argv[0].data, reply->type,
              reply->type == REDIS_REPLY_ERROR ? reply->str
              : effect.has_changed             ? "changed"
                                               : "",
              item->fate == FATE_ANSWERED ? "" : ", not answered");
    if (item->fate == FATE_ANSWERED) {
        item->reply = reply;
        if (effect.has_changed) {
            sim_server_acknowledge(&redis->server); /* or will, unless it dies before */
        }
        return;
    }
    if (item->fate == FATE_SILENT && effect.has_changed) {
        sim_mattered(sim, connection->is_silent ? SIM_REDIS_TIMED_OUT : SIM_REDIS_LOST_AFTER);
    }
    if (item->fate == FATE_LATE && is_write(item) && !effect.has_changed) {
        sim_mattered(sim, SIM_REDIS_LATE);
    }
    freeReplyObject(reply);
}

/* What a later event is told. */
struct due {
    struct item *item;
};

static void execute_later(void *self, const void *data)
{
    const struct due *due = data;
    struct item *item = due->item;

    (void)self;
    execute(item);
    if (!item->connection->is_closed && !sim_is_dead(item->connection->process)) {
        sim_wake(item->connection->process);
    }
}

static void send_later(struct item *item, int64_t ms)
{
    struct sim *sim = item->connection->sim;
    struct due due = {item};

    pl_fake_after(&sim->world, ms, execute_later, sim, &due, sizeof(due));
}

/* ---- what becomes of the commands that go out together --------------------------------------- */

/* The fate of the first command that fails, and so of all after it. ANSWERED: it does not fail. */
static enum fate draw_fate(struct connection *connection, const struct item *item)
{
    struct sim *sim = connection->sim;

    connection->is_silent = false;
    if (sim_chance(sim, SIM_REDIS_LOST_BEFORE)) {
        if (is_write(item)) {
            sim_mattered(sim, SIM_REDIS_LOST_BEFORE);
        }
        return FATE_DROPPED;
    }
    if (sim_chance(sim, SIM_REDIS_LOST_AFTER)) {
        return FATE_SILENT;
    }
    connection->is_silent = true;
    if (sim_chance(sim, SIM_REDIS_TIMED_OUT)) {
        return sim_below(sim, 2) == 0 ? FATE_SILENT : FATE_DROPPED;
    }
    if (sim_chance(sim, SIM_REDIS_LATE)) {
        return FATE_LATE;
    }
    return FATE_ANSWERED;
}

static void draw_fates(struct connection *connection)
{
    struct sim *sim = connection->sim;
    enum fate fate = FATE_ANSWERED;

    for (struct item *item = connection->first; item != NULL; item = item->next) {
        if (item->is_sent) {
            continue;
        }
        item->is_sent = true;
        if (fate == FATE_ANSWERED) {
            fate = draw_fate(connection, item);
        } else if (fate == FATE_SILENT && sim_below(sim, 2) == 0) {
            fate = FATE_DROPPED; /* as far as they had come */
        }
        item->fate = fate;
    }
}

static bool is_to_be_executed(const struct item *item)
{
    return !item->is_done && (item->fate == FATE_ANSWERED || item->fate == FATE_SILENT);
}

/* The commands go out now. */
static void send_all(struct connection *connection)
{
    struct sim *sim = connection->sim;
    int64_t delay_ms = 0; /* those of one connection come in their order */
    int64_t late_ms = connection->timeout_ms;

    draw_fates(connection);
    connection->pace = sim_below(sim, 4) == 0   ? PACE_UNDER_WAY
                       : sim_below(sim, 2) == 0 ? PACE_WHEN_ASKED
                                                : PACE_AT_ONCE;
    for (struct item *item = connection->first; item != NULL; item = item->next) {
        if (item->fate == FATE_LATE) {
            late_ms += 1 + (int64_t)sim_below(sim, late_ms == connection->timeout_ms ? 4000 : 3);
            send_later(item, late_ms);
        } else if (connection->pace == PACE_UNDER_WAY && is_to_be_executed(item)) {
            delay_ms += 1 + (int64_t)sim_below(sim, 3);
            send_later(item, delay_ms);
        } else if (connection->pace == PACE_AT_ONCE && is_to_be_executed(item)) {
            execute(item);
        }
    }
}

/* ---- hiredis --------------------------------------------------------------------------------- */

/* NOLINTBEGIN(readability-identifier-naming): hiredis's names */

static struct connection *connection_of(redisContext *context)
{
    return (struct connection *)(void *)context; /* its first member */
}

static int fail(struct connection *connection, int err, const char *text)
{
    connection->context.err = err;
    (void)snprintf(connection->context.errstr, sizeof(connection->context.errstr), "%s", text);
    sim_trace(connection->sim, "redis: p%d finds: %s", connection->process->number, text);
    return REDIS_ERR;
}

static int64_t ms_of(struct timeval time)
{
    return (int64_t)time.tv_sec * 1000 + time.tv_usec / 1000;
}

static redisContext *open_connection(struct timeval timeout)
{
    struct sim_process *process = sim_self();
    struct sim *sim = process->sim;
    struct sim_redis *redis = sim_redis_of(sim);
    struct connection *connection = pl_arena_zalloc(&sim->world.arena, 1, sizeof(*connection));
    bool is_refused;

    connection->context.fd = -1;
    connection->context.reader = &connection->reader;
    connection->sim = sim;
    connection->process = process;
    connection->timeout_ms = DEFAULT_TIMEOUT_MS;
    sim_yield();
    is_refused = sim_redis_is_before(sim, redis->refused_until_ms);
    if (sim_chance(sim, SIM_REDIS_REFUSED)) {
        is_refused = true;
        if (sim_below(sim, 4) == 0) { /* away for a while, not just now */
            redis->refused_until_ms = sim_now(sim) + 1 + sim_below(sim, 8000);
        }
    }
    connection->life = redis->life;
    if (!is_refused) {
        redis->has_connected[process->number] = true;
        return &connection->context;
    }
    if (redis->has_connected[process->number]) {
        sim_mattered(sim, SIM_REDIS_REFUSED);
    }
    if (sim_below(sim, 5) == 0) { /* a black hole */
        (void)sim_wait_until(sim_now(sim) + ms_of(timeout));
        (void)fail(connection, REDIS_ERR_IO, "Connection timed out");
    } else {
        (void)fail(connection, REDIS_ERR_IO, "Connection refused");
    }
    return &connection->context;
}

redisContext *redisConnectWithTimeout(const char *ip, int port, const struct timeval tv)
{
    (void)ip;
    (void)port;
    return open_connection(tv);
}

redisContext *redisConnectUnixWithTimeout(const char *path, const struct timeval tv)
{
    (void)path;
    return open_connection(tv);
}

int redisSetTimeout(redisContext *c, const struct timeval tv)
{
    connection_of(c)->timeout_ms = ms_of(tv);
    return REDIS_OK;
}

void redisFree(redisContext *c)
{
    struct connection *connection = connection_of(c);

    connection->is_closed = true; /* its memory is the world's; commands may still be under way */
    for (struct item *item = connection->first; item != NULL; item = item->next) {
        freeReplyObject(item->reply);
        item->reply = NULL;
        if (item->fate == FATE_ANSWERED) {
            item->fate = FATE_SILENT; /* nobody will take the answer */
        }
    }
}

int redisAppendCommandArgv(redisContext *c, int argc, const char **argv, const size_t *argvlen)
{
    struct connection *connection = connection_of(c);
    struct pl_arena *arena = &connection->sim->world.arena;
    struct item *item = pl_arena_zalloc(arena, 1, sizeof(*item));
    struct pl_bytes *words = pl_arena_alloc(arena, (size_t)argc * sizeof(*words));

    for (int i = 0; i < argc; i++) {
        words[i] = pl_arena_copy(arena, (struct pl_bytes){argv[i], argvlen[i]});
    }
    item->command = (struct sim_command){words, (size_t)argc};
    item->connection = connection;
    if (connection->last == NULL) {
        connection->first = item;
    } else {
        connection->last->next = item;
    }
    connection->last = item;
    return REDIS_OK;
}

/* Wait for an answer. False: it does not come in time. */
static bool await(struct connection *connection, struct item *item)
{
    struct sim *sim = connection->sim;
    int64_t deadline_ms = sim_now(sim) + connection->timeout_ms;

    if (connection->pace == PACE_WHEN_ASKED && is_to_be_executed(item)) {
        execute(item);
    }
    if (sim_below(sim, 64) == 0) { /* slow, but in time */
        (void)sim_wait_until(sim_now(sim) +
                             (int64_t)sim_below(sim, (uint32_t)connection->timeout_ms / 2));
    }
    while (item->fate == FATE_ANSWERED && !item->is_done &&
           connection->life == sim_redis_of(sim)->life && sim_now(sim) < deadline_ms) {
        (void)sim_wait_until(deadline_ms);
    }
    return item->fate == FATE_ANSWERED && item->is_done;
}

int redisBufferWrite(redisContext *c, int *done)
{
    struct connection *connection = connection_of(c);

    if (c->err != 0) {
        return REDIS_ERR;
    }
    if (connection->last != NULL && !connection->last->is_sent) {
        sim_yield();
        if (connection->life == sim_redis_of(connection->sim)->life) { /* else found out later */
            send_all(connection);
        }
    }
    if (done != NULL) {
        *done = 1;
    }
    return REDIS_OK;
}

/* Takes in one more answer, or a part of it that is too small. */
int redisBufferRead(redisContext *c)
{
    struct connection *connection = connection_of(c);
    struct sim *sim = connection->sim;
    struct item *item = connection->first;

    if (c->err != 0) {
        return REDIS_ERR;
    }
    while (item != NULL && item->is_read) {
        item = item->next;
    }
    assert(item != NULL); /* hiredis would wait for ever */
    sim_yield();
    if (sim_below(sim, 32) == 0) {
        return REDIS_OK;
    }
    if (await(connection, item)) {
        item->is_read = true;
        return REDIS_OK;
    }
    if (connection->is_silent && connection->life == sim_redis_of(sim)->life) {
        (void)sim_wait_until(sim_now(sim) + connection->timeout_ms);
        errno = EAGAIN;
        return fail(connection, REDIS_ERR_IO, "Resource temporarily unavailable");
    }
    return fail(connection, REDIS_ERR_EOF, "Server closed the connection");
}

int redisGetReplyFromReader(redisContext *c, void **reply)
{
    struct connection *connection = connection_of(c);
    struct item *item = connection->first;

    *reply = NULL;
    if (c->err != 0) {
        return REDIS_ERR;
    }
    if (item != NULL && item->is_read) {
        connection->first = item->next;
        connection->last = connection->first == NULL ? NULL : connection->last;
        *reply = item->reply;
        item->reply = NULL;
    }
    return REDIS_OK;
}

int redisGetReply(redisContext *c, void **reply)
{
    if (redisGetReplyFromReader(c, reply) != REDIS_OK) {
        return REDIS_ERR;
    }
    if (*reply == NULL && redisBufferWrite(c, NULL) != REDIS_OK) {
        return REDIS_ERR;
    }
    while (*reply == NULL) {
        if (redisBufferRead(c) != REDIS_OK || redisGetReplyFromReader(c, reply) != REDIS_OK) {
            return REDIS_ERR;
        }
    }
    return REDIS_OK;
}

/* NOLINTEND(readability-identifier-naming) */
