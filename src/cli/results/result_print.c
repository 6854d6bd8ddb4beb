/* Results for people and for scripts. */
#include "cli/results/result_print.h"

#include "cli/show.h"
#include "wire/json_result.h"

static const struct pl_column columns[] = {{"Decided", PL_FIT_WRAP},
                                           {"Request", PL_FIT_WRAP},
                                           {"Outcome", PL_FIT_WRAP},
                                           {"What came of it", PL_FIT_WRAP}};
/* The next result is not known yet: widths cannot follow the texts. */
static const size_t widths[] = {10, 14, 14, 36};

static struct pl_table new_table(const struct pl_result_printer *printer, struct pl_arena *arena)
{
    struct pl_table table = pl_table_of(columns, PL_COUNT(columns), arena);

    table.widths = widths;
    table.has_before = printer->count > 0;
    return table;
}

static struct pl_bytes consequence(const struct pl_result *result, struct pl_arena *arena)
{
    struct pl_bytes text = pl_show_consequence(result, arena);
    size_t accounts = result->affected_account_count;
    size_t services = result->services_to_transition_count;

    if (accounts > 0) {
        text = pl_show_append(text, "\n",
                              pl_arena_format(arena, "%zu account%s affected, %zu service%s",
                                              accounts, accounts == 1 ? "" : "s", services,
                                              services == 1 ? " changes" : "s change"),
                              arena);
    }
    return text;
}

static void print_row(const struct pl_result_printer *printer, const struct pl_result *result)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_table table = new_table(printer, &arena);
    struct pl_bytes operation = pl_bytes_of(pl_operation_names[result->operation]);
    struct pl_bytes request =
        pl_show_append(pl_show_append(result->customer_id, "\n", result->request_id, &arena), "\n",
                       operation, &arena);

    table.has_after = !printer->is_single;
    pl_table_add(&table,
                 (const struct pl_cell[]){pl_show_plain(pl_show_time(
                                              pl_time_text(result->decided_at_ms, &arena), &arena)),
                                          pl_show_plain(request), pl_show_outcome(result->outcome),
                                          pl_show_plain(consequence(result, &arena))});
    pl_table_print(&table, &printer->session->page);
    if (printer->is_single) {
        pl_show_possible(&printer->session->page, result, &arena);
    }
    pl_arena_done(&arena);
}

void pl_result_print(struct pl_result_printer *printer, const struct pl_result *result)
{
    struct pl_buffer line = {NULL, 0, 0};

    pl_session_progress_end(printer->session);
    if (printer->is_json) {
        pl_json_result_write(result, &line);
        pl_session_put_line(printer->session, &line);
    } else {
        print_row(printer, result);
    }
    printer->count++;
    pl_buffer_done(&line);
}

void pl_result_print_end(struct pl_result_printer *printer)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_table table = new_table(printer, &arena);

    if (!printer->is_json && !printer->is_single && printer->count > 0) {
        pl_table_print(&table, &printer->session->page);
    }
    pl_arena_done(&arena);
}
