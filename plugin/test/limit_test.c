/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The recording's limits: as many accesses and instructions as were asked for
 * and not one more; a file that is never larger. */
#define _GNU_SOURCE
#include "check.h"
#include "encoded.h"

#include <sys/stat.h>

/* Three instructions with four accesses, then a rep instruction. */
static const char program[] =
    "vcpu 0|block 0|map 0x10 0x80|load 0 4 0x10000|load 1 4 0x10008|"
    "store 1 4 0x10008|store 2 4 0x10010|"
    "block 1|load 1 1 0x10000|store 1 1 0x10800|"
    "block 2|load 0 1 0x10001|store 0 1 0x10801|"
    "block 2|load 0 1 0x10002|store 0 1 0x10802|"
    "block 0|load 0 4 0x10000|load 1 4 0x11000|event 14 0 0x1002 0x11000|"
    "block 0|load 0 4 0x10000|load 1 4 0x10008|"
    "store 1 4 0x10008|store 2 4 0x10010|block 3|"
    "block 0|load 0 4 0x10000|load 1 4 0x10008|"
    "store 1 4 0x10008|store 2 4 0x10010|";

enum { INSTRUCTIONS = 13, ACCESSES = 19, ABORTED = 1 };

static LsEncoder *run(LsLimits limits, TraceFile *t)
{
    LsEncoder *e = encoded_start(limits, 1);

    code_add(0x1000, MODE_64_KERNEL, "8b 03;01 01;89 02");
    code_add(0x2000, MODE_64_KERNEL, "90;f3 a4");
    code_add(0x2001, MODE_64_KERNEL, "f3 a4");
    code_add(0x3000, MODE_64_KERNEL, "90");
    encoded_all(e, program);
    encoded_close(&e, 1, e->limit_reached ? "limit" : "guest-exit");
    *t = trace_read(check_path("trace"));
    CHECK_EQ(e->totals.words - e->totals.side_words - e->totals.undelivered,
             e->totals.accesses + e->totals.blocks);
    CHECK_EQ(e->totals.written, e->totals.accesses + e->totals.blocks);
    return e;
}

/* One limit for each process; the name says which. */
static void check_accesses(uint64_t limit)
{
    TraceFile t;
    LsEncoder *e = run((LsLimits){ .accesses = limit }, &t);

    CHECK_EQ(e->totals.loads + e->totals.stores, limit);
    CHECK(e->limit_reached);
}

static void check_instructions(uint64_t limit)
{
    TraceFile t;
    LsEncoder *e = run((LsLimits){ .instructions = limit }, &t);

    CHECK_EQ(e->totals.instructions, limit);
    CHECK(e->limit_reached);
}

