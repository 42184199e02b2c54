/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How blocks were left, what is counted, and when chunks end. */
#define _GNU_SOURCE
#include "check.h"
#include "clock.h"
#include "encoded.h"

static const LsLimits no_limits;
static LsEncoder *encoder;

/* mov (%rbx),%eax; add %eax,(%rcx); mov %eax,(%rdx); the rest alone. */
enum { WHOLE, SECOND, SECOND_LONG, THIRD };

static void add_code(void)
{
    code_add(0x1000, MODE_64_KERNEL, "8b 03;01 01;89 02");
    code_add(0x1002, MODE_64_KERNEL, "01 01");
    code_add(0x1002, MODE_64_KERNEL, "01 01;89 02");
    code_add(0x1004, MODE_64_KERNEL, "89 02");
}

/* rep movsb as the second instruction, and alone. */
enum { WITH_REP, REP };

static void add_rep_code(void)
{
    code_add(0x2000, MODE_64_KERNEL, "90;f3 a4");
    code_add(0x2001, MODE_64_KERNEL, "f3 a4");
}

#define MAPS "map 0x10 0x80|"

/* Encodes the words as one chunk; returns it. */
static const TraceSection *encode(const char *text)
{
    static TraceFile t;
    LsEncoder *e = encoded_start(no_limits, 2);

    encoded_all(e, text);
    encoded_close(&e, 1, "guest-exit");
    encoder = e;
    t = trace_read(check_path("trace"));
    CHECK_EQ(trace_count(&t, LS_SECTION_CHUNK), 1);
    CHECK_EQ(e->totals.accesses + e->totals.blocks,
             e->totals.words - e->totals.side_words);
    CHECK_EQ(e->totals.written, e->totals.accesses + e->totals.blocks);
    return trace_section(&t, LS_SECTION_CHUNK, 0);
}

static void check_counts(const TraceSection *chunk, uint64_t instructions,
                         uint32_t loads, uint32_t stores, uint32_t aborted)
{
    LsChunkHeader h = chunk_header(chunk);

    CHECK_EQ(h.instruction_count, instructions);
    CHECK_EQ(h.loads, loads);
    CHECK_EQ(h.stores, stores);
    CHECK_EQ(h.aborted, aborted);
    CHECK_EQ(h.access_count, loads + stores + aborted);
    CHECK_EQ(encoder->totals.instructions, instructions);
    CHECK_EQ(encoder->totals.loads, loads);
    CHECK_EQ(encoder->totals.stores, stores);
    CHECK_EQ(encoder->totals.aborted, aborted);
}

TEST(encode_blocks_that_run_to_their_end)
{
    const TraceSection *c;

    add_code();
    c = encode("vcpu 0|block 0|" MAPS "load 0 4 0x10000|load 1 4 0x10008|"
               "store 1 4 0x10008|store 2 4 0x10010|"
               "block 0|load 0 4 0x10000|load 1 4 0x10008|"
               "store 1 4 0x10008|store 2 4 0x10010");
    CHECK_TEXT(chunk_notes(c), "@0,0 vcpu 0");
    check_counts(c, 6, 4, 4, 0);
    CHECK_EQ(chunk_header(c).block_count, 2);
    CHECK_EQ(encoder->totals.cuts, 0);
}

/* Blocks with long ids */

TEST(encode_blocks_whose_words_are_of_the_long_form)
{
    const TraceSection *c;

    add_code();
    c = encode("vcpu 0|block 0|" MAPS "load 0 4 0x10000|load 1 4 0x10008|"
               "store 1 4 0x10008|store 2 4 0x10010|"
               "far-block 0|load 0 4 0x10000|load 1 4 0x10008|"
               "store 1 4 0x10008|store 2 4 0x10010|"
               "far-block 0|load 0 4 0x10000|load 1 4 0x10008|"
               "event 14 3 0x1002 0x10008|far-block 3|store 2 4 0x10000");
    CHECK_TEXT(chunk_notes(c), "@0,0 vcpu 0 | @2,8 cut 1 1 cause 1 | "
                               "@3,10 event 0xe 3 0x1002 0x10008");
    CHECK_EQ(chunk_header(c).block_count, 4);
}

