/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nested guests: that one was left, by what its VMCB says. */
#include "captured.h"
#include "check.h"
#include "fake_qemu.h"
#include "guest_ram.h"
#include "nested.h"

#define V4 "FAKE_QEMU=4"
#define V1 "FAKE_QEMU=1"

enum { VMCB = 0x120000, EXIT_CODE = VMCB + 0x70, EXIT_INFO_2 = VMCB + 0x80,
       CONTROL = VMCB + 0x90, CS_BASE = VMCB + 0x418, RIP = VMCB + 0x578,
       RAX = -128 /* from eip */ };

static LsTb *host, *guest;

static void run_guest(bool on)
{
    fake_cpu_set_u32(0, LS_VIEW_HFLAGS, LS_HF_CS64 | LS_HF_LMA | LS_HF_PE |
                                            (on ? LS_HF_GUEST : 0u));
}

static void start(void)
{
    captured_start(1);
    guest_ram_start();
    fake_map_ram(0x10, 0x80);
    host = fake_translate(0x401000, "0f 01 d8;90");
    fake_enter(host);
    run_guest(true);
    guest = fake_translate(0x402000, LOAD_STORE);
    fake_enter(guest);
    captured_text();
    guest_put(EXIT_CODE, 8, 0x4e);
    guest_put(EXIT_INFO_2, 8, 0x77000);
    guest_put(CS_BASE, 8, 0x400000);
    guest_put(RIP, 8, 0x2002);
    fake_cpu_set(0, RAX, VMCB);
}

static void check_left(void)
{
    start();
    fake_enter(guest);
    CHECK_TEXT(captured_text(), "block 1");
    run_guest(false);
    fake_enter(host);
    CHECK_TEXT(captured_text(),
               "event 0x8000 error 4e ip 402002 cr2 77000 | unmap | block 0");
    CHECK_EQ(captured_recorder()->missing_deliveries, 0);
    CHECK_EQ(captured_recorder()->apart_events, 1);
    fake_enter(host);
    CHECK_TEXT(captured_text(), "block 0");
}

TEST_WITH(nested_guest_that_was_left, V4) { check_left(); }
TEST_WITH(nested_guest_that_was_left_with_api_1, V1) { check_left(); }

/* A block of the host is translated between the guest's and itself. */
TEST_WITH(nested_guest_that_was_left_for_new_code, V4)
{
    LsTb *new;

    start();
    run_guest(false);
    new = fake_translate(0x403000, "90");
    fake_enter(new);
    CHECK_TEXT(captured_text(),
               "event 0x8000 error 4e ip 402002 cr2 77000 | unmap | block 2");
}

/* Accesses of the guest's blocks are told, in QEMU 7.2 too. */
TEST_WITH(nested_accesses_with_api_1, V1)
{
    start();
    fake_load(guest, 0, 4, 0x10010);
    CHECK_TEXT(captured_text(), "map 0x10 0x80 | load 0 4 0x10010");
}

TEST_WITH(nested_vmcb_that_is_not_there, V4)
{
    start();
    run_guest(false);
    fake_cpu_set(0, RAX, VMCB + 8);
    fake_enter(host);
    CHECK_TEXT(captured_text(),
               "event 0x8000 error 0 ip ffffffffffffffff cr2 0 | unmap | block 0");
}

TEST_WITH(nested_paging_is_known_from_vmrun, V4)
{
    LsRecorder *r;

    start();
    r = captured_recorder();
    CHECK(ls_nested_is_paged(r)); /* it may */
    ls_nested_accessed(r, VMCB + 0x1400, true);
    ls_nested_accessed(r, VMCB + 0x440, false);
    CHECK(ls_nested_is_paged(r));
    ls_nested_accessed(r, VMCB + 0x400, false);
    CHECK(!ls_nested_is_paged(r));
    guest_put(CONTROL, 8, 1);
    CHECK(ls_nested_is_paged(r));
    run_guest(false);
    fake_enter(host);
    CHECK(!ls_nested_is_paged(r));
}

/* The host's pages may be others than the guest's under the same CR3. */
TEST_WITH(nested_pages_are_forgotten_with_the_guest, V4)
{
    LsTb *reader;

    start();
    fake_load(guest, 0, 4, 0x10010);
    run_guest(false);
    reader = fake_translate(0x403000, LOAD_STORE);
    captured_text();
    fake_map_ram(0x10, 0x90);
    fake_enter(reader);
    fake_load(reader, 0, 4, 0x10010);
    CHECK_TEXT(captured_text(),
               "event 0x8000 error 4e ip 402002 cr2 77000 | unmap | block 2 | "
               "map 0x10 0x90 | load 0 4 0x10010");
}

/* Recording was paused: which guests ran is of another time. */
TEST_WITH(nested_guest_before_a_gap_is_not_left_behind_it, V4)
{
    start();
    run_guest(false);
    ls_record_gap(captured_recorder());
    captured_text();
    fake_enter(host);
    CHECK_TEXT(captured_text(), "block 0");
}

/* RAX leads elsewhere: the vCPU was reset. */
TEST_WITH(nested_guest_whose_vmcb_is_another, V4)
{
    start();
    ls_nested_accessed(captured_recorder(), VMCB + 0x1400, false);
    run_guest(false);
    fake_enter(host);
    CHECK_TEXT(captured_text(),
               "event 0x8000 error 0 ip ffffffffffffffff cr2 0 | unmap | block 0");
}
