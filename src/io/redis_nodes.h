/* Which server a key is on: the one that there is, the master that sentinels name, or a node of a
 * cluster. A cluster is learnt from what its nodes say of the keys that are asked for (MOVED and
 * ASK): planlift has few keys, so it needs no map of all slots, nor a right to ask for one. */
#ifndef PL_IO_REDIS_NODES_H
#define PL_IO_REDIS_NODES_H

#include "io/redis_link.h"

struct pl_redis_nodes;

/* Copies url; borrows the texts of password (NULL: none), which stands over the URL's. Connects
 * when used. Owns: free with pl_redis_nodes_free. */
struct pl_redis_nodes *pl_redis_nodes_new(const struct pl_redis_url *url,
                                          const struct pl_secret *password);
void pl_redis_nodes_free(struct pl_redis_nodes *nodes);

/* Begin a call: each server that it needs is connected to once, and has its own limit of time. */
void pl_redis_nodes_begin(struct pl_redis_nodes *nodes);

/* The open link to the server of a key. Errors: PL_AGAIN. */
PL_MUST_CHECK enum pl_status pl_redis_nodes_route(struct pl_redis_nodes *nodes, struct pl_bytes key,
                                                  struct pl_redis_link **ret_link,
                                                  struct pl_error *error);

/* The open links to all servers that are known so far, by index. Errors: PL_NOT_FOUND: there are no
 * more; PL_AGAIN. */
PL_MUST_CHECK enum pl_status pl_redis_nodes_at(struct pl_redis_nodes *nodes, size_t index,
                                               struct pl_redis_link **ret_link,
                                               struct pl_error *error);

/* After PL_ABORT from *link: the open link to the server that the key was said to be on, which
 * expects the command now. Errors: PL_AGAIN. */
PL_MUST_CHECK enum pl_status pl_redis_nodes_follow(struct pl_redis_nodes *nodes,
                                                   struct pl_bytes key, struct pl_redis_link **link,
                                                   struct pl_error *error);

/* A call has failed: answers may still be under way, and servers may have changed places. */
void pl_redis_nodes_close(struct pl_redis_nodes *nodes);

/* The slot of a key in a cluster: by what is between its first { and the next }, if anything is. */
unsigned pl_redis_slot_of(struct pl_bytes key);

#endif
