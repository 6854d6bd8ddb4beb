/* Reading a whole file, for subcommands. */
#ifndef PL_CLI_FILE_H
#define PL_CLI_FILE_H

#include "planlift/buffer.h"
#include "planlift/status.h"

/* Append the file's bytes. Errors: PL_NOT_FOUND: the text names the file and the reason. */
PL_MUST_CHECK enum pl_status pl_file_read(const char *path, struct pl_error *error,
                                          struct pl_buffer *ret_text);

#endif
