/* Appending JSON to a buffer. */
#include "wire/json_write.h"

#include <string.h>

void pl_json_put_key(struct pl_buffer *buffer, const char *key)
{
    pl_json_put_separator(buffer);
    pl_buffer_put_byte(buffer, '"');
    pl_buffer_put(buffer, key, strlen(key));
    pl_buffer_put(buffer, "\":", 2);
}

/* Neither to be escaped, nor the first byte of a character that may have to be. */
static bool is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte != '"' && byte != '\\' && byte != 0xc2 && byte != 0xe2;
}

/* The letter of a two-character escape, or 0. */
static char short_escape(unsigned char byte)
{
    switch (byte) {
    case '"':
    case '\\':
        return (char)byte;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

static void put_control(struct pl_buffer *buffer, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";
    char letter = short_escape(byte);

    if (letter != 0) {
        pl_buffer_put(buffer, (char[]){'\\', letter}, 2);
    } else {
        pl_buffer_put(buffer, (char[]){'\\', 'u', '0', '0', digits[byte >> 4U], digits[byte & 15U]},
                      6);
    }
}

/* Escape the character that rest starts with, and return its bytes; 0: it stays as it is. */
static size_t put_escape(struct pl_buffer *buffer, struct pl_bytes rest)
{
    /* JSON allows them, but many a reader of lines takes them for the end of one. */
    static const struct {
        struct pl_bytes utf8;
        char escape[7];
    } separators[] = {{{"\xc2\x85", 2}, "\\u0085"},
                      {{"\xe2\x80\xa8", 3}, "\\u2028"},
                      {{"\xe2\x80\xa9", 3}, "\\u2029"}};
    unsigned char first = (unsigned char)rest.data[0];

    if (first < 0x80) {
        put_control(buffer, first);
        return 1;
    }
    for (size_t i = 0; i < PL_COUNT(separators); i++) {
        struct pl_bytes utf8 = separators[i].utf8;

        if (rest.len >= utf8.len && memcmp(rest.data, utf8.data, utf8.len) == 0) {
            pl_buffer_put(buffer, separators[i].escape, 6);
            return utf8.len;
        }
    }
    return 0;
}

void pl_json_put_string(struct pl_buffer *buffer, struct pl_bytes text)
{
    size_t done = 0;
    size_t i = 0;

    pl_buffer_put_byte(buffer, '"');
    while (i < text.len) {
        size_t escaped;

        if (is_plain((unsigned char)text.data[i])) {
            i++;
            continue;
        }
        pl_buffer_put(buffer, text.data + done, i - done);
        done = i;
        escaped = put_escape(buffer, (struct pl_bytes){text.data + i, text.len - i});
        done += escaped;
        i += escaped == 0 ? 1 : escaped;
    }
    if (text.len > done) {
        pl_buffer_put(buffer, text.data + done, text.len - done);
    }
    pl_buffer_put_byte(buffer, '"');
}

void pl_json_put_optional(struct pl_buffer *buffer, struct pl_bytes text)
{
    if (pl_bytes_is_empty(text)) {
        pl_json_put_null(buffer);
    } else {
        pl_json_put_string(buffer, text);
    }
}

void pl_json_put_integer(struct pl_buffer *buffer, int64_t value)
{
    char digits[20]; /* INT64_MIN has 19 and a sign */
    size_t start = sizeof(digits);
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    do {
        digits[--start] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0) {
        digits[--start] = '-';
    }
    pl_buffer_put(buffer, digits + start, sizeof(digits) - start);
}

void pl_json_put_bool(struct pl_buffer *buffer, bool value)
{
    if (value) {
        pl_buffer_put(buffer, "true", 4);
    } else {
        pl_buffer_put(buffer, "false", 5);
    }
}

void pl_json_put_null(struct pl_buffer *buffer)
{
    pl_buffer_put(buffer, "null", 4);
}

void pl_json_put_names(struct pl_buffer *buffer, struct pl_names names)
{
    pl_buffer_put_byte(buffer, '[');
    for (size_t i = 0; i < names.count; i++) {
        pl_json_put_separator(buffer);
        pl_json_put_string(buffer, names.items[i]);
    }
    pl_buffer_put_byte(buffer, ']');
}
