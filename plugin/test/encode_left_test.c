/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Blocks that were left in a way that is no exception: a nested guest, a snapshot,
 * an instruction that stores into its own block. */
#define _GNU_SOURCE
#include "check.h"
#include "encoded.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAPS "map 0x10 0x80|"
#define ROUND "load 0 1 0x10000|store 0 1 0x10800|"

static LsEncoder *encoder;

static const TraceSection *encode(const char *text)
{
    static TraceFile t;

    encoder = encoded_start((LsLimits){ 0 }, 2);
    code_add(0x1000, MODE_64_KERNEL, "8b 03;01 01;89 02");
    code_add(0x1004, MODE_64_KERNEL, "89 02");
    code_add(0x2001, MODE_64_KERNEL, "f3 a4");
    code_add(0x3000, MODE_64_KERNEL, "89 02;f3 a4");
    code_add(0x3002, MODE_64_KERNEL, "f3 a4");
    code_add(0x4000, MODE_64_KERNEL, "90;60;90");
    code_add(0x4001, MODE_64_KERNEL, "60");
    code_add(0x5000, MODE_64_KERNEL, "90;f3 6c");
    code_add(0x5001, MODE_64_KERNEL, "f3 6c");
    code_add(0x6000, MODE_64_USER, "90;f3 6c");
    code_add(0x6001, MODE_64_USER, "f3 6c");
    code_add(0x7000, MODE_64_USER, "f3 6e");
    code_add(0x7100, MODE_64_USER, "f3 66 6f");
    code_add(0x7200, MODE_64_KERNEL, "f3 66 6f");
    encoded_all(encoder, text);
    encoded_close(&encoder, 1, "guest-exit");
    t = trace_read(check_path("trace"));
    return trace_section(&t, LS_SECTION_CHUNK, 0);
}

/* A nested guest is left at an instruction, which is not done. */
TEST(encode_nested_guest_that_is_left)
{
    const TraceSection *c;

    c = encode("vcpu 0|block 0|" MAPS "load 0 4 0x10000|load 1 4 0x10008|"
               "event 0x8000 0x4e 0x1002 0|block 1|store 0 4 0x10000");
    CHECK_TEXT(chunk_notes(c), "@0,0 vcpu 0 | @0,0 cut 1 1 cause 1 | "
                               "@1,2 event 0x8000 78 0x1002 0");
}

/* For an interrupt it is between two. */
TEST(encode_nested_guest_that_an_interrupt_leaves)
{
    const TraceSection *c;

    c = encode("vcpu 0|block 0|" MAPS "load 0 4 0x10000|load 1 4 0x10008|"
               "event 0x8000 0x60 0x1000 0|block 1|store 0 4 0x10000");
    CHECK_TEXT(chunk_notes(c),
               "@0,0 vcpu 0 | @1,2 event 0x8000 96 0x1000 0");
}

/* Or at the first instruction of what would have come next. */
TEST(encode_nested_guest_that_is_left_behind_its_block)
{
    const TraceSection *c;

    c = encode("vcpu 0|block 0|" MAPS "load 0 4 0x10000|"
               "event 0x8000 0x400 0x7777 0|block 1|store 0 4 0x10000");
    CHECK_TEXT(chunk_notes(c),
               "@0,0 vcpu 0 | @1,1 event 0x8000 1024 0x7777 0");
    CHECK_EQ(encoder->totals.unresolved, 0);
}

/* Nobody knows where: the block may have been left anywhere. */
TEST(encode_nested_guest_that_is_left_at_an_unknown_place)
{
    encode("vcpu 0|block 0|" MAPS "load 0 4 0x10000|"
           "event 0x8000 0 0xffffffffffffffff 0|block 1|store 0 4 0x10000");
    CHECK_EQ(encoder->totals.unresolved, 1);
}

/* A snapshot is for all vCPUs. */
TEST(encode_snapshot_ends_the_wait_for_rep_instructions)
{
    const TraceSection *c;

    c = encode("vcpu 0|block 2|" MAPS ROUND "vcpu 1|unmap|"
               "event 0x4000 0 0xffffffffffffffff 0|unmap|vcpu 0|unmap|"
               "block 2|" MAPS ROUND);
    CHECK_EQ(chunk_header(c).instruction_count, 2);
}

/* The first round's store hits the block's own code: only its load was reported. */
TEST(encode_rep_that_modified_its_block)
{
    const TraceSection *c;

    c = encode("vcpu 0|block 3|" MAPS "store 0 4 0x10000|load 1 1 0x10000|"
               "block 4|" ROUND "block 0|");
    CHECK_TEXT(chunk_notes(c), "@0,0 vcpu 0 | @0,0 cut 1 1 cause 3");
    CHECK_EQ(chunk_header(c).aborted, 1);
    CHECK_EQ(chunk_header(c).loads, 1);
    CHECK_EQ(chunk_header(c).stores, 2);
    CHECK_EQ(chunk_header(c).instruction_count, 5);
}

