/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Follows the firmware configuration device (see fw_cfg.h). */
#include "fw_cfg.h"

#include "audit.h"
#include "guest_memory.h"

enum { PORT_HIGH = 0x514, PORT_LOW = 0x518, CONTROL_READ = 1 << 1 };

static uint32_t high;
static uint64_t request, target, length; /* of the transfer under way */

bool ls_fw_cfg_out(uint16_t port, uint64_t value)
{
    uint64_t at, control, bytes, low, up;

    if (port == PORT_HIGH) {
        high = __builtin_bswap32((uint32_t)value);
    }
    if (port != PORT_LOW) {
        return false;
    }
    at = (uint64_t)high << 32 | __builtin_bswap32((uint32_t)value);
    high = 0;
    if (!ls_guest_read(at, 4, &control) || !ls_guest_read(at + 4, 4, &bytes) ||
        !ls_guest_read(at + 8, 4, &up) || !ls_guest_read(at + 12, 4, &low)) {
        return false;
    }
    request = at;
    target = (uint64_t)__builtin_bswap32((uint32_t)up) << 32 |
             __builtin_bswap32((uint32_t)low);
    length = __builtin_bswap32((uint32_t)control) & CONTROL_READ
                 ? __builtin_bswap32((uint32_t)bytes) : 0;
    return true;
}

void ls_fw_cfg_settle(void)
{
    if (request) {
        ls_audit_explain(request, 4, LS_BY_DEVICE_DMA); /* control: done */
        ls_audit_explain(target, length, LS_BY_DEVICE_DMA);
    }
    request = 0;
}
