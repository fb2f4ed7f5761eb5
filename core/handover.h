/*
 * handover.h - tell ThreadSanitizer that a ZeroMQ message was handed from one thread to another.
 *
 * libzmq synchronises with atomics of its own, but it is not compiled with TSan, so over inproc every
 * message body looks like a race. Call give() before a send and take() after a receive. Without TSan both
 * are nothing. One common address for all: this hides races between threads that exchange messages all
 * the time no better and no worse than the mutex that TSan would believe libzmq to be.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CORE_HANDOVER_H
#define STRATO_CORE_HANDOVER_H

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define STRATO__TSAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define STRATO__TSAN 1
#endif

#ifdef STRATO__TSAN
void __tsan_acquire(void *address);
void __tsan_release(void *address);
extern char strato__handover;

static inline void strato_handover_give(void)
{
    __tsan_release(&strato__handover);
}

static inline void strato_handover_take(void)
{
    __tsan_acquire(&strato__handover);
}
#else
static inline void strato_handover_give(void)
{
}
static inline void strato_handover_take(void)
{
}
#endif
#endif
