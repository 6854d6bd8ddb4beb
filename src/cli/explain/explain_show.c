/* What was asked, what each rule said, what came of it, and whether the replay says the same. */
#include "cli/explain/explain_show.h"

#include <inttypes.h>

#include "cli/show.h"
#include "cli/text.h"
#include "wire/json_write.h"

static bool is_other_catalogue(const struct pl_replay *replay, struct pl_bytes catalogue_version)
{
    return !pl_bytes_equal(replay->published->catalogue_version, catalogue_version);
}

/* ---- for people ------------------------------------------------------------------------------ */

static void show_request(const struct pl_page *page, const struct pl_replay *replay,
                         struct pl_arena *arena)
{
    const struct pl_past_result *published = replay->published;
    const struct pl_request *request = &replay->request->request;

    pl_page_text(page, pl_arena_format(arena, "Request %.*s of customer %.*s: %s of %.*s%s%.*s",
                                       PL_ARG(request->request_id), PL_ARG(request->customer_id),
                                       pl_operation_names[request->operation],
                                       PL_ARG(request->subscription_id),
                                       pl_bytes_is_null(request->target_offer_id) ? "" : " to ",
                                       PL_ARG(request->target_offer_id)));
    pl_page_text(
        page,
        pl_arena_format(arena, "Decided %.*s on version %" PRId64 ", catalogue %.*s",
                        PL_ARG(pl_show_time(pl_time_text(published->decided_at_ms, arena), arena)),
                        published->customer_version, PL_ARG(published->catalogue_version)));
}

/* "ok", or the codes that the rule found. */
static struct pl_cell said(const struct pl_rule_note *note, struct pl_arena *arena)
{
    struct pl_bytes text = PL_NULL_BYTES;

    if (!note->was_asked) {
        return (struct pl_cell){PL_BYTES_LITERAL("not asked"), PL_TONE_FAINT};
    }
    for (size_t i = 0; i < note->finding_count; i++) {
        const struct pl_upgrade_error *error = &note->findings[i];

        text = pl_show_append(text, "\n",
                              pl_bytes_is_null(error->subscription_id)
                                  ? pl_bytes_of(pl_error_code_names[error->code])
                                  : pl_arena_format(arena, "%s: %.*s",
                                                    pl_error_code_names[error->code],
                                                    PL_ARG(error->subscription_id)),
                              arena);
    }
    return note->finding_count == 0 ? (struct pl_cell){PL_BYTES_LITERAL("ok"), PL_TONE_GOOD}
                                    : (struct pl_cell){text, PL_TONE_BAD};
}

static void show_rules(const struct pl_page *page, const struct pl_trace *trace,
                       struct pl_arena *arena)
{
    static const struct pl_column columns[] = {{"#", PL_FIT_NUMBER},
                                               {"Rule", PL_FIT_WRAP},
                                               {"Target", PL_FIT_WRAP},
                                               {"Said", PL_FIT_WRAP}};
    struct pl_table table = pl_table_of(columns, PL_COUNT(columns), arena);

    for (size_t i = 0; i < trace->count; i++) {
        const struct pl_rule_note *note = &trace->items[i];

        pl_table_add(
            &table, (const struct pl_cell[]){
                        pl_show_number(note->number, arena), pl_show_plain(pl_bytes_of(note->asks)),
                        pl_show_plain(pl_show_or_dash(note->target_offer_id)), said(note, arena)});
    }
    pl_page_heading(page, "Rules", "In their order; after one that is fatal no other is asked.");
    pl_table_print(&table, page);
}

static void show_verdict(const struct pl_page *page, const struct pl_replay *replay,
                         struct pl_bytes catalogue_version, struct pl_arena *arena)
{
    if (replay->is_decided && replay->is_equal) {
        pl_page_heading(page, "Checked", "The replay gives the published result.");
        return;
    }
    pl_page_heading(page, "Not confirmed",
                    replay->is_decided ? "The replay gives another result than the published one."
                                       : "The decision cannot be replayed.");
    if (is_other_catalogue(replay, catalogue_version)) {
        pl_page_text(page,
                     pl_arena_format(
                         arena,
                         "It was decided by catalogue %.*s, and replayed by %.*s: give the "
                         "one of then with --catalogue.",
                         PL_ARG(replay->published->catalogue_version), PL_ARG(catalogue_version)));
    }
    if (replay->is_decided) {
        pl_page_text(page, PL_BYTES_LITERAL("The replay's result:"));
        pl_page_text(page, pl_arena_format(arena, "%s", pl_outcome_names[replay->result.outcome]));
        pl_page_text(page, pl_show_consequence(&replay->result, arena));
    }
}