/* Exceptions */

TEST(encode_exception_in_the_second_instruction)
{
    const TraceSection *c;

    add_code();
    c = encode("vcpu 0|block 0|" MAPS "load 0 4 0x10000|load 1 4 0x10008|"
               "event 14 3 0x1002 0x10008|block 3|store 2 4 0x10000");
    CHECK_TEXT(chunk_notes(c), "@0,0 vcpu 0 | @0,0 cut 1 1 cause 1 | "
                               "@1,2 event 0xe 3 0x1002 0x10008");
    check_counts(c, 2, 1, 1, 1);
    CHECK_EQ(chunk_header(c).events, 1);
}

TEST(encode_exception_after_a_store_that_does_not_stand)
{
    const TraceSection *c;

    add_code();
    c = encode("vcpu 0|block 0|" MAPS "load 0 4 0x10000|load 1 4 0x10008|"
               "store 1 4 0x10008|event 14 3 0x1002 0x10008");
    CHECK_TEXT(chunk_notes(c), "@0,0 vcpu 0 | @0,0 cut 1 2 cause 1 | "
                               "@1,3 event 0xe 3 0x1002 0x10008");
    check_counts(c, 1, 1, 0, 2);
}

TEST(encode_exception_in_the_first_instruction)
{
    const TraceSection *c;

    add_code();
    c = encode("vcpu 0|block 0|event 14 0 0x1000 0x10000");
    CHECK_TEXT(chunk_notes(c), "@0,0 vcpu 0 | @0,0 cut 0 0 cause 1 | "
                               "@1,0 event 0xe 0 0x1000 0x10000");
    check_counts(c, 0, 0, 0, 0);
}

/* Delivery to a new CR3 and mapping notes come between. */
TEST(encode_exception_found_behind_other_words)
{
    const TraceSection *c;

    add_code();
    c = encode("vcpu 0|block 0|" MAPS "load 0 4 0x10000|unmap|cr3 0x5000|unmap|"
               "event 14 0 0x1002 0x10000|block 3|map 0x10 0x81|"
               "store 2 4 0x10000");
    CHECK_TEXT(chunk_notes(c),
               "@0,0 vcpu 0 | @0,0 cut 1 0 cause 1 | @1,1 unmap | "
               "@1,1 cr3 0x5000 | @1,1 unmap | @1,1 event 0xe 0 0x1002 0x10000");
}

TEST(encode_software_interrupt_completes)
{
    const TraceSection *c;

    code_add(0x1000, MODE_64_USER, "8b 03;cd 80");
    c = encode("vcpu 0|block 0|" MAPS "load 0 4 0x10000|"
               "event 0x280 0 0x1002 0");
    CHECK_TEXT(chunk_notes(c), "@0,0 vcpu 0 | @1,1 event 0x280 0 0x1002 0");
    check_counts(c, 2, 1, 0, 0);
    CHECK_EQ(chunk_header(c).user_accesses, 1);
}

/* into goes on, and does not end its block, when there is no overflow; an
 * interrupt whose delivery led to a fault has not completed. */
TEST(encode_software_interrupt_that_leaves_its_block)
{
    code_add(0x1000, MODE_64_USER, "8b 03;cd 80;89 03");
    CHECK_TEXT(chunk_notes(encode("vcpu 0|block 0|event 0x280 0 0x1002 0|"
                                  "block 0|event 0x10280 0 0x1002 0")),
               "@0,0 vcpu 0 | @0,0 cut 2 0 cause 1 | "
               "@1,0 event 0x280 0 0x1002 0 | @1,0 cut 1 0 cause 1 | "
               "@2,0 event 0x280 0 0x1002 0");
    CHECK_EQ(encoder->totals.instructions, 3);
}

