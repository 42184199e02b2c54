; SPDX-License-Identifier: Apache-2.0
; One page at several addresses, and one address with several pages after another.
%include "boot.inc"

data        equ DATA
; Code: the frame of `shared` at two more addresses.
alias_a     equ DATA + 0x20000
alias_b     equ DATA + 0x25000
; Data: one frame at two addresses, another after it at one.
twin_a      equ DATA + 0x30000
twin_b      equ DATA + 0x33000
twin_frame  equ DATA + 0x40000
; An address that moves from frame to frame.
moving      equ DATA + 0x50000
frame_1     equ DATA + 0x61000
frame_2     equ DATA + 0x72000
frame_3     equ DATA + 0x83000
moving_entry equ PTE(moving)
; A second address space: `moving` is elsewhere in it.
OTHER       equ 0x220000
other_pdpt  equ 0x221000
other_pd    equ 0x222000
other_pt    equ 0x223000
top         equ STACK
a_jump      equ alias_a + s_jump - shared
a_two       equ alias_a + s_two - shared
a_call      equ alias_a + s_call - shared
a_leaf      equ alias_a + s_leaf - shared
a_lret      equ alias_a + s_lret - shared
a_ret       equ alias_a + s_ret - shared
b_jump      equ alias_b + s_jump - shared
b_two       equ alias_b + s_two - shared
b_call      equ alias_b + s_call - shared
b_leaf      equ alias_b + s_leaf - shared
b_lret      equ alias_b + s_lret - shared
b_ret       equ alias_b + s_ret - shared

; The page table entry of `moving` becomes this; one instruction.
%macro MOVE_TO 1
        mov qword [moving_entry], %1
%endmacro

main:
        mov qword [PTE(alias_a)], shared + MAPPED
        mov qword [PTE(alias_b)], shared + MAPPED
        mov qword [PTE(twin_a)], twin_frame + MAPPED
        mov qword [PTE(twin_b)], twin_frame + MAPPED
        MOVE_TO frame_1 + MAPPED
        ; The second address space is a copy of the first, down to the page table of DATA.
        mov esi, TABLES
        mov edi, OTHER
        mov ecx, 0x3000 / 8
        rep movsq
        mov dword [OTHER], other_pdpt + MAPPED
        mov dword [other_pdpt], other_pd + MAPPED
        mov dword [other_pd + (DATA >> 21) * 8], other_pt + MAPPED
        mov esi, PT
        mov edi, other_pt
        mov ecx, 512
        rep movsq
        mov qword [other_pt + moving_entry - PT], frame_3 + MAPPED
        mov rax, cr3
        mov cr3, rax

        mov ebx, shared
        mov esi, alias_a
        mov edi, alias_b
        mov edx, alias_a
        MARK 0
k_1:    call rbx
k_2:    call rsi
k_3:    call rdi
k_4:    call rsi
k_5:    call rbx
        MARK 1
        CHECK dword [data + 4], 5

        ; Hot: three addresses in turn, many times, the last in a loop of its own.
        mov ecx, 300
        MARK 2
h_1:    call rbx
h_2:    call rsi
h_3:    call rdi
        dec ecx
        jnz h_1
        MARK 3
        CHECK dword [data + 4], 905

        MARK 4
        mov eax, 0x12345678
t_1:    mov [twin_a + 8], eax
t_2:    mov ecx, [twin_b + 8]
t_3:    add [twin_b + 0x10], ecx
t_4:    mov edx, [twin_a + 0x10]
t_5:    mov edx, [twin_frame + 0x10]
        MARK 5
        CHECK edx, 0x12345678

        mov rdx, cr3
        MARK 6
m_1:    mov [moving], eax
m_inv:  MOVE_TO frame_2 + MAPPED
        invlpg [moving]
m_2:    mov [moving + 4], eax
m_cr3:  MOVE_TO frame_3 + MAPPED
        mov cr3, rdx
m_3:    mov [moving + 8], eax
m_gl:   MOVE_TO frame_1 + 0x100 + MAPPED     ; global, once CR4.PGE is on
        invlpg [moving]
        mov rcx, cr4
        or ecx, 0x80
        mov cr4, rcx
m_4:    mov [moving + 12], eax
m_stay: MOVE_TO frame_2 + MAPPED
        mov cr3, rdx                ; does not drop what is global
        and ecx, ~0x80
        mov cr4, rcx                ; does
m_5:    mov [moving + 16], eax
        MARK 7
        CHECK dword [frame_1], eax
        CHECK dword [frame_2 + 4], eax
        CHECK dword [frame_3 + 8], eax
        CHECK dword [frame_1 + 12], eax
        CHECK dword [frame_2 + 16], eax

        ; A loop that remaps its page each time: the mapping in the trace moves with it.
        mov ecx, 4
        mov esi, frame_1 + MAPPED
        MARK 8
g_map:  mov [moving_entry], rsi
        invlpg [moving]
g_add:  add [moving + 0x20], ecx
        xor esi, frame_1 ^ frame_2
        dec ecx
        jnz g_map
        MARK 9

        MOVE_TO frame_1 + MAPPED
        invlpg [moving]
        mov ebx, OTHER
        MARK 10
a_1:    mov [moving + 0x40], eax
        mov cr3, rbx
o_1:    mov [moving + 0x40], eax
o_2:    mov ecx, [data]
        mov cr3, rdx
a_2:    mov ecx, [moving + 0x40]
        MARK 11
        CHECK dword [frame_1 + 0x40], eax
        CHECK dword [frame_3 + 0x40], eax
        PASS

        align 4096
shared: inc dword [abs data + 4]
s_jump: jmp s_two
        nop
s_two:  mov eax, [data]
s_call: call s_leaf
s_ret:  ret
s_leaf: mov [data + 8], eax
s_lret: ret
END_OF_GUEST
