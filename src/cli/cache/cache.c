/* `planlift cache`: finds the part. */
#include "cli/cache/cache.h"

#include "cli/options.h"

int pl_cli_cache(int argc, char **argv)
{
    static const struct pl_subcommand parts[] = {
        {"rebuild", pl_cli_cache_rebuild, "make Redis anew from the state topic"},
        {"verify", pl_cli_cache_verify, "compare Redis with the state topic"}};

    return pl_subcommand_run("planlift cache", parts, PL_COUNT(parts), argc, argv);
}
