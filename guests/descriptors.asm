; SPDX-License-Identifier: Apache-2.0
; 64-bit mode: segment registers, descriptor tables, far transfers, call gates, iretq, and back from CPL 3.
%include "boot.inc"

data        equ DATA + 0x100
pointer     equ data + 0x10
table       equ data + 0x20
new_gdt     equ DATA + 0x1000
ldt         equ DATA + 0x2000
user_stack  equ DATA + 0x80000
top         equ STACK
top0        equ STACK0
; In the copy of the GDT, behind what boot.inc has.
FRESH       equ 0x48                ; data, not accessed
GATE_SAME   equ 0x50                ; call gate, 16 bytes
GATE_USER   equ 0x60                ; ... for CPL 3
LDT         equ 0x70                ; 16 bytes
OTHER_TASK  equ 0x80                ; 16 bytes
IN_LDT      equ 0x08 | 4
NEW_BYTES   equ 0x90

; CALL_GATE selector, target
%macro CALL_GATE 2
        mov eax, %2
        mov [new_gdt + %1], ax
        mov word [new_gdt + %1 + 2], KCODE
        mov word [new_gdt + %1 + 4], 0xec00
        shr eax, 16
        mov [new_gdt + %1 + 6], ax
        mov qword [new_gdt + %1 + 8], 0
%endmacro

