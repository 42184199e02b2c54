/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file: whole sections, and what happens when it cannot be written. */
#define _GNU_SOURCE
#include "check.h"
#include "encoded.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

static const uint8_t bytes[100000];

static uint64_t file_size(void)
{
    struct stat st;

    CHECK_EQ(stat(check_path("trace"), &st), 0);
    return (uint64_t)st.st_size;
}

TEST(sink_writes_sections_index_and_trailer)
{
    LsIndexEntry entry = { .first_ordinal = 11, .access_count = 12,
                           .block_count = 13, .icount = 14 };
    LsIndexEntry found;
    const TraceSection *s;
    uint64_t index_at;
    TraceFile t;

    CHECK_EQ(ls_sink_open(check_path("trace"), "{\"a\":1}"), 0);
    CHECK(ls_sink_append(LS_SECTION_CHUNK, 3, "chunk", 5, &entry));
    CHECK_EQ(ls_sink_bytes(), file_size());
    ls_sink_close("{}");
    CHECK_EQ(ls_sink_error(), 0);
    t = trace_read(check_path("trace"));
    CHECK_EQ(t.count, 5);
    s = trace_section(&t, LS_SECTION_HEADER, 0);
    CHECK(s->bytes == 7 && !memcmp(s->payload, "{\"a\":1}", 7));
    CHECK_EQ(s->stream, LS_NO_STREAM);
    s = trace_section(&t, LS_SECTION_CHUNK, 0);
    CHECK_EQ(s->stream, 3);
    CHECK(s->bytes == 5 && !memcmp(s->payload, "chunk", 5));
    CHECK(trace_section(&t, LS_SECTION_TOTALS, 0)->bytes == 2);
    s = trace_section(&t, LS_SECTION_INDEX, 0);
    CHECK_EQ(s->bytes, 8 + sizeof(found));
    CHECK(!memcmp(s->payload, "\1\0\0\0\0\0\0\0", 8));
    memcpy(&found, s->payload + 8, sizeof(found));
    CHECK_EQ(found.file_offset,
             trace_section(&t, LS_SECTION_CHUNK, 0)->offset);
    CHECK_EQ(found.kind, LS_SECTION_CHUNK);
    CHECK_EQ(found.stream, 3);
    CHECK_EQ(found.first_ordinal, 11);
    CHECK_EQ(found.icount, 14);
    memcpy(&index_at, trace_section(&t, LS_SECTION_TRAILER, 0)->payload, 8);
    CHECK_EQ(index_at, s->offset);
    CHECK(t.sections[4].kind == LS_SECTION_TRAILER);
}

TEST(sink_does_not_write_over_a_file)
{
    FILE *file = fopen(check_path("trace"), "w");

    fputs("mine", file);
    fclose(file);
    CHECK_EQ(ls_sink_open(check_path("trace"), "{}"), EEXIST);
    CHECK_EQ(file_size(), 4);
}

TEST(sink_says_that_the_folder_is_missing)
{
    CHECK_EQ(ls_sink_open(check_path("none/trace"), "{}"), ENOENT);
}

TEST(sink_writes_code_once)
{
    LsCodeHeader h;
    TraceFile t;

    CHECK_EQ(ls_sink_open(check_path("trace"), "{}"), 0);
    code_add(0x1000, MODE_64_USER, "8b 03;f3 a4");
    code_add(0x2000, MODE_UNKNOWN, "90");
    code_add(0x3000, MODE_16, "90;90");
    CHECK(ls_sink_code(0));
    CHECK(ls_sink_code(2));
    CHECK(ls_sink_code(1));
    CHECK(ls_sink_code(3));
    ls_sink_close("{}");
    t = trace_read(check_path("trace"));
    CHECK_EQ(trace_count(&t, LS_SECTION_CODE), 2);
    memcpy(&h, trace_section(&t, LS_SECTION_CODE, 0)->payload, sizeof(h));
    CHECK_EQ(h.first_id, 0);
    CHECK_EQ(h.count, 2);
    CHECK_EQ(h.raw_bytes, 20 + 2 + 4 + 20 + 1 + 1);
    memcpy(&h, trace_section(&t, LS_SECTION_CODE, 1)->payload, sizeof(h));
    CHECK_EQ(h.first_id, 2);
    CHECK_EQ(h.count, 1);
}

