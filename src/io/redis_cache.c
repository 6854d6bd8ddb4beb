/* The cache on Redis: commands of one call go out together and the answers are read in order. Any
 * failure closes the connection; the outcome of what was under way is then unknown, and the caller
 * reads the checkpoint again before it relies on anything (I3). */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <hiredis/hiredis.h>

#include "io/redis.h"
#include "planlift/arena.h"
#include "planlift/log.h"

#define CONNECT_TIMEOUT_S 2
#define COMMAND_TIMEOUT_S 5
#define CHECKPOINT_FIELD "#" /* the same as PL_PROGRESS_FIELD of planlift/state.h */

/* Writes fields if and only if the checkpoint is the expected one (I3). ARGV: the expected
 * checkpoint ("" = none), the new one, then field, value, field, value ...; "" deletes. Runs of
 * values go into one HSET each, in pieces that Lua's stack can hold. */
static const char update_script[] =
    "local key = KEYS[1]\n"
    "if (redis.call('HGET', key, '#') or '') ~= ARGV[1] then return 0 end\n"
    "local i, n = 3, #ARGV\n"
    "while i < n do\n"
    "  if ARGV[i + 1] == '' then\n"
    "    redis.call('HDEL', key, ARGV[i])\n"
    "    i = i + 2\n"
    "  else\n"
    "    local j = i\n"
    "    while j < n and j - i < 1000 and ARGV[j + 1] ~= '' do j = j + 2 end\n"
    "    redis.call('HSET', key, unpack(ARGV, i, j - 1))\n"
    "    i = j\n"
    "  end\n"
    "end\n"
    "redis.call('HSET', key, '#', ARGV[2])\n"
    "return 1\n";

struct pl_redis {
    struct pl_redis_url url;
    char *password; /* NULL: none */
    char *group_id;
    redisContext *context; /* NULL: not connected */
    char script_sha[64];
    const char **argv; /* of the command being put together; kept for the next */
    size_t *argv_len;
    size_t argv_capacity;
    size_t argc;
};

/* ---- life ------------------------------------------------------------------------------------ */

static char *copy_text(const char *text)
{
    char *copy = text == NULL ? NULL : strdup(text);

    if (text != NULL && copy == NULL) {
        pl_out_of_memory(strlen(text));
    }
    return copy;
}

struct pl_redis *pl_redis_new(const struct pl_redis_url *url, const char *password,
                              const char *group_id)
{
    struct pl_redis *redis = calloc(1, sizeof(*redis));

    if (redis == NULL) {
        pl_out_of_memory(sizeof(*redis));
    }
    redis->url = (struct pl_redis_url){.host = copy_text(url->host),
                                       .port = url->port,
                                       .path = copy_text(url->path),
                                       .user = copy_text(url->user),
                                       .database = url->database};
    redis->password = copy_text(password != NULL ? password : url->password);
    redis->group_id = copy_text(group_id);
    return redis;
}

static void disconnect(struct pl_redis *redis)
{
    if (redis->context != NULL) {
        redisFree(redis->context);
        redis->context = NULL;
    }
}

void pl_redis_free(struct pl_redis *redis)
{
    if (redis == NULL) {
        return;
    }
    disconnect(redis);
    pl_redis_url_done(&redis->url);
    free(redis->password);
    free(redis->group_id);
    free(redis->argv);
    free(redis->argv_len);
    free(redis);
}

/* ---- commands -------------------------------------------------------------------------------- */

static void add_argument(struct pl_redis *redis, const void *data, size_t len)
{
    if (redis->argc == redis->argv_capacity) {
        redis->argv_capacity = redis->argv_capacity == 0 ? 1024 : redis->argv_capacity * 2;
        redis->argv = realloc(redis->argv, redis->argv_capacity * sizeof(*redis->argv));
        redis->argv_len = realloc(redis->argv_len, redis->argv_capacity * sizeof(size_t));
        if (redis->argv == NULL || redis->argv_len == NULL) {
            pl_out_of_memory(redis->argv_capacity * sizeof(*redis->argv));
        }
    }
    redis->argv[redis->argc] = data == NULL ? "" : data;
    redis->argv_len[redis->argc++] = len;
}

