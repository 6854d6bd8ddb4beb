/* A request id is answered once per customer: the ring of the last 64 (contract 6, Once). */
#include <assert.h>
#include <string.h>

#include <uuid/uuid.h>

#include "planlift/decide.h"

/* Namespace of new subscriptions' ids (contract 6). */
static const unsigned char new_subscription_namespace[16] = {
    0x6f, 0x0f, 0x5c, 0x0e, 0x6a, 0x0b, 0x5b, 0x5e, 0x9d, 0x6e, 0x0d, 0x6a, 0x8f, 0x1c, 0x2b, 0x3a};

static void hash_name(const unsigned char space[16], struct pl_bytes name,
                      unsigned char ret_uuid[16])
{
    uuid_generate_sha1(ret_uuid, space, name.len > 0 ? name.data : "", name.len);
}

void pl_new_subscription_id(struct pl_bytes customer_id, struct pl_bytes request_id,
                            unsigned char ret_uuid[16])
{
    unsigned char space[16];

    hash_name(new_subscription_namespace, customer_id, space);
    hash_name(space, request_id, ret_uuid);
}

/* Digest of the five fields that tell a repeat from a reused id. Each string is hashed on its own,
 * in the namespace of those before it, so that no two different lists of fields look the same; the
 * first namespace is the two fields of a fixed size. Stored: changing it makes every repeat look
 * like a reused id. */
static void digest_fields(const struct pl_request *request, unsigned char ret_uuid[16])
{
    const struct pl_bytes strings[3] = {request->partner_id, request->subscription_id,
                                        request->target_offer_id};
    uint32_t quantity = request->quantity.is_set ? (uint32_t)request->quantity.value : 0;
    unsigned char space[16] = {0};

    space[0] = (unsigned char)request->operation;
    space[1] = request->quantity.is_set ? 1 : 0;
    for (size_t i = 0; i < 4; i++) {
        space[2 + i] = (unsigned char)(quantity >> (24 - 8 * i));
    }
    for (size_t i = 0; i < 3; i++) {
        hash_name(space, strings[i], ret_uuid);
        memcpy(space, ret_uuid, sizeof(space));
    }
}

struct pl_answered pl_request_digest(struct pl_bytes customer_id, const struct pl_request *request)
{
    struct pl_answered digest = {{0}, {0}};

    pl_new_subscription_id(customer_id, request->request_id, digest.request);
    digest_fields(request, digest.fields);
    return digest;
}

enum pl_once pl_request_once(const struct pl_customer *customer, const struct pl_request *request,
                             const struct pl_answered *digest)
{
    size_t count = customer->answered_total < PL_ANSWERED_MAX ? (size_t)customer->answered_total
                                                              : PL_ANSWERED_MAX;

    if (pl_bytes_is_empty(request->request_id)) {
        return PL_ONCE_NEW;
    }
    for (size_t i = 0; i < count; i++) {
        const struct pl_answered *answered =
            &customer->answered[i / PL_ANSWERED_SEGMENT][i % PL_ANSWERED_SEGMENT];

        assert(customer->answered_is_loaded[i / PL_ANSWERED_SEGMENT]);
        if (memcmp(answered->request, digest->request, sizeof(digest->request)) == 0) {
            return memcmp(answered->fields, digest->fields, sizeof(digest->fields)) == 0
                       ? PL_ONCE_REPEAT
                       : PL_ONCE_REUSED;
        }
    }
    return PL_ONCE_NEW;
}

void pl_request_remember(struct pl_customer *customer, const struct pl_request *request,
                         const struct pl_answered *digest, struct pl_arena *arena)
{
    uint32_t slot = (uint32_t)(customer->answered_total % PL_ANSWERED_MAX);
    uint32_t segment = slot / PL_ANSWERED_SEGMENT;

    if (pl_bytes_is_empty(request->request_id)) {
        return;
    }
    assert(customer->answered_is_loaded[segment]);
    pl_customer_answered(customer, segment, arena)[slot % PL_ANSWERED_SEGMENT] = *digest;
    customer->answered_is_dirty[segment] = true;
    customer->answered_total++;
    customer->is_dirty = true;
}