/* A later one does: the rounds before it stand. */
TEST(encode_rep_that_modified_its_block_in_a_later_round)
{
    const TraceSection *c;

    c = encode("vcpu 0|block 3|" MAPS "store 0 4 0x10000|"
               "load 1 1 0x10000|store 1 1 0x10800|load 1 1 0x10001|"
               "block 4|" ROUND "block 4|load 0 1 0x10002|block 4|" ROUND
               "block 0|");
    CHECK_TEXT(chunk_notes(c), "@0,0 vcpu 0 | @0,0 cut 1 1 cause 3 | "
                               "@2,6 cut 0 1 cause 3");
    CHECK_EQ(chunk_header(c).aborted, 2);
    CHECK_EQ(chunk_header(c).loads, 3);
    CHECK_EQ(chunk_header(c).instruction_count, 5);
}

/* Words are looked at by fours where they are accesses: any number of rounds, with
 * a page told before any of them. */
TEST(encode_rep_that_modified_its_block_after_many_rounds)
{
    static char text[1 << 16];
    size_t at = (size_t)snprintf(text, sizeof(text), "vcpu 0|");
    unsigned cases = 0, all_rounds = 0, cuts = 0;
    const TraceSection *c;
    const char *note;

    for (unsigned rounds = 1; rounds < 14; rounds++) {
        for (unsigned told = 0; told <= rounds; told++) {
            at += (size_t)snprintf(text + at, sizeof(text) - at,
                                   "block 3|" MAPS "store 0 4 0x10000|");
            for (unsigned i = 0; i < rounds; i++) {
                at += (size_t)snprintf(
                    text + at, sizeof(text) - at,
                    "%sload 1 1 %#x|store 1 1 %#x|",
                    i == told ? "map 0x11 0x81|" : "", 0x10000 + i,
                    0x10800 + i);
            }
            at += (size_t)snprintf(text + at, sizeof(text) - at,
                                   "load 1 1 0x10100|block 4|" ROUND);
            cases++;
            all_rounds += rounds;
        }
    }
    snprintf(text + at, sizeof(text) - at, "block 0|");
    c = encode(text);
    CHECK_EQ(chunk_header(c).aborted, cases);
    CHECK_EQ(chunk_header(c).loads, all_rounds + cases);
    CHECK_EQ(chunk_header(c).stores, all_rounds + 2 * cases);
    for (note = chunk_notes(c); (note = strstr(note, " cut ")); note++) {
        cuts += !strncmp(note, " cut 1 1 cause 3", 16);
    }
    CHECK_EQ(cuts, cases);
}

/* ins stores first: nothing was done, but its port was told. */
TEST(encode_rep_that_modified_its_block_before_its_first_access)
{
    const TraceSection *c;

    c = encode("vcpu 0|block 7|port 0x1100021 0|block 8|port 0x100021 0|" MAPS
               "store 0 1 0x10000|store 0 1 0x10000|block 0|");
    CHECK_TEXT(chunk_notes(c), "@0,0 vcpu 0 | @0,0 cut 1 0 cause 3 | "
                               "@1,0 port 1 0x21 0x10 0 | "
                               "@2,0 port 0 0x21 0x10 0");
    CHECK_EQ(chunk_header(c).stores, 2);
    CHECK_EQ(chunk_header(c).instruction_count, 5);
}

/* Outside of CPL 0 it looks into the I/O permission bitmap before that. */
TEST(encode_rep_ins_that_modified_its_block_after_a_look)
{
    const TraceSection *c;

    c = encode("vcpu 0|block 9|" MAPS "load 1 2 0x10066|load 1 2 0x10084|"
               "block 10|load 0 2 0x10066|load 0 2 0x10084|"
               "store 0 1 0x10000|store 0 1 0x10000|block 10|"
               "load 0 2 0x10066|load 0 2 0x10084|block 0|");
    CHECK_TEXT(chunk_notes(c), "@0,0 vcpu 0 | @0,0 cut 1 2 cause 3");
    CHECK_EQ(chunk_header(c).aborted, 2);
    CHECK_EQ(chunk_header(c).loads, 4);
    CHECK_EQ(chunk_header(c).stores, 2);
    CHECK_EQ(chunk_header(c).instruction_count, 5);
}

/* What of an instruction at CPL 3 came to nothing when a fault stopped it. */
static uint32_t aborted_by_fault(unsigned block, const char *ip,
                                 const char *accesses)
{
    char text[512];

    snprintf(text, sizeof(text), "vcpu 0|block %u|" MAPS
             "%s|event 14 6 %s 0x411000|block 0|", block, accesses, ip);
    (void)!unlink(check_path("trace"));
    return (uint32_t)chunk_header(encode(text)).aborted;
}

