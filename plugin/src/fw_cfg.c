/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Follows the firmware configuration device (see fw_cfg.h). */
#include "fw_cfg.h"

#include "audit.h"

#include <string.h>

enum { PORT_HIGH = 0x514, PORT_LOW = 0x518, CONTROL_READ = 1 << 1 };

typedef struct {
    uint32_t control, length;
    uint64_t address;
} Request;

static uint32_t high;

/* The device has overwritten `control` with 0; the audit knows what the guest had
 * stored there. */
static void settle(uint64_t at)
{
    uint8_t bytes[sizeof(Request)];
    Request request;

    for (unsigned i = 0; i < sizeof(bytes); i++) { /* it may cross a page */
        if (!ls_audit_before(at + i, &bytes[i], 1)) {
            return;
        }
    }
    memcpy(&request, bytes, sizeof(request));
    ls_audit_explain(at, sizeof(request.control), LS_BY_DEVICE_DMA);
    if (__builtin_bswap32(request.control) & CONTROL_READ) {
        ls_audit_explain(__builtin_bswap64(request.address),
                         __builtin_bswap32(request.length), LS_BY_DEVICE_DMA);
    }
}

void ls_fw_cfg_written(uint64_t port, uint64_t value, unsigned bytes)
{
    if (port == PORT_HIGH && bytes == 8) {
        settle(value);
    } else if (port == PORT_HIGH) {
        high = (uint32_t)value;
    } else if (port == PORT_LOW) {
        settle((uint64_t)high << 32 | (uint32_t)value);
        high = 0;
    }
}
