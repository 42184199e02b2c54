/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory audit, and what it learns of devices, on made-up guest memory. */
#define _GNU_SOURCE
#include "audit.h"
#include "captured.h"
#include "check.h"
#include "events.h"
#include "fake_qemu.h"
#include "fw_cfg.h"
#include "guest_ram.h"
#include "virtio.h"

#include <stdlib.h>
#include <string.h>

enum { PLACE = 0x200010, PAGE = PLACE >> 12, OFFSET = PLACE & 4095 };

static void start(void)
{
    captured_start(1);
    guest_ram_start();
    CHECK(ls_audit_begin());
    CHECK(ls_audit_is_on());
}

/* A store by the guest, which a callback reports. */
static void store(uint64_t paddr, unsigned bytes, uint64_t value)
{
    guest_put(paddr, bytes, value);
    ls_audit_store(paddr >> 12, paddr & 4095, bytes);
}

static void compare(void)
{
    ls_audit_compare(captured_recorder());
}

static const char *report(void)
{
    LsBuffer out = { 0 };

    ls_audit_report(&out);
    ls_buffer_reserve(&out, 1);
    out.bytes[out.length] = 0;
    return (const char *)out.bytes;
}

/* A number behind a name in the report. */
static uint64_t told(const char *name)
{
    char quoted[64];
    const char *at;

    snprintf(quoted, sizeof(quoted), "\"%s\":", name);
    at = strstr(report(), quoted);
    return at ? strtoull(at + strlen(quoted), NULL, 10) : UINT64_MAX;
}

TEST(audit_of_reported_stores_finds_nothing)
{
    start();
    store(PLACE, 8, 0x1122334455667788);
    store(0x7ffc, 4, 1);
    compare();
    CHECK_EQ(told("auditedBytes"), GUEST_RAM_BYTES);
    CHECK_EQ(told("comparisons"), 1);
    CHECK_EQ(told("differingBytes"), 0);
    CHECK_EQ(told("unknownBytes"), 0);
    CHECK(strstr(report(), "\"ranges\":[]") != NULL);
}

TEST(audit_finds_a_store_that_was_not_reported)
{
    start();
    guest_put(PLACE, 4, 0x44332211);
    guest_put(PLACE + 6, 1, 1);
    compare();
    CHECK_EQ(told("differingBytes"), 5);
    CHECK_EQ(told("unknownBytes"), 5);
    CHECK_EQ(told("unknown"), 5);
    CHECK(strstr(report(), "\"ranges\":[{\"paddr\":2097168,\"bytes\":4},"
                           "{\"paddr\":2097174,\"bytes\":1}]") != NULL);
    compare(); /* once */
    CHECK_EQ(told("differingBytes"), 5);
    CHECK_EQ(told("comparisons"), 2);
}

/* What it cannot find. */
TEST(audit_does_not_find_the_same_value_nor_what_was_covered)
{
    start();
    store(PLACE, 4, 7);
    guest_put(PLACE, 4, 7);
    guest_put(PLACE + 8, 4, 9);
    store(PLACE + 8, 4, 10);
    compare();
    CHECK_EQ(told("differingBytes"), 0);
}

TEST(audit_names_what_was_worked_out)
{
    start();
    guest_put(PLACE, 8, UINT64_MAX);
    ls_audit_explain(PLACE, 8, LS_BY_EVENT_DELIVERY);
    guest_put(0x1fff, 2, 0x2020); /* over a page boundary */
    ls_audit_explain(0x1fff, 2, LS_BY_PAGE_WALK);
    compare();
    CHECK_EQ(told("differingBytes"), 10);
    CHECK_EQ(told("event-delivery"), 8);
    CHECK_EQ(told("page-walk"), 2);
    CHECK_EQ(told("unknownBytes"), 0);
}

/* Worked out was another value. */
TEST(audit_explanation_does_not_cover_later_writes)
{
    start();
    guest_put(PLACE, 1, 1);
    ls_audit_explain(PLACE, 1, LS_BY_EVENT_DELIVERY);
    guest_put(PLACE, 1, 2);
    compare();
    CHECK_EQ(told("unknownBytes"), 1);
    guest_put(PLACE, 1, 3);
    compare(); /* nor those after the mark */
    CHECK_EQ(told("unknownBytes"), 2);
}

TEST(audit_expects_dma_until_the_mark_after_the_next)
{
    start();
    ls_audit_expect_dma(PLACE, 2);
    guest_put(PLACE, 4, UINT32_MAX); /* two bytes more than the device said */
    compare();
    CHECK_EQ(told("device-dma"), 2);
    CHECK_EQ(told("unknownBytes"), 2);
    guest_put(PLACE, 1, 1);
    compare();
    CHECK_EQ(told("device-dma"), 3);
    guest_put(PLACE, 1, 2);
    compare();
    CHECK_EQ(told("device-dma"), 3);
    CHECK_EQ(told("unknownBytes"), 3);
}

