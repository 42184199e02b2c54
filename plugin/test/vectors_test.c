/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Golden traces, ../test/vectors/c-NAME.hex: what the encoder makes of words.
 * c-NAME.json next to each says what a reader must get, written by hand from
 * the words below; src/format reads both.  `make vectors` writes the hex files
 * anew; a difference that was not meant is a bug.
 */
#define _GNU_SOURCE
#include "check.h"
#include "encoded.h"

#include <limits.h>

static const LsLimits no_limits;

/* The clock, as the chunk's times. */
static void set_time(uint64_t ns)
{
    clock_stands = true;
    fixed_now = ns;
}

static void record(LsLimits limits, uint32_t vcpus, const char *words)
{
    LsEncoder *e;

    set_time(1000);
    e = encoded_start(limits, vcpus);
    encoded_all(e, words);
    set_time(2000);
    encoded_close(&e, 1, e->limit_reached ? "limit" : "guest-exit");
}

static void record_loop(void)
{
    code_add(0xffffffff81000000, MODE_64_KERNEL, "48 8b 03;48 89 02;75 f8");
    code_add(0xffffffff81000008, MODE_64_KERNEL, "48 8b 45 f8;c3");
    record(no_limits, 1,
           "vcpu 0 | block 0 | map 0xffff888000010 0x10 |"
           "load 0 8 0xffff888000010000 | store 1 8 0xffff888000010800 |"
           "block 0 |"
           "load 0 8 0xffff888000010008 | store 1 8 0xffff888000010808 |"
           "block 0 |"
           "load 0 8 0xffff888000010010 | store 1 8 0xffff888000010810 |"
           "block 0 |"
           "load 0 8 0xffff888000010018 | store 1 8 0xffff888000010818 |"
           "block 1 | map 0xffffc90000003 0x55 |"
           "load 0 8 0xffffc90000003ff8 | load 1 8 0xffffc90000003fd0 |"
           "block 0 |"
           "load 0 8 0xffff888000010020 | store 1 8 0xffff888000010820 |"
           "block 0 |"
           "load 0 8 0xffff888000010028 | store 1 8 0xffff888000010828 |");
}

/* An exception with its delivery, then what the MMU and a port had to tell. */
static void record_reconstructed(void)
{
    code_add(0x401000, MODE_64_USER, "8b 03;89 0b");
    code_add(0, MODE_64_KERNEL & ~(1 << 15), "");
    code_add(0xffffffff81000000, MODE_64_KERNEL, "e4 71;89 07");
    record(no_limits, 1,
           "vcpu 0 | block 0 | map 0x10 0x0167000000000080 |"
           "load 0 4 0x10010 | event 0x200e 0 0x401002 0x20000 | block 1 |"
           "map 0xfffffe0000000 0x90 | load 0 4 0xfffffe00000000e0 |"
           "load 0 4 0xfffffe00000000e4 | map 0xfffffe0000003 0x0168000000000091 |"
           "page-walk | store 0 8 0x92018 | store 0 8 0xfffffe0000003ff8 |"
           "block 2 | port 0x1080071 0x33 | map 0xffff888000011 0x0154000000000010 |"
           "page-walk | store 1 8 0x93020 | store 1 4 0xffff888000011000 |"
           "block 0 | load 0 4 0x10018 | store 1 4 0x10020 |");
}

static void record_rep(void)
{
    code_add(0x401000, MODE_64_USER, "90;f3 a4");
    code_add(0x401001, MODE_64_USER, "f3 a4");
    code_add(0xffffffff81000100, MODE_64_KERNEL, "48 89 07");
    record(no_limits, 1,
           "vcpu 0 |"
           "block 0 | map 0x10 0x80 |"
           "load 1 1 0x10000 | store 1 1 0x10800 |"
           "block 1 | load 0 1 0x10001 | store 0 1 0x10801 |"
           "event 0x120 0 0x401001 0 |" /* suspends it */
           "block 2 | store 0 8 0x10f00 |"
           "block 1 | load 0 1 0x10002 | store 0 1 0x10802 |"
           "block 1 | load 0 1 0x10003 | store 0 1 0x10803 |"
           "block 1 | load 0 1 0x10004 |"
           "event 14 6 0x401001 0x11000 |" /* before it could store */
           "block 2 | store 0 8 0x10f00");
}