TEST(encode_trap_after_the_block_completes)
{
    const TraceSection *c;

    add_code();
    c = encode("vcpu 0|block 3|" MAPS "store 0 4 0x10000|event 1 0 0x1006 0");
    CHECK_TEXT(chunk_notes(c), "@0,0 vcpu 0 | @1,1 event 0x1 0 0x1006 0");
    check_counts(c, 1, 0, 1, 0);
    CHECK_EQ(encoder->totals.unresolved, 0);
}

TEST(encode_exception_that_was_raised_elsewhere_is_counted)
{
    const TraceSection *c;

    add_code();
    c = encode("vcpu 0|block 3|" MAPS "store 0 4 0x10000|"
               "event 14 0 0x9999 0");
    CHECK_TEXT(chunk_notes(c), "@0,0 vcpu 0 | @1,1 event 0xe 0 0x9999 0");
    CHECK_EQ(encoder->totals.unresolved, 1);
    CHECK_EQ(encoder->totals.cuts, 0);
}

/* QEMU adds the base of CS as a signed number. */
TEST(encode_exception_outside_64_bit_code)
{
    const TraceSection *c;

    code_add(0xfffff000, MODE_32_USER, "8b 03;89 02");
    c = encode("vcpu 0|block 0|" MAPS "load 0 4 0x10000|"
               "event 13 0 0xfffffffffffff002 0");
    CHECK_TEXT(chunk_notes(c),
               "@0,0 vcpu 0 | @0,0 cut 1 0 cause 1 | "
               "@1,1 event 0xd 0 0xfffffffffffff002 0");
}

TEST(encode_exception_at_the_other_end_of_64_bit_code)
{
    const TraceSection *c;

    code_add(0xf000, MODE_64_USER, "8b 03;89 02");
    c = encode("vcpu 0|block 0|" MAPS "load 0 4 0x10000|"
               "event 13 0 0xfffffff0000f002 0");
    CHECK_EQ(encoder->totals.cuts, 0);
    CHECK_EQ(encoder->totals.unresolved, 1);
    check_counts(c, 2, 1, 0, 0);
}

TEST(encode_interrupt_between_blocks)
{
    const TraceSection *c;

    add_code();
    c = encode("vcpu 0|block 3|" MAPS "store 0 4 0x10000|"
               "event 0x120 0 0x1004 0|block 3|store 0 4 0x10000|"
               "event 0x400 0 0xffffffffffffffff 0|block 3|"
               "store 0 4 0x10000|event 0x1000 0 0xffffffffffffffff 0");
    CHECK_EQ(encoder->totals.cuts, 0);
    CHECK_EQ(encoder->totals.unresolved, 0);
    check_counts(c, 3, 0, 3, 0);
    CHECK_EQ(chunk_header(c).events, 3);
}

/* Instructions that QEMU redoes */

TEST(encode_device_redo)
{
    const TraceSection *c;

    add_code();
    c = encode("vcpu 0|block 0|" MAPS "load 0 4 0x10000|redo 2|"
               "device 0 0xfee00000|load 0 4 0x20000|device 0 0xfee00000|"
               "store 0 4 0x20000|store 1 4 0x10000|block 0|"
               "load 0 4 0x10000|load 1 4 0x10000|store 1 4 0x10000|"
               "store 2 4 0x10000");
    CHECK_TEXT(chunk_notes(c),
               "@0,0 vcpu 0 | @0,0 cut 1 0 cause 2 | "
               "@2,1 device 0 0xfee00000 | @2,2 device 0 0xfee00000");
    check_counts(c, 6, 4, 4, 0);
}

/* A load from memory, then the device: the load happens twice. */
TEST(encode_device_redo_after_an_access)
{
    const TraceSection *c;

    code_add(0x1000, MODE_64_KERNEL, "90;a4");
    code_add(0x1001, MODE_64_KERNEL, "a4");
    c = encode("vcpu 0|block 0|" MAPS "load 1 1 0x10000|redo 1|"
               "load 0 1 0x10000|device 0 0xb8000|store 0 1 0x20000");
    CHECK_TEXT(chunk_notes(c), "@0,0 vcpu 0 | @0,0 cut 1 1 cause 2 | "
                               "@2,2 device 0 0xb8000");
    check_counts(c, 2, 1, 1, 1);
}

