/* The cache port on a Redis server: one hash per partition, planlift:{<group.id>:p<N>} (I2). */
#ifndef PL_IO_REDIS_H
#define PL_IO_REDIS_H

#include "planlift/ports.h"
#include "planlift/status.h"

/* Where a Redis is, taken apart from redis.url. Strings are owned (free with pl_redis_url_done);
 * NULL where the URL says nothing. */
struct pl_redis_url {
    char *host; /* TCP */
    int port;
    char *path; /* unix socket; host is NULL then */
    char *user;
    char *password;
    int database;
};

/* redis://[user[:password]@]host[:port][/db] or unix://[user[:password]@]/path[?db=n]; parts may be
 * percent-encoded. Errors: PL_BAD_DATA with what is wrong. */
PL_MUST_CHECK enum pl_status pl_redis_url_parse(const char *text, struct pl_redis_url *ret_url,
                                                struct pl_error *error);
void pl_redis_url_done(struct pl_redis_url *url);

struct pl_redis; /* connects by itself when used, and again after a failure */

/* password: overrides the URL's; may be NULL. Copies all arguments. */
struct pl_redis *pl_redis_new(const struct pl_redis_url *url, const char *password,
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
