/*
 * test_message.c - what the golden vectors cannot say: that each value lands in its field, and the edges of
 * the C interface.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/errors.h"
#include "schemas/limits.h"
#include "schemas/messages.h"

static void a_launch_decodes_into_its_fields(void **state)
{
    struct strato_list_value params = { 0 };
    struct strato_gpu_launch_kernel out = STRATO_GPU_LAUNCH_KERNEL_DEFAULTS, in;
    const struct strato_bytes arguments[] = { strato_text("\x92\xa3i32\xf9"), strato_text("\x91\xa1n") };
    struct strato_writer w = { 0 };
    struct strato_bytes argument;
    struct strato_iter it;

    (void)state;
    out.kernel_id = strato_text("k");
    out.grid_dim[0] = 1;
    out.grid_dim[2] = UINT32_MAX;
    params.items = arguments;
    params.count = 2;
    out.params = params;
    out.has_stream_id = true;
    out.stream_id = 0;
    out.reply = STRATO_GPU_REPLY_MODE_ACK;
    strato_gpu_launch_kernel_encode(&out, &w);
    assert_int_equal(strato_writer_error(&w), 0);

    assert_int_equal(strato_gpu_launch_kernel_decode(strato_writer_view(&w), &in, NULL), 0);
    assert_true(strato_bytes_is(in.kernel_id, "k"));
    assert_int_equal(in.grid_dim[0], 1);
    assert_int_equal(in.grid_dim[1], 0);
    assert_int_equal(in.grid_dim[2], UINT32_MAX);
    assert_true(in.has_stream_id);
    assert_int_equal(in.stream_id, 0);
    assert_false(in.has_deadline_ms);
    assert_int_equal(in.reply, STRATO_GPU_REPLY_MODE_ACK);
    assert_int_equal(in.params.count, 2);
    it = strato_list_value_begin(&in.params);
    assert_true(strato_list_value_next(&it, &argument));
    assert_true(strato_bytes_equal(argument, arguments[0]));
    assert_true(strato_list_value_next(&it, &argument));
    assert_true(strato_bytes_equal(argument, arguments[1]));
    assert_false(strato_list_value_next(&it, &argument));
    strato_writer_fini(&w);
}

static void absent_fields_hold_their_defaults(void **state)
{
    static const uint8_t payload[] = "\x82\xa9"
                                     "buffer_id"
                                     "\xa1x"
                                     "\xa4"
                                     "data"
                                     "\x07";
    struct strato_gpu_transfer_to_device m;

    (void)state;
    assert_int_equal(strato_gpu_transfer_to_device_decode(strato_bytes(payload, sizeof(payload) - 1), &m, NULL), 0);
    assert_true(m.create);
    assert_false(m.cache);
    assert_int_equal(m.offset, 0);
    assert_false(m.data.is_inline);
    assert_int_equal(m.data.index, 7);
}

static void a_union_decodes_by_its_kind_wherever_that_stands(void **state)
{
    static const uint8_t payload[] = "\x82\xa8"
                                     "strategy"
                                     "\x82\xa4"
                                     "size"
                                     "\x05\xa4"
                                     "kind"
                                     "\xaa"
                                     "tournament"
                                     "\xa5"
                                     "count"
                                     "\x09";
    struct strato_evolution_selection m;

    (void)state;
    assert_int_equal(strato_evolution_selection_decode(strato_bytes(payload, sizeof(payload) - 1), &m, NULL), 0);
    assert_int_equal(m.strategy.kind, STRATO_EVOLUTION_STRATEGY_TOURNAMENT);
    assert_int_equal(m.strategy.tournament.size, 5);
    assert_int_equal(m.count, 9);
}

static void the_field_at_fault_is_named(void **state)
{
    static const uint8_t missing[] = "\x81\xa7"
                                     "problem"
                                     "\xa6"
                                     "sphere";
    static const uint8_t nested[] = "\x82\xa8"
                                    "strategy"
                                    "\x82\xa4"
                                    "size"
                                    "\x00\xa4"
                                    "kind"
                                    "\xaa"
                                    "tournament"
                                    "\xa5"
                                    "count"
                                    "\x09";
    struct strato_evolution_create create;
    struct strato_evolution_selection selection;
    struct strato_bytes field;

    (void)state;
    assert_int_equal(strato_evolution_create_decode(strato_bytes(missing, sizeof(missing) - 1), &create, &field),
                     STRATO_ESCHEMA);
    assert_true(strato_bytes_is(field, "seed"));
    assert_int_equal(strato_evolution_selection_decode(strato_bytes(nested, sizeof(nested) - 1), &selection, &field),
                     STRATO_ESCHEMA);
    assert_true(strato_bytes_is(field, "size"));
}

static int decode_source(size_t bytes, struct strato_writer *w)
{
    char *source = malloc(bytes);
    struct strato_gpu_build_program m;
    int rc;

    assert_non_null(source);
    memset(source, 'x', bytes);
    strato_writer_reset(w);
    strato_writer_map(w, 1);
    strato_writer_text(w, "source");
    strato_writer_str(w, strato_bytes(source, bytes));
    free(source);
    rc = strato_gpu_build_program_decode(strato_writer_view(w), &m, NULL);
    if (rc == 0)
        assert_int_equal(m.source.bytes, bytes);
    return rc;
}

static void a_named_limit_holds_exactly_and_is_elimit_one_past_it(void **state)
{
    struct strato_writer w = { 0 };

    (void)state;
    assert_int_equal(decode_source(STRATO_LIMIT_KERNEL_SOURCE_BYTES, &w), 0);
    assert_int_equal(decode_source(STRATO_LIMIT_KERNEL_SOURCE_BYTES + 1, &w), STRATO_ELIMIT);
    strato_writer_fini(&w);
}

static void what_a_peer_would_refuse_is_not_encoded(void **state)
{
    struct strato_efficiency_efficiency_update ratios = { .cpu_efficiency = 1.5 };
    struct strato_gpu_alloc alloc = STRATO_GPU_ALLOC_DEFAULTS;
    struct strato_writer w = { 0 };

    (void)state;
    strato_efficiency_efficiency_update_encode(&ratios, &w);
    assert_int_equal(strato_writer_error(&w), STRATO_ESCHEMA);
    strato_writer_reset(&w);
    alloc.buffer_id = strato_text("x");
    alloc.size = 0;
    strato_gpu_alloc_encode(&alloc, &w);
    assert_int_equal(strato_writer_error(&w), STRATO_ESCHEMA);
    strato_writer_reset(&w);
    alloc.size = 1;
    strato_gpu_alloc_encode(&alloc, &w);
    assert_int_equal(strato_writer_error(&w), 0);
    strato_writer_fini(&w);
}

static void a_fixed_writer_that_is_too_small_says_so(void **state)
{
    struct strato_gpu_done done = { .duration_us = UINT64_MAX };
    uint8_t memory[8];
    struct strato_writer w;

    (void)state;
    strato_writer_init_fixed(&w, memory, sizeof(memory));
    strato_gpu_done_encode(&done, &w);
    assert_int_equal(strato_writer_error(&w), STRATO_ETOO_BIG);
}

static void lists_of_lists_are_read_in_place(void **state)
{
    static const uint8_t payload[] = "\x83\xa7"
                                     "task_id"
                                     "\xa1t"
                                     "\xa8"
                                     "priority"
                                     "\x01"
                                     "\xa9"
                                     "resources"
                                     "\x80";
    struct strato_scheduler_schedule_task m;
    struct strato_list_f32 rows[2] = { { 0 }, { 0 } }, row;
    const float numbers[] = { 1.5F, -2.0F };
    struct strato_writer w = { 0 };
    struct strato_iter outer, inner;
    float number;

    (void)state;
    assert_int_equal(strato_scheduler_schedule_task_decode(strato_bytes(payload, sizeof(payload) - 1), &m, NULL), 0);
    assert_false(m.has_task);
    rows[1].items = numbers;
    rows[1].count = 2;
    m.has_task = true;
    m.task = (struct strato_scheduler_agent_task)STRATO_SCHEDULER_AGENT_TASK_DEFAULTS;
    m.task.task_id = strato_text("t");
    m.task.work.kind = STRATO_SCHEDULER_WORK_STRATEGY_CORRELATION;
    m.task.work.strategy_correlation.strategies.items = rows;
    m.task.work.strategy_correlation.strategies.count = 2;
    strato_scheduler_schedule_task_encode(&m, &w);
    assert_int_equal(strato_writer_error(&w), 0);

    assert_int_equal(strato_scheduler_schedule_task_decode(strato_writer_view(&w), &m, NULL), 0);
    assert_int_equal(m.task.priority, 5);
    outer = strato_list_list_f32_begin(&m.task.work.strategy_correlation.strategies);
    assert_true(strato_list_list_f32_next(&outer, &row));
    assert_int_equal(row.count, 0);
    assert_true(strato_list_list_f32_next(&outer, &row));
    inner = strato_list_f32_begin(&row);
    assert_true(strato_list_f32_next(&inner, &number));
    assert_true(number >= 1.5F && number <= 1.5F);
    assert_true(strato_list_f32_next(&inner, &number));
    assert_false(strato_list_f32_next(&inner, &number));
    assert_false(strato_list_list_f32_next(&outer, &row));
    strato_writer_fini(&w);
}

static void a_binary_is_found_inline_or_among_the_frames(void **state)
{
    struct strato_bytes frames[] = { strato_text("zero"), strato_text("one") }, got;
    struct strato_binary inside = { .is_inline = true, .bytes = strato_text("in") }, outside = { .index = 1 };

    (void)state;
    assert_int_equal(strato_binary_bytes(&inside, frames, 2, &got), 0);
    assert_true(strato_bytes_is(got, "in"));
    assert_int_equal(strato_binary_bytes(&outside, frames, 2, &got), 0);
    assert_true(strato_bytes_is(got, "one"));
    assert_int_equal(strato_binary_bytes(&outside, frames, 1, &got), STRATO_EFRAME);
}

static void every_message_is_found_by_its_type_and_no_other_text_is(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < strato_messages_count; i++)
        assert_ptr_equal(strato_message_find(strato_text(strato_messages[i].type)), &strato_messages[i]);
    assert_null(strato_message_find(strato_text("gpu.launch_kerne")));
    assert_null(strato_message_find(strato_text("gpu.launch_kernels")));
    assert_null(strato_message_find(STRATO_BYTES_NONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_launch_decodes_into_its_fields),
        cmocka_unit_test(absent_fields_hold_their_defaults),
        cmocka_unit_test(a_union_decodes_by_its_kind_wherever_that_stands),
        cmocka_unit_test(the_field_at_fault_is_named),
        cmocka_unit_test(a_named_limit_holds_exactly_and_is_elimit_one_past_it),
        cmocka_unit_test(what_a_peer_would_refuse_is_not_encoded),
        cmocka_unit_test(a_fixed_writer_that_is_too_small_says_so),
        cmocka_unit_test(lists_of_lists_are_read_in_place),
        cmocka_unit_test(a_binary_is_found_inline_or_among_the_frames),
        cmocka_unit_test(every_message_is_found_by_its_type_and_no_other_text_is),
    };

    return cmocka_run_group_tests_name("schemas message", tests, NULL, NULL);
}
