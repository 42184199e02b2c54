/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads a recorder's words as text (see captured.h). */
#define _GNU_SOURCE
#include "captured.h"

#include "check.h"
#include "fake_qemu.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static LsRecorder *recorder;

static void started(LsRecorder *r)
{
    recorder = r;
}

LsRecorder *captured_recorder(void)
{
    return recorder;
}

void captured_start(unsigned max_vcpus)
{
    const char *missing = ls_api_bind();

    ls_capture.max_vcpus = max_vcpus;
    ls_capture.smp = max_vcpus > 1;
    ls_record_started = started;
    if (missing || !ls_record_choose_callbacks()) {
        abort();
    }
    ls_api_on_translate(7, ls_record_translate);
    ls_api_on_vcpu_init(7, ls_record_vcpu_init);
    fake_cpu_make(0);
    fake_cpu_run(0);
    fake_start_vcpu(0);
}

static char text[4 << 20];
static size_t text_length;

__attribute__((format(printf, 1, 2))) static void
add(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    text_length += (size_t)vsnprintf(text + text_length,
                                     sizeof(text) - text_length, format, args);
    va_end(args);
    if (text_length >= sizeof(text)) {
        abort();
    }
}

static void add_access(uint64_t word)
{
    add("%s %u %u %#" PRIx64,
        word & LS_ACCESS_STORE ? "store" : "load",
        ls_access_index(word), ls_access_bytes(word),
        (uint64_t)((int64_t)word >> 16));
}

/* Returns how many words follow that belong to this one. */
static size_t add_word(const uint64_t *at)
{
    uint64_t payload = at[0] >> 16;

    if (!(at[0] & LS_NOT_ACCESS)) {
        add_access(at[0]);
        return 0;
    }
    if (ls_word_is_block(at[0])) {
        add("block %u", ls_word_id(at[0]));
        return 0;
    }
    switch (at[0] & 0xffff) {
    case LS_W_REDO:
        add("redo %" PRIu64, payload);
        return 0;
    case LS_W_VCPU:
        add("vcpu %" PRIu64, payload);
        return 0;
    case LS_W_CR3:
        add("cr3 %#" PRIx64, at[1]);
        return 1;
    case LS_W_MAP:
        add("map %#" PRIx64 " ", payload);
        if (at[1] == LS_MAP_UNKNOWN) {
            add("unknown");
        } else {
            add("%#" PRIx64, at[1]);
        }
        return 1;
    case LS_W_UNMAP:
        add("unmap");
        return 0;
    case LS_W_DEVICE:
        add("device %" PRIu64 " %#" PRIx64, payload, at[1]);
        return 1;
    case LS_W_WIDE:
        add("wide %#" PRIx64, at[1]);
        return 1;
    case LS_W_PHYS:
        add("phys");
        return 0;
    case LS_W_PAGE_WALK:
        add("walk");
        return 0;
    case LS_W_EVENT:
        add("event %#" PRIx64 " error %" PRIx64 " ip %" PRIx64
            " cr2 %" PRIx64, payload, at[1], at[2], at[3]);
        return LS_EVENT_WORDS - 1;
    case LS_W_PORT:
        add("port %#" PRIx64 " %#" PRIx64, payload, at[1]);
        return 1;
    case LS_W_GAP:
        add("gap");
        return 1;
    default:
        add("impossible %#" PRIx64, at[0]);
        return 0;
    }
}

const char *captured_text(void)
{
    uint64_t *at = atomic_load(&recorder->ring.tail);
    uint64_t *head = atomic_load(&recorder->head);
    size_t left = ls_ring_between(&recorder->ring, at, head);

    text_length = 0;
    text[0] = 0;
    while (left) {
        size_t used;

        if (text_length) {
            add(" | ");
        }
        used = 1 + add_word(at);
        at += used;
        left -= used;
    }
    if (at >= recorder->turn) {
        at -= recorder->ring.size;
    }
    atomic_store(&recorder->ring.tail, at);
    return text;
}

LsTb *captured_first_block(void)
{
    LsTb *tb;

    captured_start(1);
    fake_map_ram(0x10, 0x80);
    tb = fake_translate(0x401000, LOAD_STORE);
    CHECK_TEXT(captured_text(), "vcpu 0");
    return tb;
}
