/* The cache on Redis: commands of one call go out together and the answers are read in order. After
 * a failure the outcome of what was under way is unknown, and the caller reads the checkpoint again
 * before it relies on anything (I3). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "io/redis.h"
#include "io/redis_errand.h"
#include "planlift/arena.h"

#define CHECKPOINT_FIELD "#" /* the same as PL_PROGRESS_FIELD of planlift/state.h */

/* Scripts are sent in full: the hash that saves is computed in no time, and none can be lost.
 *
 * Writes fields if and only if the checkpoint is the expected one (I3). ARGV: the expected
 * checkpoint ("" = none), the new one, then field, value, field, value ...; "" deletes. Runs of
 * values go into one HSET each, in pieces that Lua's stack can hold. */
static const char update_script[] =
    "-- planlift: update\n"
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

/* Nor does a drop touch what somebody else has put there meanwhile. ARGV: the expected
 * checkpoint. */
static const char drop_script[] =
    "-- planlift: drop\n"
    "if (redis.call('HGET', KEYS[1], '#') or '') ~= ARGV[1] then return 0 end\n"
    "redis.call('UNLINK', KEYS[1])\n"
    "return 1\n";

struct pl_redis {
    struct pl_redis_nodes *nodes;
    char *group_id;
};

/* ---- life ------------------------------------------------------------------------------------ */

struct pl_redis *pl_redis_new(const struct pl_redis_url *url, const struct pl_secret *password,
                              const char *group_id)
{
    struct pl_redis *redis = calloc(1, sizeof(*redis));

    if (redis == NULL) {
        pl_out_of_memory(sizeof(*redis));
    }
    redis->group_id = strdup(group_id);
    if (redis->group_id == NULL) {
        pl_out_of_memory(strlen(group_id));
    }
    redis->nodes = pl_redis_nodes_new(url, password);
    return redis;
}

void pl_redis_free(struct pl_redis *redis)
{
    if (redis == NULL) {
        return;
    }
    pl_redis_nodes_free(redis->nodes);
    free(redis->group_id);
    free(redis);
}

static struct pl_bytes key_of(const struct pl_redis *redis, int32_t partition,
                              struct pl_arena *arena)
{
    return pl_arena_format(arena, "planlift:{%s:p%" PRId32 "}", redis->group_id, partition);
}

/* ---- asking ---------------------------------------------------------------------------------- */

/* To the callers of the port every failure is the same: not now. */
static enum pl_status run(struct pl_redis *redis, struct pl_redis_errand *errands, size_t count,
                          struct pl_error *error)
{
    enum pl_status status = pl_redis_errands_run(redis->nodes, errands, count, error);

    return status == PL_OK ? PL_OK : PL_AGAIN;
}

/* ---- read ------------------------------------------------------------------------------------ */

/* One transaction of Redis, so that fields, checkpoint and count are of the same moment. */
static enum pl_status send_read(const struct pl_redis_errand *errand, struct pl_redis_link *link,
                                struct pl_error *error)
{
    const struct pl_cache_read *read = errand->item;
    enum pl_status status;

    pl_redis_link_command(link, "MULTI");
    status = pl_redis_link_send(link, error);
    if (status == PL_OK) {
        pl_redis_link_command(link, "HMGET");
        pl_redis_link_add(link, errand->key);
        pl_redis_link_add_text(link, CHECKPOINT_FIELD);
        for (size_t i = 0; i < read->field_count; i++) {
            pl_redis_link_add(link, read->fields[i].field);
        }
        status = pl_redis_link_send(link, error);
    }
    if (status == PL_OK) {
        pl_redis_link_command(link, "HLEN");
        pl_redis_link_add(link, errand->key);
        status = pl_redis_link_send(link, error);
    }
    if (status == PL_OK) {
        pl_redis_link_command(link, "EXEC");
        status = pl_redis_link_send(link, error);
    }
    return status;
}

static struct pl_bytes take_value(const redisReply *reply, struct pl_arena *arena)
{
    if (reply->type != REDIS_REPLY_STRING) {
        return PL_NULL_BYTES;
    }
    return pl_arena_copy(arena, (struct pl_bytes){reply->str, (size_t)reply->len});
}

static enum pl_status take_values(const redisReply *reply, struct pl_cache_read *read,
                                  struct pl_arena *arena, struct pl_error *error)
{
    const redisReply *values = reply->elements == 2 ? reply->element[0] : NULL;
    const redisReply *length = reply->elements == 2 ? reply->element[1] : NULL;

    if (values == NULL || values->type != REDIS_REPLY_ARRAY ||
        values->elements != read->field_count + 1 || length->type != REDIS_REPLY_INTEGER) {
        return pl_fail(error, PL_AGAIN, "Redis gives an answer of another kind than asked for");
    }
    read->checkpoint = take_value(values->element[0], arena);
    for (size_t i = 0; i < read->field_count; i++) {
        read->fields[i].value = take_value(values->element[i + 1], arena);
    }
    read->stored_fields = length->integer;
    return PL_OK;
}