void pl_explain_show(const struct pl_page *page, const struct pl_replay *replay,
                     struct pl_bytes catalogue_version, struct pl_arena *arena)
{
    if (replay->request != NULL) {
        show_request(page, replay, arena);
    }
    if (replay->is_decided) {
        pl_page_text(page, pl_arena_format(arena, "Taken in before it: %zu facts, %zu requests",
                                           replay->events_before, replay->requests_before));
        show_rules(page, &replay->trace, arena);
    }
    pl_page_heading(page, "Published result", pl_outcome_names[replay->published->outcome]);
    pl_page_text(page, replay->published->consequence);
    show_verdict(page, replay, catalogue_version, arena);
    if (replay->missing.len > 0) {
        pl_page_heading(page, "Missing", NULL);
        pl_page_text(page, replay->missing);
    }
}

/* ---- for scripts ----------------------------------------------------------------------------- */

static void put_raw(struct pl_buffer *buffer, const char *key, struct pl_bytes json)
{
    pl_json_put_key(buffer, key);
    if (pl_bytes_is_null(json)) {
        json = PL_BYTES_LITERAL("null");
    }
    pl_buffer_put(buffer, json.data, json.len);
}

static struct pl_bytes truth(bool is_true)
{
    return is_true ? PL_BYTES_LITERAL("true") : PL_BYTES_LITERAL("false");
}

static void put_rules(struct pl_buffer *buffer, const struct pl_trace *trace)
{
    pl_json_put_key(buffer, "rules");
    pl_buffer_put_byte(buffer, '[');
    for (size_t i = 0; i < trace->count; i++) {
        const struct pl_rule_note *note = &trace->items[i];

        pl_json_put_separator(buffer);
        pl_buffer_put_byte(buffer, '{');
        pl_json_put_key(buffer, "number");
        pl_json_put_integer(buffer, note->number);
        pl_json_put_key(buffer, "rule");
        pl_json_put_string(buffer, pl_bytes_of(note->asks));
        pl_json_put_key(buffer, "targetOfferId");
        pl_json_put_bytes(buffer, note->target_offer_id);
        put_raw(buffer, "asked", truth(note->was_asked));
        pl_json_put_key(buffer, "errors");
        pl_buffer_put_byte(buffer, '[');
        for (size_t j = 0; j < note->finding_count; j++) {
            pl_json_put_separator(buffer);
            pl_json_put_string(buffer, pl_bytes_of(pl_error_code_names[note->findings[j].code]));
        }
        pl_buffer_put(buffer, "]}", 2);
    }
    pl_buffer_put_byte(buffer, ']');
}

/* The lines of a text as a list. */
static void put_lines(struct pl_buffer *buffer, const char *key, struct pl_bytes text)
{
    pl_json_put_key(buffer, key);
    pl_buffer_put_byte(buffer, '[');
    while (text.len > 0) {
        const char *end = memchr(text.data, '\n', text.len);
        size_t len = end == NULL ? text.len : (size_t)(end - text.data);

        pl_json_put_separator(buffer);
        pl_json_put_bytes(buffer, (struct pl_bytes){text.data, len});
        len += end == NULL ? 0 : 1;
        text = (struct pl_bytes){text.data + len, text.len - len};
    }
    pl_buffer_put_byte(buffer, ']');
}

void pl_explain_write(const struct pl_replay *replay, struct pl_bytes catalogue_version,
                      struct pl_arena *arena, struct pl_buffer *buffer)
{
    pl_buffer_put_byte(buffer, '{');
    put_raw(buffer, "published", replay->published->json);
    put_raw(buffer, "replayed",
            replay->is_decided ? pl_result_json(&replay->result, arena) : PL_NULL_BYTES);
    put_raw(buffer, "equal", truth(replay->is_decided && replay->is_equal));
    pl_json_put_key(buffer, "catalogueVersion");
    pl_json_put_string(buffer, catalogue_version);
    put_raw(buffer, "customer", replay->customer_json);
    put_rules(buffer, &replay->trace);
    put_lines(buffer, "missing", replay->missing);
    pl_buffer_put_byte(buffer, '}');
}
