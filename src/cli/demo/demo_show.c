/* Sections of the demo. Section 1 shows the story; all others only what results and dead letters
 * say. */
#include "cli/demo/demo_show.h"

#include <inttypes.h>

#include "cli/show.h"

/* ---- 1: what was sent ------------------------------------------------------------------------ */

static int64_t count_users(const struct pl_demo_story *story, const struct pl_event *subscription)
{
    int64_t count = 0;

    for (size_t i = 0; i < story->fact_count; i++) {
        const struct pl_event *fact = &story->facts[i];

        count += fact->kind == PL_EVENT_LICENSE_ASSIGNED &&
                 pl_bytes_equal(fact->customer_id, subscription->customer_id) &&
                 pl_bytes_equal(fact->change.license_assigned.subscription_id,
                                subscription->change.subscription_changed.subscription_id);
    }
    return count;
}

static void show_facts(const struct pl_page *page, const struct pl_demo_story *story,
                       struct pl_arena *arena)
{
    static const struct pl_column columns[] = {
        {"Customer", PL_FIT_WRAP}, {"Subscription", PL_FIT_WRAP}, {"Offer", PL_FIT_WRAP},
        {"Seats", PL_FIT_NUMBER},  {"Bought from", PL_FIT_WRAP},  {"Users", PL_FIT_NUMBER}};
    struct pl_table table = pl_table_of(columns, PL_COUNT(columns), arena);

    for (size_t i = 0; i < story->fact_count; i++) {
        const struct pl_event *fact = &story->facts[i];
        const struct pl_subscription_changed *change = &fact->change.subscription_changed;

        if (fact->kind == PL_EVENT_SUBSCRIPTION_CHANGED) {
            struct pl_bytes channel = pl_bytes_of(pl_channel_names[change->channel]);

            pl_table_add(
                &table,
                (const struct pl_cell[]){
                    pl_show_plain(fact->customer_id), pl_show_plain(change->subscription_id),
                    pl_show_plain(change->offer_id), pl_show_number(change->quantity, arena),
                    pl_show_plain(pl_show_append(change->partner_id, ", ", channel, arena)),
                    pl_show_number(count_users(story, fact), arena)});
        }
    }
    pl_table_print(&table, page);
}

/* "UPGRADE contoso-basic to o365-enterprise-e3, 25 seats" */
static struct pl_bytes asked(const struct pl_request *request, struct pl_arena *arena)
{
    struct pl_bytes text = pl_arena_format(arena, "%s %.*s", pl_operation_names[request->operation],
                                           PL_ARG(request->subscription_id));

    if (!pl_bytes_is_null(request->target_offer_id)) {
        text = pl_show_append(text, " to ", request->target_offer_id, arena);
    }
    if (request->quantity.is_set) {
        text = pl_arena_format(arena, "%.*s, %" PRId32 " seats", PL_ARG(text),
                               request->quantity.value);
    }
    return text;
}

static void show_requests(const struct pl_page *page, const struct pl_demo_story *story,
                          struct pl_arena *arena)
{
    static const struct pl_column columns[] = {
        {"Request", PL_FIT_WRAP}, {"Asks for", PL_FIT_WRAP}, {"Note", PL_FIT_WRAP}};
    struct pl_table table = pl_table_of(columns, PL_COUNT(columns), arena);

    for (size_t i = 0; i < story->request_count; i++) {
        const struct pl_request *request = &story->requests[i].request;

        pl_table_add(&table, (const struct pl_cell[]){
                                 pl_show_plain(request->request_id),
                                 pl_show_plain(asked(request, arena)),
                                 {pl_bytes_of(story->requests[i].note), PL_TONE_FAINT}});
    }
    pl_table_print(&table, page);
}

void pl_demo_show_sent(const struct pl_page *page, const struct pl_demo_story *story,
                       struct pl_arena *arena)
{
    pl_page_heading(page, "1  What was sent",
                    "Facts about subscriptions and licences of two customers, and then requests.");
    show_facts(page, story, arena);
    pl_page_text(page, pl_bytes_of(story->licences));
    show_requests(page, story, arena);
}

/* ---- 2: possible upgrades -------------------------------------------------------------------- */

static void show_possible(const struct pl_page *page, const struct pl_result *result,
                          struct pl_arena *arena)
{
    pl_page_text(page, pl_arena_format(arena, "\n%.*s: %.*s, %" PRId32 " seats, %s",
                                       PL_ARG(result->subscription_id),
                                       PL_ARG(result->source.offer_name), result->source.quantity,
                                       pl_subscription_status_names[result->source.status]));
    pl_show_possible(page, result, arena);
}

