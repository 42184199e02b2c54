; SPDX-License-Identifier: Apache-2.0
; A timer that interrupts a busy loop and hlt, and a long string instruction that is interrupted by what it stores.
; What the guest counted itself it tells by the addresses of stores.
;@ run
;@ run icount arguments="-icount shift=3"
%include "boot.inc"

data        equ DATA
; Byte n is stored to by the n-th interrupt.
log         equ DATA + 0x10000
; rounds_low + (rounds & 4095) and rounds_high + (rounds >> 12) are stored to after a loop.
rounds_low  equ DATA + 0x20000
rounds_high equ DATA + 0x21000
; A page of the local APIC with RAM behind it: a string of dwords from the interrupt command register on.
apic_page   equ DATA + 0x100000
filled      equ apic_page + 0x1000
sent        equ apic_page + 0x300
registers   equ LAPIC + 0x300
APIC_DWORDS equ 0xd00 / 4
RAM_DWORDS  equ 70000               ; QEMU 10 looks for interrupts every 65,535
; To the interrupt command register: this vector, to all and itself.  To the local vector table: masked.
SEND        equ 0x90000 | VECTOR
VECTOR      equ 0x30
ENOUGH      equ 50
end_of_irq  equ LAPIC + 0xb0
top         equ STACK

; TIMER period in ns: an interrupt each time from now on; 0 stops it.
%macro TIMER 1
        mov dword [rbx + 0x380], %1
%endmacro

%macro PERIODIC 0
        mov dword [rbx + 0x3e0], 0xb            ; 1 GHz
        mov dword [rbx + 0x320], 0x20000 | VECTOR
%endmacro

; More may have come since the guest last looked.
%macro CHECK_COUNT 1
        cmp ebp, %1
        setb al
        CHECK al, 0
%endmacro

main:
        GATE VECTOR, on_timer
        mov ebx, LAPIC
        mov dword [rbx + 0xf0], 0x1ff
        PERIODIC
        xor ebp, ebp                ; interrupts

        ; A loop whose blocks end in call, ret and jumps.
        xor ecx, ecx
        MARK 0
b_on:   TIMER 50000
        sti
        ;= sequence busy_round()
b_round: inc dword [data]           ;= r4:data w4:data
        call b_sub                  ;= w8:top-8
        ;= b_sub r4:data
        ;= b_ret r8:top-8
        mov esi, 20
        ;= - 38                     ; the rest of a loop of 20
b_wait: dec esi
        jnz b_wait
        inc ecx
        cmp ebp, ENOUGH             ; interrupts, and rounds
        setb al
        cmp ecx, 2000
        setb dl
        or al, dl
        jnz b_round
        ;= endsequence
        cli
b_off:  TIMER 0
        MARK 1
        MARK 2
        mov edx, ecx
        and edx, 4095
        mov [rdx + rounds_low], al
        shr ecx, 12
        mov [rcx + rounds_high], al
        MARK 3
        CHECK_COUNT ENOUGH

        ; A string that is interrupted: its first dwords send the interrupt.
        mov eax, LAPIC + MAPPED
        mov [PTE(apic_page)], rax
        invlpg [apic_page]
        xor ebp, ebp
        xor r8d, r8d                ; whether an interrupt came into the string
        mov eax, SEND
        mov edi, sent
        mov ecx, APIC_DWORDS + RAM_DWORDS
        MARK 4
        sti
        nop                         ; in QEMU 7.2, sti would hold off interrupts for all of the string
        nop
        ;= sequence fill()
f_fill: rep stosd                   ;= APIC_DWORDS{w4:sent+i*4@registers+i*4!device} RAM_DWORDS{w4:filled+i*4}
f_next: mov [data], ecx             ;= w4:data
        ;= endsequence
        cli
        MARK 5
        CHECK r8b, 1
        CHECK edi, filled + RAM_DWORDS * 4
        CHECK dword [filled + RAM_DWORDS * 4 - 4], SEND

        ; Idle.
        PERIODIC                    ; again: the string stored to these registers
        xor ebp, ebp
        MARK 6
w_on:   TIMER 100000
        ;= sequence wake()
w_hlt:  sti
        hlt
w_woke: cli
w_keep: mov [data], ebp             ;= w4:data
        cmp ebp, 3
        jb w_hlt
        ;= endsequence
w_off:  TIMER 0
        MARK 7
        CHECK_COUNT 3
        PASS

b_sub:  mov eax, [data]
b_ret:  ret

        ;= sequence on_timer(number, top)
on_timer:
        push rax                    ;= w8:top-48
        mov [rbp + log], al         ;= w1:log+number
        inc ebp
        cmp qword [rsp + 8], f_fill ;= r8:top-40
        sete al
        or r8b, al
        mov dword [rbx + 0xb0], 0   ;= w4:end_of_irq!device
        pop rax                     ;= r8:top-48
v_ret:  iretq                       ;= iret(top)
        ;= endsequence
END_OF_GUEST
