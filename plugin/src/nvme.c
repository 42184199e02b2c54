/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Follows NVMe controllers (see nvme.h). */
#include "nvme.h"

#include "audit.h"
#include "log_line.h"

enum { MAX_QUEUES = 64, ENTRY_BYTES = 16, ADMIN = 0 };

typedef struct {
    uint64_t paddr;
    unsigned number;
    unsigned entries;
} Queue;

static Queue queue[MAX_QUEUES];
static unsigned queue_count;
static unsigned admin_entries; /* of the admin queue that is being set up */

/* What set up a queue of this number anew has no other: where that was is RAM as any. */
static void remember(Queue new)
{
    unsigned i = 0;

    while (i < queue_count && queue[i].number != new.number) {
        i++;
    }
    if (i < MAX_QUEUES) {
        queue[i] = new;
        queue_count += i == queue_count;
    }
}

/* An entry of a completion queue with this number will be written. */
static void expect_entry(unsigned of)
{
    for (unsigned i = 0; i < queue_count; i++) {
        if (queue[i].number == of) {
            ls_audit_expect_dma(queue[i].paddr,
                                (uint64_t)queue[i].entries * ENTRY_BYTES);
        }
    }
}

static uint64_t number(const char *line, const char *end, const char *name,
                       int base)
{
    return ls_line_number(line, end, name, base, 0);
}

bool ls_nvme_traced(const char *line, const char *end)
{
    if (!ls_line_starts(line, end, "pci_nvme_")) {
        return false;
    }
    line += strlen("pci_nvme_");
    if (ls_line_starts(line, end, "map_addr ")) {
        ls_audit_expect_dma(number(line, end, "addr 0x", 16),
                            number(line, end, " len ", 10));
    } else if (ls_line_starts(line, end, "mmio_aqattr ")) {
        admin_entries =
            (unsigned)(number(line, end, "attributes=0x", 16) >> 16 & 0xfff) + 1;
    } else if (ls_line_starts(line, end, "mmio_acqaddr")) { /* and _hi */
        remember((Queue){ number(line, end, "address=0x", 16), ADMIN,
                          admin_entries });
    } else if (ls_line_starts(line, end, "create_cq ")) {
        remember((Queue){ number(line, end, " addr=0x", 16),
                          (unsigned)number(line, end, " cqid=", 10),
                          (unsigned)number(line, end, " qsize=", 10) + 1 });
    } else if (ls_line_starts(line, end, "enqueue_req_completion ")) {
        expect_entry((unsigned)number(line, end, " cqid ", 10));
    }
    return true;
}

void ls_nvme_forget(void)
{
    queue_count = 0;
}
