/*
 * claims.h - cmocka with what it wants included before it.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_TESTS_SIM_CLAIMS_H
#define STRATO_TESTS_SIM_CLAIMS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#endif
