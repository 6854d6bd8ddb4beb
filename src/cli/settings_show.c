/* `planlift config`: the effective settings. */
#include "cli/settings_show.h"

#include <stdio.h>
#include <string.h>

#include "cli/session.h"
#include "cli/show.h"
#include "cli/text.h"
#include "config/reference.h"
#include "io/kafka_defaults.h"
#include "wire/json_write.h"

#define COMMAND "planlift config"
#define MASK "****"

struct given {
    struct pl_session_given session;
    bool is_json;
    bool is_reference;
};

static int parse(int argc, char **argv, struct given *given)
{
    const struct pl_option options[] = {
        {.letter = 'j',
         .name = "json",
         .meaning = "one JSON object: value and from by name; a value is a string, or null",
         .is_given = &given->is_json},
        {.letter = 'r',
         .name = "reference",
         .meaning = "every setting there is, and what it means, as a page in Markdown",
         .is_given = &given->is_reference},
        {.letter = 'c',
         .name = "config",
         .argument = "FILE",
         .meaning = "settings, as key=value lines (planlift run --help lists them)",
         .text = &given->session.config_path}};
    const struct pl_usage usage = {
        .command = COMMAND,
        .operands = "[OPTIONS]",
        .about = "The settings as the service would have them, and where each comes from: the "
                 "file, the\nenvironment, or the default. Passwords and other secrets are masked. "
                 "Connects to nothing.",
        .options = options,
        .option_count = PL_COUNT(options),
        .examples = "  planlift config --config planlift.conf\n"
                    "  planlift config --json | jq -r '.\"group.id\".value'",
        .exit_codes = "0 shown, 1 failed, 2 wrong use or configuration, which is explained"};

    return pl_options_parse(&usage, argc, argv, NULL);
}

/* ---- secrets --------------------------------------------------------------------------------- */

bool pl_settings_is_kafka_secret(const char *name)
{
    static const char *const parts[] = {
        "password", "secret", "key.pem", "jaas", "token", "oauthbearer.config", "credential"};

    for (size_t i = 0; i < PL_COUNT(parts); i++) {
        if (strstr(name, parts[i]) != NULL) {
            return true;
        }
    }
    return false;
}

struct pl_bytes pl_settings_mask(const char *value, bool is_secret, struct pl_arena *arena)
{
    const char *scheme_end = strstr(value, "://");
    const char *user = scheme_end == NULL ? value : scheme_end + 3;
    const char *at = strrchr(user, '@');
    const char *colon = at == NULL ? NULL : memchr(user, ':', (size_t)(at - user));

    if (scheme_end != NULL && at == NULL) {
        return pl_arena_format(arena, "%s", value);
    }
    if (scheme_end != NULL) { /* without a colon nobody can tell a user from a password */
        size_t shown = (size_t)((colon == NULL ? user : colon + 1) - value);

        return pl_arena_format(arena, "%.*s" MASK "%s", (int)shown, value, at);
    }
    return pl_arena_format(arena, "%s", is_secret && *value != '\0' ? MASK : value);
}

/* ---- showing --------------------------------------------------------------------------------- */

/* Rows of a table, or members of a JSON object. */
struct listing {
    struct pl_arena *arena;
    struct pl_table table;
    struct pl_buffer json;
};

/* value null: unset. */
static void add(struct listing *listing, const char *name, struct pl_bytes value, const char *from)
{
    struct pl_bytes key = pl_text_utf8(pl_bytes_of(name), listing->arena);

    pl_json_put_separator(&listing->json);
    pl_json_put_string(&listing->json, key);
    pl_buffer_put(&listing->json, ":{", 2);
    pl_json_put_key(&listing->json, "value");
    pl_json_put_bytes(&listing->json,
                      pl_bytes_is_null(value) ? value : pl_text_utf8(value, listing->arena));
    pl_json_put_key(&listing->json, "from");
    pl_json_put_string(&listing->json, pl_text_utf8(pl_bytes_of(from), listing->arena));
    pl_buffer_put_byte(&listing->json, '}');
    pl_table_add(&listing->table, (const struct pl_cell[]){
                                      pl_show_plain(pl_arena_format(listing->arena, "%s", name)),
                                      pl_show_plain(pl_show_or_dash(value)),
                                      {pl_bytes_of(from), PL_TONE_FAINT}});
}

/* What follows from the host where it is not set. */
static struct pl_bytes slot_of(const struct pl_settings *settings, struct pl_arena *arena)
{
    const char *hyphen = strrchr(settings->instance_id, '-');

    return pl_arena_format(arena, "%s", hyphen == NULL ? "" : hyphen + 1);
}

