/* A view of bytes that somebody else owns: the currency of every interface here. */
#ifndef PL_BYTES_H
#define PL_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Never NUL-terminated; data == NULL means "null" (an absent optional value), which is not the
 * same as an empty string (data != NULL, len == 0). Strings are UTF-8 and may hold U+0000. */
struct pl_bytes {
    const char *data;
    size_t len;
};

/* A list of strings. items may be NULL when count is 0. */
struct pl_names {
    const struct pl_bytes *items;
    size_t count;
};

/* Elements of an array. */
#define PL_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A view as the arguments of a "%.*s". */
#define PL_ARG(bytes) (int)(bytes).len, (bytes).len == 0 ? "" : (bytes).data

#define PL_NULL_BYTES ((struct pl_bytes){NULL, 0})
#define PL_BYTES_LITERAL(text) ((struct pl_bytes){(text), sizeof(text) - 1})

static inline struct pl_bytes pl_bytes_of(const char *text)
{
    return (struct pl_bytes){text, strlen(text)};
}

static inline bool pl_bytes_is_null(struct pl_bytes bytes)
{
    return bytes.data == NULL;
}

/* An optional string counts as absent when it is null or empty (contract 3: "" is read as null). */
static inline bool pl_bytes_is_empty(struct pl_bytes bytes)
{
    return bytes.len == 0;
}

/* Order of the bytes as unsigned values, shorter first on a tie: the order of contract 5. */
static inline int pl_bytes_compare(struct pl_bytes a, struct pl_bytes b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);

    if (order != 0) {
        return order;
    }
    return (a.len > b.len) - (a.len < b.len);
}

/* Same content; null equals null and the empty string (contract 3). */
static inline bool pl_bytes_equal(struct pl_bytes a, struct pl_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

#endif