TEST(encode_redo_of_another_block_cuts_nothing)
{
    const TraceSection *c;

    add_code();
    code_add(0x5000, MODE_64_KERNEL, "89 02");
    c = encode("vcpu 0|block 3|" MAPS "store 0 4 0x10000|redo 4|"
               "device 0 0xb8000|store 0 1 0x20000");
    CHECK_TEXT(chunk_notes(c), "@0,0 vcpu 0 | @2,1 device 0 0xb8000");
    check_counts(c, 2, 0, 2, 0);
}

TEST(encode_block_that_modified_itself)
{
    const TraceSection *c;

    add_code();
    c = encode("vcpu 0|block 0|" MAPS "load 0 4 0x10000|load 1 4 0x10008|"
               "block 1|load 0 4 0x10008|store 0 4 0x10008|block 3|"
               "store 0 4 0x10000");
    CHECK_TEXT(chunk_notes(c), "@0,0 vcpu 0 | @0,0 cut 1 1 cause 3");
    check_counts(c, 3, 2, 2, 1);
}

TEST(encode_block_that_modified_itself_at_the_end_of_the_words)
{
    const TraceSection *c;

    add_code();
    c = encode("vcpu 0|block 0|" MAPS "load 0 4 0x10000|load 1 4 0x10008|"
               "block 1|load 0 4 0x10008|store 0 4 0x10008");
    CHECK_TEXT(chunk_notes(c), "@0,0 vcpu 0 | @0,0 cut 1 1 cause 3");
}

/* A jump back into the block's own instructions. */
TEST(encode_jump_to_an_instruction_of_the_block_is_no_redo)
{
    const TraceSection *c;

    add_code();
    c = encode("vcpu 0|block 0|" MAPS "load 0 4 0x10000|load 1 4 0x10008|"
               "store 1 4 0x10008|store 2 4 0x10000|"
               "block 1|load 0 4 0x10008|store 0 4 0x10008|block 3|"
               "store 0 4 0x10000");
    CHECK_TEXT(chunk_notes(c), "@0,0 vcpu 0");
    check_counts(c, 5, 3, 4, 0);
}

TEST(encode_block_of_several_instructions_is_no_redo)
{
    const TraceSection *c;

    add_code();
    c = encode("vcpu 0|block 0|" MAPS "load 0 4 0x10000|"
               "block 2|load 0 4 0x10008|store 0 4 0x10008|"
               "store 1 4 0x10008");
    CHECK_TEXT(chunk_notes(c), "@0,0 vcpu 0");
}

TEST(encode_redo_without_a_store_is_none)
{
    const TraceSection *c;

    add_code();
    c = encode("vcpu 0|block 0|" MAPS "load 0 4 0x10000|"
               "block 1|load 0 4 0x10008|block 3|store 0 4 0x10000");
    CHECK_TEXT(chunk_notes(c), "@0,0 vcpu 0");
}

TEST(encode_other_vcpu_says_nothing_of_how_a_block_was_left)
{
    const TraceSection *c;

    add_code();
    c = encode("vcpu 0|block 0|" MAPS "load 0 4 0x10000|vcpu 1|unmap|"
               "event 14 0 0x1002 0|block 3|map 0x10 0x80|"
               "store 0 4 0x10000");
    CHECK_TEXT(chunk_notes(c), "@0,0 vcpu 0 | @1,1 vcpu 1 | @1,1 unmap | "
                               "@1,1 event 0xe 0 0x1002 0");
    CHECK_EQ(chunk_header(c).instruction_count, 4);
    CHECK_EQ(encoder->vcpus[0].icount, 3);
    CHECK_EQ(encoder->vcpus[1].icount, 1);
    CHECK_EQ(encoder->vcpus[0].loads, 1);
    CHECK_EQ(encoder->vcpus[1].loads, 0);
    CHECK_EQ(encoder->vcpus[1].stores, 1);
}