static void limit_files(uint64_t size)
{
    struct rlimit limit = { size, RLIM_INFINITY };

    signal(SIGXFSZ, SIG_IGN);
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

TEST(sink_cuts_the_file_back_to_its_last_whole_section)
{
    uint64_t whole = 0;
    TraceFile t;

    limit_files(250000);
    CHECK_EQ(ls_sink_open(check_path("trace"), "{}"), 0);
    for (unsigned i = 0; i < 10; i++) {
        bool ok = ls_sink_append(LS_SECTION_CHUNK, 0, bytes, sizeof(bytes),
                                 NULL);

        CHECK_EQ(ok, i < 2);
        whole = i == 1 ? ls_sink_bytes() : whole;
    }
    CHECK_EQ(ls_sink_error(), EFBIG);
    CHECK_EQ(ls_sink_bytes(), whole);
    CHECK_EQ(file_size(), whole);
    /* What would fit comes too late. */
    limit_files(RLIM_INFINITY);
    CHECK(!ls_sink_append(LS_SECTION_CHUNK, 0, "a", 1, NULL));
    ls_sink_close("{}");
    CHECK_EQ(ls_sink_error(), EFBIG);
    t = trace_read(check_path("trace"));
    CHECK_EQ(t.count, 3);
    CHECK_EQ(t.size, whole);
}

TEST(sink_counts_only_what_was_written)
{
    LsEncoder *e = encoded_start((LsLimits){ 0 }, 1);
    TraceFile t;

    code_add(0x1000, MODE_64_KERNEL, "8b 03");
    encoded_all(e, "vcpu 0|block 0|map 0x10 0x80|load 0 4 0x10000|");
    ls_chunk_seal(e);
    limit_files(ls_sink_bytes() + 50);
    encoded_all(e, "block 0|load 0 4 0x10000|block 0|load 0 4 0x10000|");
    encoded_close(&e, 1, "write-error");
    CHECK_EQ(ls_sink_error(), EFBIG);
    CHECK_EQ(e->totals.accesses + e->totals.blocks, 6);
    CHECK_EQ(e->totals.written, 2);
    t = trace_read(check_path("trace"));
    CHECK_EQ(trace_count(&t, LS_SECTION_CHUNK), 1);
    CHECK_EQ(trace_count(&t, LS_SECTION_TOTALS), 0);
}

enum { THREADS = 4, SECTIONS = 200 };

static void *append_many(void *argument)
{
    uint32_t stream = (uint32_t)(uintptr_t)argument;

    for (unsigned i = 0; i < SECTIONS; i++) {
        LsIndexEntry entry = { .first_ordinal = i };

        ls_sink_append(LS_SECTION_CHUNK, stream, bytes, i, &entry);
    }
    return NULL;
}

TEST(threads_append_whole_sections)
{
    unsigned seen[THREADS] = { 0 };
    pthread_t threads[THREADS];
    TraceFile t;

    CHECK_EQ(ls_sink_open(check_path("trace"), "{}"), 0);
    for (uintptr_t i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, append_many, (void *)i);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    ls_sink_close("{}");
    t = trace_read(check_path("trace"));
    CHECK_EQ(trace_count(&t, LS_SECTION_CHUNK), THREADS * SECTIONS);
    for (unsigned i = 0; i < t.count; i++) {
        if (t.sections[i].kind == LS_SECTION_CHUNK) {
            CHECK_EQ(t.sections[i].bytes, seen[t.sections[i].stream]++);
        }
    }
    CHECK_EQ(trace_section(&t, LS_SECTION_INDEX, 0)->bytes,
             8 + THREADS * SECTIONS * sizeof(LsIndexEntry));
}