static void record_notes(void)
{
    code_add(0x401000, MODE_64_USER, "8b 03;89 01");
    code_add(0xffffffff81000000, MODE_64_KERNEL, "0f 01 da");
    code_add(0x401002, MODE_64_USER, "89 01");
    record(no_limits, 2,
           "vcpu 0 | cr3 0x1000 | unmap |"
           "block 0 | map 0x10 0x80 | load 0 4 0x10020 |"
           "map 0x20 unknown | store 1 4 0x20040 |"
           "block 0 | unmap | wide 0x00abcdef00001234 |"
           "map 0x00abcdef00001 0x99 | load 0 4 0x00abcdef00001234 |"
           "device 0 0xfee00030 | store 1 4 0x30030 |"
           "block 0 | map 0x10 0x80 | load 0 4 0x10000 |"
           "event 14 6 0x401002 0x50000 |" /* a cut */
           "block 1 | phys | load 0 8 0x7f008 |"
           "unmap | gap 5000000 |"
           "vcpu 1 | unmap | block 2 | map 0x10 0x81 | store 0 4 0x10044");
}

static void record_crossings(void)
{
    code_add(0x1000, MODE_64_KERNEL, "48 8b 03;48 89 01");
    record(no_limits, 1,
           "vcpu 0 |"
           "block 0 | map 0x10 0x80 | map 0x11 0x33 | load 0 8 0x10ffc |"
           "device 1 0xfee00000 | store 1 8 0x10ffd |"
           "block 0 | device 0 0xfee00ffe | map 0x21 0x44 |"
           "load 0 8 0x20ffe |"
           "device 0 0xfee00fff | device 1 0xfee01000 | store 1 8 0x20fff |"
           "block 0 | map 0x12 unknown | load 0 8 0x11ffc |"
           "store 1 64 0x10fc1");
}

static void record_unknown_page(void)
{
    code_add(0x1000, MODE_UNKNOWN, "8b 03");
    record(no_limits, 1,
           "vcpu 0 | block 0 | map 0x30 unknown | load 0 4 0x30000 |"
           "block 0 | load 0 4 0x30004 |"
           "block 0 | map 0x30 0x99 | load 0 4 0x30008 |"
           "block 0 | load 0 4 0x3000c");
}

static void record_wide_address(void)
{
    code_add(0x1000, MODE_64_KERNEL, "48 8b 03;48 8b 06");
    record(no_limits, 1,
           "vcpu 0 |"
           "block 0 | map 0x7fffffffe 0x1 | load 0 8 0x7fffffffeff0 |"
           "map 0xffff800000001 0x2 | load 1 8 0xffff800000001008 |"
           "block 0 | load 0 8 0xffff800000001010 |"
           "load 1 8 0x7fffffffeff8 |"
           "block 0 | wide 0xff11000000002000 | map 0xff11000000002 0x3 |"
           "load 0 8 0xff11000000002000 | map 0 0x4 | load 1 8 0x8 |"
           "block 0 | map 0xfffffffffffff 0x5 |"
           "load 0 8 0xfffffffffffffff8 | load 1 8 0");
}

static void record_two_vcpus(void)
{
    code_add(0x1000, MODE_32_USER, "8b 03");
    code_add(0x2000, MODE_32_USER, "f3 ab");
    record(no_limits, 2,
           "vcpu 0 | cr3 0x5000 | unmap |"
           "block 0 | map 0x10 0x80 | load 0 4 0x10000 |"
           "block 1 | map 0x11 0x90 | store 0 4 0x11000 |"
           "vcpu 1 | unmap | cr3 0x6000 | unmap |"
           "block 0 | map 0x10 0x81 | load 0 4 0x10000 |"
           "block 0 | load 0 4 0x10004 |"
           "vcpu 0 | unmap | cr3 0x5000 | unmap |"
           "block 1 | map 0x11 0x90 | store 0 4 0x11004 |" /* goes on */
           "block 0 | map 0x10 0x80 | load 0 4 0x10008");
}