/* String instructions */

#define ROUND "load 0 1 0x10000|store 0 1 0x10800|"

TEST(encode_rep_is_counted_once)
{
    const TraceSection *c;

    add_rep_code();
    c = encode("vcpu 0|block 0|" MAPS "load 1 1 0x10000|store 1 1 0x10800|"
               "block 1|" ROUND "block 1|" ROUND "block 1|" ROUND
               "block 0|load 1 1 0x10000|store 1 1 0x10800|");
    CHECK_TEXT(chunk_notes(c), "@0,0 vcpu 0");
    check_counts(c, 4, 5, 5, 0);
}

TEST(encode_rep_that_an_interrupt_suspends)
{
    const TraceSection *c;

    add_rep_code();
    add_code(); /* 2 to 5 */
    c = encode("vcpu 0|block 0|" MAPS "load 1 1 0x10000|store 1 1 0x10800|"
               "event 0x120 0 0x2001 0|block 5|store 0 4 0x10000|"
               "block 1|" ROUND "block 1|" ROUND);
    CHECK_TEXT(chunk_notes(c), "@0,0 vcpu 0 | @0,0 cut 1 0 cause 4 | "
                               "@1,2 event 0x120 0 0x2001 0");
    /* nop, the handler's instruction, rep movsb once. */
    check_counts(c, 3, 3, 4, 0);
}

/* Suspended after its own block had run: the first iteration is not counted
 * either, since it was taken back when the interrupt came. */
TEST(encode_rep_that_an_interrupt_suspends_later)
{
    const TraceSection *c;

    add_rep_code();
    add_code();
    c = encode("vcpu 0|block 0|" MAPS "load 1 1 0x10000|store 1 1 0x10800|"
               "block 1|" ROUND "event 0x120 0 0x2001 0|block 5|"
               "store 0 4 0x10000|block 1|" ROUND);
    CHECK_TEXT(chunk_notes(c), "@0,0 vcpu 0 | @1,2 cut 0 0 cause 4 | "
                               "@2,4 event 0x120 0 0x2001 0");
    check_counts(c, 3, 3, 4, 0);
}

TEST(encode_exception_in_a_rep_instruction)
{
    const TraceSection *c;

    add_rep_code();
    c = encode("vcpu 0|block 0|" MAPS "load 1 1 0x10000|store 1 1 0x10800|"
               "block 1|load 0 1 0x10001|event 14 2 0x2001 0x11000");
    CHECK_TEXT(chunk_notes(c), "@0,0 vcpu 0 | @1,2 cut 0 1 cause 1 | "
                               "@2,3 event 0xe 2 0x2001 0x11000");
    check_counts(c, 1, 1, 1, 1);
}

/* scas makes one access in each iteration, so none is without its other. */
TEST(encode_exception_in_a_rep_instruction_of_one_access)
{
    const TraceSection *c;

    code_add(0x2000, MODE_64_KERNEL, "90;f2 66 af");
    c = encode("vcpu 0|block 0|" MAPS "load 1 2 0x10000|"
               "event 14 2 0x2001 0x11000");
    CHECK_TEXT(chunk_notes(c), "@0,0 vcpu 0 | @0,0 cut 1 0 cause 1 | "
                               "@1,1 event 0xe 2 0x2001 0x11000");
    check_counts(c, 1, 1, 0, 0);
}

/* A loop around one rep instruction is a new one each time when an event was
 * between. */
TEST(encode_event_ends_the_wait_for_a_rep_instruction)
{
    const TraceSection *c;

    add_rep_code();
    c = encode("vcpu 0|block 1|" MAPS ROUND "event 0x280 0 0x3000 0|"
               "block 1|" ROUND);
    check_counts(c, 2, 2, 2, 0);
}

TEST(encode_gap)
{
    const TraceSection *c;

    add_rep_code();
    c = encode("vcpu 0|block 1|" MAPS ROUND "unmap|gap 123456789|block 1|"
               "map 0x10 0x80|" ROUND);
    CHECK_TEXT(chunk_notes(c),
               "@0,0 vcpu 0 | @1,2 unmap | @1,2 gap 123456789");
    check_counts(c, 2, 2, 2, 0);
}

