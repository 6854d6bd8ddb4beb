/* What subcommands show to people: headings and paragraphs (tables: cli/table.h); plain text in a
 * file or a pipe, with bold and colours in a terminal. */
#ifndef PL_CLI_PAGE_H
#define PL_CLI_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "planlift/buffer.h"
#include "planlift/bytes.h"

/* What a terminal is told. */
#define PL_SGR_END "\033[0m"
#define PL_SGR_BOLD "\033[1m"
#define PL_SGR_FAINT "\033[2m"
#define PL_SGR_RED "\033[31m"
#define PL_SGR_GREEN "\033[32m"

/* Where to, and how. */
struct pl_page {
    FILE *out;
    bool is_fancy; /* lines, bold and colour */
    size_t width;  /* columns that a line may take */
};

/* A page for a file of this process: fancy and as wide as the terminal (60 to 100 columns) where it
 * is one that can do more than print, and NO_COLOR is not set; plain and 100 columns wide else. */
struct pl_page pl_page_of(FILE *out);

/* Title and, indented below it, what the section shows. explanation may be NULL. */
void pl_page_heading(const struct pl_page *page, const char *title, const char *explanation);

/* A paragraph, wrapped to the page's width. */
void pl_page_text(const struct pl_page *page, struct pl_bytes text);

/* Write the buffer out as a line and empty it. Blanks at its end are nothing to see. */
void pl_page_end_line(const struct pl_page *page, struct pl_buffer *buffer);

#endif
