; SPDX-License-Identifier: Apache-2.0
; What devices write to memory by themselves is not in a trace; what the processor fetches from them is.  The firmware
; configuration device both ways, and a legacy virtio-rng at PCI address 4.
;@ run arguments="-device virtio-rng-pci,addr=4,disable-modern=on,disable-legacy=off"
%include "boot.inc"
%include "devices.inc"

by_dma      equ DATA + 0x200
by_port     equ DATA + 0x210

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

        REQUEST_SIGNATURE by_dma
        CASE dma-fw-cfg, "the same bytes by its DMA: it reads the request and writes the bytes and the result", dma
        out dx, eax                     ;= r16:request w4:by_dma w4:request ;! device-dma
        mov eax, [by_dma]               ;= r4:by_dma
        mov ecx, [request]              ;= r4:request
        ENDCASE
        CHECK eax, 'QEMU'
        CHECK ecx, 0

        REQUEST_RANDOM
        CASE dma-virtio, "a virtqueue's buffer: the device writes it, then its ring", dma
        out dx, ax                      ;= r16:ring w64:random w8:used+4 w2:used+2 ;! device-dma
        mov [DATA], eax                 ;= w4:DATA
        ENDCASE
        AWAIT_RANDOM
        mov rax, [random]
        or rax, [random + 8]
        setnz al
        CHECK al, 1
        PASS
END_OF_GUEST
