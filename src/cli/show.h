/* Pieces of tables that several subcommands show: cells, lists in short, what came of a request. */
#ifndef PL_CLI_SHOW_H
#define PL_CLI_SHOW_H

#include <stdint.h>

#include "cli/table.h"
#include "planlift/model.h"

struct pl_cell pl_show_plain(struct pl_bytes text);
struct pl_cell pl_show_number(int64_t value, struct pl_arena *arena);
struct pl_bytes pl_show_or_dash(struct pl_bytes text);

/* "2026-02-03 04:05:06" of "2026-02-03T04:05:06.789Z"; other texts stay as they are. */
struct pl_bytes pl_show_time(struct pl_bytes text, struct pl_arena *arena);

/* a + separator + b, or b where there is no a yet. */
struct pl_bytes pl_show_append(struct pl_bytes a, const char *separator, struct pl_bytes b,
                               struct pl_arena *arena);

/* "CLIPCHAMP, Deskless +22": at least one, and no more than a short line takes. */
struct pl_bytes pl_show_names(struct pl_names names, struct pl_arena *arena);

/* "conflicting_service_types: contoso-apps (OFFICE_BUSINESS)", one a line. */
struct pl_bytes pl_show_reasons(const struct pl_error_list *errors, struct pl_arena *arena);

struct pl_cell pl_show_outcome(enum pl_outcome outcome);

/* "contoso-apps: Microsoft 365 Apps for business, 5 seats, ACTIVE" */
struct pl_bytes pl_show_subscription(const struct pl_subscription_view *view,
                                     struct pl_arena *arena);

/* What came of a request: a line for the subscription, then one for each reason against it. */
struct pl_bytes pl_show_consequence(const struct pl_result *result, struct pl_arena *arena);

/* The possible upgrades of a CHECK as a table; nothing where there are none. */
void pl_show_possible(const struct pl_page *page, const struct pl_result *result,
                      struct pl_arena *arena);

#endif
