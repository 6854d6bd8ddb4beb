/* Running errands. */
#include "io/redis_errand.h"

/* Redirections in a row; a cluster that sends us round in circles is not well. */
#define HOPS_MOST 5

/* The error names the key where its value is at fault. */
static enum pl_status tell(const struct pl_redis_errand *errand, enum pl_status status,
                           struct pl_error *error)
{
    return status == PL_BAD_DATA
               ? pl_fail_at(error, status, "key %.*s", (int)errand->key.len, errand->key.data)
               : status;
}

static enum pl_status send_all(struct pl_redis_nodes *nodes, struct pl_redis_errand *errands,
                               size_t count, struct pl_error *error)
{
    enum pl_status status = PL_OK;

    pl_redis_nodes_begin(nodes);
    for (size_t i = 0; status == PL_OK && i < count; i++) {
        status = pl_redis_nodes_route(nodes, errands[i].key, &errands[i].link, error);
        if (status == PL_OK) {
            status = errands[i].send(&errands[i], errands[i].link, error);
        }
    }
    return status;
}

/* All answers; of errands that must go elsewhere, where. */
static enum pl_status take_all(struct pl_redis_errand *errands, size_t count,
                               struct pl_redis_redirect *redirects, struct pl_error *error)
{
    for (size_t i = 0; i < count; i++) {
        struct pl_redis_link *link = errands[i].link;
        enum pl_status status;

        link->redirect.is_there = false;
        status = errands[i].take(&errands[i], link, error);
        if (status == PL_ABORT) {
            redirects[i] = link->redirect;
        } else if (status != PL_OK) {
            return tell(&errands[i], status, error);
        }
    }
    return PL_OK;
}

/* From server to server, until it is done. */
static enum pl_status follow(struct pl_redis_nodes *nodes, struct pl_redis_errand *errand,
                             const struct pl_redis_redirect *redirect, struct pl_error *error)
{
    enum pl_status status = PL_ABORT;

    errand->link->redirect = *redirect;
    for (int hop = 0; status == PL_ABORT && hop < HOPS_MOST; hop++) {
        status = pl_redis_nodes_follow(nodes, errand->key, &errand->link, error);
        if (status == PL_OK) {
            status = errand->send(errand, errand->link, error);
        }
        if (status == PL_OK) {
            status = errand->take(errand, errand->link, error);
        }
    }
    return tell(errand, status, error);
}

enum pl_status pl_redis_errands_run(struct pl_redis_nodes *nodes, struct pl_redis_errand *errands,
                                    size_t count, struct pl_error *error)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_redis_redirect *redirects = pl_arena_zalloc(&arena, count, sizeof(*redirects));
    enum pl_status status = send_all(nodes, errands, count, error);

    if (status == PL_OK) {
        status = take_all(errands, count, redirects, error);
    }
    for (size_t i = 0; status == PL_OK && i < count; i++) {
        if (redirects[i].is_there) {
            status = follow(nodes, &errands[i], &redirects[i], error);
        }
    }
    if (status != PL_OK) {
        pl_redis_nodes_close(nodes); /* answers may still be under way */
    }
    pl_arena_done(&arena);
    return status;
}
