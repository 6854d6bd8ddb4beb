/* `planlift catalogue check`: is this file a catalogue, and if not, why? */
#include "cli/catalogue.h"

#include <stdio.h>
#include <string.h>

#include "cli/file.h"
#include "cli/options.h"
#include "planlift/buffer.h"
#include "planlift/json.h"

#define COMMAND "planlift catalogue"

/* The shipped catalogue/csp.json, compiled in by planlift_embed. */
extern const unsigned char pl_embed_catalogue[];
extern const size_t pl_embed_catalogue_len;

enum pl_status pl_cli_catalogue_load(const char *path, struct pl_error *error,
                                     struct pl_catalogue **ret_catalogue)
{
    struct pl_buffer text = {NULL, 0, 0};
    enum pl_status status;

    if (path == NULL) {
        struct pl_bytes shipped = {(const char *)pl_embed_catalogue, pl_embed_catalogue_len};

        return pl_catalogue_parse("the built-in catalogue", shipped, error, ret_catalogue);
    }
    status = pl_file_read(path, error, &text);
    if (status == PL_OK) {
        status = pl_catalogue_parse(path, pl_buffer_since(&text, 0), error, ret_catalogue);
    }
    pl_buffer_done(&text);
    return status;
}

static int check(const char *path)
{
    struct pl_catalogue *catalogue = NULL;
    struct pl_catalogue_counts counts;
    struct pl_bytes version, sha256;
    struct pl_error error = {""};
    enum pl_status status = pl_cli_catalogue_load(path, &error, &catalogue);

    if (status != PL_OK) {
        (void)fprintf(stderr, COMMAND ": %s\n", error.text); /* nowhere else to say it */
        return 1;
    }
    counts = pl_catalogue_count(catalogue);
    version = pl_catalogue_version(catalogue);
    sha256 = pl_catalogue_sha256(catalogue);
    (void)printf("%s: version %.*s, %zu offers, %zu services, %zu families, %zu upgrades\n"
                 "SHA-256 %.*s\n",
                 path, (int)version.len, version.data, counts.offers, counts.services,
                 counts.families, counts.upgrades, (int)sha256.len, sha256.data);
    pl_catalogue_free(catalogue);
    return fflush(stdout) == 0 ? 0 : 1;
}

int pl_cli_catalogue(int argc, char **argv)
{
    static const struct pl_usage usage = {
        .command = COMMAND,
        .operands = "check FILE",
        .about = "Validates a catalogue: the offers, their services and the upgrade matrix that\n"
                 "decisions are made by. Prints what it holds, or the first fault with its place.",
        .exit_codes = "0 valid, 1 not valid or not readable, 2 wrong use"};
    int operand;
    int code = pl_options_parse(&usage, argc, argv, &operand);

    if (code != PL_GO_ON) {
        return code;
    }
    if (argc - operand < 1 || strcmp(argv[operand], "check") != 0) {
        return pl_options_wrong(COMMAND, "wants 'check' and a file", "");
    }
    if (argc - operand != 2) {
        return pl_options_wrong(COMMAND, "'check' wants exactly one file", "");
    }
    return check(argv[operand + 1]);
}
