/* A customer's state (contract section 5), held in pieces so that a large one costs no more per
 * record than a small one (design I2): a head, the ring of answered requests in segments, and per
 * subscription its licences in bounded chunks. Any piece but the head may still be in the store. */
#ifndef PL_CUSTOMER_H
#define PL_CUSTOMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "planlift/arena.h"
#include "planlift/bytes.h"
#include "planlift/model.h"

/* A chunk that grows beyond either bound is split in two by the next bit of the user hash. */
#define PL_CHUNK_MAX_LICENCES 32
#define PL_CHUNK_MAX_BYTES 16384
/* A chunk at this depth is not split any more: its users share that many bits of their hash. */
#define PL_CHUNK_MAX_DEPTH 48

struct pl_licence {
    uint64_t user_hash; /* XXH3 of user_id, seed 0: decides the chunk; never changes */
    struct pl_bytes user_id;
    struct pl_bytes user_principal_name;
    struct pl_bytes display_name;      /* optional */
    struct pl_bytes assigned_by_group; /* optional */
    struct pl_names disabled_services; /* sorted by bytes, no repeats */
};

/* The licences of those users whose hash starts with the `depth` bits of `start`. */
struct pl_chunk {
    uint64_t start;    /* lowest hash of its range, which has 2^(64 - depth) values */
    uint64_t revision; /* of the store's copy: 0 = the store has none, else 1, 2, ...; a store's
                          copy with another revision is missing or stale (I2) */
    uint8_t depth;
    bool is_loaded;              /* true for revision 0 */
    bool is_dirty;               /* differs from the store's copy; is_loaded then */
    bool is_wanted;              /* the loader's own mark: asked for already */
    struct pl_licence *licences; /* sorted by user_id; valid if is_loaded */
    uint32_t count;
    uint32_t capacity;
};

struct pl_subscription {
    struct pl_bytes subscription_id;
    struct pl_bytes offer_id;
    enum pl_subscription_status status;
    int32_t quantity;
    struct pl_bytes partner_id; /* optional */
    enum pl_channel channel;
    struct pl_bytes parent_subscription_id; /* optional */
    int64_t revision;
    struct pl_bytes replaced_by; /* optional: the subscription that an upgrade made of this one */
    uint64_t ordinal;            /* names its chunks in the store; unique in the customer's life */
    uint64_t licence_count;
    struct pl_chunk *chunks; /* ordered by start; together they cover every hash; at least one */
    size_t chunk_count;
    size_t chunk_capacity;
};

struct pl_grant {
    struct pl_bytes partner_id;
    struct pl_names service_families; /* sorted, no repeats; empty: all */
};

/* Contract 6, Once: the last 64 answered requests, in a ring of 8 segments of 8. */
#define PL_ANSWERED_MAX 64
#define PL_ANSWERED_SEGMENT 8
#define PL_ANSWERED_SEGMENTS (PL_ANSWERED_MAX / PL_ANSWERED_SEGMENT)

/* An answered request as two digests (UUIDv5, so SHA-1: 122 bits each): of its id, and of the five
 * fields that tell a repeat from a reused id. Of a fixed size, whatever the length of the id. */
struct pl_answered {
    unsigned char request[16]; /* also the id that its upgrade gives the new subscription */
    unsigned char fields[16];
};

enum pl_piece_kind { PL_PIECE_HEAD, PL_PIECE_ANSWERED, PL_PIECE_CHUNK };

/* Names one stored piece of a customer. */
struct pl_piece {
    enum pl_piece_kind kind;
    uint32_t segment;    /* PL_PIECE_ANSWERED: 0 to 7 */
    uint64_t ordinal;    /* PL_PIECE_CHUNK */
    uint8_t chunk_depth; /* PL_PIECE_CHUNK */
    uint64_t chunk_start;
};

/* A growing list of pieces, in an arena. */
struct pl_pieces {
    struct pl_piece *items;
    size_t count;
    size_t capacity;
};
void pl_pieces_add(struct pl_pieces *pieces, struct pl_piece piece, struct pl_arena *arena);

struct pl_customer {
    struct pl_bytes customer_id;
    int64_t version;
    struct pl_subscription *subscriptions; /* sorted by subscription_id */
    size_t subscription_count;
    size_t subscription_capacity;
    struct pl_grant *grants; /* sorted by partner_id */
    size_t grant_count;
    size_t grant_capacity;
    uint64_t next_ordinal;

