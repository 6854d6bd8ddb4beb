/* Commands, journal, misfortunes. What is answered, and when a command is refused, is Redis 7's. */
#include "redis_server.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#define FIRST_CAPACITY 256

void sim_server_init(struct sim_server *server, struct pl_fake_world *world, const char *group_id)
{
    *server = (struct sim_server){.world = world, .group_id = group_id};
}

/* ---- journal --------------------------------------------------------------------------------- */

static struct sim_change *add_change(struct sim_server *server)
{
    if (server->change_count == server->change_capacity) {
        size_t capacity =
            server->change_capacity == 0 ? FIRST_CAPACITY : server->change_capacity * 2;

        server->changes = pl_arena_grow(&server->world->arena, server->changes,
                                        server->change_count, capacity, sizeof(*server->changes));
        server->change_capacity = capacity;
    }
    return &server->changes[server->change_count++];
}

static int32_t partition_count(const struct sim_server *server)
{
    return server->world->broker.partition_count;
}

static struct pl_fake_map *hash_of(struct sim_server *server, int32_t partition)
{
    return partition == partition_count(server) ? &server->slots
                                                : &server->world->hashes[partition];
}

/* The only way that a hash is changed, but for undoing. */
static void change(struct sim_server *server, int32_t partition, struct pl_bytes field,
                   struct pl_bytes value)
{
    struct pl_arena *arena = &server->world->arena;
    struct pl_bytes old = pl_fake_map_get(hash_of(server, partition), field);

    *add_change(server) = (struct sim_change){.partition = partition,
                                              .field = pl_arena_copy(arena, field),
                                              .old = pl_arena_copy(arena, old)};
    pl_fake_map_put(hash_of(server, partition), field, value);
    server->effect.has_changed = true;
}

static void begin_commit(struct sim_server *server)
{
    if (server->commit_count == server->commit_capacity) {
        size_t capacity =
            server->commit_capacity == 0 ? FIRST_CAPACITY : server->commit_capacity * 2;

        server->commits = pl_arena_grow(&server->world->arena, server->commits,
                                        server->commit_count, capacity, sizeof(*server->commits));
        server->commit_capacity = capacity;
    }
    server->commits[server->commit_count++] =
        (struct sim_commit){.first_change = server->change_count};
}

/* Of a command that changed nothing there is nothing to undo. */
static void end_commit(struct sim_server *server)
{
    if (server->commits[server->commit_count - 1].first_change == server->change_count) {
        server->commit_count--;
    }
}

void sim_server_acknowledge(struct sim_server *server)
{
    if (server->commit_count > 0) {
        server->commits[server->commit_count - 1].is_acknowledged = true;
    }
}

uint32_t sim_server_roll_back(struct sim_server *server, size_t commits)
{
    uint32_t lost = 0;

    for (; commits > 0 && server->commit_count > 0; commits--) {
        const struct sim_commit *commit = &server->commits[--server->commit_count];

        while (server->change_count > commit->first_change) {
            const struct sim_change *undone = &server->changes[--server->change_count];

            pl_fake_map_put(hash_of(server, undone->partition), undone->field, undone->old);
            if (commit->is_acknowledged && undone->partition < partition_count(server)) {
                lost |= UINT32_C(1) << undone->partition;
            }
        }
    }
    return lost;
}

void sim_server_put(struct sim_server *server, int32_t partition, struct pl_bytes field,
                    struct pl_bytes value)
{
    begin_commit(server);
    change(server, partition, field, value);
    end_commit(server);
}

static void clear(struct sim_server *server, int32_t partition)
{
    const struct pl_fake_map *hash = hash_of(server, partition);

    while (hash->count > 0) {
        change(server, partition, hash->pairs[hash->count - 1].key, PL_NULL_BYTES);
    }
}

void sim_server_flush_all(struct sim_server *server)
{
    begin_commit(server);
    for (int32_t partition = 0; partition <= partition_count(server); partition++) {
        clear(server, partition);
    }
    end_commit(server);
}

void sim_server_flush_scripts(struct sim_server *server)
{
    server->script_count = 0;
}

/* ---- commands -------------------------------------------------------------------------------- */

