; SPDX-License-Identifier: Apache-2.0
; Devices that write to memory: the firmware configuration device's DMA, and a legacy virtio-rng at PCI address 4.
;@ run arguments="-device virtio-rng-pci,addr=4,disable-modern=on,disable-legacy=off"
%include "boot.inc"

FW_CFG      equ 0x514
request     equ DATA + 0x100    ; control, length, address: big-endian
signature   equ DATA + 0x200
READ        equ 2
SELECT      equ 8               ; item 0 is the signature

PCI_ADDRESS equ 0xcf8
PCI_DATA    equ 0xcfc
PCI_VIRTIO  equ 0x80000000 | 4 << 11
VIRTIO      equ 0xc000          ; where BAR 0 is put
ring        equ DATA + 0x10000  ; descriptors, available
used        equ ring + 0x1000
random      equ DATA + 0x20000
RANDOM_BYTES equ 64
WRITABLE    equ 2

; PCI register, value
%macro PCI 2
        mov dx, PCI_ADDRESS
        mov eax, PCI_VIRTIO | %1
        out dx, eax
        mov dx, PCI_DATA
        mov eax, %2
        out dx, eax
%endmacro

; VIRTIO_OUT register, accumulator, value
%macro VIRTIO_OUT 3
        mov dx, VIRTIO + %1
        mov eax, %3
        out dx, %2
%endmacro

main:
        mov dword [request], (READ | SELECT) << 24
        mov dword [request + 4], 4 << 24
        mov dword [request + 8], 0
        mov eax, signature
        bswap eax
        mov [request + 12], eax
        mov dx, FW_CFG
        xor eax, eax
        out dx, eax
        mov dx, FW_CFG + 4
        mov eax, request
        bswap eax
        out dx, eax
.read:  cmp dword [request], 0
        jne .read
        CHECK dword [signature], 'QEMU'

        PCI 0x10, VIRTIO
        PCI 4, 7                        ; I/O, memory, bus master
        VIRTIO_OUT 0x12, al, 3          ; acknowledged, there is a driver
        VIRTIO_OUT 0xe, ax, 0
        mov dx, VIRTIO + 0xc
        in ax, dx
        movzx ebx, ax                   ; entries of the queue
        mov qword [ring], random
        mov dword [ring + 8], RANDOM_BYTES
        mov dword [ring + 12], WRITABLE
        shl ebx, 4
        mov word [ring + rbx + 4], 0    ; the first available one: descriptor 0
        mov word [ring + rbx + 2], 1
        VIRTIO_OUT 8, eax, ring >> 12
        VIRTIO_OUT 0x12, al, 7          ; the driver is ready
        VIRTIO_OUT 0x10, ax, 0
.wait:  pause
        cmp word [used + 2], 1
        jne .wait
        mov eax, [used + 8]
        CHECK eax, RANDOM_BYTES
        PASS
END_OF_GUEST