main:
        GATE 0x41, on_finish
        mov esi, gdt
        mov edi, new_gdt
        mov ecx, 0x48
        rep movsb
        mov ecx, (NEW_BYTES - 0x48) / 8
        xor eax, eax
        rep stosq
        mov dword [new_gdt + FRESH], 0xffff
        mov dword [new_gdt + FRESH + 4], 0x00cf9200
        CALL_GATE GATE_SAME, far_routine
        CALL_GATE GATE_USER, gate_target
        mov dword [new_gdt + LDT], (ldt & 0xffff) << 16 | 0x0f
        mov dword [new_gdt + LDT + 4], 0x00008200 | (ldt >> 16)
        mov dword [new_gdt + OTHER_TASK], (TSS & 0xffff) << 16 | 0x67
        mov dword [new_gdt + OTHER_TASK + 4], 0x00008900 | (TSS >> 16)
        mov dword [ldt + 8], 0xffff
        mov dword [ldt + 12], 0x00cf9300
        mov word [table], NEW_BYTES - 1
        mov qword [table + 2], new_gdt
        mov ecx, KDATA
        mov [data], ecx

        CASE lgdt-lidt, "lgdt, lidt, sgdt, sidt: ten bytes", descriptor
        lgdt [table]                    ;= r10:table
        sgdt [table + 0x10]             ;= w10:table+0x10
        sidt [table + 0x20]             ;= w10:table+0x20
        lidt [table + 0x20]             ;= r10:table+0x20
        ENDCASE
        CHECK qword [table + 0x12], new_gdt
        CHECK qword [table + 0x22], IDT
        CASE load-segment, "mov to a segment register from a register and from memory", descriptor
        mov es, ecx                     ;= r8:new_gdt+KDATA
        mov fs, [data]                  ;= r2:data r8:new_gdt+KDATA
        mov ss, ecx                     ;= r8:new_gdt+KDATA
        ENDCASE
        CASE load-segment-null, "a null selector: no descriptor", descriptor
        xor eax, eax
        mov gs, eax
        ENDCASE
        CASE load-segment-fresh, "a descriptor that is not accessed: its accessed bit", descriptor
        mov eax, FRESH
        mov gs, eax                     ;= r8:new_gdt+FRESH w4:new_gdt+FRESH+4
        mov gs, eax                     ;= r8:new_gdt+FRESH
        ENDCASE
        CHECK byte [new_gdt + FRESH + 5], 0x93
        CASE store-segment, "mov from a segment register: two bytes", descriptor
        mov [data + 4], gs              ;= w2:data+4
        mov rax, gs
        ENDCASE
        CHECK word [data + 4], FRESH
        CASE push-pop-segment, "push and pop of FS and GS", descriptor
        push fs                         ;= w8:top-8
        pop gs                          ;= r8:top-8 r8:new_gdt+KDATA
        o16 push gs                     ;= w2:top-2
        o16 pop fs                      ;= r2:top-2 r8:new_gdt+KDATA
        ENDCASE
        CHECK rsp, top
        mov rax, 0x1122334455667788
        mov [pointer], rax
        mov word [pointer + 8], KDATA
        mov word [pointer + 4], KDATA
        CASE load-far-pointer, "lfs, lgs, lss: offset and selector, then the descriptor", descriptor
        lfs edx, [pointer]              ;= r6:pointer r8:new_gdt+KDATA
        ENDCASE
        CHECK edx, 0x55667788
        CASE lar-lsl, "lar and lsl", descriptor
        lar eax, ecx                    ;= r8:new_gdt+KDATA
        lsl edx, [data]                 ;= r2:data r8:new_gdt+KDATA
        ENDCASE
        CHECK edx, -1
        CASE lar-null, "lar, lsl, verr of a null selector: no access", descriptor
        xor edx, edx
        lar eax, edx
        lsl eax, edx
        verr dx
        ENDCASE
        CASE verr-verw, "verr and verw", descriptor
        verr cx                         ;= r8:new_gdt+KDATA
        verw [data]                     ;= r2:data r8:new_gdt+KDATA
        ENDCASE
        setz al
        CHECK al, 1
        mov eax, LDT
        CASE lldt-sldt, "lldt: a descriptor of 16 bytes; sldt", descriptor
        lldt ax                         ;= r16:new_gdt+LDT ;~ lldt-loads-12-bytes: r12:new_gdt+LDT
        sldt [data + 8]                 ;= w2:data+8
        sldt edx
        ENDCASE
        CHECK word [data + 8], LDT
        mov edx, IN_LDT
        CASE load-segment-ldt, "a segment of the LDT", descriptor
        mov fs, edx                     ;= r8:ldt+8
        mov [fs:data + 12], edx         ;= w4:data+12
        ENDCASE
        CHECK dword [data + 12], IN_LDT
        mov eax, OTHER_TASK
        CASE ltr-str, "ltr: a descriptor of 16 bytes, which it marks as busy; str", descriptor
        ltr ax                          ;= r16:new_gdt+OTHER_TASK w4:new_gdt+OTHER_TASK+4
        str [data + 8]                  ;= w2:data+8
        str edx
        ENDCASE
        CHECK byte [new_gdt + OTHER_TASK + 5], 0x8b
        CHECK word [data + 8], OTHER_TASK
        CASE smsw-lmsw, "smsw and lmsw", descriptor
        smsw [data + 8]                 ;= w2:data+8
        lmsw [data + 8]                 ;= r2:data+8
        ENDCASE
        CHECK byte [data + 8], 0x13
        CASE segment-bases, "swapgs, rdmsr, wrmsr, mov from CR and DR: no memory", no-access
        swapgs
        swapgs
        mov ecx, 0xc0000101
        rdmsr
        wrmsr
        mov rax, cr0
        mov rdx, dr7
        ENDCASE

        ; Far transfers.
        mov dword [pointer], far_to
        mov word [pointer + 4], KCODE
        CASE far-jump-memory, "far jump by memory, 16:32", transfer
        jmp far dword [pointer]         ;= r6:pointer r8:new_gdt+KCODE
far_to: nop
        ENDCASE
        mov dword [pointer], far_routine32
        CASE far-call-32, "far call by memory with 32-bit operands; far return", transfer
        call far dword [pointer]        ;= r6:pointer r8:new_gdt+KCODE w4:top-4 w4:top-8
        ;= far_routine32 r4:top-8 r4:top-4 r8:new_gdt+KCODE
        ENDCASE
        mov qword [pointer], far_routine
        mov word [pointer + 8], KCODE
        CASE far-call-64, "far call by memory with 64-bit operands; far return", transfer
        o64 call far [pointer]          ;= r10:pointer r8:new_gdt+KCODE w8:top-8 w8:top-16
        ;= far_routine r8:top-16 r8:top-8 r8:new_gdt+KCODE
        ENDCASE
        mov qword [pointer], far_routine_8
        CASE far-return-drops, "far return that drops parameters", transfer
        push 1                          ;= w8:top-8
        o64 call far [pointer]          ;= r10:pointer r8:new_gdt+KCODE w8:top-16 w8:top-24
        ;= far_routine_8 r8:top-24 r8:top-16 r8:new_gdt+KCODE
        ENDCASE
        CHECK rsp, top
        mov dword [pointer], 0
        mov word [pointer + 4], GATE_SAME
        CASE gate-call, "call through a call gate of 16 bytes, to the same privilege", transfer
        call far dword [pointer]        ;= r6:pointer r16:new_gdt+GATE_SAME r8:new_gdt+KCODE w8:top-8 w8:top-16
        ;= far_routine r8:top-16 r8:top-8 r8:new_gdt+KCODE
        ENDCASE
        push KCODE
        push gate_left
        CASE gate-jump, "jump through a call gate", transfer
        jmp far dword [pointer]         ;= r6:pointer r16:new_gdt+GATE_SAME r8:new_gdt+KCODE
        ;= far_routine r8:top-16 r8:top-8 r8:new_gdt+KCODE
