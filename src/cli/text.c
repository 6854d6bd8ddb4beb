/* Texts of the command line, both ways. */
#include "cli/text.h"

#include <stdio.h>

#include "wire/json_write.h"
#include "wire/utf8.h"

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

/* ---- times ----------------------------------------------------------------------------------- */

/* Digits of a fixed number, and what must stand behind them ('\0': anything); false: others. */
static bool take_digits(const char **text, int count, char behind, int *ret_number)
{
    *ret_number = 0;
    for (int i = 0; i < count; i++, (*text)++) {
        if (**text < '0' || **text > '9') {
            return false;
        }
        *ret_number = *ret_number * 10 + (**text - '0');
    }
    if (behind != '\0' && *(*text)++ != behind) {
        return false;
    }
    return true;
}

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && is_leap);
}

/* Days from 1970-01-01 on. */
static int64_t days_from(int year, int month, int day)
{
    int64_t before = year - 1; /* whole years since the year 1 */
    int64_t days = before * 365 + before / 4 - before / 100 + before / 400 - 719162;

    for (int i = 1; i < month; i++) {
        days += days_in(year, i);
    }
    return days + day - 1;
}

static bool take_date(const char **text, int64_t *ret_ms)
{
    int year;
    int month;
    int day;

    if (!take_digits(text, 4, '-', &year) || !take_digits(text, 2, '-', &month) ||
        !take_digits(text, 2, '\0', &day) || year < 1 || month < 1 || month > 12 || day < 1 ||
        day > days_in(year, month)) {
        return false;
    }
    *ret_ms = days_from(year, month, day) * DAY_MS;
    return true;
}

/* ".789": any number of digits, of which three count. */
static void take_fraction(const char **text, int64_t *ms)
{
    int64_t weight = SECOND_MS / 10;

    if (**text != '.') {
        return;
    }
    for ((*text)++; **text >= '0' && **text <= '9'; (*text)++) {
        *ms += (**text - '0') * weight;
        weight /= 10;
    }
}

static bool take_clock(const char **text, int64_t *ms)
{
    int hour;
    int minute;
    int second = 0;

    if (!take_digits(text, 2, ':', &hour) || !take_digits(text, 2, '\0', &minute) || hour > 23 ||
        minute > 59) {
        return false;
    }
    if (**text == ':') {
        (*text)++;
        if (!take_digits(text, 2, '\0', &second) || second > 59) {
            return false;
        }
        take_fraction(text, ms);
    }
    *ms += hour * HOUR_MS + minute * MINUTE_MS + second * SECOND_MS;
    return true;
}

static bool take_zone(const char **text, int64_t *ms)
{
    char sign = *(*text)++;
    int hour;
    int minute;

    if (sign == 'Z' || sign == 'z') {
        return true;
    }
    if ((sign != '+' && sign != '-') || !take_digits(text, 2, ':', &hour) ||
        !take_digits(text, 2, '\0', &minute) || hour > 23 || minute > 59) {
        return false;
    }
    *ms += (sign == '+' ? -1 : 1) * (hour * HOUR_MS + minute * MINUTE_MS);
    return true;
}

static bool read_absolute(const char *text, int64_t *ret_ms)
{
    if (!take_date(&text, ret_ms)) {
        return false;
    }
    if (*text == '\0') {
        return true;
    }
    return (*text == 'T' || *text == 't' || *text == ' ') && (text++, take_clock(&text, ret_ms)) &&
           take_zone(&text, ret_ms) && *text == '\0';
}

static bool read_ago(const char *text, int64_t now_ms, int64_t *ret_ms)
{
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {{'s', SECOND_MS}, {'m', MINUTE_MS}, {'h', HOUR_MS}, {'d', DAY_MS}};
    size_t len = strlen(text);
    int64_t number;

    for (size_t i = 0; len > 0 && i < PL_COUNT(units); i++) {
        if (text[len - 1] == units[i].unit &&
            pl_number_parse((struct pl_bytes){text, len - 1}, INT32_MAX, &number)) {
            *ret_ms = now_ms - number * units[i].ms;
            *ret_ms = *ret_ms < 0 ? 0 : *ret_ms;
            return true;
        }
    }
    return false;
}