/* Of a command that is elsewhere in a cluster all four answers are taken, whichever say so. */
static enum pl_status take_read(const struct pl_redis_errand *errand, struct pl_redis_link *link,
                                struct pl_error *error)
{
    redisReply *reply;
    enum pl_status status = pl_redis_link_confirm(link, error); /* MULTI */

    for (int queued = 0; queued < 2 && (status == PL_OK || status == PL_ABORT); queued++) {
        enum pl_status next = pl_redis_link_confirm(link, error);

        status = next == PL_OK ? status : next;
    }
    if (status == PL_OK || status == PL_ABORT) {
        status = pl_redis_link_receive(link, REDIS_REPLY_ARRAY, &reply, error);
    }
    if (status != PL_OK) {
        return status;
    }
    status = take_values(reply, errand->item, errand->arena, error);
    freeReplyObject(reply);
    return status;
}

static enum pl_status read_fields(void *self, struct pl_cache_read *reads, size_t count,
                                  struct pl_arena *arena, struct pl_error *error)
{
    struct pl_redis *redis = self;
    struct pl_redis_errand *errands = pl_arena_zalloc(arena, count, sizeof(*errands));

    for (size_t i = 0; i < count; i++) {
        errands[i] = (struct pl_redis_errand){
            send_read, take_read, key_of(redis, reads[i].partition, arena), &reads[i], arena, NULL};
    }
    return run(redis, errands, count, error);
}

/* ---- write ----------------------------------------------------------------------------------- */

static void begin_script(struct pl_redis_link *link, const char *script, struct pl_bytes key)
{
    pl_redis_link_command(link, "EVAL");
    pl_redis_link_add_text(link, script);
    pl_redis_link_add_text(link, "1");
    pl_redis_link_add(link, key);
}

/* The scripts answer whether the checkpoint was the expected one. */
static enum pl_status take_outcome(struct pl_redis_link *link, bool *ret_is_applied,
                                   struct pl_error *error)
{
    redisReply *reply;
    enum pl_status status = pl_redis_link_receive(link, REDIS_REPLY_INTEGER, &reply, error);

    if (status == PL_OK) {
        *ret_is_applied = reply->integer == 1;
        freeReplyObject(reply);
    }
    return status;
}

static enum pl_status send_update(const struct pl_redis_errand *errand, struct pl_redis_link *link,
                                  struct pl_error *error)
{
    const struct pl_cache_update *update = errand->item;

    begin_script(link, update_script, errand->key);
    pl_redis_link_add(link, update->expected);
    pl_redis_link_add(link, update->checkpoint);
    for (size_t i = 0; i < update->write_count; i++) {
        pl_redis_link_add(link, update->writes[i].field);
        pl_redis_link_add(link, update->writes[i].value);
    }
    return pl_redis_link_send(link, error);
}

static enum pl_status take_update(const struct pl_redis_errand *errand, struct pl_redis_link *link,
                                  struct pl_error *error)
{
    struct pl_cache_update *update = errand->item;

    return take_outcome(link, &update->is_applied, error);
}

static enum pl_status update(void *self, struct pl_cache_update *updates, size_t count,
                             struct pl_error *error)
{
    struct pl_redis *redis = self;
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_redis_errand *errands = pl_arena_zalloc(&arena, count, sizeof(*errands));
    enum pl_status status;

    for (size_t i = 0; i < count; i++) {
        errands[i] = (struct pl_redis_errand){
            send_update, take_update, key_of(redis, updates[i].partition, &arena),
            &updates[i], &arena,      NULL};
    }
    status = run(redis, errands, count, error);
    pl_arena_done(&arena);
    return status;
}

struct drop {
    struct pl_bytes expected;
    bool is_applied;
};

static enum pl_status send_drop(const struct pl_redis_errand *errand, struct pl_redis_link *link,
                                struct pl_error *error)
{
    const struct drop *drop = errand->item;

    begin_script(link, drop_script, errand->key);
    pl_redis_link_add(link, drop->expected);
    return pl_redis_link_send(link, error);
}

static enum pl_status take_drop(const struct pl_redis_errand *errand, struct pl_redis_link *link,
                                struct pl_error *error)
{
    struct drop *drop = errand->item;

    return take_outcome(link, &drop->is_applied, error);
}

static enum pl_status drop(void *self, int32_t partition, struct pl_bytes expected,
                           struct pl_error *error)
{
    struct pl_redis *redis = self;
    struct pl_arena arena = PL_ARENA_INIT;
    struct drop item = {expected, false};
    struct pl_redis_errand errand = {send_drop, take_drop, key_of(redis, partition, &arena),
                                     &item,     &arena,    NULL};
    enum pl_status status = run(redis, &errand, 1, error);

    pl_arena_done(&arena);
    if (status == PL_OK && !item.is_applied) {
        return pl_fail(error, PL_ABORT,
                       "the cache of partition %" PRId32 " was changed by somebody else",
                       partition);
    }
    return status;
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

static enum pl_status judge_memory(const char *info, struct pl_error *error)
{
    char most[32];
    char policy[32];

