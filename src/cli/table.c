/* Finds the columns' widths, and prints a table. */
#include "cli/table.h"

#include "cli/line.h"

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
        text = pl_line_first(text);
    }
    while (text.len > 0) {
        struct pl_bytes line = pl_line_first(text);
        size_t width = pl_line_width(line);

        measure->width = width > measure->width ? width : measure->width;
        text = pl_line_skip(text, line.len < text.len ? line.len + 1 : line.len);
        while (line.len > 0) {
            const char *blank = fit == PL_FIT_WRAP ? memchr(line.data, ' ', line.len) : NULL;
            size_t len = blank == NULL ? line.len : (size_t)(blank - line.data);

            width = pl_line_width((struct pl_bytes){line.data, len});
            measure->word = width > measure->word ? width : measure->word;
            line = pl_line_skip(line, blank == NULL ? len : len + 1);
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

static const char *const tone_starts[] = {[PL_TONE_PLAIN] = "",
                                          [PL_TONE_GOOD] = PL_SGR_GREEN,
                                          [PL_TONE_BAD] = PL_SGR_RED,
                                          [PL_TONE_FAINT] = PL_SGR_FAINT};

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
    pl_line_put_text(&print->buffer, start);
    pl_line_put_text(&print->buffer, text);
    pl_line_put_text(&print->buffer, PL_SGR_END);
}

/* A horizontal line of a fancy table. */
static void print_line(struct print *print, const char *left, const char *cross, const char *right)
{
    pl_line_put_text(&print->buffer, PL_SGR_FAINT);
    for (size_t i = 0; i < print->table->column_count; i++) {
        pl_line_put_text(&print->buffer, i == 0 ? left : cross);
        for (size_t dash = 0; dash < print->measures[i].width + 2; dash++) {
            pl_line_put_text(&print->buffer, "\xe2\x94\x80");
        }
    }
    pl_line_put_text(&print->buffer, right);
    pl_line_put_text(&print->buffer, PL_SGR_END);
    pl_page_end_line(print->page, &print->buffer);
}

/* The dashes under the headings of a plain one. */
static void print_dashes(struct print *print)
{
    for (size_t i = 0; i < print->table->column_count; i++) {
        pl_line_put_blanks(&print->buffer, i == 0 ? 0 : 2);
        for (size_t dash = 0; dash < print->measures[i].width; dash++) {
            pl_line_put_text(&print->buffer, "-");
        }
    }
    pl_page_end_line(print->page, &print->buffer);
}

/* Before, between and after the columns. */
static void put_gap(struct print *print, size_t column)
{
    if (print->page->is_fancy) {
        pl_line_put_text(&print->buffer, column == 0 ? "" : " ");
        put_toned(print, PL_SGR_FAINT, "\xe2\x94\x82");
        pl_line_put_text(&print->buffer, " ");
    } else if (column > 0 && column < print->table->column_count) {
        pl_line_put_text(&print->buffer, "  ");
    }
}

/* Put the next line of a column's text, filled up to the column's width. */
static void put_cell(struct print *print, size_t column, enum pl_fit fit, const char *tone_start)
{
    struct pl_bytes *rest = &print->rests[column];
    struct pl_bytes line = pl_line_first(*rest);
    size_t width = print->measures[column].width;
    bool is_toned = print->page->is_fancy && *tone_start != '\0' && rest->len > 0;
    size_t used = 0;

    if (fit == PL_FIT_WRAP && rest->len > 0) {
        line = pl_line_take(rest, width);
    } else {
        *rest = PL_NULL_BYTES;
    }
    if (print->table->columns[column].fit == PL_FIT_NUMBER && pl_line_width(line) < width) {
        used = width - pl_line_width(line);
        pl_line_put_blanks(&print->buffer, used);
    }
    pl_line_put_text(&print->buffer, is_toned ? tone_start : "");
    used += pl_line_put_cut(&print->buffer, line, width, print->page->is_fancy);
    pl_line_put_text(&print->buffer, is_toned ? PL_SGR_END : "");
    pl_line_put_blanks(&print->buffer, width - used);
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
            put_cell(print, i, PL_FIT_WRAP, PL_SGR_BOLD);
        }
        put_gap(print, count);
        pl_page_end_line(print->page, &print->buffer);
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
        pl_page_end_line(print->page, &print->buffer);
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
    struct pl_text_mode mode = pl_text_mode_enter();
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
    pl_text_mode_leave(&mode);
}
