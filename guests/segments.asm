; SPDX-License-Identifier: Apache-2.0
; 32-bit protected mode: segment registers, descriptor tables, far transfers and call gates at CPL 0.
%include "boot.inc"
%include "legacy.inc"

data        equ DATA + 0x100        ; the LDT is at DATA
pointer     equ data + 0x10
table       equ data + 0x20
ldt         equ DATA
top         equ STACK
FRESH_LDT   equ 0x08 | 4

main:
        PROTECTED_MODE
        ;= cr3 0
        CALL_GATE GATE32, gate_target
        CALL_GATE GATE32_ARGS, gate_target_args
        mov dword [ldt + 8], 0x0000ffff
        mov dword [ldt + 12], 0x00cf9300
        mov dword [data], DATA32
        mov ecx, DATA32

        CASE p32-load-segment, "mov to a segment register from a register and from memory", descriptor
        mov es, cx                      ;= r8:gdt32+DATA32
        mov fs, [data]                  ;= r2:data r8:gdt32+DATA32
        mov ss, cx                      ;= r8:gdt32+DATA32
        ENDCASE
        CASE p32-load-null, "a null selector: no descriptor", descriptor
        xor eax, eax
        mov gs, ax
        ENDCASE
        CASE p32-load-fresh, "a descriptor that is not accessed: its accessed bit", descriptor
        mov eax, FRESH32
        mov gs, ax                      ;= r8:gdt32+FRESH32 w4:gdt32+FRESH32+4
        mov gs, ax                      ;= r8:gdt32+FRESH32
        ENDCASE
        CHECK byte [gdt32 + FRESH32 + 5], 0x93
        CASE p32-store-segment, "mov from a segment register: two bytes", descriptor
        mov [data + 4], gs              ;= w2:data+4
        mov eax, ds
        ENDCASE
        CHECK word [data + 4], FRESH32
        CASE p32-push-pop-segment, "push and pop of segment registers", descriptor
        push ds                         ;= w4:top-4
        pop es                          ;= r4:top-4 r8:gdt32+DATA32
        push fs                         ;= w4:top-4
        pop gs                          ;= r4:top-4 r8:gdt32+DATA32
        o16 push ss                     ;= w2:top-2
        o16 pop ss                      ;= r2:top-2 r8:gdt32+DATA32
        ENDCASE
        CHECK esp, top
        mov dword [pointer], 0x12345678
        mov word [pointer + 4], DATA32
        mov word [pointer + 6], DATA32
        CASE p32-load-far-pointer, "lds, les, lfs, lgs: offset and selector, then the descriptor", descriptor
        lds eax, [pointer]              ;= r6:pointer r8:gdt32+DATA32
        les eax, [pointer]              ;= r6:pointer r8:gdt32+DATA32
        lfs eax, [pointer]              ;= r6:pointer r8:gdt32+DATA32
        o16 lgs ax, [pointer + 2]       ;= r4:pointer+2 r8:gdt32+DATA32
        ENDCASE
        CHECK eax, 0x12341234
        mov dword [pointer], top
        CASE p32-lss, "lss esp", descriptor
        lss esp, [pointer]              ;= r6:pointer r8:gdt32+DATA32
        ENDCASE

        ; Descriptors that are only looked at.
        CASE p32-lar-lsl, "lar and lsl of a register and of memory", descriptor
        lar eax, ecx                    ;= r8:gdt32+DATA32
        lsl edx, ecx                    ;= r8:gdt32+DATA32
        lar eax, [data]                 ;= r2:data r8:gdt32+DATA32
        lsl edx, [data]                 ;= r2:data r8:gdt32+DATA32
        ENDCASE
        and eax, 0xff00
        CHECK eax, 0x9300
        CHECK edx, -1
        CASE p32-lar-null, "lar and verr of a null selector: no access", descriptor
        xor edx, edx
        lar eax, edx
        verr dx
        ENDCASE
        CASE p32-verr-verw, "verr and verw", descriptor
        verr cx                         ;= r8:gdt32+DATA32
        verw cx                         ;= r8:gdt32+DATA32
        verw [data]                     ;= r2:data r8:gdt32+DATA32
        ENDCASE
        setz al
        CHECK al, 1

        ; The tables.
        CASE p32-sgdt-sidt, "sgdt, sidt: six bytes", descriptor
        sgdt [table]                    ;= w6:table
        sidt [table + 8]                ;= w6:table+8
        ENDCASE
        CHECK dword [table + 2], gdt32
        CHECK dword [table + 10], IDT32
        CASE p32-lgdt-lidt, "lgdt, lidt", descriptor
        lgdt [table]                    ;= r6:table
        lidt [table + 8]                ;= r6:table+8
        ENDCASE
        mov eax, LDT32
        mov [data + 8], eax
        CASE p32-lldt-sldt, "lldt and sldt", descriptor
        lldt ax                         ;= r8:gdt32+LDT32
        lldt [data + 8]                 ;= r2:data+8 r8:gdt32+LDT32
        sldt [data + 12]                ;= w2:data+12
        sldt edx
        ENDCASE
        CHECK word [data + 12], LDT32
        mov edx, FRESH_LDT
        CASE p32-load-from-ldt, "a segment of the LDT", descriptor
        mov fs, dx                      ;= r8:ldt+8
        mov dword [fs:data], DATA32     ;= w4:data
        lar eax, edx                    ;= r8:ldt+8
        ENDCASE
        and eax, 0xff00
        CHECK eax, 0x9300
        and byte [gdt32 + TASK32 + 5], ~2
        mov edx, TASK32
        CASE p32-ltr-str, "ltr, which marks the task as busy; str", descriptor
        ltr dx                          ;= r8:gdt32+TASK32 w4:gdt32+TASK32+4
        str [data + 12]                 ;= w2:data+12
        ENDCASE
        CHECK byte [gdt32 + TASK32 + 5], 0x8b
        CHECK word [data + 12], TASK32
        CASE p32-smsw-lmsw, "smsw and lmsw", descriptor
        smsw [data + 14]                ;= w2:data+14
        lmsw [data + 14]                ;= r2:data+14
        smsw eax
        clts
        ENDCASE
        CHECK byte [data + 14], 0x13

        ; Far transfers.
        mov dword [pointer], far_by_memory
        mov word [pointer + 4], CODE32
        CASE p32-far-jump, "far jump, direct and by memory", transfer
        jmp CODE32:far_direct           ;= r8:gdt32+CODE32
