/* Runs a fuzz target on files, and on all files of folders: a compiler without libFuzzer, and every
 * test run. At least one file, or nothing was tried. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define PATH_BYTES 4096

static void give_up(const char *path)
{
    perror(path);
    abort();
}

/* The target gets a block of exactly the file's size, so that a sanitizer sees a byte too much. */
static void run_file(const char *path)
{
    struct pl_buffer text = {NULL, 0, 0};
    FILE *file = fopen(path, "rb");
    size_t count;
    char *copy;

    if (file == NULL) {
        give_up(path);
    }
    do {
        pl_buffer_reserve(&text, BUFSIZ);
        count = fread(text.data + text.len, 1, BUFSIZ, file);
        text.len += count;
    } while (count > 0);
    if (ferror(file) || fclose(file) != 0) {
        give_up(path);
    }
    copy = pl_fuzz_copy(pl_buffer_since(&text, 0));
    (void)LLVMFuzzerTestOneInput((const uint8_t *)copy, text.len); /* always 0 */
    free(copy);
    pl_buffer_done(&text);
}

/* How many files there were. */
static unsigned run_all(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    unsigned count = 0;

    if (folder == NULL) {
        run_file(path);
        return 1;
    }
    while ((entry = readdir(folder)) != NULL) { /* NOLINT(concurrency-mt-unsafe): one thread */
        char name[PATH_BYTES];

        if (entry->d_name[0] != '.') {
            (void)snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
            run_file(name);
            count++;
        }
    }
    if (closedir(folder) != 0) {
        give_up(path);
    }
    return count;
}

int main(int argc, char **argv)
{
    unsigned count = 0;

    for (int i = 1; i < argc; i++) {
        count += run_all(argv[i]);
    }
    (void)printf("%u files\n", count);
    return count == 0 ? 1 : 0;
}
