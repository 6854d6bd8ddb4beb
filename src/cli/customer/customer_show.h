/* A customer for people and for scripts: subscriptions, and what each could become. */
#ifndef PL_CLI_CUSTOMER_SHOW_H
#define PL_CLI_CUSTOMER_SHOW_H

#include "cli/customer/customer_read.h"

/* Print tables. */
void pl_customer_show(const struct pl_page *page, const struct pl_catalogue *catalogue,
                      const struct pl_customer_view *view, struct pl_arena *arena);

/* Append {"customer": STATE, "checks": [RESULT, ...], ...} of contract 9, RESULTs as CHECKs of each
 * subscription would be answered at now_ms. */
void pl_customer_write(const struct pl_catalogue *catalogue, const struct pl_customer_view *view,
                       int64_t now_ms, struct pl_arena *arena, struct pl_buffer *buffer);

#endif