static void add_text(struct pl_redis *redis, const char *text)
{
    add_argument(redis, text, strlen(text));
}

static void begin_command(struct pl_redis *redis, const char *name)
{
    redis->argc = 0;
    add_text(redis, name);
}

static enum pl_status broken(struct pl_redis *redis, struct pl_error *error)
{
    enum pl_status status =
        pl_fail(error, PL_AGAIN, "Redis: %s",
                redis->context != NULL && redis->context->errstr[0] != '\0' ? redis->context->errstr
                                                                            : "connection lost");

    disconnect(redis);
    return status;
}

/* Queue the command; it goes out with the first answer waited for. */
static enum pl_status send_command(struct pl_redis *redis, struct pl_error *error)
{
    if (redis->context == NULL ||
        redisAppendCommandArgv(redis->context, (int)redis->argc, redis->argv, redis->argv_len) !=
            REDIS_OK) {
        return broken(redis, error);
    }
    return PL_OK;
}

/* The next answer, which is not an error. Owns: freeReplyObject(*ret_reply). */
static enum pl_status get_reply(struct pl_redis *redis, redisReply **ret_reply,
                                struct pl_error *error)
{
    void *answer = NULL;
    redisReply *reply;

    if (redis->context == NULL || redisGetReply(redis->context, &answer) != REDIS_OK) {
        return broken(redis, error);
    }
    reply = answer;
    assert(reply != NULL); /* hiredis gives one unless it fails */
    if (reply->type == REDIS_REPLY_ERROR) {
        enum pl_status status = strncmp(reply->str, "NOSCRIPT", 8) == 0 ? PL_NOT_FOUND : PL_AGAIN;

        (void)pl_fail(error, status, "Redis answers: %s", reply->str);
        freeReplyObject(reply);
        return status;
    }
    *ret_reply = reply;
    return PL_OK;
}

/* As get_reply, for a command just put together. *ret_reply is NULL unless PL_OK. */
static enum pl_status call(struct pl_redis *redis, redisReply **ret_reply, struct pl_error *error)
{
    enum pl_status status = send_command(redis, error);

    *ret_reply = NULL;
    if (status == PL_OK) {
        status = get_reply(redis, ret_reply, error);
    }
    assert((*ret_reply != NULL) == (status == PL_OK));
    return status;
}

/* A command whose answer says nothing but that it worked. */
static enum pl_status call_plain(struct pl_redis *redis, struct pl_error *error)
{
    redisReply *reply = NULL;
    enum pl_status status = call(redis, &reply, error);

    if (status == PL_OK) {
        freeReplyObject(reply);
    }
    return status;
}

/* ---- connection ------------------------------------------------------------------------------ */

static enum pl_status log_in(struct pl_redis *redis, struct pl_error *error)
{
    enum pl_status status = PL_OK;

    if (redis->password != NULL) {
        begin_command(redis, "AUTH");
        if (redis->url.user != NULL) {
            add_text(redis, redis->url.user);
        }
        add_text(redis, redis->password);
        status = call_plain(redis, error);
    }
    if (status == PL_OK && redis->url.database != 0) {
        char number[16];

        (void)snprintf(number, sizeof(number), "%d", redis->url.database);
        begin_command(redis, "SELECT");
        add_text(redis, number);
        status = call_plain(redis, error);
    }
    return status;
}

static enum pl_status load_script(struct pl_redis *redis, struct pl_error *error)
{
    redisReply *reply;
    enum pl_status status;

    begin_command(redis, "SCRIPT");
    add_text(redis, "LOAD");
    add_text(redis, update_script);
    status = call(redis, &reply, error);
    if (status == PL_OK) {
        (void)snprintf(redis->script_sha, sizeof(redis->script_sha), "%s",
                       reply->str == NULL ? "" : reply->str);
        freeReplyObject(reply);
    }
    return status;
}

static enum pl_status connect_once(struct pl_redis *redis, struct pl_error *error)
{
    struct timeval connect_timeout = {.tv_sec = CONNECT_TIMEOUT_S};
    struct timeval command_timeout = {.tv_sec = COMMAND_TIMEOUT_S};
    enum pl_status status;

