/* Cells, lists in short, what came of a request. */
#include "cli/show.h"

#include <inttypes.h>

#define SHORT_LEN 30

struct pl_cell pl_show_plain(struct pl_bytes text)
{
    return (struct pl_cell){text, PL_TONE_PLAIN};
}

struct pl_cell pl_show_number(int64_t value, struct pl_arena *arena)
{
    return pl_show_plain(pl_arena_format(arena, "%" PRId64, value));
}

struct pl_bytes pl_show_or_dash(struct pl_bytes text)
{
    return pl_bytes_is_empty(text) ? PL_BYTES_LITERAL("-") : text;
}

struct pl_bytes pl_show_time(struct pl_bytes text, struct pl_arena *arena)
{
    return text.len < 19 || text.data[10] != 'T'
               ? pl_show_or_dash(text)
               : pl_arena_format(arena, "%.10s %.8s", text.data, text.data + 11);
}

struct pl_bytes pl_show_append(struct pl_bytes a, const char *separator, struct pl_bytes b,
                               struct pl_arena *arena)
{
    return pl_bytes_is_empty(a)
               ? b
               : pl_arena_format(arena, "%.*s%s%.*s", PL_ARG(a), separator, PL_ARG(b));
}

struct pl_bytes pl_show_names(struct pl_names names, struct pl_arena *arena)
{
    struct pl_bytes text = PL_BYTES_LITERAL("");
    size_t i = 0;

    while (i < names.count && (i == 0 || text.len + names.items[i].len < SHORT_LEN)) {
        text = pl_show_append(text, ", ", names.items[i++], arena);
    }
    return i < names.count ? pl_arena_format(arena, "%.*s +%zu", PL_ARG(text), names.count - i)
                           : text;
}

struct pl_bytes pl_show_reasons(const struct pl_error_list *errors, struct pl_arena *arena)
{
    struct pl_bytes text = PL_BYTES_LITERAL("");

    for (size_t i = 0; i < errors->count; i++) {
        const struct pl_upgrade_error *error = &errors->items[i];
        struct pl_bytes line = pl_bytes_of(pl_error_code_names[error->code]);

        if (!pl_bytes_is_null(error->subscription_id)) {
            line = pl_show_append(line, ": ", error->subscription_id, arena);
        }
        if (error->services.count > 0) {
            line = pl_arena_format(arena, "%.*s (%.*s)", PL_ARG(line),
                                   PL_ARG(pl_show_names(error->services, arena)));
        }
        text = pl_show_append(text, "\n", line, arena);
    }
    return text;
}

struct pl_cell pl_show_outcome(enum pl_outcome outcome)
{
    static const enum pl_tone tones[PL_OUTCOME_COUNT] = {
        [PL_OUTCOME_ELIGIBLE] = PL_TONE_GOOD, [PL_OUTCOME_NOT_ELIGIBLE] = PL_TONE_BAD,
        [PL_OUTCOME_UPGRADED] = PL_TONE_GOOD, [PL_OUTCOME_LICENSES_ADDED] = PL_TONE_GOOD,
        [PL_OUTCOME_REFUSED] = PL_TONE_BAD,
    };

    return (struct pl_cell){pl_bytes_of(pl_outcome_names[outcome]), tones[outcome]};
}

struct pl_bytes pl_show_subscription(const struct pl_subscription_view *view,
                                     struct pl_arena *arena)
{
    return pl_arena_format(arena, "%.*s: %.*s, %" PRId32 " seats, %s",
                           PL_ARG(view->subscription_id), PL_ARG(view->offer_name), view->quantity,
                           pl_subscription_status_names[view->status]);
}

struct pl_bytes pl_show_consequence(const struct pl_result *result, struct pl_arena *arena)
{
    struct pl_bytes text = PL_BYTES_LITERAL("");
    size_t eligible = 0;

    for (size_t i = 0; i < result->possible_upgrade_count; i++) {
        eligible += result->possible_upgrades[i].eligible ? 1 : 0;
    }
    if (result->possible_upgrade_count > 0) {
        text = pl_arena_format(arena, "%.*s: %zu of %zu upgrades are possible",
                               PL_ARG(result->subscription_id), eligible,
                               result->possible_upgrade_count);
    } else if (result->source.is_set && result->outcome != PL_OUTCOME_LICENSES_ADDED) {
        text = pl_show_subscription(&result->source, arena);
    }
    if (result->target.is_set) {
        text = pl_show_append(text, "\n", pl_show_subscription(&result->target, arena), arena);
    }
    for (size_t i = 0; i < result->errors.count; i++) {
        const struct pl_upgrade_error *error = &result->errors.items[i];

        text = pl_show_append(text, "\n",
                              pl_arena_format(arena, "%s: %.*s", pl_error_code_names[error->code],
                                              PL_ARG(error->message)),
                              arena);
    }
    return text;
}

void pl_show_possible(const struct pl_page *page, const struct pl_result *result,
                      struct pl_arena *arena)
{
    static const struct pl_column columns[] = {{"Can become", PL_FIT_WRAP},
                                               {"Possible", PL_FIT_WRAP},
                                               {"Accounts affected", PL_FIT_NUMBER},
                                               {"Services added", PL_FIT_NUMBER},
                                               {"Which, or why not", PL_FIT_WRAP}};
    struct pl_table table = pl_table_of(columns, PL_COUNT(columns), arena);

    for (size_t i = 0; i < result->possible_upgrade_count; i++) {
        const struct pl_possible_upgrade *upgrade = &result->possible_upgrades[i];
        struct pl_bytes added = pl_show_names(upgrade->additional_services, arena);
        struct pl_bytes why_not = pl_show_reasons(&upgrade->errors, arena);

        pl_table_add(&table,
                     (const struct pl_cell[]){
                         pl_show_plain(upgrade->target_offer_id),
                         upgrade->eligible ? (struct pl_cell){PL_BYTES_LITERAL("yes"), PL_TONE_GOOD}
                                           : (struct pl_cell){PL_BYTES_LITERAL("no"), PL_TONE_BAD},
                         pl_show_number(upgrade->affected_accounts, arena),
                         pl_show_number((int64_t)upgrade->additional_services.count, arena),
                         pl_show_plain(upgrade->eligible ? added : why_not)});
    }
    pl_table_print(&table, page);
}
