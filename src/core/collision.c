/* Plans of an exclusive family: a user can hold only one of each (contract 4, 6). */
#include "bits.h"
#include "inquiry.h"

/* In a mark: more than one plan of the family. Else the plan's position + 1, or 0 for none. */
#define SEVERAL UINT32_MAX

/* Note the offer's exclusive plans that are not disabled in the marks of their families. */
static void mark_plans(const struct pl_catalogue *catalogue, const struct pl_offer *offer,
                       const uint64_t *disabled, uint32_t *marks)
{
    for (size_t i = 0; i < offer->exclusive.count; i++) {
        uint32_t service = offer->exclusive.items[i];
        uint32_t *mark = &marks[catalogue->services[service].family];

        if (disabled == NULL || !pl_bits_has(disabled, service)) {
            *mark = *mark == 0 ? service + 1 : SEVERAL;
        }
    }
}

static void clear_marks(const struct pl_catalogue *catalogue, const struct pl_offer *offer,
                        uint32_t *marks)
{
    for (size_t i = 0; i < offer->exclusive.count; i++) {
        marks[catalogue->services[offer->exclusive.items[i]].family] = 0;
    }
}

/* Is another plan of the service's family marked? */
static bool is_excluded(const struct pl_catalogue *catalogue, uint32_t service,
                        const uint32_t *marks)
{
    uint32_t mark = marks[catalogue->services[service].family];

    return mark != 0 && mark != service + 1;
}

bool pl_offers_collide(const struct pl_catalogue *catalogue, const struct pl_offer *a,
                       const struct pl_offer *b, uint32_t *marks)
{
    bool collide = false;

    mark_plans(catalogue, b, NULL, marks);
    for (size_t i = 0; i < a->exclusive.count && !collide; i++) {
        collide = is_excluded(catalogue, a->exclusive.items[i], marks);
    }
    clear_marks(catalogue, b, marks);
    return collide;
}

size_t pl_collisions(const struct pl_inquiry *inquiry, const struct pl_account *account,
                     const struct pl_elsewhere *elsewhere, struct pl_bytes *ret_ids)
{
    const struct pl_positions *exclusive = &inquiry->edge->target->exclusive;
    const struct pl_offer *other = elsewhere->other->offer;
    size_t count = 0;

    mark_plans(inquiry->catalogue, other, elsewhere->disabled, inquiry->marks);
    for (size_t i = 0; i < exclusive->count; i++) {
        uint32_t service = exclusive->items[i];

        if (!is_excluded(inquiry->catalogue, service, inquiry->marks) ||
            pl_stays_disabled(inquiry, account, service)) {
            continue;
        }
        if (ret_ids == NULL) {
            count = 1;
            break;
        }
        ret_ids[count++] = pl_service_id(inquiry->catalogue, service);
    }
    clear_marks(inquiry->catalogue, other, inquiry->marks);
    return count;
}
