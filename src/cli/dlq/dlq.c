/* `planlift dlq`: finds the part. */
#include "cli/dlq/dlq.h"

#include "cli/options.h"

int pl_cli_dlq(int argc, char **argv)
{
    static const struct pl_subcommand parts[] = {
        {"list", pl_cli_dlq_list, "which dead letters there are, and why"},
        {"show", pl_cli_dlq_show, "all of one of them"},
        {"replay", pl_cli_dlq_replay, "put chosen ones back into the topic they came from"}};

    return pl_subcommand_run("planlift dlq", parts, PL_COUNT(parts), argc, argv);
}
