; SPDX-License-Identifier: Apache-2.0
; Port I/O: in and out of each width, with the port as immediate and in DX, and string instructions.
%include "boot.inc"

data        equ DATA
PIC_MASK    equ 0x21
PCI_CONFIG  equ 0xcf8

main:
        mov dword [data], 0xa1b2c3d4
        MARK 0
p_outi: mov al, 0xfb
        out PIC_MASK, al
p_ini:  in al, PIC_MASK
p_keep: mov [data + 8], al
        mov edx, PCI_CONFIG
        mov eax, 0x80000000
p_out4: out dx, eax
        xor eax, eax
p_in4:  in eax, dx
p_kee4: mov [data + 12], eax
        mov dx, PIC_MASK
        mov esi, data
        mov edi, data + 0x20
p_outs: outsb
        mov ecx, 2
p_ins:  rep insb
        MARK 1
        CHECK byte [data + 8], 0xfb
        CHECK dword [data + 12], 0x80000000
        CHECK word [data + 0x20], 0xd4d4
        PASS
END_OF_GUEST
