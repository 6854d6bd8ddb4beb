/* The server of the simulated Redis: the commands that planlift uses on the hashes of the world,
 * scripts on Lua 5.1 as in Redis, and a journal, so that the hashes can be put back to how they
 * really were at some time (a restart from a snapshot, a failover to a lagging replica). */
#ifndef PL_TESTS_SIM_REDIS_SERVER_H
#define PL_TESTS_SIM_REDIS_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fake/world.h"
#include "redis_reply.h"

struct sim_script_engine;

/* A command as it came; the bytes stay as long as it is needed. */
struct sim_command {
    const struct pl_bytes *argv;
    size_t argc;
};

/* What a command did. */
struct sim_effect {
    bool has_changed;  /* some field */
    bool has_looked;   /* at some field, outside of a script */
    bool has_cleared;  /* a hash that was there is gone */
    int32_t partition; /* of the hash it names; -1: none or no partition's */
};

/* What the server knows of a connection: MULTI, and the commands since. */
struct sim_session {
    bool is_multi;
    bool is_dirty; /* one of them was refused: EXEC will be too */
    struct sim_command *queued;
    size_t queued_count, queued_capacity;
};

/* One change of one field, to be undone. */
struct sim_change {
    int32_t partition;
    struct pl_bytes field;
    struct pl_bytes old; /* null: it was not there */
};

/* Changes that were made at once. */
struct sim_commit {
    size_t first_change;
    bool is_acknowledged; /* its client knows of it */
};

struct sim_script {
    char sha[41];
    struct pl_bytes body;
};

enum { SIM_SCRIPTS_MOST = 16 };

struct sim_server {
    struct pl_fake_world *world;
    const char *group_id;
    /* The hash of the slots, as the one behind those of the partitions. */
    struct pl_fake_map slots;
    struct sim_script_engine *engine; /* made when the first script runs */
    struct sim_script scripts[SIM_SCRIPTS_MOST];
    size_t script_count;
    /* Journal. */
    struct sim_change *changes;
    size_t change_count, change_capacity;
    struct sim_commit *commits;
    size_t commit_count, commit_capacity;
    /* How it is. */
    bool is_read_only;
    bool is_full;
    bool is_loading;
    /* The command under way. */
    struct sim_effect effect;
    bool is_in_script;
    bool is_script_dirty; /* it has run a command that writes: it is let to its end */
    const char *sha;      /* of the script under way */
};

void sim_server_init(struct sim_server *server, struct pl_fake_world *world, const char *group_id);

/* Run a command to its end. Owns: free the answer with freeReplyObject. A command that the server
 * does not have ends the simulation: it must be added here first. */
redisReply *sim_server_execute(struct sim_server *server, struct sim_session *session,
                               struct sim_command command, struct sim_effect *ret_effect);

/* The client of the newest change knows of it. */
void sim_server_acknowledge(struct sim_server *server);

/* ---- misfortunes ----------------------------------------------------------------------------- */

/* Put all hashes back to how they were before the newest `commits`. Returns bits by partition: the
 * hash has lost changes that had been acknowledged. */
uint32_t sim_server_roll_back(struct sim_server *server, size_t commits);

void sim_server_flush_all(struct sim_server *server);
void sim_server_flush_scripts(struct sim_server *server);

/* Set (or delete: value null) a field, as one change of its own. */
void sim_server_put(struct sim_server *server, int32_t partition, struct pl_bytes field,
                    struct pl_bytes value);

/* ---- for scripts (redis_script.c) ------------------------------------------------------------ */

/* redis.call: as execute, within the script under way. */
redisReply *sim_server_call(struct sim_server *server, struct sim_command command);

/* EVALSHA's work. */
redisReply *sim_script_run(struct sim_server *server, const struct sim_script *script,
                           struct sim_command keys, struct sim_command arguments);

#endif
