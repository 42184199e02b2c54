; SPDX-License-Identifier: Apache-2.0
; Two vCPUs: the same code on both at a time, and a writer watched by a reader.
;@ run smp=2
;@ run multi smp=2 thread=multi needs=">=10: QEMU 7.2 uses freed memory with a plugin and thread=multi: such recordings are refused"
%include "boot.inc"
%include "second.inc"

ROUNDS      equ 50
VALUES      equ 400
shared      equ DATA
own_0       equ DATA + 0x1000
own_1       equ DATA + 0x2000
flag        equ DATA + 0x3000
table       equ DATA + 0x4000
top_0       equ STACK
top_1       equ STACK_1

main:
        START_SECOND
        MEET 0, 1

        mov ebx, own_0
        CASE smp-first, "code that two vCPUs run at a time: the first", smp
        call work                       ;= w8:top_0-8
        ;= run work(own_0, top_0)
        ENDCASE
        MEET 0, 2

        ; The writer.
        mov ecx, 1
        MARK 4
y_table: mov [table + rcx * 8], rcx
y_flag: mov [flag], rcx
        test cl, 7
        jnz y_on
        pause                       ; with one thread for all vCPUs, the other one runs now
y_on:   inc ecx
        cmp ecx, VALUES
        jbe y_table
        MARK 5
        MEET 0, 3
        CHECK dword [shared], 2 * ROUNDS
        CHECK dword [own_0 + 16], ROUNDS
        CHECK dword [own_1 + 16], ROUNDS
        PASS

other_main:
        mov esp, STACK_1
        MEET 1, 1
        mov ebx, own_1
        CASE smp-second, "code that two vCPUs run at a time: the second", smp
        call work                       ;= w8:top_1-8
        ;= run work(own_1, top_1)
        ENDCASE
        MEET 1, 2

        ; The reader: which value it saw tells the address of its second load.
        MARK 6
x_flag: mov rcx, [flag]
x_table: mov rdx, [table + rcx * 8]
        pause
        cmp ecx, VALUES
        jb x_flag
        MARK 7
        CHECK edx, VALUES
        MEET 1, 3
.halt:  hlt
        jmp .halt

; rbx: the vCPU's own data
        ;= sequence work(own, top)
work:   mov ecx, ROUNDS
        ;= repeat ROUNDS
w_load: mov rax, [rbx]                  ;= r8:own
        mov [rbx + 8], rax              ;= w8:own+8
        add dword [rbx + 16], 1         ;= r4:own+16 w4:own+16
        lock add dword [shared], 1      ;= r4:shared w4:shared
        call w_leaf                     ;= w8:top-16
        ;= w_leaf r1:own+24 w1:own+24
        ;= l_ret r8:top-16
        pause
        dec ecx
        jnz w_load
        ;= endrepeat
        ret                             ;= r8:top-8
        ;= endsequence
w_leaf: inc byte [rbx + 24]
l_ret:  ret

        SECOND_VCPU
END_OF_GUEST
