/*
 * test_signature.c - parameters are read and written as OpenCL C writes them.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "worker/kernels/builtin.h"

static void type_names_have_their_sizes(void **state)
{
    (void)state;
    assert_int_equal(signature_type_bytes("uint"), 4);
    assert_int_equal(signature_type_bytes("double"), 8);
    assert_int_equal(signature_type_bytes("float3"), 16);
    assert_int_equal(signature_type_bytes("float16"), 64);
    assert_int_equal(signature_type_bytes("uchar2"), 2);
    assert_int_equal(signature_type_bytes("float5"), 0);
    assert_int_equal(signature_type_bytes("struct point"), 0);
    assert_int_equal(signature_type_bytes(""), 0);
}

static void a_signature_survives_parse_and_print(void **state)
{
    static const char text[] = "global const float *a, local float4 *t, global uchar *out, ulong n";
    char printed[SIGNATURE_TEXT_BYTES];
    struct signature s;

    (void)state;
    signature_parse(&s, "k", text);
    assert_int_equal(s.parameters_count, 4);
    assert_true(s.parameters[0].kind == PARAMETER_BUFFER && s.parameters[0].is_read_only);
    assert_true(s.parameters[1].kind == PARAMETER_LOCAL);
    assert_true(s.parameters[2].kind == PARAMETER_BUFFER && !s.parameters[2].is_read_only);
    assert_int_equal(s.parameters[3].bytes, 8);
    signature_print(&s, printed, sizeof(printed));
    assert_string_equal(printed, text);
}

static void a_short_buffer_cuts_and_does_not_overrun(void **state)
{
    char small[9];
    struct signature s;

    (void)state;
    signature_parse(&s, "k", "global const float *a, uint n");
    memset(small, 'x', sizeof(small));
    signature_print(&s, small, 8);
    assert_string_equal(small, "global ");
    assert_true(small[8] == 'x');
}

static void every_builtin_parses_and_is_found(void **state)
{
    struct signature s;

    (void)state;
    for (uint32_t i = 0; i < BUILTIN_COUNT; i++) {
        char printed[SIGNATURE_TEXT_BYTES];

        signature_parse(&s, builtin_at(i)->name, builtin_at(i)->parameters);
        assert_in_range(s.parameters_count, 1, BUILTIN_PARAMETERS_MAX);
        signature_print(&s, printed, sizeof(printed));
        assert_string_equal(printed, builtin_at(i)->parameters);
        assert_ptr_equal(builtin_find(builtin_at(i)->name), builtin_at(i));
    }
    assert_null(builtin_at(BUILTIN_COUNT));
    assert_null(builtin_find("nothing"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(type_names_have_their_sizes),
        cmocka_unit_test(a_signature_survives_parse_and_print),
        cmocka_unit_test(a_short_buffer_cuts_and_does_not_overrun),
        cmocka_unit_test(every_builtin_parses_and_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
