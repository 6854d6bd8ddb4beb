/* `planlift dlq list`. */
#include "cli/dlq/dlq.h"
#include "cli/dlq/letter.h"
#include "cli/show.h"

#define COMMAND "planlift dlq list"

struct given {
    struct pl_session_given session;
    bool is_json;
    struct pl_letter_given letters;
    struct pl_optional_long most;
};

static int parse(int argc, char **argv, struct given *given)
{
    const struct pl_option options[] = {{.letter = 'j',
                                         .name = "json",
                                         .meaning = "one JSON object a line",
                                         .is_given = &given->is_json},
                                        PL_LETTER_OPTIONS(&given->letters),
                                        {.letter = 'n',
                                         .name = "max",
                                         .argument = "N",
                                         .meaning = "end after so many",
                                         .large_number = &given->most},
                                        PL_SESSION_OPTIONS(&given->session)};
    const struct pl_usage usage = {
        .command = COMMAND,
        .operands = "[OPTIONS]",
        .about = "The dead letters: records that could not be taken in, with the reason, the key, "
                 "and\nwhere they came from (partition/offset of the input topic).",
        .options = options,
        .option_count = PL_COUNT(options),
        .examples = "  planlift dlq list --since 1d\n"
                    "  planlift dlq list --json | jq -r .code | sort | uniq -c",
        .exit_codes = "0 done, 1 failed, 2 wrong use or configuration"};
    int code = pl_options_parse(&usage, argc, argv, NULL);

    if (code == PL_GO_ON && given->most.is_set && given->most.value < 1) {
        return pl_options_wrong(COMMAND, "--max wants a number from 1 on", "");
    }
    return code;
}

struct listing {
    struct pl_session *session;
    bool is_json;
    int64_t most;
    int64_t count;
};

static const struct pl_column columns[] = {
    {"Dead letter, from, when", PL_FIT_WRAP}, {"Key", PL_FIT_WRAP}, {"Why", PL_FIT_WRAP}};
static const size_t widths[] = {28, 12, 36};

static struct pl_table new_table(const struct listing *listing, struct pl_arena *arena)
{
    struct pl_table table = pl_table_of(columns, PL_COUNT(columns), arena);

    table.widths = widths;
    table.has_before = listing->count > 0;
    return table;
}

static void show(const struct listing *listing, const struct pl_letter *letter)
{
    struct pl_arena *arena = &listing->session->arena;
    struct pl_table table = new_table(listing, arena);
    const struct pl_bytes *ours = letter->ours;
    struct pl_bytes source =
        pl_show_append(pl_show_or_dash(ours[PL_DEAD_LETTER_HEADER_PARTITION]), "/",
                       pl_show_or_dash(ours[PL_DEAD_LETTER_HEADER_OFFSET]), arena);

    struct pl_bytes place = pl_show_append(
        pl_show_append(pl_letter_place_text(listing->session, letter, arena), "\n", source, arena),
        "\n", pl_show_time(ours[PL_DEAD_LETTER_HEADER_TIME], arena), arena);
    struct pl_bytes why =
        pl_show_append(pl_show_or_dash(ours[PL_DEAD_LETTER_HEADER_ERROR_CODE]), "\n",
                       pl_show_or_dash(ours[PL_DEAD_LETTER_HEADER_ERROR_MESSAGE]), arena);

    table.has_after = true;
    pl_table_add(&table,
                 (const struct pl_cell[]){pl_show_plain(place),
                                          pl_show_plain(pl_show_or_dash(letter->record.key)),
                                          pl_show_plain(why)});
    pl_table_print(&table, &listing->session->page);
}

static enum pl_status take(void *self, const struct pl_letter *letter, struct pl_error *error)
{
    struct listing *listing = self;
    struct pl_buffer line = {NULL, 0, 0};

    (void)error;
    pl_session_progress_end(listing->session);
    if (listing->is_json) {
        pl_letter_write(listing->session, letter, false, &line);
        pl_session_put_line(listing->session, &line);
        pl_buffer_done(&line);
    } else {
        show(listing, letter);
    }
    return ++listing->count == listing->most ? PL_NOT_FOUND : PL_OK;
}

static bool is_choice(const struct pl_letter_given *given)
{
    return given->topic != NULL || given->code != NULL || given->customer != NULL ||
           given->since != NULL;
}

static enum pl_status list(struct pl_session *session, const void *self, struct pl_error *error)
{
    const struct given *given = self;
    struct listing listing = {.session = session,
                              .is_json = given->is_json,
                              .most = given->most.is_set ? given->most.value : INT64_MAX};
    struct pl_letter_choice choice;
    struct pl_table table;
    enum pl_status status = pl_letter_choose(session, &given->letters, &choice, error);

    if (status == PL_OK) {
        status = pl_letters_read(session, &choice, take, &listing, error);
    }
    if (status == PL_OK && !listing.is_json && listing.count == 0) {
        pl_session_note(session, "no dead letters%s",
                        is_choice(&given->letters) ? " like that" : "");
    }
    if (!listing.is_json && listing.count > 0) {
        table = new_table(&listing, &session->arena);
        pl_table_print(&table, &session->page);
    }
    return status;
}

int pl_cli_dlq_list(int argc, char **argv)
{
    struct given given = {.is_json = false};
    int code = parse(argc, argv, &given);

    return code == PL_GO_ON ? pl_session_run(COMMAND, &given.session, list, &given) : code;
}