/* Chunks */

TEST(encode_does_not_depend_on_how_words_arrive)
{
    static const char words_text[] =
        "vcpu 0|block 0|" MAPS "load 0 4 0x10000|load 1 4 0x10008|"
        "store 1 4 0x10008|store 2 4 0x10010|"
        "block 0|load 0 4 0x10004|load 1 4 0x10008|store 1 4 0x10008|"
        "store 2 4 0x10018|block 0|load 0 4 0x10008|load 1 4 0x10020|"
        "event 14 0 0x1002 0x10020|block 3|store 0 4 0x10000|"
        "block 0|load 0 4 0x1000c|redo 1|device 0 0xb8000|load 0 4 0x20000|"
        "device 0 0xb8000|store 0 4 0x20000|block 0|load 0 4 0x10010|"
        "load 1 4 0x10008|block 1|load 0 4 0x10008|store 0 4 0x10008|"
        "vcpu 1|unmap|cr3 0x7000|unmap|block 3|map 0x10 0x80|"
        "store 0 4 0x10000|block 3|store 0 4 0x10008|block 3|"
        "store 0 4 0x10010|block 3|store 0 4 0x10018|block 3|"
        "store 0 4 0x10020|block 0";
    uint64_t words[256];
    size_t count = words_from(words_text, words, 256);
    LsBuffer first = { 0 };

    add_code();
    clock_stands = true;
    CHECK_EQ(ls_sink_open(check_path("trace"), "{}"), 0);
    for (size_t step = count; step > 0; step--) {
        LsEncoder *e = ls_encoder_new(0, 2, no_limits);
        size_t used = 0;

        check_context("%zu words at a time", step);
        for (size_t there = step; there < count; there += step) {
            used += ls_encode_words(e, words + used, there - used, false);
        }
        used += ls_encode_words(e, words + used, count - used, true);
        CHECK_EQ(used, count);
        ls_chunk_seal(e);
        CHECK_EQ(e->totals.accesses + e->totals.blocks,
                 count - e->totals.side_words);
        CHECK_EQ(e->totals.cuts, 3);
        if (!first.length) {
            first = e->payload;
        }
        CHECK_EQ(e->payload.length, first.length);
        CHECK(!memcmp(e->payload.bytes, first.bytes, first.length));
    }
}

/* A loop over memory: one block, four accesses. */
static size_t loop_words(uint64_t *words, size_t rounds)
{
    size_t count = 0;

    for (size_t i = 0; i < rounds; i++) {
        uint64_t a = 0x10000 + i % 512 * 8;

        words[count++] = ls_word_of_block(0, 0);
        for (unsigned k = 0; k < 4; k++) {
            words[count++] = a << 16 | 2 << LS_ACCESS_SIZE_SHIFT |
                             (k + 1) / 2 % 3 << LS_ACCESS_INDEX_SHIFT |
                             (k / 2 ? LS_ACCESS_STORE : 0u);
        }
    }
    return count;
}