TEST(audit_without_readable_memory_is_off)
{
    LsBuffer out = { 0 };

    CHECK(!ls_audit_begin());
    CHECK(!ls_audit_is_on());
    ls_audit_expect_dma(PLACE, 1);
    ls_audit_explain(PLACE, 1, LS_BY_PAGE_WALK);
    ls_audit_report(&out);
    CHECK_EQ(out.length, 0);
}

TEST(audit_knows_what_the_vapic_patches)
{
    static const uint8_t before[] = { 0xb8, 1, 0, 0, 0, 0x0f, 0x01, 0xc1 };
    enum { ROM = 0xc0184, OTHER = 0xc0200 };

    start();
    for (unsigned i = 0; i < sizeof(before); i++) {
        store(ROM + i, 1, before[i]);
        store(OTHER + i, 1, before[i]);
    }
    guest_put(ROM + 5, 3, 0x7ee790);
    compare(); /* nobody told the vAPIC */
    CHECK_EQ(told("unknownBytes"), 3);
    ls_audit_vapic_told();
    guest_put(OTHER + 5, 3, 0x7ee790);
    guest_put(ROM + 5, 3, 0xc1010f);
    compare();
    CHECK_EQ(told("vapic"), 3);
    CHECK_EQ(told("unknownBytes"), 6);
}

/* No store put it there. */
TEST(audit_knows_what_the_vapic_patches_in_a_rom_that_came_by_dma)
{
    enum { ROM = 0xc0184 };

    start();
    guest_put(ROM, 8, 0xc1010f00000001b8);
    ls_audit_explain(ROM, 8, LS_BY_DEVICE_DMA);
    ls_audit_vapic_told();
    guest_put(ROM + 5, 3, 0x7ee790);
    compare();
    CHECK_EQ(told("vapic"), 3);
    CHECK_EQ(told("device-dma"), 2); /* b8 01; the others were 0 */
    CHECK_EQ(told("unknownBytes"), 0);
}

static void request(uint64_t at, uint32_t control, uint32_t length,
                    uint64_t address)
{
    store(at, 4, __builtin_bswap32(control));
    store(at + 4, 4, __builtin_bswap32(length));
    store(at + 8, 8, __builtin_bswap64(address));
}

TEST(fw_cfg_reads_are_device_writes)
{
    start();
    request(PLACE, 2, 16, 0x3ff8);
    guest_put(0x3ff8, 8, UINT64_MAX); /* over a page boundary */
    guest_put(0x4000, 8, UINT64_MAX);
    guest_put(PLACE, 4, 0);
    ls_fw_cfg_written(0x518, PLACE, 4);
    guest_put(0x4008, 1, 1); /* behind it */
    compare();
    CHECK_EQ(told("device-dma"), 17); /* and the one byte of control */
    CHECK_EQ(told("unknownBytes"), 1);
}

TEST(fw_cfg_writes_and_skips_leave_memory_alone)
{
    start();
    request(PLACE, 0x10, 4, 0x3000);
    guest_put(PLACE, 4, 0);
    guest_put(0x3000, 4, UINT32_MAX);
    ls_fw_cfg_written(0x518, PLACE, 4);
    compare();
    CHECK_EQ(told("device-dma"), 1);
    CHECK_EQ(told("unknownBytes"), 4);
}

TEST(fw_cfg_address_in_two_halves_or_one)
{
    start();
    request(PLACE, 2, 1, 0x3000);
    guest_put(0x3000, 1, 1);
    ls_fw_cfg_written(0x514, 1, 4); /* at 4 GiB there is no RAM */
    ls_fw_cfg_written(0x518, PLACE, 4);
    compare();
    CHECK_EQ(told("unknownBytes"), 1);
    guest_put(0x3000, 1, 2);
    ls_fw_cfg_written(0x514, PLACE, 8);
    compare();
    CHECK_EQ(told("unknownBytes"), 1);
    CHECK_EQ(told("device-dma"), 1);
}

/* A virtio queue of four entries. */
enum { DESC = 0x10000, AVAIL = 0x11000, USED = 0x12000, ENTRIES = 4 };

static uint64_t desc_at(void *device, int n)
{
    CHECK_EQ((uintptr_t)device, 0x77);
    return n == 10 ? DESC : 0;
}

static uint64_t avail_at(void *device, int n)
{
    (void)device;
    (void)n;
    return AVAIL;
}

