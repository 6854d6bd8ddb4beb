/* `planlift catalogue check`: is this file a catalogue, and if not, why? */
#include "cli/catalogue.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/file.h"
#include "planlift/buffer.h"
#include "planlift/json.h"

/* The shipped catalogue/csp.json, compiled in by planlift_embed. */
extern const unsigned char pl_embed_catalogue[];
extern const size_t pl_embed_catalogue_len;

static const char usage[] =
    "Usage: planlift catalogue check FILE\n"
    "\n"
    "Validates a catalogue: the offers, their services and the upgrade matrix that\n"
    "decisions are made by. Prints what it holds, or the first fault with its place.\n"
    "\n"
    "  -h, --help    show this text\n"
    "\n"
    "Exit codes: 0 valid, 1 not valid or not readable, 2 wrong use.\n";

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
        (void)fprintf(stderr, "planlift catalogue: %s\n", error.text); /* nowhere else to say it */
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

static int fail_use(const char *reason, const char *word)
{
    (void)fprintf(stderr, "planlift catalogue: %s%s\nTry 'planlift catalogue --help'.\n", reason,
                  word);
    return 2;
}

int pl_cli_catalogue(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    int option;

    opterr = 0;
    optind = 1;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): the subcommand is one thread */
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option != 'h') {
            return fail_use("there is no option ", argv[optind - 1]);
        }
        return fputs(usage, stdout) < 0 || fflush(stdout) != 0 ? 1 : 0;
    }
    if (argc - optind < 1 || strcmp(argv[optind], "check") != 0) {
        return fail_use("wants 'check' and a file", "");
    }
    if (argc - optind != 2) {
        return fail_use("'check' wants exactly one file", "");
    }
    return check(argv[optind + 1]);
}
