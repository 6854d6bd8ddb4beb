/* Services that exclude a plan which a user has elsewhere (contract 6, error 12). */
#include "collision.h"

#include "exclusive.h"

size_t pl_collisions(const struct pl_inquiry *inquiry, const struct pl_account *account,
                     const struct pl_elsewhere *elsewhere, struct pl_bytes *ret_ids)
{
    const struct pl_positions *exclusive = &inquiry->edge->target->exclusive;
    const struct pl_offer *other = elsewhere->other->offer;
    size_t count = 0;

    pl_plans_mark(inquiry->catalogue, other, elsewhere->disabled, inquiry->marks);
    for (size_t i = 0; i < exclusive->count; i++) {
        uint32_t service = exclusive->items[i];

        if (!pl_plan_is_excluded(inquiry->catalogue, service, inquiry->marks) ||
            pl_stays_disabled(inquiry, account, service)) {
            continue;
        }
        if (ret_ids == NULL) {
            count = 1;
            break;
        }
        ret_ids[count++] = pl_service_id(inquiry->catalogue, service);
    }
    pl_plans_clear(inquiry->catalogue, other, inquiry->marks);
    return count;
}