#define EACH(n)                                                            \
    TEST(limit_of_accesses_##n) { check_accesses(n); }                     \
    TEST(limit_of_instructions_##n) { check_instructions(n); }

EACH(1) EACH(2) EACH(3) EACH(4) EACH(5) EACH(6) EACH(7) EACH(8) EACH(9)
EACH(10) EACH(11) EACH(12)

TEST(limit_of_accesses_14) { check_accesses(14); }
TEST(limit_of_accesses_15) { check_accesses(15); }
TEST(limit_of_accesses_18) { check_accesses(18); }
TEST(limit_of_accesses_19) { check_accesses(19); }
TEST(limit_of_instructions_13) { check_instructions(13); }

TEST(limit_that_is_not_reached)
{
    TraceFile t;
    LsEncoder *e = run((LsLimits){ ACCESSES + 1, INSTRUCTIONS + 1,
                                   UINT64_C(1) << 40 }, &t);

    CHECK(!e->limit_reached);
    CHECK_EQ(e->totals.instructions, INSTRUCTIONS);
    CHECK_EQ(e->totals.loads + e->totals.stores, ACCESSES);
    CHECK_EQ(e->totals.aborted, ABORTED);
}

TEST(limit_of_accesses_in_the_middle_of_a_block_cuts_it)
{
    TraceFile t;

    run((LsLimits){ .accesses = 2 }, &t);
    CHECK_TEXT(chunk_notes(trace_section(&t, LS_SECTION_CHUNK, 0)),
               "@0,0 vcpu 0 | @0,0 cut 1 0 cause 5");
}

TEST(limit_of_accesses_at_the_end_of_a_block_does_not_cut_it)
{
    TraceFile t;

    run((LsLimits){ .accesses = 4 }, &t);
    CHECK_TEXT(chunk_notes(trace_section(&t, LS_SECTION_CHUNK, 0)),
               "@0,0 vcpu 0");
}

TEST(limit_leaves_no_aborted_accesses_behind)
{
    TraceFile t;
    LsEncoder *e = run((LsLimits){ .accesses = 11 }, &t);

    CHECK_EQ(e->totals.aborted, 0);
    CHECK_EQ(e->totals.accesses, 11);
    CHECK_TEXT(chunk_notes(trace_section(&t, LS_SECTION_CHUNK, 0)),
               "@0,0 vcpu 0 | @4,10 cut 1 0 cause 5");
}

/* Bytes */

static uint64_t random_state = 1;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static uint64_t file_size(void)
{
    struct stat st;

    CHECK_EQ(stat(check_path("trace"), &st), 0);
    return (uint64_t)st.st_size;
}

/* One block execution with accesses at random, which nothing makes smaller. */
static size_t random_words(uint64_t *words, uint32_t id, unsigned accesses)
{
    size_t count = 0;

    words[count++] = ls_word_of_block(id, 0);
    for (unsigned i = 0; i < accesses; i++) {
        words[count++] = next_random() << 16 | 2 << LS_ACCESS_SIZE_SHIFT;
    }
    return count;
}

/* A block of 100 instructions of 8 bytes, at random. */
static uint32_t random_code(uint64_t vaddr)
{
    char hex[100 * 17 + 1], *at = hex;

    for (unsigned i = 0; i < 100; i++) {
        at += sprintf(at, "%s%016llx", i ? ";" : "",
                      (unsigned long long)next_random());
    }
    return code_add(vaddr, MODE_64_KERNEL, hex);
}

/* Feeds `encoders` in turn until all have reached the limit; each execution is
 * of a new block or always the same. */
static void fill(LsEncoder **encoders, unsigned count, bool new_code,
                 unsigned accesses)
{
    uint64_t words[256];
    unsigned full = 0;
    uint32_t id = random_code(0);

    for (unsigned i = 0; i < count; i++) {
        words[0] = LS_W_VCPU;
        ls_encode_words(encoders[i], words, 1, false);
    }
    for (uint32_t round = 1; full < count && round < 1000000; round++) {
        full = 0;
        if (new_code) {
            id = random_code(round << 12);
        }
        for (unsigned i = 0; i < count; i++) {
            size_t n = random_words(words, id, accesses);

            ls_encode_words(encoders[i], words, n, true);
            full += encoders[i]->limit_reached;
        }
    }
    CHECK_EQ(full, count);
    encoded_close(encoders, count, "limit");
}

static void check_bytes(uint64_t limit)
{
    LsEncoder *e = encoded_start((LsLimits){ .bytes = limit }, 1);
    TraceFile t;

    fill(&e, 1, false, 200);
    CHECK(file_size() <= limit);
    CHECK(limit < 500000 || file_size() >= limit / 2);
    t = trace_read(check_path("trace"));
    CHECK_EQ(trace_count(&t, LS_SECTION_TRAILER), 1);
}

TEST(limit_of_200_000_bytes) { check_bytes(200000); }
TEST(limit_of_1_000_000_bytes) { check_bytes(1000000); }
TEST(limit_of_9_999_999_bytes) { check_bytes(9999999); }

/* Every execution brings a new block, whose code nothing makes smaller. */
TEST(limit_of_bytes_counts_code)
{
    LsEncoder *e = encoded_start((LsLimits){ .bytes = 2000000 }, 1);

    fill(&e, 1, true, 1);
    CHECK(file_size() <= 2000000);
    CHECK(file_size() >= 1000000);
}

/* What is open in one stream counts for the other. */
TEST(limit_of_bytes_counts_all_streams)
{
    LsLimits limits = { .bytes = 2000000 };
    LsEncoder *both[2] = { encoded_start(limits, 2),
                           ls_encoder_new(1, 2, limits) };

    fill(both, 2, false, 200);
    CHECK(file_size() <= 2000000);
    CHECK(file_size() >= 1000000);
}