far_direct: jmp far [pointer]           ;= r6:pointer r8:gdt32+CODE32
far_by_memory: nop
        ENDCASE
        mov dword [pointer], far_routine
        CASE p32-far-call, "far call, direct and by memory; far return", transfer
        call CODE32:far_routine         ;= r8:gdt32+CODE32 w4:top-4 w4:top-8
        ;= far_routine r4:top-8 r4:top-4 r8:gdt32+CODE32
        call far [pointer]              ;= r6:pointer r8:gdt32+CODE32 w4:top-4 w4:top-8
        ;= far_routine r4:top-8 r4:top-4 r8:gdt32+CODE32
        ENDCASE
        CASE p32-far-return, "far return that drops parameters", transfer
        push 1                          ;= w4:top-4
        push 2                          ;= w4:top-8
        call CODE32:far_routine_8       ;= r8:gdt32+CODE32 w4:top-12 w4:top-16
        ;= far_routine_8 r4:top-16 r4:top-12 r8:gdt32+CODE32
        ENDCASE
        CHECK esp, top
        CASE p32-far-16, "far call to 16-bit code, with 16-bit operands, and back", transfer
        o16 call far [word_pointer]     ;= r4:word_pointer r8:gdt32+CODE16 w2:top-2 w2:top-4
        ;= code16 w2:top-6
        ;= c_pop r2:top-6
        ;= c_load r2:0x16
        ;= c_far w4:top-8
        ;= c_to w4:top-12
        ;= c_ret r4:top-12 r4:top-8 r8:gdt32+CODE32
back32: nop
        ENDCASE
        mov esp, top
        CASE p32-gate, "call through a call gate, to the same privilege", transfer
        call GATE32:0                   ;= r8:gdt32+GATE32 r8:gdt32+CODE32 w4:top-4 w4:top-8
        ;= gate_target r4:top-8 r4:top-4 r8:gdt32+CODE32
        ENDCASE
        CASE p32-gate-args, "... a gate with parameters: none are copied", transfer
        push 1                          ;= w4:top-4
        push 2                          ;= w4:top-8
        call GATE32_ARGS:0              ;= r8:gdt32+GATE32_ARGS r8:gdt32+CODE32 w4:top-12 w4:top-16
        ;= gate_target_args r4:top-16 r4:top-12 r8:gdt32+CODE32
        ENDCASE
        CHECK esp, top
        push CODE32
        push gate_left
        CASE p32-gate-jump, "jump through a call gate", transfer
        jmp GATE32:0                    ;= r8:gdt32+GATE32 r8:gdt32+CODE32
        ;= gate_target r4:top-8 r4:top-4 r8:gdt32+CODE32
gate_left: nop
        ENDCASE
        pushfd
        push CODE32
        push irets_to
        CASE p32-iret, "iretd to the same privilege", transfer
        iretd                           ;= iret32(top)
irets_to: nop
        ENDCASE
        pushfw
        push word CODE16
        push word irets_16 - $$
        CASE p32-iret-16, "iret with 16-bit operands, to 16-bit code; retfd back", transfer
        o16 iret                        ;= r2:top-6 r2:top-4 r2:top-2 r8:gdt32+CODE16
        bits 16
irets_16: push dword CODE32             ;= w4:top-4
        push dword irets_back           ;= w4:top-8
        o32 retf                        ;= r4:top-8 r4:top-4 r8:gdt32+CODE32
        bits 32
irets_back: nop
        ENDCASE
        CHECK esp, top
        PASS

far_routine:
gate_target: retf
far_routine_8:
gate_target_args: retf 8

        bits 16
code16: push ax
c_pop:  pop cx
c_load: mov ax, [0x16]
c_far:  push dword CODE32
c_to:   push dword back32
c_ret:  o32 retf
        bits 32
        align 4
word_pointer: dw code16 - $$, CODE16
        bits 64
END_OF_GUEST