enum pl_status pl_time_parse(const char *text, int64_t now_ms, int64_t *ret_ms,
                             struct pl_error *error)
{
    if ((read_absolute(text, ret_ms) && *ret_ms >= 0) || read_ago(text, now_ms, ret_ms)) {
        return PL_OK;
    }
    return pl_fail(error, PL_BAD_DATA,
                   "\"%s\" is no time: wants one such as 2026-02-03T04:05:06Z, 2026-02-03, or how "
                   "long ago: 90s, 15m, 2h, 7d",
                   text);
}

/* ---- numbers and places ---------------------------------------------------------------------- */

bool pl_number_parse(struct pl_bytes text, int64_t most, int64_t *ret_number)
{
    *ret_number = 0;
    for (size_t i = 0; i < text.len; i++) {
        int digit = text.data[i] - '0';

        if (digit < 0 || digit > 9 || *ret_number > (most - digit) / 10) {
            return false;
        }
        *ret_number = *ret_number * 10 + digit;
    }
    return text.len > 0;
}

/* Cut the last part off, and the slash before it; false: there is none. */
static bool take_last(struct pl_bytes *text, struct pl_bytes *ret_part)
{
    size_t len = text->len;

    while (len > 0 && text->data[len - 1] != '/') {
        len--;
    }
    if (len == 0) {
        return false;
    }
    *ret_part = (struct pl_bytes){text->data + len, text->len - len};
    text->len = len - 1;
    return true;
}

bool pl_place_parse(struct pl_bytes text, struct pl_bytes *ret_topic, int32_t *ret_partition,
                    int64_t *ret_offset)
{
    struct pl_bytes offset;
    struct pl_bytes partition;
    int64_t number;

    if (!take_last(&text, &offset) || !take_last(&text, &partition) || text.len == 0 ||
        memchr(text.data, '/', text.len) != NULL ||
        !pl_number_parse(partition, INT32_MAX, &number) ||
        !pl_number_parse(offset, INT64_MAX, ret_offset)) {
        return false;
    }
    *ret_topic = text;
    *ret_partition = (int32_t)number;
    return true;
}

/* ---- ids and bytes --------------------------------------------------------------------------- */

struct pl_bytes pl_uuid_new(const struct pl_world *world, struct pl_arena *arena)
{
    unsigned char id[16];

    world->ops->random_id(world->self, id);
    return pl_arena_format(arena,
                           "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                           id[0], id[1], id[2], id[3], id[4], id[5], id[6], id[7], id[8], id[9],
                           id[10], id[11], id[12], id[13], id[14], id[15]);
}

struct pl_bytes pl_text_utf8(struct pl_bytes text, struct pl_arena *arena)
{
    char *ascii;

    if (pl_utf8_is_valid(text)) {
        return text;
    }
    ascii = pl_arena_alloc(arena, text.len);
    for (size_t i = 0; i < text.len; i++) {
        ascii[i] = (char)((unsigned char)text.data[i] < 0x80 ? text.data[i] : '?');
    }
    return (struct pl_bytes){ascii, text.len};
}

void pl_json_put_bytes(struct pl_buffer *buffer, struct pl_bytes bytes)
{
    if (pl_bytes_is_null(bytes) || !pl_utf8_is_valid(bytes)) {
        pl_json_put_null(buffer);
    } else {
        pl_json_put_string(buffer, bytes);
    }
}

void pl_json_put_base64(struct pl_buffer *buffer, struct pl_bytes bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct pl_buffer text = {NULL, 0, 0};

    if (pl_bytes_is_null(bytes)) {
        pl_json_put_null(buffer);
        return;
    }
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t count = bytes.len - i < 3 ? bytes.len - i : 3;
        uint32_t group = 0;

        for (size_t j = 0; j < 3; j++) {
            group = group << 8 | (j < count ? (unsigned char)bytes.data[i + j] : 0U);
        }
        for (size_t j = 0; j < 4; j++) {
            pl_buffer_put_byte(&text, j <= count ? (unsigned char)digits[group >> (18 - 6 * j) & 63]
                                                 : '=');
        }
    }
    pl_json_put_string(buffer, (struct pl_bytes){text.len == 0 ? "" : text.data, text.len});
    pl_buffer_done(&text);
}