    if (!info_value(info, "\nmaxmemory:", most, sizeof(most)) ||
        !info_value(info, "\nmaxmemory_policy:", policy, sizeof(policy))) {
        return pl_fail(error, PL_NOT_FOUND, "Redis does not tell its maxmemory_policy");
    }
    if (strcmp(most, "0") != 0 && strcmp(policy, "noeviction") != 0) {
        return pl_fail(error, PL_FATAL,
                       "this Redis evicts keys when it is full (maxmemory %s, maxmemory-policy "
                       "%s); set maxmemory-policy to noeviction",
                       most, policy);
    }
    return PL_OK;
}

static enum pl_status check_node(struct pl_redis_link *link, struct pl_error *error)
{
    redisReply *reply;
    enum pl_status status;

    pl_redis_link_command(link, "INFO");
    pl_redis_link_add_text(link, "memory");
    status = pl_redis_link_send(link, error);
    if (status == PL_OK) {
        status = pl_redis_link_receive(link, REDIS_REPLY_STRING, &reply, error);
    }
    if (status == PL_OK) {
        status = judge_memory(reply->str, error);
        freeReplyObject(reply);
    }
    return status;
}

/* All servers that are known; of a cluster some may be away, as long as one is there. */
enum pl_status pl_redis_check(struct pl_redis *redis, struct pl_error *error)
{
    struct pl_error reason = {""};
    enum pl_status status = PL_AGAIN;
    size_t index = 0;

    pl_redis_nodes_begin(redis->nodes);
    for (enum pl_status found = PL_OK; found != PL_NOT_FOUND && status != PL_FATAL; index++) {
        struct pl_redis_link *link;

        found = pl_redis_nodes_at(redis->nodes, index, &link, &reason);
        if (found == PL_OK) {
            enum pl_status judged = check_node(link, &reason);

            status = judged == PL_FATAL || status == PL_AGAIN ? judged : status;
            *error = reason;
        } else if (found == PL_AGAIN && index == 0) {
            *error = reason;
        }
    }
    return status;
}

/* ---- slots ----------------------------------------------------------------------------------- */

/* A command on the book's hash: its field, and a value where there is one. */
struct slot_command {
    const char *command;
    const char *slot;
    const char *name; /* NULL: none */
    int answer_type;
    redisReply *answer; /* of that type; its taker frees it */
};

static enum pl_status send_slot(const struct pl_redis_errand *errand, struct pl_redis_link *link,
                                struct pl_error *error)
{
    const struct slot_command *slot = errand->item;

    pl_redis_link_command(link, slot->command);
    pl_redis_link_add(link, errand->key);
    pl_redis_link_add_text(link, slot->slot);
    if (slot->name != NULL) {
        pl_redis_link_add_text(link, slot->name);
    }
    return pl_redis_link_send(link, error);
}

static enum pl_status take_slot(const struct pl_redis_errand *errand, struct pl_redis_link *link,
                                struct pl_error *error)
{
    struct slot_command *slot = errand->item;

    return pl_redis_link_receive(link, slot->answer_type, &slot->answer, error);
}

static enum pl_status ask_book(struct pl_redis *redis, struct slot_command *slot,
                               struct pl_error *error)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_redis_errand errand = {
        send_slot, take_slot, pl_arena_format(&arena, "planlift:{%s:slots}", redis->group_id),
        slot,      &arena,    NULL};
    enum pl_status status = run(redis, &errand, 1, error);

    pl_arena_done(&arena);
    return status == PL_OK ? PL_OK : PL_AGAIN;
}

static enum pl_status change_slot(struct pl_redis *redis, const char *command, const char *slot,
                                  const char *name, struct pl_error *error)
{
    struct slot_command change = {command, slot, name, REDIS_REPLY_INTEGER, NULL};
    enum pl_status status = ask_book(redis, &change, error);

    if (status == PL_OK) {
        freeReplyObject(change.answer);
    }
    return status;
}

enum pl_status pl_redis_slot_claim(struct pl_redis *redis, const char *slot, const char *name,
                                   struct pl_error *error)
{
    return change_slot(redis, "HSET", slot, name, error);
}

enum pl_status pl_redis_slot_forget(struct pl_redis *redis, const char *slot,
                                    struct pl_error *error)
{
    return change_slot(redis, "HDEL", slot, NULL, error);
}

enum pl_status pl_redis_slot_holder(struct pl_redis *redis, const char *slot, char *ret_name,
                                    size_t size, struct pl_error *error)
{
    struct slot_command look = {"HMGET", slot, NULL, REDIS_REPLY_ARRAY, NULL};
    enum pl_status status = ask_book(redis, &look, error);

    if (status != PL_OK) {
        return PL_AGAIN;
    }
    if (look.answer->elements == 1 && look.answer->element[0]->type == REDIS_REPLY_STRING) {
        (void)snprintf(ret_name, size, "%s", look.answer->element[0]->str); /* cut to fit */
    } else {
        status = pl_fail(error, PL_NOT_FOUND, "nobody has noted who has the slot %s", slot);
    }
    freeReplyObject(look.answer);
    return status;
}