static void record_cuts(void)
{
    code_add(0x1000, MODE_64_KERNEL, "8b 03;01 01;89 02");
    code_add(0x1002, MODE_64_KERNEL, "01 01");
    code_add(0x1004, MODE_64_KERNEL, "89 02");
    code_add(0x2000, MODE_64_KERNEL, "90;f3 a4");
    code_add(0x2001, MODE_64_KERNEL, "f3 a4");
    record(no_limits, 1,
           "vcpu 0 |"
           "block 0 | map 0x10 0x80 | load 0 4 0x10000 |"
           "load 1 4 0x10008 | store 1 4 0x10008 |"
           "event 14 3 0x1002 0x10008 |" /* exception */
           "block 2 | store 0 4 0x10010 |"
           "block 0 | load 0 4 0x10000 |"
           "redo 1 | device 0 0xb8000 | load 0 4 0x20000 |" /* device */
           "device 0 0xb8000 | store 0 4 0x20000 |"
           "block 2 | store 0 4 0x10014 |"
           "block 0 | load 0 4 0x10000 | load 1 4 0x1000c |"
           "block 1 | load 0 4 0x1000c | store 0 4 0x1000c |" /* modified */
           "block 2 | store 0 4 0x10018 |"
           "block 3 | load 1 1 0x10100 | store 1 1 0x10200 |"
           "event 0x120 0 0x2001 0 |" /* rep suspended */
           "block 2 | store 0 4 0x1001c |"
           "block 4 | load 0 1 0x10101 | store 0 1 0x10201");
}

static void record_walk(void)
{
    code_add(0x1000, MODE_64_KERNEL, "8b 03");
    record(no_limits, 1,
           "vcpu 0 | block 0 | map 0x10 0x80 | load 0 4 0x10000 |"
           "block 0 | map 0x14 0x81 | load 0 4 0x14000 |"
           "block 0 | load 0 4 0x10008 |"
           "block 0 | load 0 4 0x14008 |" /* two strides in turn */
           "block 0 | map 0x18 0x82 | load 0 4 0x18000 |"
           "block 0 | map 0x1a 0x83 | load 0 4 0x1a000 |"
           "block 0 | load 0 4 0x10008 |"
           "block 0 | load 0 4 0x14008 |" /* what came after it before */
           "block 0 | load 0 4 0x18000 |"
           "block 0 | load 0 4 0x1a000");
}

static void record_limit(void)
{
    code_add(0x1000, MODE_64_KERNEL, "8b 03;01 01;89 02");
    record((LsLimits){ .accesses = 6 }, 1,
           "vcpu 0 |"
           "block 0 | map 0x10 0x80 | load 0 4 0x10000 |"
           "load 1 4 0x10008 | store 1 4 0x10008 | store 2 4 0x10010 |"
           "block 0 | load 0 4 0x10004 | load 1 4 0x10008 |" /* up to here */
           "store 1 4 0x10008 | store 2 4 0x10014 |"
           "block 0 | load 0 4 0x10008");
}

static void record_chunks(void)
{
    LsEncoder *e;

    code_add(0x401000, MODE_64_USER, "90;f3 a4");
    code_add(0x401001, MODE_64_USER, "f3 a4");
    code_add(0x402000, MODE_64_USER, "8b 03");
    set_time(1000);
    e = encoded_start(no_limits, 2);
    encoded_all(e, "vcpu 0 | cr3 0x5000 | unmap |"
                   "block 2 | map 0x10 0x80 | load 0 4 0x10000 |"
                   "block 0 | load 1 1 0x10100 | store 1 1 0x10200");
    ls_chunk_seal(e);
    set_time(2000);
    encoded_all(e, "block 1 | load 0 1 0x10101 | store 0 1 0x10201 |"
                   "vcpu 1 | unmap | cr3 0x6000 | unmap |"
                   "block 2 | map 0x11 0x91 | load 0 4 0x11000");
    ls_chunk_seal(e);
    set_time(3000);
    code_add(0x403000, MODE_64_USER, "89 03");
    encoded_all(e, "block 2 | load 0 4 0x11004 |"
                   "vcpu 0 | unmap | cr3 0x5000 | unmap |"
                   "block 1 | map 0x10 0x80 | load 0 1 0x10102 |"
                   "store 0 1 0x10202 | block 3 | store 0 4 0x10300");
    encoded_close(&e, 1, "guest-exit");
}

