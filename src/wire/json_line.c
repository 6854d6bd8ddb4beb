/* The lines of `planlift decide` (contract 9). */
#include <stdint.h>

#include "planlift/json.h"
#include "wire/json_event.h"
#include "wire/json_node.h"
#include "wire/json_request.h"
#include "wire/json_result.h"
#include "wire/json_state.h"
#include "wire/json_write.h"
#include "wire/utf8.h"

static enum pl_status read_request(const struct pl_json_node *line,
                                   const struct pl_json_node *request, struct pl_arena *arena,
                                   struct pl_error *error, struct pl_decide_line *ret_line)
{
    struct pl_json_node customer = pl_json_member(line, "customer");
    struct pl_json_node now = pl_json_member(line, "now");
    enum pl_status status = pl_json_request_read(request, arena, error, &ret_line->request);

    if (status == PL_OK) {
        status = pl_json_want_integer(&now, INT64_MIN, INT64_MAX, error, &ret_line->now_ms);
    }
    if (status != PL_OK) {
        return status;
    }
    if (pl_json_is_absent(&customer)) {
        pl_customer_init(&ret_line->customer, ret_line->request.customer_id);
        return PL_OK;
    }
    status = pl_json_state_read(&customer, arena, error, &ret_line->customer);
    if (status == PL_OK &&
        !pl_bytes_equal(ret_line->customer.customer_id, ret_line->request.customer_id)) {
        struct pl_json_node id = pl_json_member(request, "customerId");

        return pl_json_fail(&id, error, "is not that of the customer");
    }
    return status;
}

static enum pl_status read_event(const struct pl_json_node *line, const struct pl_json_node *event,
                                 struct pl_arena *arena, struct pl_error *error,
                                 struct pl_decide_line *ret_line)
{
    struct pl_json_node customer = pl_json_member(line, "customer");
    enum pl_status status = pl_json_state_read(&customer, arena, error, &ret_line->customer);

    if (status != PL_OK) {
        return status;
    }
    return pl_json_event_read(event, ret_line->customer.customer_id, arena, error,
                              &ret_line->event);
}

static enum pl_status read_line(const struct pl_json_node *line, struct pl_arena *arena,
                                struct pl_error *error, struct pl_decide_line *ret_line)
{
    struct pl_json_node customer = pl_json_member(line, "customer");
    struct pl_json_node request = pl_json_member(line, "request");
    struct pl_json_node event = pl_json_member(line, "event");
    enum pl_status status = pl_json_want_object(line, error);

    if (status != PL_OK) {
        return status;
    }
    if (customer.value == NULL) {
        return pl_json_fail_type(&customer, "an object or null", error);
    }
    if (pl_json_is_absent(&request) == pl_json_is_absent(&event)) {
        return pl_json_fail(line, error, "must have exactly one of request and event");
    }
    ret_line->is_request = !pl_json_is_absent(&request);
    if (ret_line->is_request) {
        return read_request(line, &request, arena, error, ret_line);
    }
    return read_event(line, &event, arena, error, ret_line);
}

enum pl_status pl_decide_line_parse(struct pl_bytes line, struct pl_arena *arena,
                                    struct pl_error *error, struct pl_decide_line *ret_line)
{
    struct pl_json_node root;
    json_t *document = NULL;
    enum pl_status status = pl_json_load(line, 0, error, &document);

    if (status != PL_OK) {
        return pl_fail_at(error, status, "not JSON");
    }
    root = pl_json_root(document);
    status = read_line(&root, arena, error, ret_line);
    json_decref(document);
    return status;
}

enum pl_status pl_request_line_parse(struct pl_bytes line, struct pl_arena *arena,
                                     struct pl_error *error, struct pl_request *ret_request)
{
    struct pl_json_node root;
    json_t *document = NULL;
    enum pl_status status = pl_json_load(line, 0, error, &document);

    if (status != PL_OK) {
        return pl_fail_at(error, status, "not JSON");
    }
    root = pl_json_root(document);
    status = pl_json_want_object(&root, error);
    if (status == PL_OK) {
        status = pl_json_request_read(&root, arena, error, ret_request);
    }
    json_decref(document);
    return status;
}

void pl_decide_line_write(const struct pl_result *result, const struct pl_customer *customer,
                          struct pl_arena *arena, struct pl_buffer *buffer)
{
    pl_buffer_put_byte(buffer, '{');
    if (result != NULL) {
        pl_json_put_key(buffer, "result");
        pl_json_result_write(result, buffer);
    }
    pl_json_put_key(buffer, "customer");
    if (customer != NULL) {
        pl_json_state_write(customer, arena, buffer);
    } else {
        pl_json_put_null(buffer);
    }
    pl_buffer_put_byte(buffer, '}');
}

void pl_decide_error_write(const char *text, struct pl_buffer *buffer)
{
    struct pl_bytes message = pl_bytes_of(text);
    struct pl_error ascii;

    if (!pl_utf8_is_valid(message)) { /* it quotes a piece of a line, cut within a character */
        (void)pl_fail(&ascii, PL_BAD_DATA, "%s", text);
        message = pl_bytes_of(ascii.text);
        for (size_t i = 0; i < message.len; i++) {
            if ((unsigned char)ascii.text[i] >= 0x80) {
                ascii.text[i] = '?';
            }
        }
    }
    pl_buffer_put_byte(buffer, '{');
    pl_json_put_key(buffer, "error");
    pl_json_put_string(buffer, message);
    pl_buffer_put_byte(buffer, '}');
}
