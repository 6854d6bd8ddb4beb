/* Finding the server of a key. */
#include "io/redis_nodes.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "io/redis_sentinel.h"
#include "io/redis_tls.h"
#include "planlift/arena.h"

#define SLOTS 16384
#define NODES_MOST 1024 /* a cluster may have no more masters */
#define UNKNOWN NODES_MOST

struct node {
    struct pl_redis_link link;
    bool is_open; /* in this call */
};

struct pl_redis_nodes {
    struct pl_redis_url url;
    struct pl_redis_login login;
    struct node **items; /* those of the URL first */
    size_t count;
    size_t next;      /* the node that keys are asked for of which nothing is known */
    size_t sentinel;  /* knew the master last */
    uint16_t *owners; /* of slots; of a cluster only */
};

/* ---- slots ----------------------------------------------------------------------------------- */

/* CRC16 of XMODEM, as Redis Cluster's specification has it. */
static unsigned crc16(struct pl_bytes bytes)
{
    unsigned crc = 0;

    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= (unsigned)(unsigned char)bytes.data[i] << 8;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 0x8000U) != 0 ? (crc << 1) ^ 0x1021U : crc << 1;
        }
    }
    return crc & 0xFFFFU;
}

unsigned pl_redis_slot_of(struct pl_bytes key)
{
    const char *open = key.len == 0 ? NULL : memchr(key.data, '{', key.len);

    if (open != NULL) {
        size_t rest = key.len - (size_t)(open + 1 - key.data);
        const char *close = memchr(open + 1, '}', rest);

        if (close != NULL && close > open + 1) {
            key = (struct pl_bytes){open + 1, (size_t)(close - open) - 1};
        }
    }
    return crc16(key) % SLOTS;
}

/* ---- life ------------------------------------------------------------------------------------ */

static struct node *add_node(struct pl_redis_nodes *nodes, const struct pl_redis_place *place)
{
    struct node *node = calloc(1, sizeof(*node));

    nodes->items = realloc(nodes->items, (nodes->count + 1) * sizeof(struct node *));
    if (node == NULL || nodes->items == NULL) {
        pl_out_of_memory(sizeof(*node));
    }
    pl_redis_link_init(&node->link, &nodes->login, place);
    node->link.follows = nodes->url.kind == PL_REDIS_CLUSTER;
    nodes->items[nodes->count++] = node;
    return node;
}

struct pl_redis_nodes *pl_redis_nodes_new(const struct pl_redis_url *url,
                                          const struct pl_secret *password)
{
    struct pl_redis_nodes *nodes = calloc(1, sizeof(*nodes));

    if (nodes == NULL) {
        pl_out_of_memory(sizeof(*nodes));
    }
    nodes->url = pl_redis_url_copy(url);
    nodes->login.url = &nodes->url;
    nodes->login.password = password != NULL && password->text != NULL
                                ? *password
                                : (struct pl_secret){.text = nodes->url.password};
    if (nodes->url.path != NULL) {
        (void)add_node(nodes, NULL);
    }
    for (size_t i = 0; i < (nodes->url.kind == PL_REDIS_SENTINEL ? 1 : nodes->url.place_count);
         i++) {
        (void)add_node(nodes, &nodes->url.places[i]);
    }
    if (nodes->url.kind == PL_REDIS_CLUSTER) {
        nodes->owners = calloc(SLOTS, sizeof(*nodes->owners));
        if (nodes->owners == NULL) {
            pl_out_of_memory(SLOTS);
        }
        for (size_t slot = 0; slot < SLOTS; slot++) {
            nodes->owners[slot] = UNKNOWN;
        }
    }
    return nodes;
}

void pl_redis_nodes_free(struct pl_redis_nodes *nodes)
{
    if (nodes == NULL) {
        return;
    }
    for (size_t i = 0; i < nodes->count; i++) {
        pl_redis_link_done(&nodes->items[i]->link);
        free(nodes->items[i]);
    }
    free(nodes->items);
    free(nodes->owners);
    pl_redis_tls_free(nodes->login.tls);
    pl_redis_url_done(&nodes->url);
    free(nodes);
}

void pl_redis_nodes_begin(struct pl_redis_nodes *nodes)
{
    for (size_t i = 0; i < nodes->count; i++) {
        nodes->items[i]->is_open = false;
    }
}

void pl_redis_nodes_close(struct pl_redis_nodes *nodes)
{
    for (size_t i = 0; i < nodes->count; i++) {
        pl_redis_link_close(&nodes->items[i]->link);
        nodes->items[i]->is_open = false;
    }
}

/* ---- opening --------------------------------------------------------------------------------- */

/* The certificates' files are looked at anew until they can be used. */
static enum pl_status prepare_tls(struct pl_redis_nodes *nodes, struct pl_error *error)
{
    enum pl_status status = PL_OK;

    if (nodes->url.is_tls && nodes->login.tls == NULL) {
        status = pl_redis_tls_new(&nodes->url, &nodes->login.tls, error);
        for (size_t i = 0; status == PL_OK && i < nodes->count; i++) {
            nodes->items[i]->link.login.tls = nodes->login.tls;
        }
    }
    return status;
}