static void record_streams(void)
{
    LsEncoder *both[2];

    code_add(0x1000, MODE_64_KERNEL, "8b 03");
    set_time(1000);
    both[0] = encoded_start(no_limits, 2);
    both[1] = ls_encoder_new(1, 2, no_limits);
    encoded_all(both[1], "vcpu 1 | block 0 | map 0x10 0x80 |"
                         "load 0 4 0x10004 | block 0 | load 0 4 0x10008");
    encoded_all(both[0], "vcpu 0 | block 0 | map 0x10 0x80 |"
                         "load 0 4 0x10000");
    set_time(2000);
    encoded_close(both, 2, "stopped");
}

static void record_packed(void)
{
    code_add(0x1000, MODE_16,
             "90;90;90;90;90;90;90;90;90;90;90;90;90;90;90;90;90;90;90;90;"
             "90;90;90;90;90;90;90;90;90;90;90;90;90;90;90;90;90;90;90;90;"
             "8b 07");
    record(no_limits, 1,
           "vcpu 0 | block 0 | unmap | unmap | unmap | unmap | unmap |"
           "unmap | unmap | unmap | unmap | unmap | unmap | unmap | unmap |"
           "unmap | unmap | unmap | unmap | unmap | unmap | unmap | unmap |"
           "map 0x10 0x80 | load 40 2 0x10000 | block 0 |"
           "load 40 2 0x10004");
}

/* The file as hex with comments */

static void put_bytes(FILE *out, const char *comment, const uint8_t *at,
                      size_t bytes)
{
    if (!bytes) {
        return;
    }
    fprintf(out, "# %s\n", comment);
    for (size_t i = 0; i < bytes; i++) {
        fprintf(out, "%02x%c", at[i],
                i % 32 == 31 || i + 1 == bytes ? '\n' : ' ');
    }
}

static void put_chunk(FILE *out, const TraceSection *s)
{
    static const char *const names[LS_STREAMS] = {
        "blockRuns", "blockCodes", "blockIds", "shapes", "accessRuns",
        "accessCodes", "delta1", "delta2", "delta3", "delta6", "notes",
    };
    LsChunkHeader h = chunk_header(s);
    LsStreamSize sizes[LS_STREAMS];
    const uint8_t *at = s->payload;

    put_bytes(out, "counts, places, times, bounds", at, sizeof(h));
    at += sizeof(h);
    put_bytes(out, "vCPU states", at, h.vcpu_count * sizeof(LsVcpuState));
    at += h.vcpu_count * sizeof(LsVcpuState);
    put_bytes(out, "sizes of the streams", at, sizeof(sizes));
    memcpy(sizes, at, sizeof(sizes));
    at += sizeof(sizes);
    for (unsigned i = 0; i < LS_STREAMS; i++) {
        put_bytes(out, names[i], at, sizes[i].stored_bytes);
        at += sizes[i].stored_bytes;
    }
}

static void put_vector(FILE *out, const char *comment, const TraceFile *t)
{
    static const char *const kinds[] = {
        NULL, "header", "code", "chunk", "totals", "index", "trailer",
    };

    fprintf(out, "# %s\n# Written by plugin/test/vectors_test.c\n\n", comment);
    put_bytes(out, "file header", t->bytes, sizeof(LsFileHeader));
    for (unsigned i = 0; i < t->count; i++) {
        const TraceSection *s = &t->sections[i];

        fputc('\n', out);
        put_bytes(out, kinds[s->kind], t->bytes + s->offset,
                  sizeof(LsSectionHeader));
        if (s->kind == LS_SECTION_CHUNK) {
            put_chunk(out, s);
        } else {
            put_bytes(out, "payload", s->payload, s->bytes);
        }
    }
}

/* Writes the bytes of a hex file to `path`. */
static bool unhex(FILE *in, const char *path)
{
    FILE *out = fopen(path, "wb");
    char line[256];

    while (fgets(line, sizeof(line), in)) {
        char *at = line, *end;

        line[strcspn(line, "#\n")] = 0;
        for (;; at = end) {
            unsigned long byte = strtoul(at, &end, 16);

            if (end == at) {
                break;
            }
            fputc((int)byte, out);
        }
    }
    return fclose(out) == 0;
}

