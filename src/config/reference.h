/* The table of settings for people: in --help, and as docs/configuration.md. */
#ifndef PL_CONFIG_REFERENCE_H
#define PL_CONFIG_REFERENCE_H

#include <stdio.h>

/* Names, defaults and meanings, for --help. */
void pl_config_help(FILE *out);

/* The page docs/configuration.md, in Markdown. */
void pl_config_reference(FILE *out);

#endif
