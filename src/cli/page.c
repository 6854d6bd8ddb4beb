/* Headings and paragraphs. */
#include "cli/page.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/line.h"

#define MIN_WIDTH 60
#define MAX_WIDTH 100
#define HEADING_INDENT 3

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

void pl_page_end_line(const struct pl_page *page, struct pl_buffer *buffer)
{
    while (buffer->len > 0 && buffer->data[buffer->len - 1] == ' ') {
        buffer->len--;
    }
    pl_buffer_put_byte(buffer, '\n');
    (void)fwrite(buffer->data, 1, buffer->len, page->out); /* the end of the program looks */
    buffer->len = 0;
}

static void print_text(const struct pl_page *page, struct pl_bytes text, size_t indent)
{
    struct pl_text_mode mode = pl_text_mode_enter();
    struct pl_buffer buffer = {NULL, 0, 0};

    while (text.len > 0) {
        struct pl_bytes line = pl_line_take(&text, page->width - indent);

        pl_line_put_blanks(&buffer, indent);
        (void)pl_line_put_fitting(&buffer, line, page->width - indent);
        pl_page_end_line(page, &buffer);
    }
    pl_buffer_done(&buffer);
    pl_text_mode_leave(&mode);
}

void pl_page_heading(const struct pl_page *page, const char *title, const char *explanation)
{
    (void)fprintf(page->out, "\n%s%s%s\n", page->is_fancy ? PL_SGR_BOLD : "", title,
                  page->is_fancy ? PL_SGR_END : ""); /* the end of the program looks */
    if (explanation != NULL) {
        print_text(page, pl_bytes_of(explanation), HEADING_INDENT);
    }
}

void pl_page_text(const struct pl_page *page, struct pl_bytes text)
{
    print_text(page, text, 0);
}
