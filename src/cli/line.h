/* Lines of text as a terminal shows them: how wide they are, where they end. Texts are UTF-8 from
 * anywhere: what would steer the terminal is shown as a question mark. */
#ifndef PL_CLI_LINE_H
#define PL_CLI_LINE_H

#include <locale.h>
#include <stdbool.h>
#include <stddef.h>

#include "planlift/buffer.h"
#include "planlift/bytes.h"

/* The thread's locale while something is measured and printed. */
struct pl_text_mode {
    locale_t utf8;
    locale_t before;
};

struct pl_text_mode pl_text_mode_enter(void);
void pl_text_mode_leave(const struct pl_text_mode *mode);

/* Columns of a text without newlines. */
size_t pl_line_width(struct pl_bytes text);

/* What comes behind the first len bytes. */
struct pl_bytes pl_line_skip(struct pl_bytes text, size_t len);

/* Cut off what goes into a line of at most width columns, and the blank or newline behind it. */
struct pl_bytes pl_line_take(struct pl_bytes *text, size_t width);

/* Up to the first newline. */
struct pl_bytes pl_line_first(struct pl_bytes text);

void pl_line_put_text(struct pl_buffer *buffer, const char *text);
void pl_line_put_blanks(struct pl_buffer *buffer, size_t count);

/* Append what fits into width columns; returns the columns taken. */
size_t pl_line_put_fitting(struct pl_buffer *buffer, struct pl_bytes text, size_t width);

/* The same, but an ellipsis ends what does not fit. */
size_t pl_line_put_cut(struct pl_buffer *buffer, struct pl_bytes text, size_t width, bool is_fancy);

#endif
