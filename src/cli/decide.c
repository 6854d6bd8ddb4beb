/* `planlift decide`: decisions without Kafka or Redis (contract 9). */
#include "cli/decide.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/catalogue.h"
#include "cli/options.h"
#include "planlift/arena.h"
#include "planlift/buffer.h"
#include "planlift/decide.h"
#include "planlift/json.h"

#define COMMAND "planlift decide"

/* Read and written at once; lines may be longer. */
#define BLOCK_BYTES ((size_t)64 * 1024)

struct session {
    struct pl_catalogue *catalogue;
    struct pl_arena arena; /* of one line */
    struct pl_buffer in;   /* what was read and not answered yet */
    struct pl_buffer out;  /* what was answered and not written yet */
    bool had_bad_line;
};

/* ---- answering ------------------------------------------------------------------------------- */

/* An empty line, also one that ended in a CR and an LF. */
static bool is_empty(struct pl_bytes line)
{
    return line.len == 0 || (line.len == 1 && line.data[0] == '\r');
}

static void answer_request(struct session *session, struct pl_decide_line *line)
{
    struct pl_result result;

    pl_request_decide(session->catalogue, &line->customer, &line->request, line->now_ms,
                      &session->arena, &result);
    pl_decide_line_write(&result, &line->customer, &session->arena, &session->out);
}

static void answer_event(struct session *session, struct pl_decide_line *line)
{
    bool is_erased = line->event.kind == PL_EVENT_CUSTOMER_ERASED;

    pl_event_apply(&line->customer, &line->event, &session->arena);
    pl_decide_line_write(NULL, is_erased ? NULL : &line->customer, &session->arena, &session->out);
}

static void answer(struct session *session, struct pl_bytes text)
{
    struct pl_decide_line line;
    struct pl_error error = {""};

    if (is_empty(text)) {
        return;
    }
    if (pl_decide_line_parse(text, &session->arena, &error, &line) != PL_OK) {
        pl_decide_error_write(error.text, &session->out);
        session->had_bad_line = true;
    } else if (line.is_request) {
        answer_request(session, &line);
    } else {
        answer_event(session, &line);
    }
    pl_buffer_put_byte(&session->out, '\n');
    pl_arena_reset(&session->arena);
}

/* ---- reading and writing --------------------------------------------------------------------- */

static const char *system_reason(void)
{
    return strerror(errno); /* NOLINT(concurrency-mt-unsafe): the subcommand is one thread */
}

static enum pl_status flush(struct session *session, struct pl_error *error)
{
    size_t done = 0;

    while (done < session->out.len) {
        ssize_t count = write(STDOUT_FILENO, session->out.data + done, session->out.len - done);

        if (count < 0 && errno != EINTR) {
            return pl_fail(error, PL_FATAL, "cannot write the output: %s", system_reason());
        }
        done += count < 0 ? 0 : (size_t)count;
    }
    session->out.len = 0;
    return PL_OK;
}

/* Append a block of input; *ret_count 0 is its end. What is answered goes out first, for the read
 * may wait for whoever wants to see the answer before they go on. */
static enum pl_status read_block(struct session *session, struct pl_error *error, size_t *ret_count)
{
    enum pl_status status = flush(session, error);
    ssize_t count;

    if (status != PL_OK) {
        return status;
    }
    pl_buffer_reserve(&session->in, BLOCK_BYTES);
    do {
        count = read(STDIN_FILENO, session->in.data + session->in.len, BLOCK_BYTES);
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
        return pl_fail(error, PL_FATAL, "cannot read the input: %s", system_reason());
    }
    session->in.len += (size_t)count;
    *ret_count = (size_t)count;
    return PL_OK;
}

/* Answer the whole lines among the bytes read; the first `searched` of them hold no newline. */
static enum pl_status answer_lines(struct session *session, size_t searched, struct pl_error *error)
{
    struct pl_buffer *in = &session->in;
    enum pl_status status = PL_OK;
    size_t start = 0;
    const char *end;

    while (status == PL_OK && searched < in->len &&
           (end = memchr(in->data + searched, '\n', in->len - searched)) != NULL) {
        size_t stop = (size_t)(end - in->data);

        answer(session, (struct pl_bytes){in->data + start, stop - start});
        start = stop + 1;
        searched = start;
        if (session->out.len >= BLOCK_BYTES) {
            status = flush(session, error);
        }
    }
    memmove(in->data, in->data + start, in->len - start);
    in->len -= start;
    return status;
}

static enum pl_status answer_all(struct session *session, struct pl_error *error)
{
    enum pl_status status;
    size_t count = 0;

    do {
        size_t searched = session->in.len;

        status = read_block(session, error, &count);
        if (status == PL_OK && count > 0) {
            status = answer_lines(session, searched, error);
        }
    } while (status == PL_OK && count > 0);
    if (status != PL_OK) {
        return status;
    }
    answer(session, (struct pl_bytes){session->in.data, session->in.len}); /* without a newline */
    return flush(session, error);
}

/* ---- the subcommand -------------------------------------------------------------------------- */

static int run(const char *catalogue_path)
{
    struct session session = {.catalogue = NULL, .arena = PL_ARENA_INIT};
    struct pl_error error = {""};
    enum pl_status status = pl_cli_catalogue_load(catalogue_path, &error, &session.catalogue);
    int exit_code = 2;

    if (status == PL_OK) {
        /* A closed pipe is a failed write like others, not the end of the process by a signal. */
        (void)signal(SIGPIPE, SIG_IGN);
        status = answer_all(&session, &error);
        exit_code = status == PL_OK && !session.had_bad_line ? 0 : 1;
    }
    if (status != PL_OK) {
        (void)fprintf(stderr, COMMAND ": %s\n", error.text); /* nowhere else to say it */
    }
    pl_catalogue_free(session.catalogue);
    pl_arena_done(&session.arena);
    pl_buffer_done(&session.in);
    pl_buffer_done(&session.out);
    return exit_code;
}

int pl_cli_decide(int argc, char **argv)
{
    const char *catalogue_path = NULL;
    const struct pl_option options[] = {
        {.letter = 'c',
         .name = "catalogue",
         .argument = "FILE",
         .meaning = "decide by this catalogue, not by the built-in one",
         .text = &catalogue_path}};
    const struct pl_usage usage = {
        .command = COMMAND,
        .operands = "[--catalogue FILE]",
        .about =
            "Decides upgrade requests, and applies events, without Kafka or Redis: reads one JSON\n"
            "object a line from standard input, and writes one a line to standard output, in "
            "order.\n"
            "\n"
            "  in:   {\"customer\": STATE, \"request\": REQUEST, \"now\": milliseconds}\n"
            "  out:  {\"result\": RESULT, \"customer\": STATE}\n"
            "  in:   {\"customer\": STATE, \"event\": {\"type\": \"LicenseAssigned\", ...}}\n"
            "  out:  {\"customer\": STATE}\n"
            "\n"
            "A bad line gives {\"error\": \"...\"} in its place; empty lines are skipped. Each "
            "line\n"
            "stands for itself: a request id that was there before is decided again.",
        .options = options,
        .option_count = PL_COUNT(options),
        .exit_codes = "0 done, 1 there was a bad line or a failure, 2 wrong use or a refused "
                      "catalogue"};
    int operand;
    int code = pl_options_parse(&usage, argc, argv, &operand);

    if (code == PL_GO_ON && operand < argc) {
        return pl_options_wrong(COMMAND, "lines come from standard input; no use for ",
                                argv[operand]);
    }
    return code == PL_GO_ON ? run(catalogue_path) : code;
}
