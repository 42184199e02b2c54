; SPDX-License-Identifier: Apache-2.0
; Two vCPUs at the same memory: LOCK over a page boundary, code that one changes and the other runs, an interrupt from
; one to the other.
;@ run smp=2
;@ run multi smp=2 thread=multi needs=">=10: QEMU 7.2 uses freed memory with a plugin and thread=multi: such recordings are refused"
%include "boot.inc"
%include "second.inc"

ROUNDS      equ 50
VECTOR      equ 0x30
split       equ DATA + 0x1ffe       ; over a page boundary
pair        equ DATA + 0x3000
counter     equ DATA + 0x3020
data        equ DATA + 0x3040
icr         equ LAPIC + 0x300
end_of_irq  equ LAPIC + 0xb0
top_0       equ STACK
top_1       equ STACK_1

        ;= sequence add_split()
        ;= repeat ROUNDS
        ;= s_lock r4:split w4:split
        ;= - 2
        ;= endrepeat
        ;= endsequence

main:
        GATE VECTOR, on_ipi
        START_SECOND
        MEET 0, 1

        CASE smp-split-first, "LOCK over a page boundary by two vCPUs at a time: the first", smp
        mov ecx, ROUNDS
        call add_split                  ;= w8:top_0-8
        ;= run add_split()
        ;= s_ret r8:top_0-8
        ENDCASE
        MEET 0, 2
        CASE smp-wide-first, "cmpxchg16b and xadd by two vCPUs at a time: the first", smp
        call add_pair                   ;= w8:top_0-8
        ;= run add_pair(pair, top_0)
        ENDCASE
        MEET 0, 3
        CASE smp-code-store, "code that the other vCPU has run, changed", smp
        mov byte [leaf + 1], 0x22       ;= w1:leaf+1
        ENDCASE
        MEET 0, 4
        MEET 0, 5
        mov ebx, LAPIC
        mov dword [rbx + 0x310], 1 << 24
        CASE smp-ipi-send, "an interrupt to the other vCPU", smp
        mov dword [rbx + 0x300], VECTOR ;= w4:icr!device
        ENDCASE
        MEET 0, 6
        CHECK dword [split], 2 * ROUNDS
        CHECK dword [counter], 2
        CHECK byte [data], 0x22
        CHECK qword [pair], 7
        CHECK qword [pair + 0x10], 7
        CHECK dword [data + 4], 1
        PASS

other_main:
        mov esp, STACK_1
        lidt [idtr]
        mov ebx, LAPIC
        mov dword [rbx + 0xf0], 0x1ff
        call leaf
        MEET 1, 1
        CASE smp-split-second, "LOCK over a page boundary by two vCPUs at a time: the second", smp
        mov ecx, ROUNDS
        call add_split                  ;= w8:top_1-8
        ;= run add_split()
        ;= s_ret r8:top_1-8
        ENDCASE
        MEET 1, 2
        CASE smp-wide-second, "cmpxchg16b and xadd by two vCPUs at a time: the second", smp
        mov r8d, 0x10
        call add_pair_at                ;= w8:top_1-8
        ;= add_pair_at
        ;= run add_pair_body(pair+0x10, top_1)
        ENDCASE
        MEET 1, 3
        MEET 1, 4
        CASE smp-code-run, "code that the other vCPU has changed", smp
        call leaf                       ;= w8:top_1-8
        ;= leaf
        ;= l_ret r8:top_1-8
        mov [data], al                  ;= w1:data
        ENDCASE
        mov ebx, LAPIC
        MEET 1, 5
        CASE smp-ipi, "hlt, ended by an interrupt of the other vCPU", smp
        sti
        hlt
        ;= event VECTOR interrupt at i_on: gate(VECTOR) frame(top_1) ;! threads-hide-events
        ;= on_ipi r4:data+4 w4:data+4
        ;= i_end w4:end_of_irq!device
        ;= i_ret iret(top_1)
i_on:   mov [data + 8], eax             ;= w4:data+8
        ENDCASE
        MEET 1, 6
.halt:  hlt
        jmp .halt

add_split:
s_lock: lock add dword [split], 1
        dec ecx
        jnz s_lock
s_ret:  ret

        ;= sequence add_pair(at, top)
        ;= add_pair
        ;= add_pair_at
        ;= run add_pair_body(at, top)
        ;= endsequence
add_pair: xor r8d, r8d
add_pair_at: lea rdi, [r8 + pair]
        ;= sequence add_pair_body(at, top)
        xor eax, eax
        xor edx, edx
        mov ebx, 7
        xor ecx, ecx
        lock cmpxchg16b [rdi]           ;= r16:at w16:at
        mov ebx, 1
        lock xadd [counter], ebx        ;= r4:counter w4:counter
        ret                             ;= r8:top-8
        ;= endsequence

leaf:   mov al, 0x11
l_ret:  ret

on_ipi: inc dword [data + 4]
i_end:  mov dword [rbx + 0xb0], 0
i_ret:  iretq

        SECOND_VCPU
END_OF_GUEST
