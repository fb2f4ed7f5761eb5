/*
 * test_gpu_argument.c - typed kernel arguments: every kind both ways, and what is none.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/errors.h"
#include "schemas/runtime/gpu_argument.h"

#define BYTES(text) strato_bytes(text, sizeof(text) - 1)

static struct strato_gpu_argument decoded(struct strato_bytes encoded)
{
    struct strato_gpu_argument a;

    assert_int_equal(strato_gpu_argument_decode(encoded, &a), 0);
    return a;
}

static void canonical_arguments_round_trip(void **state)
{
    const struct strato_bytes all[] = {
        BYTES("\x92\xa1"
              "b\xa1x"),
        BYTES("\x93\xa1"
              "b\xa1x\xa1r"),
        BYTES("\x93\xa1"
              "b\xa1x\x04"),
        BYTES("\x95\xa1"
              "b\xa1x\x04\x08\xa1w"),
        BYTES("\x92\xa2i8\xd0\x80"),
        BYTES("\x92\xa2u8\xcc\xff"),
        BYTES("\x92\xa3i16\xd1\x80\x00"),
        BYTES("\x92\xa3u16\xcd\xff\xff"),
        BYTES("\x92\xa3i32\xf9"),
        BYTES("\x92\xa3u32\xce\xff\xff\xff\xff"),
        BYTES("\x92\xa3i64\xd3\x80\x00\x00\x00\x00\x00\x00\x00"),
        BYTES("\x92\xa3u64\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
        BYTES("\x92\xa3"
              "f32\xca\x3f\x00\x00\x00"),
        BYTES("\x92\xa3"
              "f64\xcb\x3f\xe0\x00\x00\x00\x00\x00\x00"),
        BYTES("\x92\xa4v2u8\xc4\x02"
              "ab"),
        BYTES("\x92\xa5v16i8\xc4\x10"
              "0123456789abcdef"),
        BYTES("\x92\xa1s\xc4\x01z"),
        BYTES("\x92\xa1l\xcd\x04\x00"),
        BYTES("\x91\xa1n"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct strato_gpu_argument a = decoded(all[i]);
        struct strato_writer w = { 0 };

        strato_gpu_argument_encode(&a, &w);
        assert_int_equal(strato_writer_error(&w), 0);
        if (!strato_bytes_equal(strato_writer_view(&w), all[i]))
            fail_msg("argument %zu encodes differently", i);
        strato_writer_fini(&w);
    }
}

static void a_buffer_decodes_with_its_defaults(void **state)
{
    struct strato_gpu_argument a = decoded(BYTES("\x92\xa1"
                                                 "b\xa1x"));

    (void)state;
    assert_int_equal(a.kind, STRATO_GPU_ARGUMENT_BUFFER);
    assert_true(strato_bytes_is(a.name, "x"));
    assert_int_equal(a.offset, 0);
    assert_int_equal(a.size, 0);
    assert_int_equal(a.access, STRATO_GPU_ACCESS_RW);
}

static void a_scalar_holds_the_bytes_that_the_kernel_takes(void **state)
{
    struct strato_gpu_argument a = decoded(BYTES("\x92\xa3i32\xf9"));
    int32_t i32;
    float f32;

    (void)state;
    assert_int_equal(a.element, STRATO_GPU_ELEMENT_I32);
    memcpy(&i32, a.scalar, sizeof(i32));
    assert_int_equal(i32, -7);
    a = decoded(BYTES("\x92\xa3"
                      "f32\x02")); /* an integer serves as a float */
    memcpy(&f32, a.scalar, sizeof(f32));
    assert_true(f32 >= 2.0F && f32 <= 2.0F);
}

static void what_is_no_argument_is_eschema(void **state)
{
    const struct strato_bytes bad[] = {
        BYTES("\x90"),
        BYTES("\x91\x01"),
        BYTES("\x91\xa1"
              "b"),
        BYTES("\x92\xa1"
              "b\xa0"),
        BYTES("\x92\xa1n\x01"),
        BYTES("\x93\xa1"
              "b\xa1x\xa1q"),
        BYTES("\x94\xa1"
              "b\xa1x\xa1r\x01"),
        BYTES("\x95\xa1"
              "b\xa1x\x01\x02\x03"),
        BYTES("\x92\xa2i8\xcc\x80"),
        BYTES("\x92\xa2u8\xff"),
        BYTES("\x92\xa3u32\xcf\x00\x00\x00\x01\x00\x00\x00\x00"),
        BYTES("\x92\xa3i32\xca\x3f\x00\x00\x00"),
        BYTES("\x92\xa2q8\x01"),
        BYTES("\x92\xa4v5u8\xc4\x05"
              "abcde"),
        BYTES("\x92\xa4v2u8\xc4\x03"
              "abc"),
        BYTES("\x92\xa1l\x00"),
        BYTES("\x92\xa1s\xc4\x00"),
        BYTES("\x81\xa1"
              "b\xa1x"),
        BYTES("\x93\xa3i32\x01\x02"),
    };
    struct strato_gpu_argument a;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (strato_gpu_argument_decode(bad[i], &a) != STRATO_ESCHEMA)
            fail_msg("argument %zu is accepted", i);
    assert_int_equal(strato_gpu_argument_decode(BYTES("\x92\xa3i32"), &a), STRATO_ECODEC);
    assert_int_equal(strato_gpu_argument_decode(BYTES("\x91\xa1n\xc0"), &a), STRATO_ECODEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical_arguments_round_trip),
        cmocka_unit_test(a_buffer_decodes_with_its_defaults),
        cmocka_unit_test(a_scalar_holds_the_bytes_that_the_kernel_takes),
        cmocka_unit_test(what_is_no_argument_is_eschema),
    };

    return cmocka_run_group_tests_name("schemas gpu argument", tests, NULL, NULL);
}