    if (redis->context != NULL && redis->context->err == 0) {
        return PL_OK;
    }
    disconnect(redis);
    redis->context =
        redis->url.path != NULL
            ? redisConnectUnixWithTimeout(redis->url.path, connect_timeout)
            : redisConnectWithTimeout(redis->url.host, redis->url.port, connect_timeout);
    if (redis->context == NULL || redis->context->err != 0 ||
        redisSetTimeout(redis->context, command_timeout) != REDIS_OK) {
        return broken(redis, error);
    }
    status = log_in(redis, error);
    if (status == PL_OK) {
        status = load_script(redis, error);
    }
    if (status != PL_OK) {
        disconnect(redis);
        return PL_AGAIN;
    }
    return PL_OK;
}

static void add_key(struct pl_redis *redis, int32_t partition, struct pl_arena *arena)
{
    struct pl_bytes key =
        pl_arena_format(arena, "planlift:{%s:p%" PRId32 "}", redis->group_id, partition);

    add_argument(redis, key.data, key.len);
}

/* ---- read ------------------------------------------------------------------------------------ */

static enum pl_status send_read(struct pl_redis *redis, const struct pl_cache_read *read,
                                struct pl_arena *arena, struct pl_error *error)
{
    enum pl_status status;

    begin_command(redis, "HMGET");
    add_key(redis, read->partition, arena);
    add_text(redis, CHECKPOINT_FIELD);
    for (size_t i = 0; i < read->field_count; i++) {
        add_argument(redis, read->fields[i].field.data, read->fields[i].field.len);
    }
    status = send_command(redis, error);
    if (status != PL_OK) {
        return status;
    }
    /* After the read, so that a field missing there is missing here too. */
    begin_command(redis, "HLEN");
    add_key(redis, read->partition, arena);
    return send_command(redis, error);
}

static struct pl_bytes take_value(const redisReply *reply, struct pl_arena *arena)
{
    if (reply->type != REDIS_REPLY_STRING) {
        return PL_NULL_BYTES;
    }
    return pl_arena_copy(arena, (struct pl_bytes){reply->str, (size_t)reply->len});
}

static enum pl_status take_read(struct pl_redis *redis, struct pl_cache_read *read,
                                struct pl_arena *arena, struct pl_error *error)
{
    redisReply *values = NULL;
    redisReply *length = NULL;
    enum pl_status status = get_reply(redis, &values, error);

    if (status == PL_OK) {
        status = get_reply(redis, &length, error);
    }
    if (status == PL_OK &&
        (values->type != REDIS_REPLY_ARRAY || values->elements != read->field_count + 1 ||
         length->type != REDIS_REPLY_INTEGER)) {
        status = pl_fail(error, PL_AGAIN, "Redis gives an answer of another kind than asked for");
    }
    if (status == PL_OK) {
        read->checkpoint = take_value(values->element[0], arena);
        for (size_t i = 0; i < read->field_count; i++) {
            read->fields[i].value = take_value(values->element[i + 1], arena);
        }
        read->stored_fields = length->integer;
    }
    if (values != NULL) {
        freeReplyObject(values);
    }
    if (length != NULL) {
        freeReplyObject(length);
    }
    return status;
}

static enum pl_status read_fields(void *self, struct pl_cache_read *reads, size_t count,
                                  struct pl_arena *arena, struct pl_error *error)
{
    struct pl_redis *redis = self;
    enum pl_status status = connect_once(redis, error);

    for (size_t i = 0; status == PL_OK && i < count; i++) {
        status = send_read(redis, &reads[i], arena, error);
    }
    for (size_t i = 0; status == PL_OK && i < count; i++) {
        status = take_read(redis, &reads[i], arena, error);
    }
    if (status != PL_OK) {
        disconnect(redis); /* answers may still be under way */
        return PL_AGAIN;
    }
    return PL_OK;
}

/* ---- update ---------------------------------------------------------------------------------- */