static const char *text_of(const struct sim_server *server, struct pl_bytes bytes)
{
    return pl_arena_format(&server->world->arena, "%.*s", (int)bytes.len, bytes.data).data;
}

/* The hash that a key names: a partition's, or the slots'. planlift has no other keys. */
static int32_t partition_of(struct sim_server *server, struct pl_bytes key)
{
    char name[160];

    for (int32_t partition = 0; partition < partition_count(server); partition++) {
        (void)snprintf(name, sizeof(name), "planlift:{%s:p%" PRId32 "}", server->group_id,
                       partition);
        if (pl_bytes_equal(key, pl_bytes_of(name))) {
            server->effect.partition = partition;
            return partition;
        }
    }
    (void)snprintf(name, sizeof(name), "planlift:{%s:slots}", server->group_id);
    if (!pl_bytes_equal(key, pl_bytes_of(name))) {
        (void)fprintf(stderr, "sim: planlift asks Redis for the key %s\n", text_of(server, key));
        abort();
    }
    return partition_count(server);
}

static redisReply *wrong_arity(const char *name)
{
    return sim_reply_error("ERR wrong number of arguments for '%s' command", name);
}

/* NULL if a write is allowed now. A script that has written already may go on when Redis is
 * full. */
static redisReply *refuse_write(struct sim_server *server, bool needs_memory)
{
    char where[96] = "";

    if (server->is_in_script) {
        (void)snprintf(where, sizeof(where), " script: %s, on @user_script:1.", server->sha);
    }
    if (server->is_read_only) {
        return sim_reply_error("READONLY You can't write against a read only replica.%s", where);
    }
    if (server->is_full && needs_memory && !server->is_script_dirty) {
        return sim_reply_error("OOM command not allowed when used memory > 'maxmemory'.%s", where);
    }
    server->is_script_dirty = server->is_in_script;
    return NULL;
}

static redisReply *hget(struct sim_server *server, struct sim_command command)
{
    int32_t partition = partition_of(server, command.argv[1]);

    return sim_reply_string(pl_fake_map_get(hash_of(server, partition), command.argv[2]));
}

static redisReply *hmget(struct sim_server *server, struct sim_command command)
{
    int32_t partition = partition_of(server, command.argv[1]);
    redisReply *reply = sim_reply_array(command.argc - 2);

    server->effect.has_looked = true;
    for (size_t i = 2; i < command.argc; i++) {
        reply->element[i - 2] =
            sim_reply_string(pl_fake_map_get(hash_of(server, partition), command.argv[i]));
    }
    return reply;
}

static redisReply *hlen(struct sim_server *server, struct sim_command command)
{
    return sim_reply_integer(
        (long long)hash_of(server, partition_of(server, command.argv[1]))->count);
}

static redisReply *hset(struct sim_server *server, struct sim_command command)
{
    int32_t partition = partition_of(server, command.argv[1]);
    redisReply *refusal = refuse_write(server, true);
    long long added = 0;

    if (refusal != NULL) {
        return refusal;
    }
    if (command.argc % 2 != 0) {
        return wrong_arity("hset");
    }
    for (size_t i = 2; i < command.argc; i += 2) {
        struct pl_bytes value = command.argv[i + 1];

        added += pl_bytes_is_null(pl_fake_map_get(hash_of(server, partition), command.argv[i]));
        change(server, partition, command.argv[i],
               pl_bytes_is_null(value) ? PL_BYTES_LITERAL("") : value);
    }
    return sim_reply_integer(added);
}

static redisReply *hdel(struct sim_server *server, struct sim_command command)
{
    int32_t partition = partition_of(server, command.argv[1]);
    redisReply *refusal = refuse_write(server, false);
    long long removed = 0;

    if (refusal != NULL) {
        return refusal;
    }
    for (size_t i = 2; i < command.argc; i++) {
        if (!pl_bytes_is_null(pl_fake_map_get(hash_of(server, partition), command.argv[i]))) {
            change(server, partition, command.argv[i], PL_NULL_BYTES);
            removed++;
        }
    }
    return sim_reply_integer(removed);
}

