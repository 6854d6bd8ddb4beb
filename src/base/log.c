/* The log writer: a line is put together in one buffer and written with one call. */
#include "planlift/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 4096

/* The log sink is the one piece of process-wide state: written once at start. */
static enum pl_log_level threshold = PL_LOG_INFO;
static enum pl_log_format line_format = PL_LOG_TEXT;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

/* Kept free for what closes a line, so that even a cut one is whole JSON. */
#define CLOSING_BYTES 16

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

/* Quoted, control characters and quotes escaped: valid in JSON, and one line in text. */
static void put_quoted(struct line *line, const char *text)
{
    static const char hex[] = "0123456789abcdef";

    put_char(line, '"');
    for (; *text != '\0' && line->len < sizeof(line->text) - CLOSING_BYTES; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '"' || c == '\\') {
            put_char(line, '\\');
            put_char(line, (char)c);
        } else if (c < 0x20) {
            put_text(line, "\\u00");
            put_char(line, hex[c >> 4]);
            put_char(line, hex[c & 15]);
        } else {
            put_char(line, (char)c);
        }
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
    return *text != '\0' && strpbrk(text, " \"\\\n\t=") == NULL;
}

static void put_field(struct line *line, const struct pl_log_field *field)
{
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

void pl_log_write(enum pl_log_level level, const char *event, const struct pl_log_field *fields,
                  unsigned count)
{
    struct line line = {.len = 0};

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