static void show_upgrades(const struct pl_page *page, const struct pl_demo_answers *answers,
                          struct pl_arena *arena)
{
    pl_page_heading(page, "2  What each subscription can be upgraded to",
                    "From the results of the CHECK requests, which change nothing.");
    for (size_t i = 0; i < answers->result_count; i++) {
        const struct pl_result_record *record = &answers->results[i];

        if (record->part == 1 && record->result.operation == PL_OPERATION_CHECK) {
            show_possible(page, &record->result, arena);
        }
    }
}

/* ---- 3: requests and outcomes ---------------------------------------------------------------- */

static void show_outcomes(const struct pl_page *page, const struct pl_demo_answers *answers,
                          struct pl_arena *arena)
{
    static const struct pl_column columns[] = {
        {"Request", PL_FIT_WRAP}, {"Outcome", PL_FIT_WRAP}, {"What came of it", PL_FIT_WRAP}};
    struct pl_table table = pl_table_of(columns, PL_COUNT(columns), arena);

    for (size_t i = 0; i < answers->result_count; i++) {
        const struct pl_result *result = &answers->results[i].result;

        if (answers->results[i].part == 1) {
            pl_table_add(&table,
                         (const struct pl_cell[]){
                             pl_show_plain(result->request_id), pl_show_outcome(result->outcome),
                             pl_show_plain(pl_show_consequence(result, arena))});
        }
    }
    pl_page_heading(page, "3  Requests and their outcomes",
                    "One result for each request id, however often it is sent.");
    pl_table_print(&table, page);
}

/* ---- 4: affected accounts -------------------------------------------------------------------- */

/* Number of a transition in section 5, from 1; 0 where it is not there. */
static size_t transition_number(const struct pl_result *result,
                                const struct pl_account_transition *transition)
{
    for (size_t i = 0; i < result->services_to_transition_count; i++) {
        const struct pl_service_transition *service = &result->services_to_transition[i];

        if (service->transition == transition->transition &&
            pl_bytes_equal(service->service, transition->service) &&
            pl_bytes_equal(service->replacement, transition->replacement)) {
            return i + 1;
        }
    }
    return 0;
}

static struct pl_bytes transition_numbers(const struct pl_result *result,
                                          const struct pl_affected_account *account,
                                          struct pl_arena *arena)
{
    struct pl_bytes text = PL_BYTES_LITERAL("");

    for (size_t i = 0; i < account->transition_count; i++) {
        text = pl_show_append(
            text, " ",
            pl_arena_format(arena, "%zu", transition_number(result, &account->transitions[i])),
            arena);
    }
    return pl_show_or_dash(text);
}

static struct pl_cell licence_cell(const struct pl_affected_account *account)
{
    return account->license_error == NULL
               ? (struct pl_cell){PL_BYTES_LITERAL("moved"), PL_TONE_GOOD}
               : (struct pl_cell){pl_bytes_of(pl_error_code_names[account->license_error->code]),
                                  PL_TONE_BAD};
}

/* What must be done about licences that were not moved. */
static void show_license_errors(const struct pl_page *page, const struct pl_demo_answers *answers,
                                struct pl_arena *arena)
{
    for (size_t i = 0; i < answers->result_count; i++) {
        const struct pl_result *result = &answers->results[i].result;

        for (size_t j = 0; j < result->affected_account_count; j++) {
            const struct pl_affected_account *account = &result->affected_accounts[j];

            if (account->license_error != NULL) {
                pl_page_text(page, pl_show_append(account->user_principal_name, ": ",
                                                  account->license_error->message, arena));
            }
        }
    }
}

static void show_accounts(const struct pl_page *page, const struct pl_demo_answers *answers,
                          struct pl_arena *arena)
{
    static const struct pl_column columns[] = {{"Name", PL_FIT_WRAP},
                                               {"Account", PL_FIT_WRAP},
                                               {"Services", PL_FIT_WRAP},
                                               {"Licence", PL_FIT_WRAP}};
    struct pl_table table = pl_table_of(columns, PL_COUNT(columns), arena);

    for (size_t i = 0; i < answers->result_count; i++) {
        const struct pl_result *result = &answers->results[i].result;

        for (size_t j = 0; j < result->affected_account_count; j++) {
            const struct pl_affected_account *account = &result->affected_accounts[j];

            pl_table_add(&table, (const struct pl_cell[]){
                                     pl_show_plain(pl_show_or_dash(account->display_name)),
                                     pl_show_plain(account->user_principal_name),
                                     pl_show_plain(transition_numbers(result, account, arena)),
                                     licence_cell(account)});
        }
    }
    pl_page_heading(page, "4  Affected accounts",
                    "Whom to tell, and about which of the services in section 5.");
    pl_table_print(&table, page);
    show_license_errors(page, answers, arena);
}

/* ---- 5: services ----------------------------------------------------------------------------- */