static redisReply *unlink_key(struct sim_server *server, struct sim_command command)
{
    int32_t partition = partition_of(server, command.argv[1]);
    redisReply *refusal = refuse_write(server, false);
    bool is_there = hash_of(server, partition)->count > 0;

    if (refusal != NULL) {
        return refusal;
    }
    clear(server, partition);
    server->effect.has_cleared = is_there;
    return sim_reply_integer(is_there ? 1 : 0);
}

/* ---- scripts --------------------------------------------------------------------------------- */

/* The script of this text in the server's memory, put there if need be. */
static const struct sim_script *remember_script(struct sim_server *server, struct pl_bytes body)
{
    XXH128_hash_t hash = XXH3_128bits(body.data, body.len);
    struct sim_script *script = &server->scripts[server->script_count];

    assert(server->script_count < SIM_SCRIPTS_MOST); /* planlift has a few */
    /* Redis's own is a SHA-1; to its clients it is a name. */
    (void)snprintf(script->sha, sizeof(script->sha), "%016" PRIx64 "%016" PRIx64 "%08x",
                   (uint64_t)hash.high64, (uint64_t)hash.low64, (unsigned)(body.len & 0xffffffffU));
    for (size_t i = 0; i < server->script_count; i++) {
        if (strcmp(server->scripts[i].sha, script->sha) == 0) {
            return &server->scripts[i];
        }
    }
    script->body = pl_arena_copy(&server->world->arena, body);
    server->script_count++;
    return script;
}

static redisReply *script_load(struct sim_server *server, struct sim_command command)
{
    if (!pl_bytes_equal(command.argv[1], PL_BYTES_LITERAL("LOAD"))) {
        return sim_reply_error("ERR unknown subcommand");
    }
    return sim_reply_string(pl_bytes_of(remember_script(server, command.argv[2])->sha));
}

static redisReply *run_script(struct sim_server *server, const struct sim_script *script,
                              struct sim_command command)
{
    size_t keys = (size_t)strtoul(text_of(server, command.argv[2]), NULL, 10);
    redisReply *reply;

    if (command.argc < 3 + keys) {
        return sim_reply_error("ERR Number of keys can't be greater than number of args");
    }
    server->is_in_script = true;
    server->is_script_dirty = false;
    server->sha = script->sha;
    reply = sim_script_run(server, script, (struct sim_command){command.argv + 3, keys},
                           (struct sim_command){command.argv + 3 + keys, command.argc - 3 - keys});
    server->is_in_script = false;
    server->is_script_dirty = false;
    return reply;
}

static redisReply *eval(struct sim_server *server, struct sim_command command)
{
    return run_script(server, remember_script(server, command.argv[1]), command);
}

static redisReply *evalsha(struct sim_server *server, struct sim_command command)
{
    const char *sha = text_of(server, command.argv[1]);

    for (size_t i = 0; i < server->script_count; i++) {
        if (strcmp(server->scripts[i].sha, sha) == 0) {
            return run_script(server, &server->scripts[i], command);
        }
    }
    return sim_reply_error("NOSCRIPT No matching script. Please use EVAL.");
}

/* ---- the rest -------------------------------------------------------------------------------- */

static redisReply *info(struct sim_server *server, struct sim_command command)
{
    (void)server;
    (void)command;
    return sim_reply_string(
        PL_BYTES_LITERAL("# Memory\r\nused_memory:1048576\r\nmaxmemory:1073741824\r\n"
                         "maxmemory_policy:noeviction\r\n"));
}

static redisReply *answer_ok(struct sim_server *server, struct sim_command command)
{
    (void)server;
    (void)command;
    return sim_reply_status("OK");
}

static redisReply *ping(struct sim_server *server, struct sim_command command)
{
    (void)server;
    (void)command;
    return sim_reply_status("PONG");
}

struct command_type {
    const char *name;
    size_t least; /* words */
    bool is_for_scripts;
    bool is_while_loading;
    redisReply *(*run)(struct sim_server *server, struct sim_command command);
};

static const struct command_type command_types[] = {
    {"HGET", 3, true, false, hget},      {"HMGET", 3, true, false, hmget},
    {"HLEN", 2, true, false, hlen},      {"HSET", 4, true, false, hset},
    {"HDEL", 3, true, false, hdel},      {"UNLINK", 2, true, false, unlink_key},
    {"DEL", 2, true, false, unlink_key}, {"SCRIPT", 3, false, false, script_load},
    {"EVAL", 3, false, false, eval},     {"EVALSHA", 3, false, false, evalsha},
    {"AUTH", 2, false, true, answer_ok}, {"SELECT", 2, false, true, answer_ok},
    {"PING", 1, false, false, ping},     {"INFO", 1, false, true, info},
};

