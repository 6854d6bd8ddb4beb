/* Tables for people. Widths are those of the C library's table for UTF-8, whatever the locale of
 * the environment is: the texts are UTF-8 in any. */
#define _XOPEN_SOURCE 700 /* NOLINT(readability-identifier-naming): asks for wcwidth */

#include "cli/table.h"

#include <locale.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "planlift/buffer.h"

#define MIN_WIDTH 60
#define MAX_WIDTH 100
#define HEADING_INDENT 3

/* ---- the page -------------------------------------------------------------------------------- */

static const char *variable(const char *name)
{
    const char *value = getenv(name); /* NOLINT(concurrency-mt-unsafe): nobody sets any */

    return value == NULL ? "" : value;
}

static size_t terminal_width(int fd)
{
    struct winsize size = {.ws_col = 0};

    if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_col > MAX_WIDTH) {
        return MAX_WIDTH;
    }
    return size.ws_col < MIN_WIDTH ? MIN_WIDTH : size.ws_col;
}

struct pl_page pl_page_of(FILE *out)
{
    int fd = fileno(out);
    bool is_fancy = isatty(fd) == 1 && *variable("NO_COLOR") == '\0' && *variable("TERM") != '\0' &&
                    strcmp(variable("TERM"), "dumb") != 0;

    return (struct pl_page){out, is_fancy, is_fancy ? terminal_width(fd) : MAX_WIDTH};
}

/* ---- characters ------------------------------------------------------------------------------ */

/* The thread's locale while something is measured and printed. */
struct text_mode {
    locale_t utf8;
    locale_t before;
};

static struct text_mode enter_text_mode(void)
{
    struct text_mode mode = {.utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0)};

    if (mode.utf8 == (locale_t)0) {
        mode.utf8 = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    }
    mode.before = uselocale(mode.utf8); /* no locale at all: only asks for the one that is set */
    return mode;
}

static void leave_text_mode(const struct text_mode *mode)
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

static struct pl_bytes skip(struct pl_bytes text, size_t len)
{
    return (struct pl_bytes){text.data + len, text.len - len};
}

/* Columns of a text without newlines. */
static size_t width_of(struct pl_bytes text)
{
    size_t width = 0;

    while (text.len > 0) {
        struct glyph glyph = glyph_of(text);

        width += glyph.width;
        text = skip(text, glyph.len);
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
        struct glyph glyph = glyph_of(skip(text, len));
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

static struct pl_bytes take_line(struct pl_bytes *text, size_t width)
{
    struct pl_bytes line = {text->data, line_len(*text, width)};

    *text = skip(*text, line.len);
    if (text->len > 0 && (*text->data == '\n' || *text->data == ' ')) {
        *text = skip(*text, 1);
    }
    while (line.len > 0 && line.data[line.len - 1] == ' ') {
        line.len--; /* of several blanks, those before the last one may have gone too far */
    }
    return line;
}

static struct pl_bytes first_line(struct pl_bytes text)
{
    const char *end = text.len == 0 ? NULL : memchr(text.data, '\n', text.len);

    return end == NULL ? text : (struct pl_bytes){text.data, (size_t)(end - text.data)};
}

static void put_text(struct pl_buffer *buffer, const char *text)
{
    pl_buffer_put(buffer, text, strlen(text));
}

static void put_blanks(struct pl_buffer *buffer, size_t count)
{
    while (count-- > 0) {
        pl_buffer_put_byte(buffer, ' ');
    }
}

/* Append what fits into width columns; returns the columns taken. */
static size_t put_fitting(struct pl_buffer *buffer, struct pl_bytes text, size_t width)
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
        text = skip(text, glyph.len);
    }
    return used;
}