/* By its name; by its id as well where that is all that has changed. */
static struct pl_cell becomes_cell(const struct pl_service_transition *service,
                                   struct pl_arena *arena)
{
    if (service->transition == PL_TRANSITION_REMOVED) {
        return (struct pl_cell){PL_BYTES_LITERAL("removed"), PL_TONE_BAD};
    }
    return pl_show_plain(pl_bytes_equal(service->service_name, service->replacement_name)
                             ? pl_arena_format(arena, "%.*s [%.*s]",
                                               PL_ARG(service->replacement_name),
                                               PL_ARG(service->replacement))
                             : service->replacement_name);
}

static void show_services(const struct pl_page *page, const struct pl_demo_answers *answers,
                          struct pl_arena *arena)
{
    static const struct pl_column columns[] = {{"", PL_FIT_NUMBER},
                                               {"Service", PL_FIT_WRAP},
                                               {"Becomes", PL_FIT_WRAP},
                                               {"Accounts", PL_FIT_NUMBER}};
    struct pl_table table = pl_table_of(columns, PL_COUNT(columns), arena);

    for (size_t i = 0; i < answers->result_count; i++) {
        const struct pl_result *result = &answers->results[i].result;
        size_t count = answers->results[i].part == 1 ? result->services_to_transition_count : 0;

        for (size_t j = 0; j < count; j++) {
            const struct pl_service_transition *service = &result->services_to_transition[j];

            pl_table_add(&table,
                         (const struct pl_cell[]){pl_show_number((int64_t)j + 1, arena),
                                                  pl_show_plain(service->service_name),
                                                  becomes_cell(service, arena),
                                                  pl_show_number(service->accounts, arena)});
        }
    }
    pl_page_heading(page, "5  Services that need a transition",
                    "Counted for the accounts that have the service switched on.");
    pl_table_print(&table, page);
}

/* ---- 6: billing ------------------------------------------------------------------------------ */

static struct pl_bytes line_text(const struct pl_billing_line *line, struct pl_arena *arena)
{
    if (!line->is_set) {
        return PL_BYTES_LITERAL("-");
    }
    return pl_arena_format(arena, "%" PRId32 " x %.*s (%.*s)", line->quantity,
                           PL_ARG(line->offer_name), PL_ARG(line->subscription_id));
}

static void show_billing(const struct pl_page *page, const struct pl_demo_answers *answers,
                         struct pl_arena *arena)
{
    static const struct pl_column columns[] = {{"Order", PL_FIT_WRAP},
                                               {"Cancel", PL_FIT_WRAP},
                                               {"Add", PL_FIT_WRAP},
                                               {"From", PL_FIT_WRAP}};
    struct pl_table table = pl_table_of(columns, PL_COUNT(columns), arena);

    for (size_t i = 0; i < answers->result_count; i++) {
        const struct pl_result *result = &answers->results[i].result;
        const struct pl_billing *billing = &result->billing;

        if (billing->is_set && answers->results[i].part == 1) {
            pl_table_add(&table, (const struct pl_cell[]){
                                     pl_show_plain(pl_show_or_dash(result->order_id)),
                                     pl_show_plain(line_text(&billing->cancelled, arena)),
                                     pl_show_plain(line_text(&billing->added, arena)),
                                     pl_show_plain(pl_time_text(billing->effective_at_ms, arena))});
        }
    }
    pl_page_heading(page, "6  Billing",
                    "The line to cancel and the line to add, from one and the same instant on.");
    pl_table_print(&table, page);
}

/* ---- 7: dead letters ------------------------------------------------------------------------- */

static void show_dead_letters(const struct pl_page *page, const struct pl_demo_answers *answers,
                              struct pl_arena *arena)
{
    static const struct pl_column columns[] = {{"Topic", PL_FIT_WRAP},
                                               {"Code", PL_FIT_WRAP},
                                               {"Message", PL_FIT_WRAP},
                                               {"Topic/partition/offset", PL_FIT_WRAP}};
    struct pl_table table = pl_table_of(columns, PL_COUNT(columns), arena);

    for (size_t i = 0; i < answers->dead_letter_count; i++) {
        const struct pl_demo_dead_letter *letter = &answers->dead_letters[i];

        pl_table_add(&table, (const struct pl_cell[]){pl_show_plain(letter->topic),
                                                      {letter->code, PL_TONE_BAD},
                                                      pl_show_plain(letter->message),
                                                      pl_show_plain(letter->source)});
    }
    pl_page_heading(page, "7  Dead letters",
                    "Records that cannot be taken in are set aside as they are; the rest goes on.");
    pl_table_print(&table, page);
}

void pl_demo_show_answers(const struct pl_page *page, const struct pl_demo_answers *answers,
                          struct pl_arena *arena)
{
    show_upgrades(page, answers, arena);
    show_outcomes(page, answers, arena);
    show_accounts(page, answers, arena);
    show_services(page, answers, arena);
    show_billing(page, answers, arena);
    show_dead_letters(page, answers, arena);
}
