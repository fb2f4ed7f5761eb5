/*
 * handover.c - the address that stands for libzmq's synchronisation.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/handover.h"

#ifdef STRATO__TSAN
char strato__handover;
#else
typedef int strato__handover_unused; /* ISO C wants a declaration */
#endif
