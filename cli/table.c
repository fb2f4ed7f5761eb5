/*
 * table.c - rows and columns.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/table.h"

#include <stdlib.h>

void table_column(struct table *t, const char *heading, bool is_number)
{
    if (t->columns == TABLE_COLUMNS_MAX)
        return;
    t->is_number[t->columns] = is_number;
    t->headings[t->columns++] = heading;
}

int table_row(struct table *t)
{
    size_t wanted = (t->rows + 1) * t->columns;

    if (wanted > t->capacity) {
        size_t capacity = wanted * 2;
        void *cells = realloc(t->cells, capacity * sizeof *t->cells);

        if (!cells)
            return STRATO_ENOMEM;
        t->cells = cells;
        t->capacity = capacity;
    }
    for (size_t i = 0; i < t->columns; i++)
        t->cells[t->rows * t->columns + i][0] = '\0';
    t->rows++;
    return 0;
}

void table_cell(struct table *t, size_t column, const char *format, ...)
{
    va_list arguments;

    if (t->rows == 0 || column >= t->columns)
        return;
    va_start(arguments, format);
    vsnprintf(t->cells[(t->rows - 1) * t->columns + column], TABLE_CELL_BYTES, format, arguments);
    va_end(arguments);
}

static void print_line(const struct table *t, const int *widths,
                       const char *(*cell)(const struct table *, size_t, size_t), size_t row)
{
    for (size_t i = 0; i < t->columns; i++) {
        const char *text = cell(t, row, i);
        int width = i + 1 == t->columns && !t->is_number[i] ? 0 : widths[i];

        printf("%s%*s", i ? "  " : "", t->is_number[i] ? width : -width, text);
    }
}

static const char *heading_at(const struct table *t, size_t row, size_t column)
{
    (void)row;
    return t->headings[column];
}

static const char *cell_at(const struct table *t, size_t row, size_t column)
{
    return t->cells[row * t->columns + column];
}

void table_print(const struct cli *cli, const struct table *t)
{
    int widths[TABLE_COLUMNS_MAX];

    for (size_t i = 0; i < t->columns; i++) {
        widths[i] = (int)strlen(t->headings[i]);
        for (size_t row = 0; row < t->rows; row++)
            if ((int)strlen(cell_at(t, row, i)) > widths[i])
                widths[i] = (int)strlen(cell_at(t, row, i));
    }
    if (cli->is_tty) {
        fputs(cli->has_color ? "\033[1m" : "", stdout);
        print_line(t, widths, heading_at, 0);
        fputs(cli->has_color ? "\033[0m\n" : "\n", stdout);
    }
    for (size_t row = 0; row < t->rows; row++) {
        if (cli->is_tty) {
            print_line(t, widths, cell_at, row);
        } else {
            for (size_t i = 0; i < t->columns; i++)
                printf("%s%s", i ? "\t" : "", cell_at(t, row, i));
        }
        putchar('\n');
    }
    fflush(stdout);
}

void table_fini(struct table *t)
{
    free(t->cells);
    *t = (struct table){ 0 };
}