static void list_own(struct listing *listing, const struct pl_settings *settings)
{
    for (size_t i = 0; i < PL_SETTING_COUNT; i++) {
        enum pl_setting setting = (enum pl_setting)i;
        const char *text = pl_config_text(settings->config, setting);
        const char *origin = pl_config_origin(settings->config, setting);

        if (setting == PL_SETTING_SLOT && text == NULL) {
            add(listing, pl_config_name(setting), slot_of(settings, listing->arena), "host name");
        } else if (text == NULL) {
            add(listing, pl_config_name(setting), PL_NULL_BYTES, "unset");
        } else {
            add(listing, pl_config_name(setting),
                pl_settings_mask(text, pl_config_is_secret(setting), listing->arena),
                origin == NULL ? "default" : origin);
        }
    }
}

static void list_kafka(struct listing *listing, const struct pl_settings *settings)
{
    const char *const(*pairs)[2];
    size_t count = pl_config_kafka(settings->config, &pairs);

    if (pl_config_kafka_value(settings->config, "bootstrap.servers") == NULL) {
        add(listing, "kafka.bootstrap.servers", PL_BYTES_LITERAL(PL_KAFKA_DEFAULT_SERVERS),
            "default");
    }
    for (size_t i = 0; i < count; i++) {
        struct pl_bytes name = pl_arena_format(listing->arena, "kafka.%s", pairs[i][0]);

        add(listing, name.data,
            pl_settings_mask(pairs[i][1], pl_settings_is_kafka_secret(pairs[i][0]), listing->arena),
            pl_config_kafka_origin(settings->config, i));
    }
}

static void show(struct pl_session *session, bool is_json)
{
    static const struct pl_column columns[] = {
        {"Setting", PL_FIT_WRAP}, {"Value", PL_FIT_WRAP}, {"From", PL_FIT_WRAP}};
    struct listing listing = {.arena = &session->arena,
                              .table = pl_table_of(columns, PL_COUNT(columns), &session->arena)};

    pl_buffer_put_byte(&listing.json, '{');
    list_own(&listing, &session->settings);
    list_kafka(&listing, &session->settings);
    pl_buffer_put_byte(&listing.json, '}');
    if (is_json) {
        pl_session_put_line(session, &listing.json);
    } else {
        pl_table_print(&listing.table, &session->page);
    }
    pl_buffer_done(&listing.json);
}

static enum pl_status show_settings(struct pl_session *session, const void *self,
                                    struct pl_error *error)
{
    const struct given *given = self;

    (void)error;
    show(session, given->is_json);
    return PL_OK;
}

/* ---- the reference --------------------------------------------------------------------------- */

static const char about_defaults[] =
    "\n"
    "### What planlift sets otherwise than librdkafka\n"
    "\n"
    "Unless you set it: then yours counts, for every client. The service has three (*inputs*, "
    "*state\n"
    "topic*, *outputs*), and asks Kafka by a fourth (*questions*).\n"
    "\n"
    "| setting | default | of | why |\n"
    "|---|---|---|---|\n";

static const char about_limits[] = "\n"
                                   "`kafka.message.max.bytes` bounds results and state, but no "
                                   "dead letter, which is the record as it\n"
                                   "came (and goes out compressed by lz4). `kafka.batch.size` is "
                                   "lowered to what the smallest of the\n"
                                   "topics' `max.message.bytes` takes.\n";

static void print_uses(unsigned uses)
{
    const char *comma = "";

    if (uses == PL_KAFKA_OF_ALL) {
        (void)fputs("all", stdout);
        return;
    }
    for (unsigned bit = 0; bit < PL_KAFKA_USE_COUNT; bit++) {
        if ((uses >> bit & 1) != 0) {
            (void)printf("%s%s", comma, pl_kafka_use_names[bit]);
            comma = ", ";
        }
    }
}

/* A failure to print shows when the stream is flushed. */
static void print_reference(void)
{
    pl_config_reference(stdout);
    (void)fputs(about_defaults, stdout);
    for (const struct pl_kafka_default *row = pl_kafka_defaults; row->name != NULL; row++) {
        (void)printf("| `kafka.%s` | `%s` | ", row->name, row->value);
        print_uses(row->uses);
        (void)printf(" | %s%s%s |\n", row->reason, row->since == NULL ? "" : "; librdkafka from ",
                     row->since == NULL ? "" : row->since);
    }
    (void)fputs(about_limits, stdout);
}

int pl_cli_config(int argc, char **argv)
{
    /* Verbose: the log is as the settings say, so that they are shown as they are. */
    struct given given = {.session = {.is_verbose = true}};
    int code = parse(argc, argv, &given);

    if (code == PL_GO_ON && given.is_reference) {
        print_reference();
        return fflush(stdout) == 0 ? 0 : 1;
    }
    return code == PL_GO_ON ? pl_session_run(COMMAND, &given.session, show_settings, &given) : code;
}
