/* What one process tells the next about a fight for their slot: the time of a file. */
#include "cli/run/fencing.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIGHT_MS 60000
#define ID_BYTES 64 /* of the instance id: its end, which has the slot */
#define NAME_BYTES (3 * ID_BYTES)

/* A folder that outlives the process, but not the machine. */
static const char *folder(int *ret_len)
{
    static const char *const names[] = {"RUNTIME_DIRECTORY", "TMPDIR"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = getenv(names[i]); /* NOLINT(concurrency-mt-unsafe): nobody sets any */

        if (value != NULL && *value == '/') {
            *ret_len = (int)strcspn(value, ":"); /* systemd gives a list */
            return value;
        }
    }
    *ret_len = 4;
    return "/tmp";
}

/* The id as part of a file's name. */
static void put_name(const char *instance_id, char ret_name[NAME_BYTES + 1])
{
    size_t len = strlen(instance_id);
    size_t used = 0;

    for (const char *c = instance_id + (len > ID_BYTES ? len - ID_BYTES : 0); *c != '\0'; c++) {
        bool is_plain = isalnum((unsigned char)*c) || strchr("._-", *c) != NULL;

        used += (size_t)snprintf(ret_name + used, NAME_BYTES + 1 - used, is_plain ? "%c" : "%%%02X",
                                 (unsigned char)*c); /* fits */
    }
}

/* When the file was last noted; -1: it is not there, or not ours. */
static int64_t noted_ms(const char *path)
{
    struct stat found;

    if (lstat(path, &found) != 0 || !S_ISREG(found.st_mode) || found.st_uid != geteuid()) {
        return -1;
    }
    return (int64_t)found.st_mtim.tv_sec * 1000 + found.st_mtim.tv_nsec / 1000000;
}

static bool is_fresh(int64_t noted, int64_t now_ms)
{
    return noted >= 0 && noted <= now_ms && now_ms - noted < FIGHT_MS;
}

void pl_fencing_recall(const char *instance_id, int64_t now_ms, struct pl_fencing *ret_fencing)
{
    char name[NAME_BYTES + 1] = "";
    int folder_len;
    const char *path = folder(&folder_len);
    int64_t noted;
    int len;

    put_name(instance_id, name);
    *ret_fencing = (struct pl_fencing){.claimed_ms = -1};
    len = snprintf(ret_fencing->path, sizeof(ret_fencing->path), "%.*s/planlift-fenced-%s",
                   folder_len, path, name);
    if (len < 0 || (size_t)len >= sizeof(ret_fencing->path)) {
        ret_fencing->path[0] = '\0';
        return;
    }
    noted = noted_ms(ret_fencing->path);
    if (noted >= 0 && unlink(ret_fencing->path) == 0 && is_fresh(noted, now_ms)) {
        ret_fencing->claimed_ms = noted;
    }
}

bool pl_fencing_is_fight(const struct pl_fencing *fencing, int64_t now_ms)
{
    return is_fresh(fencing->claimed_ms, now_ms);
}

void pl_fencing_note(const struct pl_fencing *fencing)
{
    int file;

    if (fencing->path[0] == '\0') {
        return;
    }
    file = open(fencing->path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
    if (file >= 0) {
        (void)futimens(file, NULL); /* a file that cannot be noted is as none */
        (void)close(file);
    }
}