    uint64_t answered_total; /* requests answered since the last erasure */
    /* Number n is in slot n % 64, that is answered[slot / 8][slot % 8]; a segment has memory where
     * it is loaded and in use. */
    struct pl_answered *answered[PL_ANSWERED_SEGMENTS];
    bool answered_is_loaded[PL_ANSWERED_SEGMENTS]; /* true where nothing is stored */
    bool answered_is_dirty[PL_ANSWERED_SEGMENTS];

    /* What the store holds, and how it must change. */
    bool is_stored;                 /* the store has a head */
    bool is_dirty;                  /* the head differs from the store's */
    uint64_t answered_stored_total; /* answered_total of the store's copy */
    struct pl_pieces dropped; /* stored pieces that must go; a piece of the same name may have been
                                 made anew since: deletions come before writes */
};

/* An empty customer, version 0, nothing stored (contract 5). customer_id is borrowed. */
void pl_customer_init(struct pl_customer *customer, struct pl_bytes customer_id);

/* Forget everything (contract 5, CustomerErased): what is stored goes to dropped. */
void pl_customer_erase(struct pl_customer *customer, struct pl_arena *arena);

/* The segment's PL_ANSWERED_SEGMENT slots, given memory (zeros) where it has none yet. */
struct pl_answered *pl_customer_answered(struct pl_customer *customer, uint32_t segment,
                                         struct pl_arena *arena);

/* Borrowed until the next change of the customer; NULL if there is none. */
struct pl_subscription *pl_customer_find(const struct pl_customer *customer,
                                         struct pl_bytes subscription_id);
const struct pl_grant *pl_customer_grant(const struct pl_customer *customer,
                                         struct pl_bytes partner_id);

/* Add a subscription that is not there yet, without licences, and give it the next ordinal (used by
 * events, upgrades, and `decide`; the state codec fills structs itself). Returns it, borrowed. */
struct pl_subscription *pl_customer_add(struct pl_customer *customer,
                                        struct pl_bytes subscription_id, struct pl_arena *arena);

/* The subscription that a licence event names, or the end of its replacedBy chain; NULL if unknown,
 * or if the chain ends nowhere or comes back to itself (contract 5). */
struct pl_subscription *pl_customer_licence_holder(const struct pl_customer *customer,
                                                   struct pl_bytes subscription_id);

/* Set (or remove) a partner's grant. families: any order, repeats allowed. */
void pl_customer_set_grant(struct pl_customer *customer, struct pl_bytes partner_id,
                           struct pl_names families, struct pl_arena *arena);
void pl_customer_remove_grant(struct pl_customer *customer, struct pl_bytes partner_id);

/* names sorted by bytes, without repeats; a new list unless it already is so. */
struct pl_names pl_names_sorted(struct pl_names names, struct pl_arena *arena);

/* ---- licences of one subscription, in chunks ------------------------------------------------- */

uint64_t pl_user_hash(struct pl_bytes user_id);

/* The chunk whose range holds the hash. Borrowed until the next put, remove or clear. */
struct pl_chunk *pl_licences_chunk(const struct pl_subscription *subscription, uint64_t user_hash);

/* NULL if the user has none. The user's chunk must be loaded. */
const struct pl_licence *pl_licences_find(const struct pl_subscription *subscription,
                                          struct pl_bytes user_id);

/* Assign, or overwrite. The user's chunk must be loaded; splits it when it has grown too large (its
 * stored copy then goes to customer->dropped). The licence's views are borrowed. */
void pl_licences_put(struct pl_customer *customer, struct pl_subscription *subscription,
                     const struct pl_licence *licence, struct pl_arena *arena);

/* Remove if there. When the last licence goes, the chunks become a single unstored one again. */
void pl_licences_remove(struct pl_customer *customer, struct pl_subscription *subscription,
                        struct pl_bytes user_id, struct pl_arena *arena);

/* Remove all, loaded or not: what is stored goes to dropped. */
void pl_licences_clear(struct pl_customer *customer, struct pl_subscription *subscription,
                       struct pl_arena *arena);

/* All licences, by user_id; every chunk must be loaded. *ret_sorted points to licence_count
 * pointers in the arena. */
void pl_licences_sorted(const struct pl_subscription *subscription, struct pl_arena *arena,
                        const struct pl_licence *const **ret_sorted);

/* Give a subscription without licences the empty directory: one chunk, revision 0, loaded. */
void pl_licences_init(struct pl_subscription *subscription, struct pl_arena *arena);

#endif
