; SPDX-License-Identifier: Apache-2.0
; What devices write to memory by themselves is not in a trace; what the processor fetches from them is.  The firmware
; configuration device both ways, and a legacy virtio-rng at PCI address 4.
;@ run arguments="-device virtio-rng-pci,addr=4,disable-modern=on,disable-legacy=off"
%include "boot.inc"

FW_CFG      equ 0x510           ; selector; data; DMA address, upper and lower half
request     equ DATA + 0x100    ; control, length, address: big-endian
by_dma      equ DATA + 0x200
by_port     equ DATA + 0x210
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
        mov dx, FW_CFG
        xor eax, eax
        out dx, ax
        mov dx, FW_CFG + 1
        mov edi, by_port
        mov ecx, 4
        CASE dma-none, "four bytes of a device by way of a port: the processor stores them", dma
        rep insb                        ;= 4{w1:by_port+i} ;~ ins-stores-zero-first: 4{w1:by_port+i w1:by_port+i}
        mov eax, [by_port]              ;= r4:by_port
        ENDCASE
        CHECK eax, 'QEMU'

        mov dword [request], (READ | SELECT) << 24
        mov dword [request + 4], 4 << 24
        mov dword [request + 8], 0
        mov eax, by_dma
        bswap eax
        mov [request + 12], eax
        mov dx, FW_CFG + 4
        xor eax, eax
        out dx, eax
        mov dx, FW_CFG + 8
        mov eax, request
        bswap eax
        CASE dma-fw-cfg, "the same bytes by its DMA: it reads the request and writes the bytes and the result", dma
        out dx, eax                     ;= r16:request w4:by_dma w4:request ;! device-dma
        mov eax, [by_dma]               ;= r4:by_dma
        mov ecx, [request]              ;= r4:request
        ENDCASE
        CHECK eax, 'QEMU'
        CHECK ecx, 0

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
        mov dx, VIRTIO + 0x10
        xor eax, eax
        CASE dma-virtio, "a virtqueue's buffer: the device writes it, then its ring", dma
        out dx, ax                      ;= r16:ring w64:random w8:used+4 w2:used+2 ;! device-dma
        mov [DATA], eax                 ;= w4:DATA
        ENDCASE
.wait:  pause
        cmp word [used + 2], 1
        jne .wait
        mov eax, [used + 8]
        CHECK eax, RANDOM_BYTES
        mov rax, [random]
        or rax, [random + 8]
        setnz al
        CHECK al, 1
        PASS
END_OF_GUEST