gate_left: nop
        ENDCASE
        CASE iretq-same, "iretq to the same privilege: the stack, too", transfer
        push KDATA                      ;= w8:top-8
        push top                        ;= w8:top-16
        pushfq                          ;= w8:top-24
        push KCODE                      ;= w8:top-32
        push iret_to_here               ;= w8:top-40
        iretq                           ;= r8:top-40 r8:top-32 r8:top-24 r8:new_gdt+KCODE r8:top-16 r8:top-8 r8:new_gdt+KDATA
iret_to_here: nop
        ENDCASE
        CHECK rsp, top
        CASE iretd-same, "iretd in 64-bit mode", transfer
        sub rsp, 20
        mov dword [rsp + 16], KDATA     ;= w4:top-4
        mov dword [rsp + 12], top       ;= w4:top-8
        mov dword [rsp + 8], 2          ;= w4:top-12
        mov dword [rsp + 4], KCODE      ;= w4:top-16
        mov dword [rsp], iretd_to_here  ;= w4:top-20
        iretd                           ;= r4:top-20 r4:top-16 r4:top-12 r8:new_gdt+KCODE r4:top-8 r4:top-4 r8:new_gdt+KDATA
iretd_to_here: nop
        ENDCASE
        CHECK rsp, top

        ; CPL 3.
        CASE retfq-user, "far return to CPL 3, which drops parameters of both stacks", transfer
        push UDATA                      ;= w8:top-8
        push user_stack                 ;= w8:top-16
        push 1                          ;= w8:top-24
        push UCODE                      ;= w8:top-32
        push user                       ;= w8:top-40
        o64 retf 8                      ;= r8:top-40 r8:top-32 r8:new_gdt+UCODE-3 r8:top-16 r8:top-8 r8:new_gdt+UDATA-3
        ;= cpl 3
user:   nop
        ENDCASE
        CHECK rsp, user_stack + 8
        mov esp, user_stack
        mov dword [pointer], 0
        mov word [pointer + 4], GATE_USER | 3
        ;= cpl 3
        CASE gate-user, "call gate from CPL 3: the stack from the TSS; far return", transfer
        call far dword [pointer]        ;= r6:pointer r16:new_gdt+GATE_USER r8:new_gdt+KCODE r8:TSS+4 w8:top0-8 w8:top0-16 w8:top0-24 w8:top0-32
        ;= cpl 0
        ;= gate_target r4:data w4:data
        ;= gate_return r8:top0-32 r8:top0-24 r8:new_gdt+UCODE-3 r8:top0-16 r8:top0-8 r8:new_gdt+UDATA-3
        ;= cpl 3
        mov eax, [data]                 ;= r4:data
        ENDCASE
        CHECK eax, KDATA + 1
        CASE enter-user-segment, "lar and mov ds at CPL 3: tables are read as the system", descriptor
        mov ecx, UDATA
        lar eax, ecx                    ;= r8:new_gdt+UDATA-3
        mov ds, ecx                     ;= r8:new_gdt+UDATA-3
        ENDCASE
        int 0x41

on_finish:
        mov ax, KDATA
        mov ss, ax
        PASS

far_routine: o64 retf
far_routine32: retf
far_routine_8: o64 retf 8
gate_target:
        inc dword [data]
gate_return: o64 retf
END_OF_GUEST
