; SPDX-License-Identifier: Apache-2.0
; Accesses to devices, at every place of a block: QEMU 10 runs such an instruction again in a block of its own.
%include "boot.inc"

data        equ DATA
; Two pages in a row: RAM, then the local APIC.
ram_page    equ DATA + 0x10000
apic_page   equ DATA + 0x11000
apic_id     equ LAPIC + 0x20        ; read only, 0 here
spurious    equ LAPIC + 0xf0        ; spurious interrupt vector register
divide      equ LAPIC + 0x3e0       ; divide configuration of the timer
hpet_config equ HPET + 0x10

main:
        mov eax, LAPIC + MAPPED
        mov [PTE(apic_page)], rax
        invlpg [apic_page]
        mov ebx, LAPIC
        mov edi, HPET
        mov edx, 0x1ff
        CASE device-load-first, "a load from a device at the beginning of a block", device
        mov eax, [rbx + 0x20]           ;= r4:apic_id!device
        nop
        mov [data + 8], eax             ;= w4:data+8
        ENDCASE
        CASE device-middle, "a store and a load in the middle of a block", device
        mov ecx, [data]                 ;= r4:data
        mov [rbx + 0xf0], edx           ;= w4:spurious!device
        mov ecx, [data]                 ;= r4:data
        mov eax, [rbx + 0xf0]           ;= r4:spurious!device
        mov [data], eax                 ;= w4:data
        ENDCASE
        CHECK dword [data], 0x1ff
        jmp at_end
        times 0x2000 - 34 - ($ - $$) db 0
        ; The last access is the last instruction of its page, hence of its block.
at_end:
        CASE device-last, "a load that is the last instruction of a block", device  ; 8 bytes
        mov ecx, [abs data + 0x10]      ;= r4:data+0x10         ; 7 bytes
        mov eax, [rbx + 0xf0]           ;= r4:spurious!device   ; 6 bytes
        mov [abs data + 0x10], eax      ;= w4:data+0x10         ; 7 bytes
        mov edx, [rbx + 0xf0]           ;= r4:spurious!device   ; 6 bytes
e_ram:  mov [data + 0x14], edx          ;= w4:data+0x14
        ENDCASE
        %if (e_ram - $$) % 4096 != 0
        %error the page does not end where it has to
        %endif
        CHECK dword [data + 0x10], 0x1ff
        CHECK dword [data + 0x14], 0x1ff

        mov ecx, 0xb
        CASE device-rmw, "read-modify-write, xchg and LOCK of a device", device
        add dword [rdi + 0x10], 0       ;= r4:hpet_config!device w4:hpet_config!device
        mov [data], ecx                 ;= w4:data
        lock or dword [rdi + 0x10], 0   ;= r4:hpet_config!device w4:hpet_config!device
        xchg [rbx + 0x3e0], ecx         ;= r4:divide!device w4:divide!device
        test dword [rdi + 0x10], 1      ;= r4:hpet_config!device
        ENDCASE
        CHECK dword [rbx + 0x3e0], 0xb

        mov dword [data], 0xb
        mov dword [data + 4], 0x3
        mov esi, data
        lea rdi, [rbx + 0x3e0]
        CASE movs-to-device, "movsd from RAM to a device", device
        mov eax, [data]                 ;= r4:data
        ;~ redone-for-device: ? v_to r4:data!aborted
v_to:   movsd                           ;= r4:data w4:divide!device
        mov eax, [data]                 ;= r4:data
        ENDCASE
        mov edi, data + 0x20
        lea rsi, [rbx + 0x3e0]
        CASE movs-from-device, "movsd from a device to RAM", device
        mov eax, [data]                 ;= r4:data
        movsd                           ;= r4:divide!device w4:data+0x20
        mov eax, [data]                 ;= r4:data
        ENDCASE
        CHECK dword [data + 0x20], 0xb
        mov esi, HPET + 0x10
        lea rdi, [rbx + 0x20]
        CASE movs-device-device, "movsd from a device to another", device
        mov eax, [data]                 ;= r4:data
        movsd                           ;= r4:hpet_config!device w4:apic_id!device
        mov eax, [data]                 ;= r4:data
        ENDCASE

        mov esi, data
        lea rdi, [rbx + 0x3e0]
        mov ecx, 3
        CASE movs-rep-device, "rep movsd to a device", device
        rep movsd                       ;= 3{r4:data+4*i w4:divide+4*i!device}
        mov [data + 0x28], ecx          ;= w4:data+0x28
        ENDCASE
        lea rdi, [rbx + 0x3e0]
        mov ecx, 3
        CASE stos-rep-device, "rep stosd to a device", device
        rep stosd                       ;= 3{w4:divide+4*i!device}
        mov [data + 0x28], ecx          ;= w4:data+0x28
        ENDCASE
        lea rsi, [rbx + 0x3e0]
        mov ecx, 3
        CASE lods-rep-device, "rep lodsd from a device", device
        rep lodsd                       ;= 3{r4:divide+4*i!device}
        mov [data + 0x28], ecx          ;= w4:data+0x28
        ENDCASE
        CHECK dword [data + 0x28], 0

        mov ecx, 4
        mov edi, data + 0x100
        mov esi, HPET
        CASE device-loop, "loads from a device in a loop", device
        ;= repeat 4 as n
l_load: mov rax, [rsi + 0xf0]           ;= r8:HPET+0xf0!device
        mov [rdi], rax                  ;= w8:data+0x100+8*n
        mov eax, [rsi + 0x10]           ;= r4:hpet_config!device
        add edi, 8
        dec ecx
        jnz l_load
        ;= endrepeat
        ENDCASE
        CHECK edi, data + 0x120

        CASE device-cross, "a load and a store half in RAM, half in a device", device
        mov eax, [apic_page - 2]        ;= r4:apic_page-2@ram_page+0xffe,LAPIC!device
        mov [data], eax                 ;= w4:data
        mov [apic_page - 2], eax        ;= w4:apic_page-2@ram_page+0xffe,LAPIC!device
        ENDCASE
        PASS
END_OF_GUEST
