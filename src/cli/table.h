/* Tables for people: with lines in a terminal, plain text elsewhere. */
#ifndef PL_CLI_TABLE_H
#define PL_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/page.h"
#include "planlift/arena.h"
#include "planlift/bytes.h"

enum pl_tone { PL_TONE_PLAIN, PL_TONE_GOOD, PL_TONE_BAD, PL_TONE_FAINT };

struct pl_cell {
    struct pl_bytes text; /* borrowed; a newline starts a new line; null: empty */
    enum pl_tone tone;
};

/* What becomes of texts that are too long for their column. */
enum pl_fit {
    PL_FIT_WRAP,  /* they go on in the next line */
    PL_FIT_CUT,   /* an ellipsis stands for the rest */
    PL_FIT_NUMBER /* as CUT, and aligned to the right */
};

struct pl_column {
    const char *heading;
    enum pl_fit fit;
};

/* In place; lives in the arena. */
struct pl_table {
    const struct pl_column *columns; /* borrowed */
    size_t column_count;
    struct pl_cell *cells; /* row by row */
    size_t row_count;
    size_t row_capacity;
    struct pl_arena *arena;
    /* For one that is printed in pieces, as its rows come; its owner may set them. */
    const size_t *widths; /* by column, borrowed; NULL: as wide as the texts are */
    bool has_before;      /* a piece was printed before: no headings any more */
    bool has_after;       /* a piece is to come: no end yet */
};

struct pl_table pl_table_of(const struct pl_column *columns, size_t column_count,
                            struct pl_arena *arena);

/* Append a row of column_count cells. */
void pl_table_add(struct pl_table *table, const struct pl_cell *cells);

/* Print it, no wider than the page: columns that wrap give way first. Nothing where it has no rows
 * (but the end of one that has pieces before). */
void pl_table_print(const struct pl_table *table, const struct pl_page *page);

#endif
