/*
 * folder.h - a folder of a test's own, gone with all that is in it when the test ends.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_TESTS_FOLDER_H
#define STRATO_TESTS_FOLDER_H

enum { FOLDER_BYTES_MAX = 256 };

/** Make one; its path is written to `path`. */
void folder_make(char path[FOLDER_BYTES_MAX]);
void folder_remove(const char *path);
#endif
