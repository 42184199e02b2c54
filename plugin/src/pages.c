/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The page cache of the capture (see pages.h). */
#include "pages.h"

#include "push.h"
#include "regions.h"

#include <string.h>

/* The base of a page that never is in this slot of the page cache. */
static uint64_t no_page(uint64_t slot)
{
    return (slot ^ 1) << 12;
}

void ls_pages_forget(LsRecorder *r)
{
    for (uint64_t slot = 0; slot < LS_PAGE_SLOTS; slot++) {
        r->page_base[slot] = no_page(slot);
    }
}

void ls_pages_unmap(LsRecorder *r)
{
    ls_pages_forget(r);
    memset(r->page_virt, 0xff, sizeof(r->page_virt));
    ls_push_checked(r, LS_W_UNMAP); /* a block may do this at each instruction */
}

bool ls_page_is_wide(uint64_t vaddr)
{
    return (uint64_t)((int64_t)(vaddr << 16) >> 16) != vaddr;
}

void ls_pages_tell(LsRecorder *r, LsMemInfo info, uint64_t vaddr,
                   unsigned part)
{
    uint64_t virt = vaddr >> 12;
    unsigned slot = virt & (LS_PAGE_SLOTS - 1);
    bool cached = !ls_page_is_wide(vaddr);
    LsHwaddr *hwaddr = ls_api.get_hwaddr(info, vaddr);
    uint64_t phys = LS_MAP_UNKNOWN;

    if (!hwaddr) {
        r->unknown_phys++;
        cached = false;
    } else if (ls_api.hwaddr_is_io(hwaddr)) {
        phys = ls_api.hwaddr_phys_addr(hwaddr);
        ls_push(r, ls_word(ls_region_of(phys) << 1 | part, LS_W_DEVICE));
        ls_push(r, phys);
        return;
    } else {
        phys = ls_api.hwaddr_phys_addr(hwaddr) >> 12;
    }
    r->page_base[slot] = cached ? virt << 12 : no_page(slot);
    if (r->page_virt[slot] == virt) {
        r->map_checks++;
        if (r->page_phys[slot] == phys) {
            return;
        }
        r->map_mismatches++;
    }
    r->page_virt[slot] = virt;
    r->page_phys[slot] = phys;
    ls_push(r, ls_word(virt, LS_W_MAP));
    ls_push(r, phys);
}

void ls_pages_tell_known(LsRecorder *r, uint64_t vaddr, uint64_t page)
{
    uint64_t virt = vaddr >> 12;
    unsigned slot = virt & (LS_PAGE_SLOTS - 1);

    if (r->page_virt[slot] == virt && r->page_phys[slot] == page) {
        return;
    }
    /* The next access to it asks QEMU, and compares. */
    r->page_base[slot] = no_page(slot);
    r->page_virt[slot] = virt;
    r->page_phys[slot] = page;
    ls_push(r, ls_word(virt, LS_W_MAP));
    ls_push_checked(r, page);
}
