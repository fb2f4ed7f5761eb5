/*
 * table.h - rows and columns: aligned under a heading on a terminal, tab-separated lines elsewhere.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CLI_TABLE_H
#define STRATO_CLI_TABLE_H

#include "cli/verb.h"

enum { TABLE_COLUMNS_MAX = 32, TABLE_CELL_BYTES = 160 };

/** Zero-initialise. */
struct table {
    const char *headings[TABLE_COLUMNS_MAX]; /* borrowed */
    bool is_number[TABLE_COLUMNS_MAX];       /* aligned to the right */
    size_t columns, rows;
    char (*cells)[TABLE_CELL_BYTES]; /* rows x columns */
    size_t capacity;
};

void table_column(struct table *t, const char *heading, bool is_number);
/** Begin a row; its cells are empty. @return 0 or STRATO_ENOMEM. */
int table_row(struct table *t);
/** Write a cell of the last row; too long a text is cut off. */
void table_cell(struct table *t, size_t column, const char *format, ...) __attribute__((format(printf, 3, 4)));
void table_print(const struct cli *cli, const struct table *t);
void table_fini(struct table *t);
#endif