static uint64_t used_at(void *device, int n)
{
    (void)device;
    (void)n;
    return USED;
}

static uint64_t used_bytes(void *device, int n)
{
    (void)device;
    (void)n;
    return 6 + 8 * ENTRIES;
}

static int entries(void *device, int n)
{
    (void)device;
    (void)n;
    return ENTRIES;
}

static void queue_start(void)
{
    fake_log_open(check_path("log"));
    CHECK_TEXT(ls_events_open(check_path("log")), NULL);
    start();
    ls_api.queue_desc = desc_at;
    ls_api.queue_avail = avail_at;
    ls_api.queue_used = used_at;
    ls_api.queue_used_bytes = used_bytes;
    ls_api.queue_entries = entries;
}

static void desc(unsigned i, uint64_t addr, uint32_t len, unsigned flags,
                 unsigned next)
{
    store(DESC + i * 16, 8, addr);
    store(DESC + i * 16 + 8, 4, len);
    store(DESC + i * 16 + 12, 2, flags);
    store(DESC + i * 16 + 14, 2, next);
}

static void offer(unsigned index, unsigned head)
{
    store(AVAIL + 4 + index % ENTRIES * 2, 2, head);
    store(AVAIL + 2, 2, index + 1);
}

TEST(virtio_buffers_and_used_ring_are_device_writes)
{
    queue_start();
    desc(0, 0x20000, 16, 1, 1);  /* a header that the device reads */
    desc(1, 0x21000, 512, 3, 2); /* data and status that it writes */
    desc(2, 0x22000, 1, 2, 0);
    offer(0, 0);
    fake_log("virtio_queue_notify vdev 0x77 n 10 vq 0x88\n"
             "virtqueue_pop vq 0x88 elem 0x99 in_num 2 out_num 1\n");
    CHECK(!ls_events_take_traces(captured_recorder()));
    guest_put(0x20000, 1, 1);
    guest_put(0x21000, 1, 1);
    guest_put(0x211ff, 1, 1);
    guest_put(0x22000, 1, 1);
    guest_put(USED + 2, 2, 1);
    guest_put(USED + 8, 4, 513);
    compare();
    CHECK_EQ(told("device-dma"), 6);
    CHECK_EQ(told("unknownBytes"), 1);
}

/* What the device holds is expected for as long as it holds it. */
TEST(virtio_buffers_are_expected_until_they_are_used)
{
    queue_start();
    desc(3, 0x21000, 8, 2, 0);
    offer(0, 3);
    fake_log("virtio_queue_notify vdev 0x77 n 10 vq 0x88\n");
    for (unsigned i = 0; i < 5; i++) {
        compare();
    }
    guest_put(0x21000, 1, 1);
    compare();
    CHECK_EQ(told("device-dma"), 1);
    store(USED + 2, 2, 1); /* used */
    for (unsigned i = 0; i < 3; i++) {
        compare();
    }
    guest_put(0x21000, 1, 2);
    compare();
    CHECK_EQ(told("unknownBytes"), 1);
}

TEST(virtio_indirect_descriptors)
{
    queue_start();
    desc(0, 0x30000, 32, 4, 0);
    store(0x30000, 8, 0x20000);
    store(0x30008, 8, 16 | UINT64_C(1) << 32 | UINT64_C(1) << 48);
    store(0x30010, 8, 0x21000);
    store(0x30018, 8, 4 | UINT64_C(2) << 32);
    offer(0, 0);
    fake_log("virtio_queue_notify vdev 0x77 n 10 vq 0x88\n");
    guest_put(0x21000, 4, UINT32_MAX);
    guest_put(0x20000, 4, UINT32_MAX);
    compare(); /* reads the log, too */
    CHECK_EQ(told("device-dma"), 4);
    CHECK_EQ(told("unknownBytes"), 4);
}

TEST(virtio_chain_that_never_ends)
{
    queue_start();
    desc(0, 0x21000, 1, 3, 0);
    offer(0, 0);
    fake_log("virtio_queue_notify vdev 0x77 n 10 vq 0x88\n");
    guest_put(0x21000, 1, 1);
    compare();
    CHECK_EQ(told("device-dma"), 1);
}

/* No queue is known, or QEMU does not export where it is. */
TEST(virtio_that_is_not_known_excuses_nothing)
{
    queue_start();
    desc(0, 0x21000, 1, 2, 0);
    offer(0, 0);
    ls_api.queue_used = NULL;
    fake_log("virtqueue_pop vq 0x88 elem 0x99 in_num 2 out_num 1\n"
             "virtio_queue_notify vdev 0x77 n 10 vq 0x88\n");
    guest_put(0x21000, 1, 1);
    compare();
    CHECK_EQ(told("unknownBytes"), 1);
}

