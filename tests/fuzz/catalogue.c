/* A catalogue file. */
#include "fuzz.h"
#include "planlift/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pl_catalogue *catalogue = NULL;
    struct pl_error error = {""};
    enum pl_status status =
        pl_catalogue_parse("catalogue.json", pl_fuzz_input(data, size), &error, &catalogue);

    if (status == PL_OK) {
        const struct pl_catalogue_counts counts = pl_catalogue_count(catalogue);

        ENSURE(pl_catalogue_version(catalogue).len > 0);
        ENSURE(counts.families <= size && counts.services <= size && counts.offers <= size &&
               counts.upgrades <= size);
    } else {
        ENSURE(status == PL_BAD_DATA && catalogue == NULL);
        ENSURE(error.text[0] != '\0');
    }
    pl_catalogue_free(catalogue);
    return 0;
}
