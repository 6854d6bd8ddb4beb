/* Printing the table of settings. A failure to print shows when the stream is flushed. */
#include "config/reference.h"

#include <string.h>

#include "config/source.h"
#include "config/table.h"

#define HELP_WIDTH 88
#define HELP_INDENT 6

/* A paragraph, indented and wrapped. */
static void print_wrapped(FILE *out, const char *text)
{
    size_t width = HELP_WIDTH - HELP_INDENT;

    while (strlen(text) > width) {
        size_t len = width;

        while (len > 0 && text[len] != ' ') {
            len--;
        }
        (void)fprintf(out, "%*s%.*s\n", HELP_INDENT, "", (int)len, text);
        text += len + 1;
    }
    (void)fprintf(out, "%*s%s\n", HELP_INDENT, "", text);
}

void pl_config_help(FILE *out)
{
    (void)fprintf(out, "Settings (key=value lines of --config FILE; or environment variables such "
                       "as PLANLIFT_GROUP_ID,\nwhich win, or PLANLIFT_REDIS_PASSWORD_FILE for a "
                       "file that holds the value):\n");
    (void)fprintf(out, "  " PL_KAFKA_PREFIX "*\n");
    print_wrapped(out, "any setting of librdkafka, for example kafka.bootstrap.servers "
                       "[localhost:9092]");
    for (size_t i = 0; i < PL_SETTING_COUNT; i++) {
        const struct pl_setting_row *row = &pl_setting_rows[i];

        (void)fprintf(out, "  %s%s%s%s\n", row->name, row->value == NULL ? "" : " [",
                      row->value == NULL ? "" : row->value, row->value == NULL ? "" : "]");
        print_wrapped(out, row->meaning);
    }
}

static const char introduction[] =
    "# Configuration\n"
    "\n"
    "This page is what `planlift config --reference` prints.\n"
    "\n"
    "The file that `--config FILE` names sets settings in `key=value` lines; blank lines and "
    "lines\n"
    "that begin with `#` count for nothing. The environment stands over it: a variable is called\n"
    "`PLANLIFT_` and the key in capitals, with `_` for a dot and `__` for an underscore. A "
    "variable\n"
    "with `_FILE` behind its name gives the name of a file that holds the value (one newline at "
    "its\n"
    "end does not count): the way for secrets. Both forms at once are an error, and so is an "
    "unknown\n"
    "key, which is told with the nearest known one. A setting that has no default and is set to\n"
    "nothing is unset.\n"
    "\n"
    "`planlift config` shows the settings as the service would have them, and where each comes\n"
    "from, with secrets masked; it connects to nothing.\n"
    "\n"
    "| setting and variable | value | default | meaning |\n"
    "|---|---|---|---|\n";

static const char about_kafka[] =
    "\n"
    "## Settings of the Kafka client\n"
    "\n"
    "`kafka.` and any setting of librdkafka goes to it as it is: `kafka.bootstrap.servers`,\n"
    "`kafka.security.protocol`, `kafka.sasl.password`, ...; as a variable\n"
    "`PLANLIFT_KAFKA_BOOTSTRAP_SERVERS`. `planlift config` masks those that hold secrets.\n"
    "\n"
    "planlift sets these itself, for exactly-once depends on them, and refuses them here:\n";

static const char *allowed_in(const struct pl_setting_row *row)
{
    return row->kind == PL_SETTING_TEXT     ? "text"
           : row->kind == PL_SETTING_NAME   ? "text, not empty"
           : row->kind == PL_SETTING_SECRET ? "secret"
                                            : row->allowed;
}

static void print_row(FILE *out, const struct pl_setting_row *row)
{
    char variable[PL_VARIABLE_MOST];

    pl_source_variable(row->name, variable);
    (void)fprintf(out, "| `%s`<br>`%s` | %s |", row->name, variable, allowed_in(row));
    if (row->value != NULL) {
        (void)fprintf(out, " `%s`", row->value);
    }
    (void)fprintf(out, " | %s |\n", row->meaning);
}

void pl_config_reference(FILE *out)
{
    (void)fputs(introduction, out);
    for (size_t i = 0; i < PL_SETTING_COUNT; i++) {
        print_row(out, &pl_setting_rows[i]);
    }
    (void)fputs(about_kafka, out);
    for (size_t i = 0; pl_kafka_forced[i] != NULL; i++) {
        (void)fprintf(out, "%s`%s`", i == 0 ? "" : i % 4 == 0 ? ",\n" : ", ", pl_kafka_forced[i]);
    }
    (void)fputs(".\n", out);
}
