/* Each record is broken in one known way. */
#include "workload_break.h"

#include <string.h>

void sim_add_headers(struct sim_draw *draw, struct pl_message *message)
{
    static const struct pl_header headers[] = {
        {{"traceparent", 11}, {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", 55}},
        {{"x-sender", 8}, {NULL, 0}},
        {{"tracestate", 10}, {"vendor=1", 8}},
        {{"planlift-error-code", 19}, {"malformed", 9}}};
    uint32_t first = sim_dice_below(&draw->dice, 4);

    message->headers = headers + first;
    message->header_count = sim_dice_below(&draw->dice, 5 - first);
}

static struct pl_bytes with_byte(struct sim_draw *draw, struct pl_bytes value, size_t at, char byte)
{
    char *copy = pl_arena_alloc(draw->arena, value.len + 1);

    memcpy(copy, value.data, value.len);
    copy[at] = byte;
    return (struct pl_bytes){copy, at == value.len ? value.len + 1 : value.len};
}

void sim_break_message(struct sim_draw *draw, struct pl_message *message)
{
    struct pl_bytes value = message->value;

    switch (sim_dice_below(&draw->dice, 9)) {
    case 0:
        message->value = PL_NULL_BYTES;
        break;
    case 1:
        message->value.len = sim_dice_below(&draw->dice, (uint32_t)value.len);
        break;
    case 2:
        message->value = with_byte(draw, value, value.len, '\0');
        break;
    case 3:
        message->value = with_byte(draw, value, 3, '\x7f'); /* of an unknown schema */
        break;
    case 4:
        message->value = with_byte(draw, value, 0, '\1');
        break;
    case 5: /* of the other input's record */
        message->value = with_byte(draw, value, 4, value.data[4] == 1 ? '\2' : '\1');
        break;
    case 6:
        message->key = PL_NULL_BYTES;
        break;
    case 7:
        message->key = PL_BYTES_LITERAL("somebody else");
        break;
    default: /* the only partition is the right one */
        message->partition = (message->partition + 1) % draw->partition_count;
        break;
    }
}

void sim_spoil_event(struct pl_event *event)
{
    switch (event->kind) {
    case PL_EVENT_SUBSCRIPTION_CHANGED:
        event->change.subscription_changed.quantity = -1;
        break;
    case PL_EVENT_LICENSE_ASSIGNED:
        event->change.license_assigned.user_id = PL_BYTES_LITERAL("");
        break;
    case PL_EVENT_LICENSE_REMOVED:
        event->change.license_removed.subscription_id = PL_BYTES_LITERAL("");
        break;
    case PL_EVENT_DELEGATED_ADMIN_CHANGED:
        event->change.delegated_admin_changed.partner_id = PL_BYTES_LITERAL("");
        break;
    case PL_EVENT_CUSTOMER_ERASED:
        break; /* has nothing to be spoilt */
    }
}