/* The same, but an ellipsis ends what does not fit. */
static size_t put_cut(struct pl_buffer *buffer, struct pl_bytes text, size_t width, bool is_fancy)
{
    const char *ellipsis = is_fancy ? "\xe2\x80\xa6" : "...";
    size_t ellipsis_width = is_fancy ? 1 : 3;
    size_t used;

    if (width_of(text) <= width || width <= ellipsis_width) {
        return put_fitting(buffer, text, width);
    }
    used = put_fitting(buffer, text, width - ellipsis_width);
    put_text(buffer, ellipsis);
    return used + ellipsis_width;
}

/* Write the buffer out as a line and empty it. Blanks at its end are nothing to see. */
static void end_line(const struct pl_page *page, struct pl_buffer *buffer)
{
    while (buffer->len > 0 && buffer->data[buffer->len - 1] == ' ') {
        buffer->len--;
    }
    pl_buffer_put_byte(buffer, '\n');
    (void)fwrite(buffer->data, 1, buffer->len, page->out); /* the end of the program looks */
    buffer->len = 0;
}

/* ---- headings and paragraphs ----------------------------------------------------------------- */

#define SGR_END "\033[0m"
#define SGR_BOLD "\033[1m"
#define SGR_FAINT "\033[2m"

static const char *const tone_starts[] = {[PL_TONE_PLAIN] = "",
                                          [PL_TONE_GOOD] = "\033[32m",
                                          [PL_TONE_BAD] = "\033[31m",
                                          [PL_TONE_FAINT] = SGR_FAINT};

static void print_text(const struct pl_page *page, struct pl_bytes text, size_t indent)
{
    struct text_mode mode = enter_text_mode();
    struct pl_buffer buffer = {NULL, 0, 0};

    while (text.len > 0) {
        struct pl_bytes line = take_line(&text, page->width - indent);

        put_blanks(&buffer, indent);
        (void)put_fitting(&buffer, line, page->width - indent);
        end_line(page, &buffer);
    }
    pl_buffer_done(&buffer);
    leave_text_mode(&mode);
}

void pl_page_heading(const struct pl_page *page, const char *title, const char *explanation)
{
    (void)fprintf(page->out, "\n%s%s%s\n", page->is_fancy ? SGR_BOLD : "", title,
                  page->is_fancy ? SGR_END : ""); /* the end of the program looks */
    if (explanation != NULL) {
        print_text(page, pl_bytes_of(explanation), HEADING_INDENT);
    }
}

void pl_page_text(const struct pl_page *page, struct pl_bytes text)
{
    print_text(page, text, 0);
}

/* ---- tables ---------------------------------------------------------------------------------- */

struct pl_table pl_table_of(const struct pl_column *columns, size_t column_count,
                            struct pl_arena *arena)
{
    return (struct pl_table){.columns = columns, .column_count = column_count, .arena = arena};
}

void pl_table_add(struct pl_table *table, const struct pl_cell *cells)
{
    size_t count = table->row_count * table->column_count;

    if (table->row_count == table->row_capacity) {
        table->row_capacity = table->row_capacity == 0 ? 16 : table->row_capacity * 2;
        table->cells =
            pl_arena_grow(table->arena, table->cells, count,
                          table->row_capacity * table->column_count, sizeof(*table->cells));
    }
    memcpy(table->cells + count, cells, table->column_count * sizeof(*cells));
    table->row_count++;
}

/* One column while its width is being found. */
struct measure {
    size_t width;
    size_t word; /* the longest, if the column wraps; else all */
};

static void measure_text(struct measure *measure, struct pl_bytes text, enum pl_fit fit)
{
    if (fit != PL_FIT_WRAP) {
        text = first_line(text);
    }
    while (text.len > 0) {
        struct pl_bytes line = first_line(text);
        size_t width = width_of(line);

        measure->width = width > measure->width ? width : measure->width;
        text = skip(text, line.len < text.len ? line.len + 1 : line.len);
        while (line.len > 0) {
            const char *blank = fit == PL_FIT_WRAP ? memchr(line.data, ' ', line.len) : NULL;
            size_t len = blank == NULL ? line.len : (size_t)(blank - line.data);

            width = width_of((struct pl_bytes){line.data, len});
            measure->word = width > measure->word ? width : measure->word;
            line = skip(line, blank == NULL ? len : len + 1);
        }
    }
}