TEST(audit_reads_what_devices_map)
{
    queue_start();
    fake_log("address_space_map as:0x1 addr 0x21000:8 write:1 attrs:0x1\n"
             "address_space_map as:0x1 addr 0x22000:8 write:0 attrs:0x1\n"
             "memory_region_ops_write cpu 0 mr 0x5 addr 0x3f8 value 0x41 "
             "size 1 name 'serial'\n");
    guest_put(0x21007, 1, 1);
    guest_put(0x22007, 1, 1);
    compare();
    CHECK_EQ(told("device-dma"), 1);
    CHECK_EQ(told("unknownBytes"), 1);
}

/* What comes before an event is read, the event is left. */
TEST(audit_traces_end_at_an_event)
{
    queue_start();
    request(PLACE, 2, 1, 0x3000);
    guest_put(0x3000, 1, 1);
    fake_log("memory_region_ops_write cpu 0 mr 0x5 addr 0x514 value %#x size 8 "
             "name 'fwcfg.dma'\n"
             "Servicing hardware INT=0x08\n", PLACE);
    CHECK(ls_events_take_traces(captured_recorder()));
    CHECK(!strncmp((const char *)(uintptr_t)captured_recorder()->log,
                   "Servicing", 9));
    compare();
    CHECK_EQ(told("device-dma"), 1);
    CHECK_EQ(told("unknownBytes"), 0);
}

/* A log that the audit reads. */
static void start_with_log(void)
{
    fake_log_open(check_path("log"));
    CHECK_TEXT(ls_events_open(check_path("log")), NULL);
    start();
}

TEST(audit_nvme_writes_what_it_maps_and_completes)
{
    start_with_log();
    fake_log("pci_nvme_mmio_aqattr wrote MMIO, admin queue "
             "attributes=0x30003\n"
             "pci_nvme_mmio_acqaddr wrote MMIO, admin completion queue "
             "address=0x30000\n"
             "pci_nvme_create_cq create completion queue, addr=0x31000, "
             "cqid=1, vector=0, qsize=7, qflags=3, ien=1\n"
             "pci_nvme_map_addr addr 0x20000 len 512\n"
             "pci_nvme_enqueue_req_completion cid 7 cqid 1 dw0 0x0 dw1 0x0 "
             "status 0x0\n");
    guest_put(0x20000, 1, 1);
    guest_put(0x201ff, 1, 1);
    guest_put(0x31000 + 8 * 16 - 1, 1, 1);
    guest_put(0x20200, 1, 1);      /* not mapped */
    guest_put(0x31000 + 8 * 16, 1, 1);
    guest_put(0x30000, 1, 1);      /* another queue's, and not complete */
    compare();
    CHECK_EQ(told("device-dma"), 3);
    CHECK_EQ(told("unknownBytes"), 3);
    fake_log("pci_nvme_enqueue_req_completion cid 7 cqid 0 dw0 0x0 dw1 0x0 "
             "status 0x0\n");
    guest_put(0x3003f, 1, 1);
    guest_put(0x30040, 1, 1);
    compare();
    CHECK_EQ(told("device-dma"), 4);
    CHECK_EQ(told("unknownBytes"), 4);
}

/* Firmware and the system after it have a queue of the same number, elsewhere. */
TEST(audit_nvme_queue_that_is_set_up_anew)
{
    start_with_log();
    fake_log("pci_nvme_create_cq create completion queue, addr=0x31000, "
             "cqid=1, vector=0, qsize=7, qflags=3, ien=1\n"
             "pci_nvme_create_cq create completion queue, addr=0x34000, "
             "cqid=1, vector=0, qsize=7, qflags=3, ien=1\n"
             "pci_nvme_enqueue_req_completion cid 7 cqid 1 dw0 0x0 dw1 0x0 "
             "status 0x0\n");
    guest_put(0x31000, 1, 1);
    guest_put(0x34000, 1, 1);
    compare();
    CHECK_EQ(told("device-dma"), 1);
    CHECK_EQ(told("unknownBytes"), 1);
}

TEST(audit_of_a_snapshot)
{
    start_with_log();
    guest_put(PLACE, 4, UINT32_MAX);
    fake_log("loadvm_state_setup \n");
    ls_events_take(captured_recorder());
    CHECK_EQ(told("snapshot"), 4);
    guest_put(PLACE + 8, 2, UINT16_MAX);
    compare();
    CHECK_EQ(told("snapshot"), 4);
    CHECK_EQ(told("unknownBytes"), 2);
    CHECK_EQ(told("differingBytes"), 6);
}
