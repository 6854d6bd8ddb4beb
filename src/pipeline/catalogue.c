/* catalogue: whether the one that decided a partition's state last goes with ours. Whoever changes
 * the catalogue changes its version (contract 4); one version with two contents would make results
 * that cannot be told apart, so it is refused before anything is decided by it. */
#include <inttypes.h>
#include <stdio.h>

#include "flow.h"
#include "planlift/log.h"

void pl_decided_by_note(const struct pl_run *run, const struct pl_progress *progress,
                        struct pl_decided_by *ret_decided_by)
{
    const struct pl_catalogue *ours = run->options->catalogue;
    bool is_version = pl_bytes_equal(progress->catalogue_version, pl_catalogue_version(ours));
    bool is_content = pl_bytes_equal(progress->catalogue_sha256, pl_catalogue_sha256(ours));
    bool is_told = progress->catalogue_sha256.len > 0; /* not by format version 1 */

    ret_decided_by->is_ours = is_version && is_content;
    ret_decided_by->is_other_version = !is_version;
    ret_decided_by->is_other_content = is_version && is_told && !is_content;
    (void)snprintf(ret_decided_by->version, sizeof(ret_decided_by->version), "%.*s",
                   (int)progress->catalogue_version.len, progress->catalogue_version.data);
    (void)snprintf(ret_decided_by->sha256, sizeof(ret_decided_by->sha256), "%.*s",
                   (int)progress->catalogue_sha256.len, progress->catalogue_sha256.data);
}

enum pl_status pl_decided_by_check(struct pl_run *run, int32_t partition,
                                   const struct pl_decided_by *decided_by, struct pl_error *error)
{
    const struct pl_pipeline_options *options = run->options;
    struct pl_bytes ours = pl_catalogue_sha256(options->catalogue);

    if (!decided_by->is_other_content) {
        return PL_OK;
    }
    run->is_misconfigured = true;
    return pl_fail(
        error, PL_FATAL,
        "the catalogue's version %s has another content here (SHA-256 %.*s) than the one "
        "that decided %s/%" PRId32 " last (SHA-256 %s): give the changed catalogue a new "
        "version, or put the old one back",
        decided_by->version, (int)ours.len, ours.data, options->topics[PL_TOPIC_STATE].data,
        partition, decided_by->sha256);
}

void pl_decided_by_tell(const struct pl_run *run, int32_t partition,
                        const struct pl_decided_by *decided_by)
{
    struct pl_bytes version = pl_catalogue_version(run->options->catalogue);
    char ours[sizeof(decided_by->version)];

    if (decided_by->is_other_version) {
        (void)snprintf(ours, sizeof(ours), "%.*s", (int)version.len, version.data);
        pl_log(INFO, "catalogue_changed", PL_F_INT("partition", partition),
               PL_F_TEXT("from", decided_by->version), PL_F_TEXT("to", ours));
    }
}
