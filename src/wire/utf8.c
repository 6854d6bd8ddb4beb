/* Strict UTF-8 check, with a short way for plain ASCII. */
#include "wire/utf8.h"

#include <stdint.h>

#define WORD_BYTES sizeof(uint64_t)
#define WORD_HIGH_BITS UINT64_C(0x8080808080808080)

static bool word_is_ascii(const char *at)
{
    uint64_t word;

    memcpy(&word, at, WORD_BYTES);
    return (word & WORD_HIGH_BITS) == 0;
}

/* Nearly every string here is ASCII: eight bytes at a time, the last eight overlapping. */
static bool is_ascii(struct pl_bytes text)
{
    if (text.len < WORD_BYTES) {
        unsigned char all = 0;

        for (size_t i = 0; i < text.len; i++) {
            all |= (unsigned char)text.data[i];
        }
        return all < 0x80;
    }
    for (size_t i = 0; i + WORD_BYTES < text.len; i += WORD_BYTES) {
        if (!word_is_ascii(text.data + i)) {
            return false;
        }
    }
    return word_is_ascii(text.data + text.len - WORD_BYTES);
}

static bool is_within(unsigned char byte, unsigned low, unsigned high)
{
    return byte >= low && byte <= high;
}

/* Length of the character at the start of left > 0 bytes, 0 where there is no valid one. The second
 * byte's range is what rules out overlong forms, surrogates and what lies above U+10FFFF. */
static size_t character_len(const unsigned char *at, size_t left)
{
    unsigned char first = at[0];
    unsigned low = 0x80;
    unsigned high = 0xbf;
    size_t len;

    if (first < 0x80) {
        return 1;
    }
    if (is_within(first, 0xc2, 0xdf)) {
        len = 2;
    } else if (is_within(first, 0xe0, 0xef)) {
        len = 3;
        low = first == 0xe0 ? 0xa0 : low;
        high = first == 0xed ? 0x9f : high;
    } else if (is_within(first, 0xf0, 0xf4)) {
        len = 4;
        low = first == 0xf0 ? 0x90 : low;
        high = first == 0xf4 ? 0x8f : high;
    } else {
        return 0;
    }
    if (left < len || !is_within(at[1], low, high)) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if (!is_within(at[i], 0x80, 0xbf)) {
            return 0;
        }
    }
    return len;
}

bool pl_utf8_is_valid(struct pl_bytes text)
{
    const unsigned char *bytes = (const unsigned char *)text.data;
    size_t at = 0;

    if (is_ascii(text)) {
        return true;
    }
    while (at < text.len) {
        size_t len = character_len(bytes + at, text.len - at);

        if (len == 0) {
            return false;
        }
        at += len;
    }
    return true;
}
