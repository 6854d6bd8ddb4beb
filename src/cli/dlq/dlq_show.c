/* `planlift dlq show`. */
#include <inttypes.h>

#include "cli/dlq/dlq.h"
#include "cli/dlq/letter.h"
#include "cli/show.h"

#define COMMAND "planlift dlq show"
#define DUMP_BYTES 512
#define DUMP_ROW 16

struct given {
    struct pl_session_given session;
    const char *place;
    bool is_json;
};

static int parse(int argc, char **argv, struct given *given)
{
    const struct pl_option options[] = {
        {.letter = 'j',
         .name = "json",
         .meaning = "one JSON object: the bytes of key and value in base64, and the content where "
                    "it can be read",
         .is_given = &given->is_json},
        PL_SESSION_OPTIONS(&given->session)};
    const struct pl_usage usage = {
        .command = COMMAND,
        .operands = "[OPTIONS] TOPIC/PARTITION/OFFSET",
        .about = "All of one dead letter: why it is one, its headers, and what it says, or its "
                 "bytes\nwhere they cannot be read.",
        .options = options,
        .option_count = PL_COUNT(options),
        .examples = "  planlift dlq show upgrade-requests.dlq/3/17\n"
                    "  planlift dlq show upgrade-requests.dlq/3/17 --json | jq -r .valueBase64 | "
                    "base64 -d > record",
        .exit_codes = "0 shown, 1 there is none, or a failure, 2 wrong use or configuration"};
    int operand;
    int code = pl_options_parse(&usage, argc, argv, &operand);

    if (code == PL_GO_ON && argc - operand != 1) {
        return pl_options_wrong(COMMAND, "wants one TOPIC/PARTITION/OFFSET", "");
    }
    if (code == PL_GO_ON) {
        given->place = argv[operand];
    }
    return code;
}

/* ---- for people ------------------------------------------------------------------------------ */

static void show_headers(const struct pl_session *session, const struct pl_letter *letter,
                         struct pl_arena *arena)
{
    static const struct pl_column columns[] = {{"Header", PL_FIT_WRAP}, {"Value", PL_FIT_WRAP}};
    struct pl_table table = pl_table_of(columns, PL_COUNT(columns), arena);

    for (size_t i = 0; i < letter->header_count; i++) {
        pl_table_add(&table, (const struct pl_cell[]){pl_show_plain(letter->headers[i].name),
                                                      pl_show_plain(letter->headers[i].value)});
    }
    pl_page_heading(&session->page, "Headers", NULL);
    pl_table_print(&table, &session->page);
}

/* "00000010  63 31 ...  c1..." */
static struct pl_bytes dump_row(struct pl_bytes bytes, size_t from, struct pl_arena *arena)
{
    char hex[3 * DUMP_ROW + 1] = "";
    char text[DUMP_ROW + 1] = "";
    size_t count = bytes.len - from < DUMP_ROW ? bytes.len - from : DUMP_ROW;

    for (size_t i = 0; i < count; i++) {
        unsigned char byte = (unsigned char)bytes.data[from + i];

        (void)snprintf(hex + 3 * i, 4, "%02x ", byte); /* fits */
        text[i] = (char)(byte >= 0x20 && byte < 0x7f ? byte : '.');
    }
    return pl_arena_format(arena, "%08zx  %-*s %s", from, 3 * DUMP_ROW, hex, text);
}

static void dump(const struct pl_session *session, struct pl_bytes bytes, struct pl_arena *arena)
{
    for (size_t from = 0; from < bytes.len && from < DUMP_BYTES; from += DUMP_ROW) {
        pl_page_text(&session->page, dump_row(bytes, from, arena));
    }
    if (bytes.len > DUMP_BYTES) {
        pl_page_text(&session->page,
                     pl_arena_format(arena, "... and %zu bytes more (--json has all)",
                                     bytes.len - DUMP_BYTES));
    }
}

static void show_value(struct pl_session *session, const struct pl_letter *letter)
{
    struct pl_arena *arena = &session->arena;
    struct pl_bytes value = letter->record.value;
    struct pl_buffer content = {NULL, 0, 0};
    struct pl_refusal refusal;

    pl_page_heading(&session->page, "Value", NULL);
    if (pl_bytes_is_null(value)) {
        pl_page_text(&session->page, PL_BYTES_LITERAL("null"));
    } else if (pl_letter_write_content(session, letter, &content, &refusal)) {
        pl_page_text(&session->page, pl_buffer_since(&content, 0));
    } else {
        pl_page_text(&session->page,
                     pl_arena_format(arena, "%zu bytes that cannot be read (%s: %s):", value.len,
                                     pl_dead_letter_names[refusal.code], refusal.message));
        dump(session, value, arena);
    }
    pl_buffer_done(&content);
}

static void show(struct pl_session *session, const struct pl_letter *letter)
{
    struct pl_arena *arena = &session->arena;
    const struct pl_bytes *ours = letter->ours;
    struct pl_bytes place = pl_letter_place_text(session, letter, arena);
    struct pl_bytes key = letter->record.key;

    pl_page_text(&session->page,
                 pl_arena_format(arena, "%.*s: %.*s: %.*s", PL_ARG(place),
                                 PL_ARG(pl_show_or_dash(ours[PL_DEAD_LETTER_HEADER_ERROR_CODE])),
                                 PL_ARG(ours[PL_DEAD_LETTER_HEADER_ERROR_MESSAGE])));
    pl_page_text(&session->page, pl_bytes_is_null(key)
                                     ? PL_BYTES_LITERAL("Key: null")
                                     : pl_show_append(PL_BYTES_LITERAL("Key"), ": ", key, arena));
    show_headers(session, letter, arena);
    show_value(session, letter);
}

/* ---- the subcommand -------------------------------------------------------------------------- */

/* What is done with the letter. */
struct showing {
    struct pl_session *session;
    bool is_json;
};

static enum pl_status take(void *self, const struct pl_letter *letter, struct pl_error *error)
{
    const struct showing *showing = self;
    struct pl_buffer line = {NULL, 0, 0};

    (void)error;
    if (showing->is_json) {
        pl_letter_write(showing->session, letter, true, &line);
        pl_session_put_line(showing->session, &line);
    } else {
        show(showing->session, letter);
    }
    pl_buffer_done(&line);
    return PL_OK;
}

static enum pl_status show_one(struct pl_session *session, const void *self, struct pl_error *error)
{
    const struct given *given = self;
    struct showing showing = {session, given->is_json};
    struct pl_letter_place place;
    enum pl_status status = pl_letter_place_parse(session, given->place, &place, error);

    if (status == PL_OK) {
        status = pl_session_decoder(session, error);
    }
    if (status == PL_OK) {
        status = pl_session_scan(session, error);
    }
    return status == PL_OK ? pl_letter_read(session, &place, take, &showing, error) : status;
}

int pl_cli_dlq_show(int argc, char **argv)
{
    struct given given = {.is_json = false};
    int code = parse(argc, argv, &given);

    return code == PL_GO_ON ? pl_session_run(COMMAND, &given.session, show_one, &given) : code;
}
