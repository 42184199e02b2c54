; SPDX-License-Identifier: Apache-2.0
; Two vCPUs, each interrupted by its own timer, and by the other in between.  What each counted itself it tells by
; the addresses of stores.
;@ run smp=2
%include "boot.inc"
%include "second.inc"

TIMER_VECTOR equ 0x30
CALL_VECTOR  equ 0x31
ENOUGH       equ 200
; Of each vCPU, by its number.
area_0      equ DATA + 0x20000
area_1      equ DATA + 0x40000
AREA_CALLS  equ 0x8000              ; in it: byte n is stored to by the n-th call of the handler
AREA_DATA   equ 0x10000

main:
        GATE TIMER_VECTOR, on_timer
        GATE CALL_VECTOR, on_call
        START_SECOND
        MEET 0, 1
        mov r12d, area_0
        mov r13d, 31000             ; ns
        call work
        MEET 0, 2
        MARK 0
        mov [r12 + rbp], al         ; how many came
        mov [r12 + r14 + AREA_CALLS], al
        MARK 1
        MEET 0, 3
        MEET 0, 4
        PASS

other_main:
        mov esp, STACK_1
        lidt [idtr]
        MEET 1, 1
        mov r12d, area_1
        mov r13d, 37000
        call work
        MEET 1, 2
        MEET 1, 3
        MARK 2
        mov [r12 + rbp], al
        mov [r12 + r14 + AREA_CALLS], al
        MARK 3
        MEET 1, 4
.halt:  hlt
        jmp .halt

; r12: its area, r13: the timer's period
work:
        mov ebx, LAPIC
        mov dword [rbx + 0xf0], 0x1ff
        mov dword [rbx + 0x3e0], 0xb            ; 1 GHz
        mov dword [rbx + 0x320], 0x20000 | TIMER_VECTOR
        xor ebp, ebp                ; timer interrupts
        xor r14d, r14d              ; calls by the other
        xor ecx, ecx
        mov [rbx + 0x380], r13d
        sti
.round: inc dword [r12 + AREA_DATA]
        call .sub
        mov esi, 1000
.spin:  dec esi
        jnz .spin
        inc ecx
        test ecx, 3
        jnz .on
        mov dword [rbx + 0x300], 0xc0000 | CALL_VECTOR  ; all others
.on:    cmp ebp, ENOUGH
        jb .round
        mov dword [rbx + 0x380], 0
        mov ecx, 100                ; what is under way comes yet
.last:  pause
        loop .last
        cli
        ret
.sub:   mov eax, [r12 + AREA_DATA]
        ret

on_timer:
t_count: mov [r12 + rbp], cl
        inc ebp
        mov dword [rbx + 0xb0], 0
        iretq

on_call:
c_count: mov [r12 + r14 + AREA_CALLS], cl
        inc r14d
        mov dword [rbx + 0xb0], 0
        iretq

        SECOND_VCPU
END_OF_GUEST