/* The master, where the sentinels say that it is now. */
static enum pl_status open_master(struct pl_redis_nodes *nodes, struct pl_redis_link *link,
                                  struct pl_error *error)
{
    struct pl_redis_place place;
    enum pl_status status;

    if (!pl_redis_link_is_alive(link)) {
        status = pl_redis_sentinel_ask(&nodes->login, &nodes->sentinel, &place, error);
        if (status != PL_OK) {
            return status;
        }
        pl_redis_link_move(link, &place);
        free(place.host);
        status = pl_redis_link_open(link, error);
        return status == PL_OK ? pl_redis_sentinel_check(link, error) : status;
    }
    return pl_redis_link_open(link, error);
}

static enum pl_status open_node(struct pl_redis_nodes *nodes, struct node *node,
                                struct pl_error *error)
{
    enum pl_status status = PL_OK;

    if (!node->is_open) {
        status = prepare_tls(nodes, error);
        if (status == PL_OK) {
            status = nodes->url.kind == PL_REDIS_SENTINEL ? open_master(nodes, &node->link, error)
                                                          : pl_redis_link_open(&node->link, error);
        }
        node->is_open = status == PL_OK;
    }
    return status;
}

/* ---- a cluster ------------------------------------------------------------------------------- */

/* The number of the node at a place, which may be a new one. */
static size_t find_node(struct pl_redis_nodes *nodes, const struct pl_redis_place *place)
{
    for (size_t i = 0; i < nodes->count; i++) {
        const struct pl_redis_place *at = &nodes->items[i]->link.at;

        if (at->port == place->port && strcmp(at->host, place->host) == 0) {
            return i;
        }
    }
    if (nodes->count == NODES_MOST) { /* places that are no longer: begin again with the URL's */
        return 0;
    }
    (void)add_node(nodes, place);
    return nodes->count - 1;
}

/* Whoever is away may have lost its slots to another: ask the others from now on. */
static void forget_owner(struct pl_redis_nodes *nodes, size_t owner)
{
    for (size_t slot = 0; slot < SLOTS; slot++) {
        if (nodes->owners[slot] == owner) {
            nodes->owners[slot] = UNKNOWN;
        }
    }
    nodes->next = (owner + 1) % nodes->count;
}

static enum pl_status open_owner(struct pl_redis_nodes *nodes, size_t owner,
                                 struct pl_redis_link **ret_link, struct pl_error *error)
{
    enum pl_status status = open_node(nodes, nodes->items[owner], error);

    if (status != PL_OK) {
        forget_owner(nodes, owner);
        return PL_AGAIN;
    }
    *ret_link = &nodes->items[owner]->link;
    return PL_OK;
}

static enum pl_status route_in_cluster(struct pl_redis_nodes *nodes, struct pl_bytes key,
                                       struct pl_redis_link **ret_link, struct pl_error *error)
{
    size_t owner = nodes->owners[pl_redis_slot_of(key)];

    return open_owner(nodes, owner == UNKNOWN ? nodes->next : owner, ret_link, error);
}

enum pl_status pl_redis_nodes_follow(struct pl_redis_nodes *nodes, struct pl_bytes key,
                                     struct pl_redis_link **link, struct pl_error *error)
{
    struct pl_redis_redirect redirect = (*link)->redirect;
    const struct pl_redis_place place = {
        redirect.host[0] == '\0' ? (*link)->at.host : redirect.host, redirect.port};
    size_t owner = find_node(nodes, &place);
    enum pl_status status;

    (*link)->redirect.is_there = false;
    if (!redirect.is_once) {
        nodes->owners[pl_redis_slot_of(key)] = (uint16_t)owner;
    }
    status = open_owner(nodes, owner, link, error);
    if (status == PL_OK && redirect.is_once) {
        pl_redis_link_command(*link, "ASKING");
        status = pl_redis_link_send(*link, error);
        if (status == PL_OK) {
            status = pl_redis_link_confirm(*link, error);
        }
    }
    return status == PL_OK ? PL_OK : PL_AGAIN;
}

/* ---- any ------------------------------------------------------------------------------------- */

enum pl_status pl_redis_nodes_route(struct pl_redis_nodes *nodes, struct pl_bytes key,
                                    struct pl_redis_link **ret_link, struct pl_error *error)
{
    if (nodes->url.kind == PL_REDIS_CLUSTER) {
        return route_in_cluster(nodes, key, ret_link, error);
    }
    *ret_link = &nodes->items[0]->link;
    return open_node(nodes, nodes->items[0], error) == PL_OK ? PL_OK : PL_AGAIN;
}

enum pl_status pl_redis_nodes_at(struct pl_redis_nodes *nodes, size_t index,
                                 struct pl_redis_link **ret_link, struct pl_error *error)
{
    if (index >= nodes->count) {
        return PL_NOT_FOUND;
    }
    *ret_link = &nodes->items[index]->link;
    return open_node(nodes, nodes->items[index], error) == PL_OK ? PL_OK : PL_AGAIN;
}