/* How far a column may shrink: at first to its longest word, where it wraps; then further, and
 * those that are cut as well; at last to anything. */
enum { ROUND_WORDS, ROUND_SMALL, ROUND_ANY, ROUND_COUNT };
#define SMALL_WIDTH 12

static size_t least_width(const struct measure *measure, enum pl_fit fit, int round)
{
    if (round == ROUND_WORDS) {
        return measure->word;
    }
    if (round == ROUND_SMALL) {
        return fit == PL_FIT_NUMBER || measure->word < SMALL_WIDTH ? measure->word : SMALL_WIDTH;
    }
    return 1;
}

/* Take one column of text away from the widest that may give it; false if none may. */
static bool shrink_one(const struct pl_table *table, struct measure *measures, int round)
{
    size_t widest = table->column_count;

    for (size_t i = 0; i < table->column_count; i++) {
        if (measures[i].width > least_width(&measures[i], table->columns[i].fit, round) &&
            (widest == table->column_count || measures[i].width > measures[widest].width)) {
            widest = i;
        }
    }
    if (widest == table->column_count) {
        return false;
    }
    measures[widest].width--;
    return true;
}

/* What lies beside and between the columns. */
static size_t frame_width(size_t column_count, bool is_fancy)
{
    return is_fancy ? 3 * column_count + 1 : 2 * (column_count - 1);
}

static struct measure *find_widths(const struct pl_table *table, const struct pl_page *page)
{
    struct measure *measures =
        pl_arena_zalloc(table->arena, table->column_count, sizeof(*measures));
    size_t total = frame_width(table->column_count, page->is_fancy);
    int round = 0;

    for (size_t i = 0; i < table->column_count; i++) {
        measure_text(&measures[i], pl_bytes_of(table->columns[i].heading), PL_FIT_WRAP);
        measures[i].width = measures[i].word; /* a heading wraps before it makes a column wide */
        for (size_t row = 0; row < table->row_count; row++) {
            measure_text(&measures[i], table->cells[row * table->column_count + i].text,
                         table->columns[i].fit);
        }
        if (table->widths != NULL) {
            measures[i] = (struct measure){table->widths[i], table->widths[i]};
        }
        total += measures[i].width;
    }
    while (total > page->width && round < ROUND_COUNT) {
        if (shrink_one(table, measures, round)) {
            total--;
        } else {
            round++;
        }
    }
    return measures;
}

/* ---- printing a table ------------------------------------------------------------------------ */

/* One print of one table. */
struct print {
    const struct pl_table *table;
    const struct pl_page *page;
    const struct measure *measures;
    struct pl_bytes *rests; /* by column: what of the row's texts is still to come */
    struct pl_buffer buffer;
};

static void put_toned(struct print *print, const char *start, const char *text)
{
    put_text(&print->buffer, start);
    put_text(&print->buffer, text);
    put_text(&print->buffer, SGR_END);
}

/* A horizontal line of a fancy table. */
static void print_line(struct print *print, const char *left, const char *cross, const char *right)
{
    put_text(&print->buffer, SGR_FAINT);
    for (size_t i = 0; i < print->table->column_count; i++) {
        put_text(&print->buffer, i == 0 ? left : cross);
        for (size_t dash = 0; dash < print->measures[i].width + 2; dash++) {
            put_text(&print->buffer, "\xe2\x94\x80");
        }
    }
    put_text(&print->buffer, right);
    put_text(&print->buffer, SGR_END);
    end_line(print->page, &print->buffer);
}

/* The dashes under the headings of a plain one. */
static void print_dashes(struct print *print)
{
    for (size_t i = 0; i < print->table->column_count; i++) {
        put_blanks(&print->buffer, i == 0 ? 0 : 2);
        for (size_t dash = 0; dash < print->measures[i].width; dash++) {
            put_text(&print->buffer, "-");
        }
    }
    end_line(print->page, &print->buffer);
}

