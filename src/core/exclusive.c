/* Which plans of exclusive families an offer has, noted by family. */
#include "exclusive.h"

#include "bits.h"

/* In a mark: more than one plan of the family. Else the plan's position + 1, or 0 for none. */
#define SEVERAL UINT32_MAX

void pl_plans_mark(const struct pl_catalogue *catalogue, const struct pl_offer *offer,
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

void pl_plans_clear(const struct pl_catalogue *catalogue, const struct pl_offer *offer,
                    uint32_t *marks)
{
    for (size_t i = 0; i < offer->exclusive.count; i++) {
        marks[catalogue->services[offer->exclusive.items[i]].family] = 0;
    }
}

bool pl_plan_is_excluded(const struct pl_catalogue *catalogue, uint32_t service,
                         const uint32_t *marks)
{
    uint32_t mark = marks[catalogue->services[service].family];

    return mark != 0 && mark != service + 1;
}

bool pl_offers_collide(const struct pl_catalogue *catalogue, const struct pl_offer *a,
                       const struct pl_offer *b, uint32_t *marks)
{
    bool collide = false;

    pl_plans_mark(catalogue, b, NULL, marks);
    for (size_t i = 0; i < a->exclusive.count && !collide; i++) {
        collide = pl_plan_is_excluded(catalogue, a->exclusive.items[i], marks);
    }
    pl_plans_clear(catalogue, b, marks);
    return collide;
}
