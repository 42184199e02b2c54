; SPDX-License-Identifier: Apache-2.0
; Port I/O: in and out of each width, with the port as immediate and in DX, and string instructions.
%include "boot.inc"

data        equ DATA
PIC_MASK    equ 0x21
PCI_CONFIG  equ 0xcf8

main:
        mov dword [data], 0xa1b2c3d4
        MARK 0
        CASE in-out, "in and out: no memory", port-string
        mov al, 0xfb
        out PIC_MASK, al
        in al, PIC_MASK
        mov [data + 8], al              ;= w1:data+8
        mov edx, PCI_CONFIG
        mov eax, 0x80000000
        out dx, eax
        xor eax, eax
        in eax, dx
        mov [data + 12], eax            ;= w4:data+12
        ENDCASE
        mov dx, PIC_MASK
        mov esi, data
        mov edi, data + 0x20
        CASE outs, "outsb", port-string
        outsb                           ;= r1:data
        ENDCASE
        mov ecx, 2
        CASE ins-rep, "rep insb of 2", port-string
        rep insb                        ;= w1:data+0x20 w1:data+0x21 ;~ ins-stores-zero-first: 2{w1:data+0x20+i w1:data+0x20+i}
        ENDCASE
        MARK 1
        CHECK byte [data + 8], 0xfb
        CHECK dword [data + 12], 0x80000000
        CHECK word [data + 0x20], 0xd4d4
        PASS
END_OF_GUEST
