/*
 * cmocka_all.h - cmocka with the headers that it wants first.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_TEST_CMOCKA_ALL_H
#define STRATO_TEST_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#endif
