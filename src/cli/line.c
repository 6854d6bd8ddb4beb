/* Widths are those of the C library's table for UTF-8, whatever the locale of the environment is:
 * the texts are UTF-8 in any. */
#define _XOPEN_SOURCE 700 /* NOLINT(readability-identifier-naming): asks for wcwidth */

#include "cli/line.h"

#include <wchar.h>

/* ---- characters ------------------------------------------------------------------------------ */

struct pl_text_mode pl_text_mode_enter(void)
{
    struct pl_text_mode mode = {.utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0)};

    if (mode.utf8 == (locale_t)0) {
        mode.utf8 = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    }
    mode.before = uselocale(mode.utf8); /* no locale at all: only asks for the one that is set */
    return mode;
}

void pl_text_mode_leave(const struct pl_text_mode *mode)
{
    (void)uselocale(mode->before);
    if (mode->utf8 != (locale_t)0) {
        freelocale(mode->utf8);
    }
}

struct glyph {
    size_t len;      /* bytes */
    size_t width;    /* columns */
    bool is_printed; /* false: a control character, or not UTF-8 */
};

/* The character at the start of a text that is not empty. */
static struct glyph glyph_of(struct pl_bytes text)
{
    mbstate_t state = {0};
    wchar_t character = L'\0';
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): it is, with a state that nobody shares */
    size_t len = mbrtowc(&character, text.data, text.len, &state);
    int width;

    if (len == 0 || len > text.len) { /* U+0000; or (size_t)-1, -2: no character */
        return (struct glyph){1, 1, false};
    }
    width = wcwidth(character);
    return width < 0 ? (struct glyph){len, 1, false} : (struct glyph){len, (size_t)width, true};
}

struct pl_bytes pl_line_skip(struct pl_bytes text, size_t len)
{
    return (struct pl_bytes){text.data + len, text.len - len};
}

size_t pl_line_width(struct pl_bytes text)
{
    size_t width = 0;

    while (text.len > 0) {
        struct glyph glyph = glyph_of(text);

        width += glyph.width;
        text = pl_line_skip(text, glyph.len);
    }
    return width;
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* Where a line may end, if it must: 2 at a blank, 1 within a word that is made of parts, 0 not. */
static int break_rank(char before, char at)
{
    if (at == ' ') {
        return 2;
    }
    return before != '\0' && strchr("-_/.,(", before) != NULL ? 1 : 0;
}

/* How much of the text goes into a line of at most width columns: up to a newline, else to the last
 * blank that fits, else to the end of a part of a word, else through a word. */
static size_t line_len(struct pl_bytes text, size_t width)
{
    size_t len = 0;
    size_t used = 0;
    size_t break_len = 0;
    int best = 0; /* rank of break_len */

    while (len < text.len && text.data[len] != '\n') {
        struct glyph glyph = glyph_of(pl_line_skip(text, len));
        int rank = len == 0 ? 0 : break_rank(text.data[len - 1], text.data[len]);

        if (used + glyph.width > width && len > 0 && rank < 2) {
            return best > 0 ? break_len : len;
        }
        if (rank > 0 && rank >= best) {
            best = rank;
            break_len = len;
        }
        used += glyph.width;
        len += glyph.len;
    }
    return len;
}

struct pl_bytes pl_line_take(struct pl_bytes *text, size_t width)
{
    struct pl_bytes line = {text->data, line_len(*text, width)};

    *text = pl_line_skip(*text, line.len);
    if (text->len > 0 && (*text->data == '\n' || *text->data == ' ')) {
        *text = pl_line_skip(*text, 1);
    }
    while (line.len > 0 && line.data[line.len - 1] == ' ') {
        line.len--; /* of several blanks, those before the last one may have gone too far */
    }
    return line;
}

struct pl_bytes pl_line_first(struct pl_bytes text)
{
    const char *end = text.len == 0 ? NULL : memchr(text.data, '\n', text.len);

    return end == NULL ? text : (struct pl_bytes){text.data, (size_t)(end - text.data)};
}

void pl_line_put_text(struct pl_buffer *buffer, const char *text)
{
    pl_buffer_put(buffer, text, strlen(text));
}

void pl_line_put_blanks(struct pl_buffer *buffer, size_t count)
{
    while (count-- > 0) {
        pl_buffer_put_byte(buffer, ' ');
    }
}

size_t pl_line_put_fitting(struct pl_buffer *buffer, struct pl_bytes text, size_t width)
{
    size_t used = 0;

    while (text.len > 0) {
        struct glyph glyph = glyph_of(text);

        if (used + glyph.width > width) {
            break;
        }
        if (glyph.is_printed) {
            pl_buffer_put(buffer, text.data, glyph.len);
        } else {
            pl_buffer_put_byte(buffer, '?');
        }
        used += glyph.width;
        text = pl_line_skip(text, glyph.len);
    }
    return used;
}

size_t pl_line_put_cut(struct pl_buffer *buffer, struct pl_bytes text, size_t width, bool is_fancy)
{
    const char *ellipsis = is_fancy ? "\xe2\x80\xa6" : "...";
    size_t ellipsis_width = is_fancy ? 1 : 3;
    size_t used;

    if (pl_line_width(text) <= width || width <= ellipsis_width) {
        return pl_line_put_fitting(buffer, text, width);
    }
    used = pl_line_put_fitting(buffer, text, width - ellipsis_width);
    pl_line_put_text(buffer, ellipsis);
    return used + ellipsis_width;
}
