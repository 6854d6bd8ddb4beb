/* Headers of messages. */
#include "io/kafka_headers.h"

#include <string.h>

#include "planlift/arena.h"

rd_kafka_headers_t *pl_kafka_headers_new(const struct pl_message *message)
{
    rd_kafka_headers_t *list;

    if (message->header_count == 0) {
        return NULL;
    }
    list = rd_kafka_headers_new(message->header_count);
    for (size_t i = 0; i < message->header_count; i++) {
        const struct pl_header *header = &message->headers[i];

        /* Fails only for a read-only list, which a new one is not. */
        (void)rd_kafka_header_add(list, header->name.data, (ssize_t)header->name.len,
                                  header->value.data, (ssize_t)header->value.len);
    }
    return list;
}

void pl_kafka_headers_read(const rd_kafka_message_t *message, struct pl_arena *arena,
                           const struct pl_header **ret_headers, size_t *ret_count)
{
    rd_kafka_headers_t *list;
    struct pl_header *found;
    size_t count;

    *ret_headers = NULL;
    *ret_count = 0;
    if (rd_kafka_message_headers(message, &list) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return; /* it has none */
    }
    count = rd_kafka_header_cnt(list);
    found = pl_arena_alloc(arena, count * sizeof(*found));
    for (size_t i = 0; i < count; i++) {
        const char *name = "";
        const void *value = NULL;
        size_t len = 0;

        if (rd_kafka_header_get_all(list, i, &name, &value, &len) != RD_KAFKA_RESP_ERR_NO_ERROR) {
            break;
        }
        found[i] = (struct pl_header){pl_bytes_of(name), {value, len}};
        *ret_count = i + 1;
    }
    *ret_headers = found;
}

size_t pl_kafka_headers_size(const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *list;
    const char *name;
    const void *value;
    size_t len;
    size_t size = 0;

    if (rd_kafka_message_headers(message, &list) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return 0; /* it has none */
    }
    for (size_t i = 0;
         rd_kafka_header_get_all(list, i, &name, &value, &len) == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        size += strlen(name) + len;
    }
    return size;
}