static const struct command_type *find_type(const struct sim_server *server,
                                            struct sim_command command)
{
    for (size_t i = 0; i < sizeof(command_types) / sizeof(command_types[0]); i++) {
        if (pl_bytes_equal(command.argv[0], pl_bytes_of(command_types[i].name))) {
            return &command_types[i];
        }
    }
    (void)fprintf(stderr, "sim: planlift sends the Redis command %s, which is not simulated\n",
                  text_of(server, command.argv[0]));
    abort();
}

/* NULL where the command may run now. */
static redisReply *refuse(const struct sim_server *server, const struct command_type *type,
                          struct sim_command command)
{
    if (server->is_in_script && !type->is_for_scripts) {
        return sim_reply_error("ERR This Redis command is not allowed from script");
    }
    if (command.argc < type->least) {
        return wrong_arity(type->name);
    }
    if (server->is_loading && !type->is_while_loading) {
        return sim_reply_error("LOADING Redis is loading the dataset in memory");
    }
    return NULL;
}

redisReply *sim_server_call(struct sim_server *server, struct sim_command command)
{
    const struct command_type *type = find_type(server, command);
    redisReply *refusal = refuse(server, type, command);

    return refusal != NULL ? refusal : type->run(server, command);
}

/* ---- MULTI ----------------------------------------------------------------------------------- */

static redisReply *begin_multi(struct sim_session *session)
{
    if (session->is_multi) {
        return sim_reply_error("ERR MULTI calls can not be nested");
    }
    session->is_multi = true;
    session->is_dirty = false;
    session->queued_count = 0;
    return sim_reply_status("OK");
}

static redisReply *queue(struct sim_server *server, struct sim_session *session,
                         struct sim_command command)
{
    redisReply *refusal = refuse(server, find_type(server, command), command);

    if (refusal == NULL && server->is_full) { /* whatever it is: the queue takes memory */
        refusal = sim_reply_error("OOM command not allowed when used memory > 'maxmemory'.");
    }
    if (refusal != NULL) {
        session->is_dirty = true;
        return refusal;
    }
    if (session->queued_count == session->queued_capacity) {
        size_t capacity = session->queued_capacity == 0 ? 4 : session->queued_capacity * 2;

        session->queued = pl_arena_grow(&server->world->arena, session->queued,
                                        session->queued_count, capacity, sizeof(*session->queued));
        session->queued_capacity = capacity;
    }
    session->queued[session->queued_count++] = command;
    return sim_reply_status("QUEUED");
}

static redisReply *exec(struct sim_server *server, struct sim_session *session)
{
    redisReply *reply;

    if (!session->is_multi) {
        return sim_reply_error("ERR EXEC without MULTI");
    }
    session->is_multi = false;
    if (session->is_dirty) {
        return sim_reply_error("EXECABORT Transaction discarded because of previous errors.");
    }
    reply = sim_reply_array(session->queued_count);
    for (size_t i = 0; i < session->queued_count; i++) {
        reply->element[i] = sim_server_call(server, session->queued[i]);
    }
    return reply;
}

static redisReply *run(struct sim_server *server, struct sim_session *session,
                       struct sim_command command)
{
    if (pl_bytes_equal(command.argv[0], PL_BYTES_LITERAL("MULTI"))) {
        return begin_multi(session);
    }
    if (pl_bytes_equal(command.argv[0], PL_BYTES_LITERAL("EXEC"))) {
        return exec(server, session);
    }
    return session->is_multi ? queue(server, session, command) : sim_server_call(server, command);
}

redisReply *sim_server_execute(struct sim_server *server, struct sim_session *session,
                               struct sim_command command, struct sim_effect *ret_effect)
{
    redisReply *reply;

    server->effect = (struct sim_effect){.partition = -1};
    begin_commit(server);
    reply = run(server, session, command);
    end_commit(server);
    *ret_effect = server->effect;
    return reply;
}
