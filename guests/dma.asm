; SPDX-License-Identifier: Apache-2.0
; Devices that write to memory: the firmware configuration device's DMA, and a legacy virtio-rng at PCI address 4.
;@ run arguments="-device virtio-rng-pci,addr=4,disable-modern=on,disable-legacy=off"
%include "boot.inc"
%include "devices.inc"

signature   equ DATA + 0x200

main:
        REQUEST_SIGNATURE signature
        out dx, eax
.read:  cmp dword [request], 0
        jne .read
        CHECK dword [signature], 'QEMU'

        REQUEST_RANDOM
        out dx, ax
        AWAIT_RANDOM
        PASS
END_OF_GUEST
