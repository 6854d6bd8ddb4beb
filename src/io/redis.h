/* The cache port on a Redis server: one hash per partition, planlift:{<group.id>:p<N>} (I2). */
#ifndef PL_IO_REDIS_H
#define PL_IO_REDIS_H

#include "base/secret.h"
#include "planlift/ports.h"
#include "planlift/status.h"

enum pl_redis_kind {
    PL_REDIS_SINGLE,
    PL_REDIS_SENTINEL, /* places are those of sentinels, who know where the master is */
    PL_REDIS_CLUSTER   /* places are those of some of its nodes */
};

struct pl_redis_place {
    char *host;
    int port;
};

/* Where a Redis is, taken apart from redis.url. Strings are owned (free with pl_redis_url_done);
 * NULL where the URL says nothing. */
struct pl_redis_url {
    enum pl_redis_kind kind;
    struct pl_redis_place *places; /* TCP: one, or several where the kind has them */
    size_t place_count;
    char *path;   /* unix socket; there are no places then */
    char *master; /* its name, for sentinels */
    char *user;
    char *password;
    int database;
    bool is_tls;
    char *ca; /* files of TLS: authorities (NULL: the system's), our certificate and its key */
    char *certificate;
    char *key;
};

/* redis://[user[:password]@]host[:port][/db], unix://[user[:password]@]/path[?db=n],
 * redis+sentinel://[user[:password]@]host[:port],.../master[/db],
 * redis+cluster://[user[:password]@]host[:port],...; with TLS rediss..., which takes
 * ?cacert=FILE&cert=FILE&key=FILE (as redis-cli calls them). Parts may be percent-encoded.
 * Errors: PL_BAD_DATA with what is wrong. */
PL_MUST_CHECK enum pl_status pl_redis_url_parse(const char *text, struct pl_redis_url *ret_url,
                                                struct pl_error *error);
struct pl_redis_url pl_redis_url_copy(const struct pl_redis_url *url);
void pl_redis_url_done(struct pl_redis_url *url);

struct pl_redis; /* connects by itself when used, and again after a failure */

/* Borrows the texts of password (NULL: none), which stands over the URL's; copies the rest. */
struct pl_redis *pl_redis_new(const struct pl_redis_url *url, const struct pl_secret *password,
                              const char *group_id);
void pl_redis_free(struct pl_redis *redis);

/* Refuse a Redis that may evict (design I2). Errors: PL_FATAL with the fix, PL_AGAIN (cannot be
 * reached), PL_NOT_FOUND (it does not tell: go on with a warning, I2 covers it). */
PL_MUST_CHECK enum pl_status pl_redis_check(struct pl_redis *redis, struct pl_error *error);

struct pl_cache pl_redis_port(struct pl_redis *redis);

/* The slot book (kafka.h) in the hash planlift:{<group.id>:slots}: note a name under a slot, read
 * the last one noted, remove it. Errors: PL_AGAIN; PL_NOT_FOUND (none is noted). */
PL_MUST_CHECK enum pl_status pl_redis_slot_claim(struct pl_redis *redis, const char *slot,
                                                 const char *name, struct pl_error *error);
PL_MUST_CHECK enum pl_status pl_redis_slot_holder(struct pl_redis *redis, const char *slot,
                                                  char *ret_name, size_t size,
                                                  struct pl_error *error);
PL_MUST_CHECK enum pl_status pl_redis_slot_forget(struct pl_redis *redis, const char *slot,
                                                  struct pl_error *error);

#endif
