; SPDX-License-Identifier: Apache-2.0
; System management mode: an SMI by the chipset's APM control port, a handler in RAM, rsm.
%include "boot.inc"
%include "pci.inc"

SMBASE      equ 0x30000
HANDLER     equ SMBASE + 0x8000
save_area   equ SMBASE + 0xfe00     ; as a CPU with long mode has it: AMD APM 2, 10.2.3
SAVE_BYTES  equ 0x200
saved_rip   equ SMBASE + 0xff78
PCI_PM      equ 0x80000000 | 1 << 11 | 3 << 8
APM_ENABLE  equ 0x58                ; a register of it: an SMI for each write to APM_CONTROL is bit 25
APM_CONTROL equ 0xb2
data        equ DATA

main:
        mov esi, smi
        mov edi, HANDLER
        mov ecx, smi_end - smi
        rep movsb
        mov dx, PCI_ADDRESS
        mov eax, PCI_PM | APM_ENABLE
        out dx, eax
        mov dx, PCI_DATA
        in eax, dx
        or eax, 1 << 25
        out dx, eax
        xor eax, eax
        mov [data], eax
        mov edi, save_area
        mov ecx, SAVE_BYTES / 4
        rep stosd
        ; The out is the last instruction of its page, so that it ends its block: QEMU 7.2 looks for an SMI no earlier.
        times (4096 - 10 - ($ - $$) % 4096) % 4096 nop
        CASE smi, "an SMI: the state is saved; the handler's own accesses; rsm", smm
        out APM_CONTROL, al
        ;= event smm-enter: w512:save_area ;! accesses smm-state-save
        ;= code HANDLER-smi
        ;= smi r4:data w4:data
        ;= leave_smm r512:save_area ;! smm-state-save
        ;= code 0
        ;= event smm-leave
back:   mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        CHECK dword [data], 0x100
        CHECK dword [saved_rip], back
        PASS

        bits 16
smi:    add dword [dword data], 0x100
leave_smm: rsm
smi_end:
        bits 64
END_OF_GUEST
