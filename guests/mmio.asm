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
        MARK 0
m_first: mov eax, [rbx + 0x20]
        nop
m_ram1: mov [data + 8], eax
m_mid:  mov [rbx + 0xf0], edx
m_ram2: mov ecx, [data]
m_load: mov eax, [rbx + 0xf0]
m_ram3: mov [data], eax
        MARK 1
        CHECK dword [data], 0x1ff
        jmp at_end
        times 0x2000 - 34 - ($ - $$) db 0
        ; The last access is the last instruction of its page, hence of its block.
at_end:
        MARK 2                      ; 8 bytes
e_one:  mov ecx, [abs data + 0x10]  ; 7 bytes
e_mid:  mov eax, [rbx + 0xf0]       ; 6 bytes
e_two:  mov [abs data + 0x10], eax  ; 7 bytes
e_last: mov edx, [rbx + 0xf0]       ; 6 bytes
e_ram:  mov [data + 0x14], edx
        MARK 3
        CHECK dword [data + 0x10], 0x1ff
        CHECK dword [data + 0x14], 0x1ff

        mov ecx, 0xb
        MARK 4
r_add:  add dword [rdi + 0x10], 0
r_ram:  mov [data], ecx
r_lock: lock or dword [rdi + 0x10], 0
r_xchg: xchg [rbx + 0x3e0], ecx
r_test: test dword [rdi + 0x10], 1
        MARK 5
        CHECK dword [rbx + 0x3e0], 0xb

        mov dword [data], 0xb
        mov dword [data + 4], 0x3
        MARK 6
        mov esi, data
        lea rdi, [rbx + 0x3e0]
v_to:   movsd                       ; RAM to device
        mov edi, data + 0x20
        lea rsi, [rbx + 0x3e0]
v_from: movsd                       ; device to RAM
        mov esi, HPET + 0x10
        lea rdi, [rbx + 0x20]
v_both: movsd                       ; device to device
v_ram:  mov eax, [data]
        MARK 7
        CHECK dword [data + 0x20], 0xb

        MARK 8
        mov esi, data
        lea rdi, [rbx + 0x3e0]
        mov ecx, 3
p_movs: rep movsd
p_ram:  mov [data + 0x28], ecx
        lea rdi, [rbx + 0x3e0]
        mov ecx, 3
p_stos: rep stosd
        lea rsi, [rbx + 0x3e0]
        mov ecx, 3
p_lods: rep lodsd
p_end:  mov [data + 0x28], ecx
        MARK 9

        MARK 10
        mov ecx, 4
        mov edi, data + 0x100
        mov esi, HPET
l_load: mov rax, [rsi + 0xf0]       ; main counter
l_keep: mov [rdi], rax
l_conf: mov eax, [rsi + 0x10]
        add edi, 8
        dec ecx
        jnz l_load
        MARK 11
        CHECK edi, data + 0x120

        MARK 12
c_load: mov eax, [apic_page - 2]    ; half of it RAM, half of it device
c_ram:  mov [data], eax
c_stor: mov [apic_page - 2], eax
        MARK 13
        PASS
END_OF_GUEST
