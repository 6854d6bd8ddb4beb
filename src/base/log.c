/* The log writer: a line is put together in one buffer and written with one call. */
#include "planlift/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 4096

/* The log sink is the one piece of process-wide state: level and format are
 * written once at start. */
static enum pl_log_level threshold = PL_LOG_INFO;
static enum pl_log_format line_format = PL_LOG_TEXT;

/* How often each event was told of. */
static struct pl_log_count counts[PL_LOG_COUNTS_MOST];
static size_t count_of_counts;
static pthread_mutex_t counts_lock = PTHREAD_MUTEX_INITIALIZER;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

/* Texts and fields end here: what is left closes the line, so that even a cut one is whole JSON. */
#define TEXT_END (LINE_BYTES - 16)
/* What a field takes beside its key and its text: punctuation, and digits if it is a number. */
#define FIELD_BYTES 28

/* A line whose texts silently end where the space does. */
struct line {
    char text[LINE_BYTES];
    size_t len;
};

void pl_log_setup(enum pl_log_level level, enum pl_log_format format)
{
    threshold = level;
    line_format = format;
}

bool pl_log_is_on(enum pl_log_level level)
{
    return level >= threshold;
}

static void put_char(struct line *line, char c)
{
    if (line->len < sizeof(line->text) - 2) { /* room for the newline */
        line->text[line->len++] = c;
    }
}

static void put_text(struct line *line, const char *text)
{
    for (; *text != '\0'; text++) {
        put_char(line, *text);
    }
}

static void put_number(struct line *line, int64_t number)
{
    char digits[32];

    (void)snprintf(digits, sizeof(digits), "%lld", (long long)number);
    put_text(line, digits);
}

/* Bytes of the UTF-8 character (RFC 3629) that text begins with; 0 if it begins with none. */
static size_t char_len(const unsigned char *text)
{
    size_t len = 1;

    if (text[0] >= 0x80) {
        len = text[0] < 0xc2 || text[0] > 0xf4 ? 0 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
    }
    for (size_t i = 1; i < len; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xf0 && text[1] < 0x90) ||
        (text[0] == 0xed && text[1] > 0x9f) || (text[0] == 0xf4 && text[1] > 0x8f)) {
        return 0; /* overlong, a surrogate, or beyond the last character */
    }
    return len;
}

/* The next character of a text as it stands between quotes: valid in JSON, and one line in text.
 * What is no character becomes a question mark. Returns how many bytes of text it stands for. */
static size_t quote_char(const unsigned char *text, char ret_quoted[8])
{
    size_t len = char_len(text);

    if (len == 0) {
        (void)snprintf(ret_quoted, 8, "?"); /* fits; so do the others */
        return 1;
    }
    if (text[0] < 0x20 || text[0] == 0x7f) {
        (void)snprintf(ret_quoted, 8, "\\u%04x", (unsigned)text[0]);
    } else if (text[0] == '"' || text[0] == '\\') {
        (void)snprintf(ret_quoted, 8, "\\%c", text[0]);
    } else {
        (void)snprintf(ret_quoted, 8, "%.*s", (int)len, (const char *)text);
    }
    return len;
}

static void put_quoted(struct line *line, const char *text)
{
    const unsigned char *next = (const unsigned char *)text;
    char quoted[8];

    put_char(line, '"');
    while (*next != '\0') {
        next += quote_char(next, quoted);
        if (line->len + strlen(quoted) > TEXT_END) {
            break;
        }
        put_text(line, quoted);
    }
    put_char(line, '"');
}

static void put_time(struct line *line)
{
    struct timespec now;
    struct tm parts;
    char text[96];

    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
    (void)gmtime_r(&now.tv_sec, &parts);
    (void)snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ", parts.tm_year + 1900,
                   parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                   now.tv_nsec / 1000000);
    put_text(line, text);
}

static bool is_plain(const char *text)
{
    const char *c = text;

    while (*c > ' ' && *c < 0x7f && strchr("\"\\=", *c) == NULL) {
        c++;
    }
    return c > text && *c == '\0';
}

static void put_field(struct line *line, const struct pl_log_field *field)
{
    if (line->len + strlen(field->key) + FIELD_BYTES > TEXT_END) {
        return; /* the line is full: whole fields or none */
    }
    if (line_format == PL_LOG_JSON) {
        put_text(line, ",\"");
        put_text(line, field->key);
        put_text(line, "\":");
    } else {
        put_char(line, ' ');
        put_text(line, field->key);
        put_char(line, '=');
    }
    if (field->text == NULL) {
        put_number(line, field->number);
    } else if (line_format == PL_LOG_TEXT && is_plain(field->text)) {
        put_text(line, field->text);
    } else {
        put_quoted(line, field->text);
    }
}

/* ---- counting -------------------------------------------------------------------------------- */

static void count_event(enum pl_log_level level, const char *event)
{
    size_t i = 0;

    (void)pthread_mutex_lock(&counts_lock); /* cannot fail: it is not recursive, nor robust */
    while (i < count_of_counts &&
           (level != counts[i].level || strcmp(event, counts[i].event) != 0)) {
        i++;
    }
    if (i == count_of_counts && i < PL_LOG_COUNTS_MOST) {
        counts[count_of_counts++] = (struct pl_log_count){event, level, 0};
    }
    if (i < count_of_counts) {
        counts[i].count++;
    }
    (void)pthread_mutex_unlock(&counts_lock);
}

static int compare_counts(const void *a, const void *b)
{
    const struct pl_log_count *first = a;
    const struct pl_log_count *second = b;
    int order = strcmp(first->event, second->event);

    return order != 0 ? order : (int)first->level - (int)second->level;
}

size_t pl_log_counts(struct pl_log_count ret_counts[PL_LOG_COUNTS_MOST])
{
    size_t count;

    (void)pthread_mutex_lock(&counts_lock); /* see above */
    count = count_of_counts;
    memcpy(ret_counts, counts, count * sizeof(*counts));
    (void)pthread_mutex_unlock(&counts_lock);
    qsort(ret_counts, count, sizeof(*ret_counts), compare_counts);
    return count;
}

/* ---- writing --------------------------------------------------------------------------------- */

void pl_log_write(enum pl_log_level level, const char *event, const struct pl_log_field *fields,
                  unsigned count)
{
    struct line line = {.len = 0};

    if (level >= PL_LOG_INFO) {
        count_event(level, event);
    }
    if (!pl_log_is_on(level)) {
        return;
    }
    if (line_format == PL_LOG_JSON) {
        put_text(&line, "{\"time\":\"");
        put_time(&line);
        put_text(&line, "\",\"level\":\"");
        put_text(&line, level_names[level]);
        put_text(&line, "\",\"event\":\"");
        put_text(&line, event);
        put_char(&line, '"');
    } else {
        put_time(&line);
        put_char(&line, ' ');
        put_text(&line, level_names[level]);
        put_char(&line, ' ');
        put_text(&line, event);
    }
    for (unsigned i = 0; i < count; i++) {
        put_field(&line, &fields[i]);
    }
    if (line_format == PL_LOG_JSON) {
        put_char(&line, '}');
    }
    line.text[line.len++] = '\n';
    if (write(STDERR_FILENO, line.text, line.len) < 0) {
        return; /* nowhere left to say it */
    }
}
