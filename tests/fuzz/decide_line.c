/* A line of `planlift decide`: what comes out for it is one line of JSON, and the customer in it is
 * read again as the same. */
#include <string.h>

#include <jansson.h>

#include "fuzz.h"
#include "planlift/decide.h"
#include "planlift/json.h"
#include "wire/json_node.h"
#include "wire/json_state.h"

extern const unsigned char pl_embed_catalogue[];
extern const size_t pl_embed_catalogue_len;

static const struct pl_catalogue *built_in(void)
{
    static struct pl_catalogue *catalogue; /* a target is one thread, and never ends by itself */
    struct pl_bytes text = {(const char *)pl_embed_catalogue, pl_embed_catalogue_len};
    struct pl_error error = {""};

    if (catalogue == NULL) {
        ENSURE_WITH(pl_catalogue_parse("built-in", text, &error, &catalogue) == PL_OK, error.text);
    }
    return catalogue;
}

/* As the subcommand does. Whether it has a customer. */
static bool answer(struct pl_decide_line *line, struct pl_arena *arena, struct pl_buffer *out)
{
    bool is_erased = !line->is_request && line->event.kind == PL_EVENT_CUSTOMER_ERASED;

    if (line->is_request) {
        struct pl_result result;

        pl_request_decide(built_in(), &line->customer, &line->request, line->now_ms, arena,
                          &result);
        pl_decide_line_write(&result, &line->customer, arena, out);
    } else {
        pl_event_apply(&line->customer, &line->event, arena);
        pl_decide_line_write(NULL, is_erased ? NULL : &line->customer, arena, out);
    }
    return !is_erased;
}

static json_t *parse(struct pl_bytes out)
{
    json_error_t problem;
    json_t *document = pl_json_parse(out, JSON_ALLOW_NUL, &problem);

    ENSURE(memchr(out.data, '\n', out.len) == NULL);
    ENSURE_WITH(document != NULL, problem.text);
    return document;
}

/* The customer of a line that came out is a good one to go in, and comes out as the same. */
static void check_customer(struct pl_bytes out, struct pl_arena *arena)
{
    json_t *document = parse(out);
    struct pl_json_node root = pl_json_root(document);
    struct pl_json_node node = pl_json_member(&root, "customer");
    struct pl_customer customer;
    struct pl_buffer again = {NULL, 0, 0};
    struct pl_error error = {""};

    ENSURE_WITH(pl_json_state_read(&node, arena, &error, &customer) == PL_OK, error.text);
    pl_json_state_write(&customer, arena, &again);
    ENSURE(again.len + 1 < out.len);
    ENSURE(memcmp(out.data + out.len - 1 - again.len, again.data, again.len) == 0);
    pl_buffer_done(&again);
    json_decref(document);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_buffer out = {NULL, 0, 0};
    struct pl_decide_line line;
    struct pl_error error = {""};

    if (pl_decide_line_parse(pl_fuzz_input(data, size), &arena, &error, &line) == PL_OK) {
        if (answer(&line, &arena, &out)) {
            check_customer(pl_buffer_since(&out, 0), &arena);
        } else {
            json_decref(parse(pl_buffer_since(&out, 0)));
        }
    } else {
        ENSURE(error.text[0] != '\0');
        pl_decide_error_write(error.text, &out);
        json_decref(parse(pl_buffer_since(&out, 0)));
    }
    pl_buffer_done(&out);
    pl_arena_done(&arena);
    return 0;
}
