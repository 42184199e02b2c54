/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words behind words, whose bits may look like anything. */
#define _GNU_SOURCE
#include "check.h"
#include "encoded.h"

/* A block that leaves its shape: what follows are not accesses, whose payload
 * words may look like anything, such as a block with an id that never was. */
static void check_payload_like_a_block(const char *after, uint32_t accesses)
{
    char text[512];
    LsEncoder *e;

    check_context("%s", after);
    code_add(0x1000, MODE_64_KERNEL, "8b 03;01 01;89 02");
    code_add(0x1002, MODE_64_KERNEL, "01 01");
    snprintf(text, sizeof(text),
             "block 0|map 0x10 0x80|load 0 4 0x10000|load 1 4 0x10010|"
             "store 1 4 0x10010|store 2 4 0x10020|"
             "block 0|load 0 4 0x10000|load 1 4 0x10010|"
             "store 1 4 0x10010|store 2 4 0x10020|block 0|load 0 4 0x10000|"
             "%s|block 1|load 0 4 0x10000", after);
    e = encoded_start((LsLimits){ 0 }, 1);
    encoded_all(e, text);
    encoded_close(&e, 1, "guest-exit");
    CHECK_EQ(e->highest_block, 2);
    CHECK_EQ(e->totals.accesses, accesses);
}

TEST(encode_fault_address_like_a_block)
{
    check_payload_like_a_block("event 0xe 2 0x1002 0x7f123456e001", 10);
}

TEST(encode_small_fault_address_like_a_block)
{
    check_payload_like_a_block("event 0xe 2 0x1002 0x5e001", 10);
}

TEST(encode_fault_place_like_a_block)
{
    check_payload_like_a_block("unmap|event 0x20 0 0x5e001 0", 10);
}

TEST(encode_cr3_like_a_block)
{
    check_payload_like_a_block("unmap|unmap|cr3 0x5e001", 10);
}

TEST(encode_device_address_like_a_block)
{
    check_payload_like_a_block("phys|load 1 4 0x10010|device 0 0x5e001|"
                               "store 1 4 0x10010|store 2 4 0x10020", 13);
}

/* A second thread's stream begins with its own vCPU. */
TEST(encode_first_chunk_says_whose_it_is)
{
    LsEncoder *e = encoded_start((LsLimits){ 0 }, 2);
    TraceFile t;
    LsChunkHeader h;

    code_add(0x1000, MODE_64_KERNEL, "8b 03");
    encoded_all(e, "vcpu 1|block 0|map 0x10 0x80|load 0 4 0x10000");
    encoded_close(&e, 1, "guest-exit");
    t = trace_read(check_path("trace"));
    h = chunk_header(trace_section(&t, LS_SECTION_CHUNK, 0));
    CHECK_EQ(h.vcpu, 1);
    CHECK_EQ(h.vcpu_count, 0);
}
