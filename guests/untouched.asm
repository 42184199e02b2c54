; SPDX-License-Identifier: Apache-2.0
; A device whose register forgets what it held once it is read: nobody reads it but the guest.  An 82540EM network
; controller, whose ICR does so: PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual, 13.4.17.
;@ run arguments="-device e1000,addr=5,romfile="
%include "boot.inc"
%include "pci.inc"

PCI_E1000   equ 0x80000000 | 5 << 11
CONTROLLER  equ 0xfe000000          ; where BAR 0 is put
cause_read  equ CONTROLLER + 0xc0   ; ICR
CAUSE_SET   equ 0xc8
LINK_CHANGED equ 4
unused      equ 0x30000000          ; an address of which nothing is used
unused_entry equ PD + (unused >> 21) * 8

main:
        PCI PCI_E1000, 0x10, CONTROLLER
        PCI PCI_E1000, 4, 2                    ; memory
        mov ebx, CONTROLLER
        mov edi, unused_entry
        mov ecx, CONTROLLER + MAPPED
        mov eax, [rbx + 0xc0]
        mov dword [rbx + CAUSE_SET], LINK_CHANGED
        CASE entry-to-device, "an entry that calls a device a page table, and is not used: the device is not read", device
        mov [rdi], rcx                  ;= w8:unused_entry
        mov eax, [rbx + 0xc0]           ;= r4:cause_read!device
        ENDCASE
        and eax, LINK_CHANGED
        CHECK eax, LINK_CHANGED
        CHECK dword [rbx + 0xc0], 0     ; it does forget
        PASS
END_OF_GUEST
