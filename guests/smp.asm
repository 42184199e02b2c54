; SPDX-License-Identifier: Apache-2.0
; Two vCPUs: the same code on both at a time, and a writer watched by a reader.
;@ run smp=2
;@ run multi smp=2 thread=multi needs=">=10: QEMU 7.2 uses freed memory with a plugin and thread=multi: such recordings are refused"
%include "boot.inc"

ROUNDS      equ 50
VALUES      equ 400
shared      equ DATA
own_0       equ DATA + 0x1000
own_1       equ DATA + 0x2000
flag        equ DATA + 0x3000
table       equ DATA + 0x4000
here        equ DATA + 0x5000       ; + vCPU: has come to a meeting
STARTUP     equ 0x9000              ; where the second vCPU begins, in real mode
STACK_1     equ 0x3d0000
top_0       equ STACK
top_1       equ STACK_1

; MEET vCPU, number: goes on when both are there.
%macro MEET 2
        mov byte [here + %1], %2
%%wait: pause
        cmp byte [here + 1 - %1], %2
        jb %%wait
%endmacro

main:
        mov esi, startup
        mov edi, STARTUP
        mov ecx, startup.end - startup
        rep movsb
        mov ebx, LAPIC
        mov dword [rbx + 0xf0], 0x1ff
        mov dword [rbx + 0x300], 0xc4500        ; INIT to all others
        mov ecx, 1000
.wait:  pause
        loop .wait
        mov dword [rbx + 0x300], 0xc4600 | STARTUP >> 12
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

        bits 16
startup:
        cli
        xor ax, ax
        mov ds, ax
        o32 lgdt [STARTUP + (.gdtr - startup)]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp dword KCODE32:STARTUP + (.protected - startup)
        bits 32
.protected:
        mov ax, KDATA
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov eax, TABLES
        mov cr3, eax
        mov eax, cr4
        or eax, 0x620
        mov cr4, eax
        mov ecx, 0xc0000080
        rdmsr
        or eax, 0x101
        wrmsr
        mov eax, cr0
        and eax, ~0xc
        or eax, 0x80010003
        mov cr0, eax
        jmp KCODE:other_main
        align 4
.gdtr:  dw gdtr - gdt - 1
        dd gdt
.end:
END_OF_GUEST