TEST(encode_seals_a_chunk_of_4_mi_accesses)
{
    enum { ROUNDS = (LS_CHUNK_ACCESSES * 2 + 1000) / 4 };
    uint64_t *words = malloc(ROUNDS * 5 * sizeof(*words) + 64);
    LsEncoder *e = encoded_start(no_limits, 1);
    size_t count, head = words_from("vcpu 0|block 0|" MAPS, words, 16);
    uint64_t ordinal = 0, block = 0;
    TraceFile t;

    add_code();
    count = head + loop_words(words + head, ROUNDS);
    CHECK_EQ(ls_encode_words(e, words, count, true), count);
    encoded_close(&e, 1, "guest-exit");
    t = trace_read(check_path("trace"));
    CHECK_EQ(trace_count(&t, LS_SECTION_CHUNK), 3);
    for (unsigned i = 0; i < 3; i++) {
        LsChunkHeader h = chunk_header(trace_section(&t, LS_SECTION_CHUNK, i));

        CHECK_EQ(h.first_ordinal, ordinal);
        CHECK_EQ(h.first_block, block);
        CHECK(i == 2 || (h.access_count >= LS_CHUNK_ACCESSES &&
                         h.access_count < LS_CHUNK_ACCESSES + 4));
        CHECK_EQ(h.lowest_vaddr, 0x10000);
        CHECK_EQ(h.highest_vaddr, 0x10fff);
        CHECK_EQ(h.note_count, i ? 1 : 2); /* the map is restated */
        ordinal += h.access_count;
        block += h.block_count;
    }
    CHECK_EQ(ordinal, ROUNDS * 4);
    CHECK_EQ(block, ROUNDS + 1);
}

TEST(encode_flushes_a_chunk_that_is_old)
{
    LsEncoder *e = encoded_start(no_limits, 1);

    add_code();
    clock_stands = true;
    fixed_now = 1000;
    encoded_all(e, "vcpu 0|block 3|" MAPS "store 0 4 0x10000");
    fixed_now += 500000000;
    ls_chunk_flush_old(e);
    CHECK(e->open);
    fixed_now++;
    ls_chunk_flush_old(e);
    CHECK(!e->open);
    CHECK_EQ(e->totals.written, 2);
    CHECK_EQ(e->chunk.host_begin, 1000);
    CHECK_EQ(e->chunk.host_end, 500001001);
}

TEST(encode_second_chunk_says_where_it_stands)
{
    LsEncoder *e = encoded_start(no_limits, 2);
    const TraceSection *c;
    TraceFile t;

    add_rep_code();
    encoded_all(e, "vcpu 0|cr3 0x5000|block 0|" MAPS
                   "load 1 1 0x10000|store 1 1 0x10800|vcpu 1|unmap|"
                   "block 1|map 0x10 0x90|" ROUND);
    ls_chunk_seal(e);
    encoded_all(e, "block 1|" ROUND);
    encoded_close(&e, 1, "guest-exit");
    t = trace_read(check_path("trace"));
    CHECK_EQ(trace_count(&t, LS_SECTION_CHUNK), 2);
    CHECK_EQ(trace_count(&t, LS_SECTION_CODE), 1);
    c = trace_section(&t, LS_SECTION_CHUNK, 1);
    CHECK_EQ(chunk_header(c).vcpu, 1);
    CHECK_EQ(chunk_header(c).vcpu_count, 2);
    CHECK_EQ(chunk_vcpu(c, 0).vcpu, 0);
    CHECK_EQ(chunk_vcpu(c, 0).icount, 2);
    CHECK_EQ(chunk_vcpu(c, 0).cr3, 0x5000);
    CHECK_EQ(chunk_vcpu(c, 0).pending_rep, 0x2001);
    CHECK_EQ(chunk_vcpu(c, 1).vcpu, 1);
    CHECK_EQ(chunk_vcpu(c, 1).icount, 1);
    CHECK_EQ(chunk_vcpu(c, 1).pending_rep, 0x2001);
    CHECK_EQ(chunk_header(c).instruction_count, 0); /* it continues */
    CHECK_EQ(chunk_header(c).note_count, 1);
    CHECK_EQ(chunk_stream(c, LS_S_NOTES).bytes[0], LS_NOTE_MAP);
}

TEST(encode_bounds_of_addresses)
{
    LsChunkHeader h;

    add_code();
    h = chunk_header(encode(
        "vcpu 0|block 3|map 0x10 0x80|store 0 4 0x10000|block 3|"
        "device 0 0xb8000|store 0 4 0x5123|block 3|"
        "wide 0x00abcdef00000010|map 0x00abcdef00000 0x81|"
        "store 0 4 0xef00000010"));
    CHECK_EQ(h.lowest_vaddr, 0x5000);
    CHECK(h.highest_vaddr >= 0x00abcdef00000fff);
}
