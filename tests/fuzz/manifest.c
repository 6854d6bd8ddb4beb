/* The manifest of a folder of schemas. */
#include "wire/manifest.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pl_bytes text = pl_fuzz_input(data, size);
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_manifest manifest = {NULL, 0};
    struct pl_error error = {""};

    if (pl_manifest_parse("manifest.json", text, &arena, &error, &manifest) == PL_OK) {
        ENSURE(pl_manifest_is_same(text, text));
        for (size_t i = 0; i < manifest.count; i++) {
            ENSURE(manifest.entries[i].file.len > 0);
            for (size_t j = 0; j < i; j++) {
                ENSURE(manifest.entries[i].id != manifest.entries[j].id);
            }
        }
    } else {
        ENSURE(error.text[0] != '\0');
    }
    pl_arena_done(&arena);
    return 0;
}
