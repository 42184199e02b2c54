/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the vCPU's registers inside its object (see cpu_view.h). */
#define _GNU_SOURCE
#include "cpu_view.h"

#include "qemu_api.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SCAN_BYTES = 256 * 1024 }; /* CPUState with its TLBs is < 64 KiB */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic int located = -1; /* byte offset of eip, -1 unknown, -2 off */
static _Atomic uint64_t mismatches;
static _Atomic int registers = -16 * 8; /* where they begin, from eip */

static bool fits(const uint8_t *eip, uint64_t vaddr)
{
    uint64_t ip = ls_view_u64(eip, 0);
    uint64_t linear = ip + ls_view_u64(eip, LS_VIEW_CS_BASE);
    uint32_t hflags = ls_view_u32(eip, LS_VIEW_HFLAGS);

    int32_t df = (int32_t)ls_view_u32(eip, LS_VIEW_DF);

    if (!(hflags & LS_HF_PE) != !(ls_view_u64(eip, LS_VIEW_CR0) & 1) ||
        (df != 1 && df != -1) || !(ls_view_u64(eip, LS_VIEW_EFLAGS) & 2)) {
        return false;
    }
    /* Outside 64-bit code linear addresses wrap at 4 GiB. */
    return hflags & LS_HF_CS64 ? ip == vaddr : (uint32_t)linear == vaddr;
}

/* A vCPU comes out of reset with the CPU's version in EDX and zeros in the other
 * registers (SDM 3A table 10-1): tells how many there are.  One that was running
 * before is taken for what QEMUs with its plugin interface have. */
static int find_registers(const uint8_t *eip, int room)
{
    static const int candidates[] = { -16 * 8, -32 * 8 };

    for (unsigned i = 0; i < 2; i++) {
        int at = candidates[i];

        if (-at <= room && ls_view_u64(eip, 0) == 0xfff0 &&
            ls_view_u64(eip, at + LS_RDX * 8) &&
            !ls_view_u64(eip, at + LS_RAX * 8) &&
            !ls_view_u64(eip, at + LS_RSP * 8)) {
            return at;
        }
    }
    return ls_api.version >= 7 ? candidates[1] : candidates[0];
}

/* The lowest offset that fits, or -2 when there is none.  A second vCPU's object
 * may lie close behind, in the same reset state. */
static int scan(const void *cpu, uint64_t vaddr)
{
    static uint8_t copy[SCAN_BYTES];
    struct iovec to = { copy, sizeof(copy) };
    struct iovec from = { (void *)(uintptr_t)cpu, sizeof(copy) };
    ssize_t got;

    /* The kernel copies what is mapped and stops there, where a plain read
     * past the object could fault. */
    do {
        got = process_vm_readv(getpid(), &to, 1, &from, 1, 0);
        from.iov_len /= 2;
        to.iov_len = from.iov_len;
    } while (got < 0 && from.iov_len >= 4096);
    for (int at = 16 * 8; at + LS_VIEW_CR4 + 8 <= got; at += 8) {
        if (fits(copy + at, vaddr)) {
            atomic_store(&registers, find_registers(copy + at, at));
            return at;
        }
    }
    return -2;
}

const uint8_t *ls_view_at_translation(const void *cpu, uint64_t vaddr)
{
    int at = atomic_load(&located);

    if (!cpu || at == -2) {
        return NULL;
    }
    if (at >= 0) {
        const uint8_t *eip = (const uint8_t *)cpu + at;

        if (fits(eip, vaddr)) {
            return eip;
        }
        atomic_fetch_add(&mismatches, 1);
        atomic_store(&located, -2);
        return NULL;
    }
    pthread_mutex_lock(&lock);
    if (atomic_load(&located) == -1) {
        atomic_store(&located, scan(cpu, vaddr));
    }
    pthread_mutex_unlock(&lock);
    return ls_view_eip(cpu);
}

const uint8_t *ls_view_eip(const void *cpu)
{
    int at = atomic_load(&located);

    return cpu && at >= 0 ? (const uint8_t *)cpu + at : NULL;
}

uint64_t ls_view_register(const uint8_t *eip, unsigned number)
{
    return ls_view_u64(eip, atomic_load(&registers) + (int)number * 8);
}

uint64_t ls_view_mismatches(void)
{
    return atomic_load(&mismatches);
}
