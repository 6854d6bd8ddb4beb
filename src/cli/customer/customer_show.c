/* A customer shown: the tables, and the JSON. */
#include "cli/customer/customer_show.h"

#include <inttypes.h>

#include "cli/show.h"
#include "planlift/decide.h"
#include "wire/json_result.h"
#include "wire/json_state.h"
#include "wire/json_write.h"

/* What a CHECK of the subscription by its own partner would be answered now. One that was bought
 * without a partner can be checked by nobody: by "-", which it was not bought through either. */
static void check(const struct pl_catalogue *catalogue, const struct pl_customer_view *view,
                  const struct pl_subscription *subscription, int64_t now_ms,
                  struct pl_arena *arena, struct pl_result *ret_result)
{
    struct pl_customer customer = view->customer; /* a CHECK leaves it as it is */
    struct pl_request *request = pl_arena_zalloc(arena, 1, sizeof(*request)); /* views stay */

    *request = (struct pl_request){.request_id = PL_BYTES_LITERAL("-"),
                                   .customer_id = customer.customer_id,
                                   .partner_id = pl_show_or_dash(subscription->partner_id),
                                   .subscription_id = subscription->subscription_id,
                                   .operation = PL_OPERATION_CHECK,
                                   .requested_by_user_id = PL_BYTES_LITERAL("-"),
                                   .requested_by_role = PL_BYTES_LITERAL("GLOBAL_ADMIN")};
    pl_request_decide(catalogue, &customer, request, now_ms, arena, ret_result);
}

/* ---- for people ------------------------------------------------------------------------------ */

/* "o365-business (replaced by 1b4e...)" */
static struct pl_bytes status_text(const struct pl_subscription *subscription,
                                   struct pl_arena *arena)
{
    struct pl_bytes text = pl_bytes_of(pl_subscription_status_names[subscription->status]);

    if (!pl_bytes_is_empty(subscription->replaced_by)) {
        text = pl_show_append(text, ", replaced by ", subscription->replaced_by, arena);
    }
    if (!pl_bytes_is_empty(subscription->parent_subscription_id)) {
        text = pl_show_append(text, ", add-on of ", subscription->parent_subscription_id, arena);
    }
    return text;
}

static void show_subscriptions(const struct pl_page *page, const struct pl_catalogue *catalogue,
                               const struct pl_customer *customer, struct pl_arena *arena)
{
    static const struct pl_column columns[] = {
        {"Subscription", PL_FIT_WRAP}, {"Offer", PL_FIT_WRAP},      {"Status", PL_FIT_WRAP},
        {"Seats", PL_FIT_NUMBER},      {"Licences", PL_FIT_NUMBER}, {"Bought from", PL_FIT_WRAP},
        {"Revision", PL_FIT_NUMBER}};
    struct pl_table table = pl_table_of(columns, PL_COUNT(columns), arena);

    for (size_t i = 0; i < customer->subscription_count; i++) {
        const struct pl_subscription *subscription = &customer->subscriptions[i];
        struct pl_bytes channel = pl_bytes_of(pl_channel_names[subscription->channel]);

        pl_table_add(
            &table,
            (const struct pl_cell[]){
                pl_show_plain(subscription->subscription_id),
                pl_show_plain(pl_catalogue_offer_name(catalogue, subscription->offer_id)),
                pl_show_plain(status_text(subscription, arena)),
                pl_show_number(subscription->quantity, arena),
                pl_show_number((int64_t)subscription->licence_count, arena),
                pl_show_plain(pl_show_append(subscription->partner_id, ", ", channel, arena)),
                pl_show_number(subscription->revision, arena)});
    }
    pl_page_heading(page, "Subscriptions", NULL);
    pl_table_print(&table, page);
}

static void show_grants(const struct pl_page *page, const struct pl_customer *customer,
                        struct pl_arena *arena)
{
    static const struct pl_column columns[] = {{"Partner", PL_FIT_WRAP},
                                               {"Service families", PL_FIT_WRAP}};
    struct pl_table table = pl_table_of(columns, PL_COUNT(columns), arena);

    for (size_t i = 0; i < customer->grant_count; i++) {
        const struct pl_grant *grant = &customer->grants[i];
        struct pl_bytes families = PL_BYTES_LITERAL("");

        for (size_t j = 0; j < grant->service_families.count; j++) {
            families = pl_show_append(families, ", ", grant->service_families.items[j], arena);
        }
        pl_table_add(&table,
                     (const struct pl_cell[]){
                         pl_show_plain(grant->partner_id),
                         pl_show_plain(families.len == 0 ? PL_BYTES_LITERAL("all") : families)});
    }
    pl_page_heading(page, "Delegated admin",
                    customer->grant_count == 0 ? "Granted to nobody." : NULL);
    pl_table_print(&table, page);
}