#define LOOK "load 0 2 0x10066|load 0 2 0x10084"
#define STORES(at) "|store 0 1 " at "|store 0 1 " at

TEST(encode_rep_ins_that_faults_after_a_look)
{
    CHECK_EQ(aborted_by_fault(10, "0x6001", "load 0 2 0x10066"), 1);
    CHECK_EQ(aborted_by_fault(10, "0x6001", LOOK), 2);
    CHECK_EQ(aborted_by_fault(10, "0x6001", LOOK "|store 0 1 0x10000"), 3);
    CHECK_EQ(aborted_by_fault(10, "0x6001", LOOK STORES("0x10000")), 0);
    CHECK_EQ(aborted_by_fault(10, "0x6001", LOOK STORES("0x10000")
                              "|store 0 1 0x10001"), 1);
    CHECK_EQ(aborted_by_fault(10, "0x6001", LOOK STORES("0x10000")
                              STORES("0x10001")), 0);
}

TEST(encode_rep_outs_that_faults_after_a_look)
{
    CHECK_EQ(aborted_by_fault(11, "0x7000", "load 0 2 0x10066"), 1);
    CHECK_EQ(aborted_by_fault(11, "0x7000", LOOK), 2);
    CHECK_EQ(aborted_by_fault(11, "0x7000", LOOK "|load 0 1 0x10000"), 0);
    CHECK_EQ(aborted_by_fault(11, "0x7000", "load 0 1 0x10000"), 0);
}

/* Words of the string are told from those of the bitmap by where they are. */
TEST(encode_rep_outsw_that_faults_after_a_look)
{
    CHECK_EQ(aborted_by_fault(12, "0x7100", LOOK), 2);
    CHECK_EQ(aborted_by_fault(12, "0x7100", LOOK "|load 0 2 0x10000"), 0);
    CHECK_EQ(aborted_by_fault(12, "0x7100",
                              "load 0 2 0x10000|load 0 2 0x10002"), 0);
    CHECK_EQ(aborted_by_fault(12, "0x7100",
                              "load 0 2 0x10002|load 0 2 0x10000"), 0);
    CHECK_EQ(aborted_by_fault(13, "0x7200", LOOK), 0);
}

/* It goes on in a block of its own: nothing was begun in vain. */
TEST(encode_rep_that_goes_on)
{
    const TraceSection *c;

    c = encode("vcpu 0|block 3|" MAPS "store 0 4 0x10000|"
               "load 1 1 0x10000|store 1 1 0x10800|block 4|" ROUND);
    CHECK_TEXT(chunk_notes(c), "@0,0 vcpu 0");
    CHECK_EQ(chunk_header(c).instruction_count, 2);
}

/* An instruction of many stores, of which the third hits. */
TEST(encode_later_store_of_an_instruction_that_modified_its_block)
{
    const TraceSection *c;

    c = encode("vcpu 0|block 5|" MAPS "store 1 4 0x10000|store 1 4 0x10004|"
               "block 6|store 0 4 0x10000|store 0 4 0x10004|"
               "store 0 4 0x10008|block 0|");
    CHECK_TEXT(chunk_notes(c), "@0,0 vcpu 0 | @0,0 cut 1 2 cause 3");
    CHECK_EQ(chunk_header(c).aborted, 2);
    CHECK_EQ(chunk_header(c).stores, 3);
}

/* As many stores as before: the block ran to its end and jumped back. */
TEST(encode_same_stores_again_are_no_redo)
{
    const TraceSection *c;

    c = encode("vcpu 0|block 5|" MAPS "store 1 4 0x10000|store 1 4 0x10004|"
               "block 6|store 0 4 0x10000|store 0 4 0x10004|block 0|");
    CHECK_TEXT(chunk_notes(c), "@0,0 vcpu 0");
    CHECK_EQ(chunk_header(c).stores, 4);
}

/* Words of the long form say the same. */
TEST(encode_blocks_with_long_ids)
{
    const TraceSection *c;

    c = encode("vcpu 0|block 0|" MAPS "load 0 4 0x10000|load 1 4 0x10008|"
               "store 1 4 0x10008|store 2 4 0x10010|"
               "far-block 0|load 0 4 0x10000|load 1 4 0x10008|"
               "store 1 4 0x10008|store 2 4 0x10010|"
               "far-block 0|load 0 4 0x10000|load 1 4 0x10008|"
               "event 14 3 0x1002 0x10008|far-block 1|store 0 4 0x10000");
    CHECK_TEXT(chunk_notes(c), "@0,0 vcpu 0 | @2,8 cut 1 1 cause 1 | "
                               "@3,10 event 0xe 3 0x1002 0x10008");
    CHECK_EQ(chunk_header(c).block_count, 4);
}