/* Frames differ between versions of zstd, what is in them does not. */
static void compare_unpacked(const TraceFile *a, const TraceFile *b)
{
    unsigned frames = 0;

    CHECK_EQ(a->count, b->count);
    for (unsigned i = 0; i < a->count; i++) {
        const TraceSection *s = &a->sections[i], *other = &b->sections[i];

        CHECK_EQ(s->kind, other->kind);
        if (s->kind != LS_SECTION_CHUNK) {
            continue;
        }
        CHECK(!memcmp(s->payload, other->payload, sizeof(LsChunkHeader)));
        for (unsigned k = 0; k < LS_STREAMS; k++) {
            LsBuffer raw = chunk_stream(s, k);
            LsBuffer other_raw = chunk_stream(other, k);

            CHECK_EQ(raw.length, other_raw.length);
            CHECK(!memcmp(raw.bytes, other_raw.bytes, raw.length));
        }
        for (unsigned k = 0; k + 4 <= s->bytes; k++) {
            frames += !memcmp(s->payload + k, "\x28\xb5\x2f\xfd", 4);
        }
    }
    CHECK(frames > 0);
}

static void compare_bytes(const TraceFile *found, const TraceFile *expected)
{
    size_t at = 0;

    while (at < found->size && at < expected->size &&
           found->bytes[at] == expected->bytes[at]) {
        at++;
    }
    CHECK_EQ(found->size, expected->size);
    check_context("at the first byte that differs");
    CHECK_EQ(at, found->size);
}

static void check_vector(const char *name, const char *comment,
                         void (*make)(void), bool packed)
{
    char path[256], golden[PATH_MAX + 64];
    TraceFile found, expected;
    FILE *file;

    zstd_is_off = !packed;
    make();
    found = trace_read(check_path("trace"));
    snprintf(path, sizeof(path), "../test/vectors/c-%s.hex", name);
    if (getenv("WRITE_VECTORS")) {
        file = fopen(path, "w");
        if (CHECK(file != NULL)) {
            put_vector(file, comment, &found);
            fclose(file);
        }
        return;
    }
    file = fopen(path, "r");
    snprintf(golden, sizeof(golden), "%s", check_path("golden"));
    if (!CHECK(file != NULL) || !CHECK(unhex(file, golden))) {
        return;
    }
    fclose(file);
    expected = trace_read(golden);
    if (packed) {
        compare_unpacked(&found, &expected);
    } else {
        compare_bytes(&found, &expected);
    }
}

#define VECTOR(name, file, comment, packed)                                \
    TEST(vector_##name)                                                    \
    {                                                                      \
        check_vector(file, comment, record_##name, packed);                \
    }

VECTOR(loop, "loop", "a loop over memory, then a return, then the loop", false)
VECTOR(rep, "rep",
       "rep movsb: goes on, is suspended by an interrupt, faults", false)
VECTOR(notes, "notes", "a note of every kind", false)
VECTOR(reconstructed, "reconstructed",
       "event delivery, page walks, kinds of pages, a port", false)
VECTOR(crossings, "crossings",
       "accesses to two pages: memory, devices, unknown ones", false)
VECTOR(unknown_page, "unknown-page",
       "a page that becomes known, in code whose mode is not", false)
VECTOR(wide_address, "wide-address",
       "both halves of the address space and an address of 57 bits", false)
VECTOR(two_vcpus, "two-vcpus",
       "two vCPUs of one thread; one has a rep instruction under way", false)
VECTOR(cuts, "cuts",
       "blocks left by an exception, for a device, by their own store, by an "
       "interrupt", false)
VECTOR(walk, "walk", "addresses that follow each other again", false)
VECTOR(limit, "limit", "a limit of six accesses, within a block", false)
VECTOR(chunks, "chunks",
       "three chunks; a rep instruction goes on over their ends", false)
VECTOR(streams, "streams", "two vCPU threads", false)
VECTOR(packed, "packed", "zstd frames", true)