static void show_check(const struct pl_page *page, const struct pl_result *result,
                       const struct pl_subscription *subscription, struct pl_arena *arena)
{
    struct pl_bytes partner = subscription->partner_id;

    pl_page_text(page,
                 pl_bytes_is_empty(partner)
                     ? pl_arena_format(arena, "\n%.*s, bought without a partner:",
                                       PL_ARG(subscription->subscription_id))
                     : pl_arena_format(arena, "\n%.*s, asked by %.*s:",
                                       PL_ARG(subscription->subscription_id), PL_ARG(partner)));
    for (size_t i = 0; i < result->errors.count; i++) {
        const struct pl_upgrade_error *error = &result->errors.items[i];

        pl_page_text(page, pl_arena_format(arena, "%s: %.*s", pl_error_code_names[error->code],
                                           PL_ARG(error->message)));
    }
    pl_show_possible(page, result, arena);
}

static void show_checks(const struct pl_page *page, const struct pl_catalogue *catalogue,
                        const struct pl_customer_view *view, struct pl_arena *arena)
{
    pl_page_heading(page, "Possible upgrades",
                    "As a CHECK of each subscription that is not cancelled would say now.");
    for (size_t i = 0; i < view->customer.subscription_count; i++) {
        const struct pl_subscription *subscription = &view->customer.subscriptions[i];
        struct pl_result result;

        if (subscription->status != PL_STATUS_CANCELLED) {
            check(catalogue, view, subscription, 0, arena, &result);
            show_check(page, &result, subscription, arena);
        }
    }
}

void pl_customer_show(const struct pl_page *page, const struct pl_catalogue *catalogue,
                      const struct pl_customer_view *view, struct pl_arena *arena)
{
    const struct pl_customer *customer = &view->customer;
    struct pl_bytes version = pl_catalogue_version(catalogue);

    pl_page_text(page, pl_arena_format(arena,
                                       "Customer %.*s, version %" PRId64 ", partition %" PRId32
                                       " (catalogue %.*s)",
                                       PL_ARG(customer->customer_id), customer->version,
                                       view->partition, PL_ARG(version)));
    if (view->behind[PL_TOPIC_EVENTS] > 0 || view->behind[PL_TOPIC_REQUESTS] > 0) {
        pl_page_text(page, pl_arena_format(arena,
                                           "The service has yet to take in up to %" PRId64
                                           " events and %" PRId64 " requests of this partition.",
                                           view->behind[PL_TOPIC_EVENTS],
                                           view->behind[PL_TOPIC_REQUESTS]));
    }
    show_subscriptions(page, catalogue, customer, arena);
    show_grants(page, customer, arena);
    show_checks(page, catalogue, view, arena);
}

/* ---- for scripts ----------------------------------------------------------------------------- */

void pl_customer_write(const struct pl_catalogue *catalogue, const struct pl_customer_view *view,
                       int64_t now_ms, struct pl_arena *arena, struct pl_buffer *buffer)
{
    pl_buffer_put_byte(buffer, '{');
    pl_json_put_key(buffer, "customer");
    pl_json_state_write(&view->customer, arena, buffer);
    pl_json_put_key(buffer, "checks");
    pl_buffer_put_byte(buffer, '[');
    for (size_t i = 0; i < view->customer.subscription_count; i++) {
        struct pl_result result;

        check(catalogue, view, &view->customer.subscriptions[i], now_ms, arena, &result);
        pl_json_put_separator(buffer);
        pl_json_result_write(&result, buffer);
    }
    pl_buffer_put_byte(buffer, ']');
    pl_json_put_key(buffer, "partition");
    pl_json_put_integer(buffer, view->partition);
    pl_json_put_key(buffer, "stateOffset");
    pl_json_put_integer(buffer, view->until);
    pl_json_put_key(buffer, "eventsBehind");
    pl_json_put_integer(buffer, view->behind[PL_TOPIC_EVENTS]);
    pl_json_put_key(buffer, "requestsBehind");
    pl_json_put_integer(buffer, view->behind[PL_TOPIC_REQUESTS]);
    pl_buffer_put_byte(buffer, '}');
}