/* Before, between and after the columns. */
static void put_gap(struct print *print, size_t column)
{
    if (print->page->is_fancy) {
        put_text(&print->buffer, column == 0 ? "" : " ");
        put_toned(print, SGR_FAINT, "\xe2\x94\x82");
        put_text(&print->buffer, " ");
    } else if (column > 0 && column < print->table->column_count) {
        put_text(&print->buffer, "  ");
    }
}

/* Put the next line of a column's text, filled up to the column's width. */
static void put_cell(struct print *print, size_t column, enum pl_fit fit, const char *tone_start)
{
    struct pl_bytes *rest = &print->rests[column];
    struct pl_bytes line = first_line(*rest);
    size_t width = print->measures[column].width;
    bool is_toned = print->page->is_fancy && *tone_start != '\0' && rest->len > 0;
    size_t used = 0;

    if (fit == PL_FIT_WRAP && rest->len > 0) {
        line = take_line(rest, width);
    } else {
        *rest = PL_NULL_BYTES;
    }
    if (print->table->columns[column].fit == PL_FIT_NUMBER && width_of(line) < width) {
        used = width - width_of(line);
        put_blanks(&print->buffer, used);
    }
    put_text(&print->buffer, is_toned ? tone_start : "");
    used += put_cut(&print->buffer, line, width, print->page->is_fancy);
    put_text(&print->buffer, is_toned ? SGR_END : "");
    put_blanks(&print->buffer, width - used);
}

static bool has_rest(const struct print *print)
{
    for (size_t i = 0; i < print->table->column_count; i++) {
        if (print->rests[i].len > 0) {
            return true;
        }
    }
    return false;
}

static void print_headings(struct print *print)
{
    size_t count = print->table->column_count;

    for (size_t i = 0; i < count; i++) {
        print->rests[i] = pl_bytes_of(print->table->columns[i].heading);
    }
    do {
        for (size_t i = 0; i < count; i++) {
            put_gap(print, i);
            put_cell(print, i, PL_FIT_WRAP, SGR_BOLD);
        }
        put_gap(print, count);
        end_line(print->page, &print->buffer);
    } while (has_rest(print));
}

static void print_row(struct print *print, const struct pl_cell *cells)
{
    size_t count = print->table->column_count;

    for (size_t i = 0; i < count; i++) {
        print->rests[i] = cells[i].text;
    }
    do {
        for (size_t i = 0; i < count; i++) {
            put_gap(print, i);
            put_cell(print, i, print->table->columns[i].fit, tone_starts[cells[i].tone]);
        }
        put_gap(print, count);
        end_line(print->page, &print->buffer);
    } while (has_rest(print));
}

static void print_head(struct print *print)
{
    if (print->page->is_fancy) {
        print_line(print, "\xe2\x94\x8c", "\xe2\x94\xac", "\xe2\x94\x90");
        print_headings(print);
        print_line(print, "\xe2\x94\x9c", "\xe2\x94\xbc", "\xe2\x94\xa4");
    } else {
        print_headings(print);
        print_dashes(print);
    }
}

void pl_table_print(const struct pl_table *table, const struct pl_page *page)
{
    struct text_mode mode = enter_text_mode();
    struct print print = {.table = table, .page = page};

    if (table->row_count > 0 || table->has_before) {
        print.measures = find_widths(table, page);
        print.rests = pl_arena_zalloc(table->arena, table->column_count, sizeof(*print.rests));
        if (!table->has_before) {
            print_head(&print);
        }
        for (size_t row = 0; row < table->row_count; row++) {
            print_row(&print, table->cells + row * table->column_count);
        }
        if (page->is_fancy && !table->has_after) {
            print_line(&print, "\xe2\x94\x94", "\xe2\x94\xb4", "\xe2\x94\x98");
        }
    }
    pl_buffer_done(&print.buffer);
    leave_text_mode(&mode);
}
