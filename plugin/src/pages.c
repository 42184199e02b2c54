/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The page cache of the capture (see pages.h). */
#include "pages.h"

#include "push.h"
#include "regions.h"
#include "walker.h"

#include <string.h>

/* Each byte of the base of no page: an address that is not canonical. */
enum { NO_PAGE_BYTE = 0x40 };
#define NO_PAGE (UINT64_MAX / 0xff * NO_PAGE_BYTE)
#define NO_VIRT UINT64_MAX

void ls_pages_start(LsRecorder *r)
{
    memset(r->page_base, NO_PAGE_BYTE, sizeof(r->page_base));
    memset(r->page_virt, 0xff, sizeof(r->page_virt));
    r->told_count = 0;
}

/* Only slots that were told are visited: they are few, and a memset() of the tables
 * would drive QEMU's data out of the first-level cache. */
void ls_pages_forget(LsRecorder *r)
{
    for (unsigned i = 0; i < r->told_count; i++) {
        r->page_base[r->page_told[i]] = NO_PAGE;
    }
}

void ls_pages_unmap(LsRecorder *r)
{
    ls_pages_forget(r);
    for (unsigned i = 0; i < r->told_count; i++) {
        r->page_virt[r->page_told[i]] = NO_VIRT;
    }
    r->told_count = 0;
    r->any_changed = false;
    if (r->any_cleared) {
        r->any_cleared = false;
        memset(r->cleared, 0, sizeof(r->cleared));
    }
    ls_push_checked(r, LS_W_UNMAP); /* a block may do this at each instruction */
}

bool ls_page_is_wide(uint64_t vaddr)
{
    return (uint64_t)((int64_t)(vaddr << 16) >> 16) != vaddr;
}

void ls_pages_doubt(LsRecorder *r, unsigned slot)
{
    r->page_base[slot] = NO_PAGE;
}

static void push_map(LsRecorder *r, uint64_t virt, uint64_t phys)
{
    unsigned slot = virt & (LS_PAGE_SLOTS - 1);

    if (r->page_virt[slot] == NO_VIRT) {
        r->page_told[r->told_count++] = (uint16_t)slot;
    }
    r->page_virt[slot] = virt;
    r->page_phys[slot] = phys;
    ls_push(r, ls_word(virt, LS_W_MAP));
    ls_push(r, phys);
}

/* Whether the stream has the page in its slot, at this place. */
static bool is_told(LsRecorder *r, unsigned slot, uint64_t virt,
                    uint64_t phys)
{
    if (r->page_virt[slot] != virt) {
        return false;
    }
    r->map_checks++;
    if ((r->page_phys[slot] & LS_MAP_PAGE) == phys) {
        return true;
    }
    r->map_mismatches += !r->any_changed; /* else there is a reason */
    return false;
}

static void tell_ram(LsRecorder *r, uint64_t vaddr, uint64_t page,
                     uint64_t low)
{
    uint64_t virt = vaddr >> 12, phys = page, before;
    unsigned slot = virt & (LS_PAGE_SLOTS - 1);
    bool told = is_told(r, slot, virt, page), table;

    before = told ? r->page_phys[slot] : 0;
    if (!told ||
        (low & LS_ACCESS_STORE &&
         !(before >> LS_MAP_ATTRIBUTES_SHIFT & LS_ATTRIBUTE_SETTLED))) {
        phys |= ls_walker_translate(r, vaddr, page, low)
                << LS_MAP_ATTRIBUTES_SHIFT;
        if (!told || (phys ^ before) << 1) { /* more than "settled" */
            push_map(r, virt, phys);
        }
        r->page_phys[slot] = phys;
    }
    phys = r->page_phys[slot];
    table = ls_walker_has(r, page);
    if (table) {
        ls_walker_access(r, page, (unsigned)(vaddr & 4095), low);
    }
    if (ls_page_is_wide(vaddr) || table ||
        ls_walker_is_in_doubt(r, vaddr, page)) {
        r->page_base[slot] = NO_PAGE;
    } else if (r->walker &&
               !(phys >> LS_MAP_ATTRIBUTES_SHIFT & LS_ATTRIBUTE_SETTLED)) {
        r->page_base[slot] = virt << 12 ^ LS_PAGE_LOADS_ONLY;
    } else {
        r->page_base[slot] = virt << 12;
    }
}

void ls_pages_tell(LsRecorder *r, LsMemInfo info, uint64_t vaddr,
                   unsigned part, uint64_t low)
{
    uint64_t virt = vaddr >> 12, phys;
    unsigned slot = virt & (LS_PAGE_SLOTS - 1);
    LsHwaddr *hwaddr = ls_api.get_hwaddr(info, vaddr);

    if (!hwaddr) {
        r->unknown_phys++;
        if (!is_told(r, slot, virt, LS_MAP_PAGE)) {
            push_map(r, virt, LS_MAP_UNKNOWN);
        }
        r->page_base[slot] = NO_PAGE;
        return;
    }
    phys = ls_api.hwaddr_phys_addr(hwaddr);
    if (ls_api.hwaddr_is_io(hwaddr)) {
        r->device[part] = phys;
        r->device_parts |= 1u << part;
        return;
    }
    tell_ram(r, vaddr, phys >> 12, low);
}

void ls_pages_tell_device(LsRecorder *r)
{
    for (unsigned part = 0; part < 2; part++) {
        if (r->device_parts >> part & 1) {
            ls_push(r, ls_word(ls_region_of(r->device[part]) << 1 | part,
                               LS_W_DEVICE));
            ls_push(r, r->device[part]);
        }
    }
    r->device_parts = 0;
}

void ls_pages_tell_known(LsRecorder *r, uint64_t vaddr, uint64_t page,
                         uint64_t low)
{
    tell_ram(r, vaddr, page, low);
}