static enum pl_status send_update(struct pl_redis *redis, const struct pl_cache_update *update,
                                  struct pl_arena *arena, struct pl_error *error)
{
    begin_command(redis, "EVALSHA");
    add_text(redis, redis->script_sha);
    add_text(redis, "1");
    add_key(redis, update->partition, arena);
    add_argument(redis, update->expected.data, update->expected.len);
    add_argument(redis, update->checkpoint.data, update->checkpoint.len);
    for (size_t i = 0; i < update->write_count; i++) {
        add_argument(redis, update->writes[i].field.data, update->writes[i].field.len);
        add_argument(redis, update->writes[i].value.data, update->writes[i].value.len);
    }
    return send_command(redis, error);
}

static enum pl_status update_once(struct pl_redis *redis, struct pl_cache_update *updates,
                                  size_t count, struct pl_arena *arena, struct pl_error *error)
{
    enum pl_status status = connect_once(redis, error);

    for (size_t i = 0; status == PL_OK && i < count; i++) {
        status = send_update(redis, &updates[i], arena, error);
    }
    for (size_t i = 0; status == PL_OK && i < count; i++) {
        redisReply *reply = NULL;

        status = get_reply(redis, &reply, error);
        if (status == PL_OK) {
            updates[i].is_applied = reply->type == REDIS_REPLY_INTEGER && reply->integer == 1;
            freeReplyObject(reply);
        }
    }
    return status;
}

static enum pl_status update(void *self, struct pl_cache_update *updates, size_t count,
                             struct pl_error *error)
{
    struct pl_redis *redis = self;
    struct pl_arena arena = PL_ARENA_INIT;
    enum pl_status status = update_once(redis, updates, count, &arena, error);

    if (status != PL_OK) {
        /* A lost script (NOSCRIPT, after SCRIPT FLUSH or a restart) is loaded by connecting
         * anew. */
        disconnect(redis);
        status = PL_AGAIN;
    }
    pl_arena_done(&arena);
    return status;
}

static enum pl_status drop(void *self, int32_t partition, struct pl_error *error)
{
    struct pl_redis *redis = self;
    struct pl_arena arena = PL_ARENA_INIT;
    enum pl_status status = connect_once(redis, error);

    if (status == PL_OK) {
        begin_command(redis, "UNLINK");
        add_key(redis, partition, &arena);
        status = call_plain(redis, error);
    }
    pl_arena_done(&arena);
    return status == PL_OK ? PL_OK : PL_AGAIN;
}

struct pl_cache pl_redis_port(struct pl_redis *redis)
{
    static const struct pl_cache_ops ops = {.read = read_fields, .update = update, .drop = drop};

    return (struct pl_cache){&ops, redis};
}

/* ---- start-up check -------------------------------------------------------------------------- */

/* Value of "name:" in an INFO answer, as a copy in text. */
static bool info_value(const char *info, const char *name, char *text, size_t size)
{
    const char *found = strstr(info, name);
    size_t len;

    if (found == NULL) {
        return false;
    }
    found += strlen(name);
    len = strcspn(found, "\r\n");
    (void)snprintf(text, size, "%.*s", (int)len, found); /* cut to fit */
    return true;
}

enum pl_status pl_redis_check(struct pl_redis *redis, struct pl_error *error)
{
    redisReply *reply = NULL;
    char most[32];
    char policy[32];
    enum pl_status status = connect_once(redis, error);

    if (status != PL_OK) {
        return status;
    }
    begin_command(redis, "INFO");
    add_text(redis, "memory");
    status = call(redis, &reply, error);
    if (status != PL_OK) {
        return redis->context == NULL ? PL_AGAIN : PL_NOT_FOUND;
    }
    if (reply->str == NULL || !info_value(reply->str, "\nmaxmemory:", most, sizeof(most)) ||
        !info_value(reply->str, "maxmemory_policy:", policy, sizeof(policy))) {
        status = pl_fail(error, PL_NOT_FOUND, "Redis does not tell its maxmemory_policy");
    } else if (strcmp(most, "0") != 0 && strcmp(policy, "noeviction") != 0) {
        status = pl_fail(error, PL_FATAL,
                         "this Redis evicts keys when it is full (maxmemory %s, maxmemory-policy "
                         "%s); set maxmemory-policy to noeviction",
                         most, policy);
    }
    freeReplyObject(reply);
    return status;
}
