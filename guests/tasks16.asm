; SPDX-License-Identifier: Apache-2.0
; Tasks and call gates of 16-bit format (SDM 3A 5.8.3, 7.6), among themselves and with those of 32-bit format.
%include "boot.inc"
%include "legacy.inc"

data        equ DATA
stack16     equ STACK16
other_stack equ STACK16 - 0x800
inner       equ STACK16 - 0x400     ; the stack for CPL 0 of TSS16
user_stack  equ 0xe000
top         equ STACK
; What is read of a task, and what is saved: IP, FLAGS, eight registers, ES, CS, SS, DS; read is the LDT, too.
;= define task16_read(tss) r30:tss+0x0e
;= define task16_saved(tss) w28:tss+0x0e
;= define task16_segments() r8:gdt32+CODE16 r8:gdt32+STACK16_32 2{r8:gdt32+DATA32}
;= define from_32_jump() r8:gdt32+TASK16 task16_read(TSS16) task_mark(TASK32) task_saved(TSS32) task_mark(TASK16) task16_segments()
;= define to_32_jump() r8:gdt32+TASK32 task_read(TSS32) task_mark(TASK16) task16_saved(TSS16) task_mark(TASK32) task_segments()
;= define jump16(selector, to, old_selector, old) r8:gdt32+selector task16_read(to) task_mark(old_selector) task16_saved(old)
;= + task_mark(selector) task16_segments()
;= define call16() r8:gdt32+TASK16_OTHER task16_read(TSS16_OTHER) task16_saved(TSS16) w2:TSS16_OTHER task_mark(TASK16_OTHER) task16_segments()
;= define return16() r2:TSS16_OTHER r8:gdt32+TASK16 task16_read(TSS16) task_mark(TASK16_OTHER) task16_saved(TSS16_OTHER) task16_segments()
;= define call_from_32() r8:gdt32+TASK16_OTHER task16_read(TSS16_OTHER) task_saved(TSS32) w2:TSS16_OTHER task_mark(TASK16_OTHER) task16_segments()
;= define return_to_32() r2:TSS16_OTHER r8:gdt32+TASK32 task_read(TSS32) task_mark(TASK16_OTHER) task16_saved(TSS16_OTHER) task_segments()
; What QEMU does more: the first and the last byte of the old TSS; the T flag.
;= define probed32() r1:TSS32 r1:TSS32+103 w1:TSS32 w1:TSS32+103
;= define probed16(old) r1:old r1:old+43 w1:old w1:old+43
;= define flag_in_four() r2:TSS32+0x66
;= define flags_again() w2:TSS16_OTHER+0x10

; TASK_STATE tss, code, stack
%macro TASK_STATE 3
        mov word [%1 + 0x0e], %2 - $$
        mov word [%1 + 0x10], 2
        mov word [%1 + 0x12], 0x1234
        mov word [%1 + 0x1a], %3
        mov word [%1 + 0x22], DATA32
        mov word [%1 + 0x24], CODE16
        mov word [%1 + 0x26], STACK16_32
        mov word [%1 + 0x28], DATA32
%endmacro

main:
        PROTECTED_MODE
        ;= cr3 0
        INT_GATE 0x40, on_service
        INT_GATE 0x41, on_finish
        CALL_GATE GATE16, gate16 - $$
        CALL_GATE GATE16_JUMP, gate16_jump - $$
        CALL_GATE GATE16_ARGS, gate16_args - $$
        mov edi, TSS16
        mov ecx, 0x800 / 4
        xor eax, eax
        rep stosd
        TASK_STATE TSS16, task16, stack16
        TASK_STATE TSS16_OTHER, other16, other_stack
        mov word [TSS16 + 2], inner
        mov word [TSS16 + 4], DATA32
        mov fs, ax
        mov gs, ax

        CASE t16-jump, "far jump from a task of 32-bit format to one of 16-bit format, and back", transfer
        jmp TASK16:0                    ;= unordered from_32_jump() ;~ task-switch-probes: unordered from_32_jump() probed32()
        ;= task16 w2:data
        ;= t_jump unordered to_32_jump() ;~ task-switch-probes: unordered to_32_jump() probed16(TSS16) flag_in_four() ;~ task-flag-in-four-bytes: unordered to_32_jump() flag_in_four()
        mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        CHECK word [data], 0x1234
        CHECK word [TSS16 + 0x0e], task16_again - $$
        CHECK byte [gdt32 + TASK16 + 5], 0xe1
        CHECK byte [gdt32 + TASK32 + 5], 0x8b
        CASE t16-among, "far jumps among tasks of 16-bit format", transfer
        jmp TASK16:0                    ;= unordered from_32_jump() ;~ task-switch-probes: unordered from_32_jump() probed32()
        ;= task16_again unordered jump16(TASK16_OTHER, TSS16_OTHER, TASK16, TSS16) ;~ task-switch-probes: unordered jump16(TASK16_OTHER, TSS16_OTHER, TASK16, TSS16) probed16(TSS16)
        ;= other16 r2:data w2:data
        ;= o_jump unordered jump16(TASK16, TSS16, TASK16_OTHER, TSS16_OTHER) ;~ task-switch-probes: unordered jump16(TASK16, TSS16, TASK16_OTHER, TSS16_OTHER) probed16(TSS16_OTHER)
        ;= t_call unordered call16() ;~ task-switch-probes: unordered call16() probed16(TSS16)
        ;= o_called r2:data w2:data
        ;= o_return unordered return16() ;~ task-switch-probes: unordered return16() probed16(TSS16_OTHER) ;~ task-return-stores-flags-twice: unordered return16() flags_again()
        ;= t_jump2 unordered to_32_jump() ;~ task-switch-probes: unordered to_32_jump() probed16(TSS16) flag_in_four() ;~ task-flag-in-four-bytes: unordered to_32_jump() flag_in_four()
        mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        CHECK word [data], 0x1236
        CHECK word [TSS16_OTHER], TASK16
        CASE t16-call, "far call of a task of 16-bit format from one of 32-bit format; iret back", transfer
        call TASK16_OTHER:0             ;= unordered call_from_32() ;~ task-switch-probes: unordered call_from_32() probed32()
        ;= o_third r2:data w2:data
        ;= o_return2 unordered return_to_32() ;~ task-switch-probes: unordered return_to_32() probed16(TSS16_OTHER) flag_in_four() ;~ task-return-stores-flags-twice [>=11]: unordered return_to_32() flags_again() ;~ task-return-stores-flags-twice: unordered return_to_32() flags_again() flag_in_four()
        mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        CHECK word [data], 0x1237
        CASE t16-gate, "... through a task gate", transfer
        call TASK_GATE16:0              ;= unordered r8:gdt32+TASK_GATE16 call_from_32() ;~ task-switch-probes: unordered r8:gdt32+TASK_GATE16 call_from_32() probed32()
        ;= o_fourth r2:data w2:data
        ;= o_return3 unordered return_to_32() ;~ task-switch-probes: unordered return_to_32() probed16(TSS16_OTHER) flag_in_four() ;~ task-return-stores-flags-twice [>=11]: unordered return_to_32() flags_again() ;~ task-return-stores-flags-twice: unordered return_to_32() flags_again() flag_in_four()
        mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        CHECK word [data], 0x1238
        mov dword [IDT32 + 0x42 * 8], TASK16_OTHER << 16
        mov dword [IDT32 + 0x42 * 8 + 4], 0xe500
        CASE t16-int-gate, "int n through a task gate; iret back", event-delivery
g_int:  int 0x42
        ;= event 0x42 software at g_int: r8:IDT32+0x42*8 r8:gdt32+TASK16_OTHER task16_read(TSS16_OTHER) task_saved(TSS32) w2:TSS16_OTHER
        ;= + task_mark(TASK16_OTHER) task16_segments()
        ;= o_fifth r2:data w2:data
        ;= o_return4 unordered return_to_32() ;~ task-switch-probes: unordered return_to_32() probed16(TSS16_OTHER) flag_in_four() ;~ task-return-stores-flags-twice [>=11]: unordered return_to_32() flags_again() ;~ task-return-stores-flags-twice: unordered return_to_32() flags_again() flag_in_four()
        mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        CHECK word [data], 0x1239
        clts

        ; Call gates of 16-bit format.
        jmp CODE16:(in16 - $$)
        [bits 16]
in16:   xor eax, eax
        CASE g16-call, "call gate of 16-bit format to the same privilege; far return", transfer
        call GATE16:0                   ;= r8:gdt32+GATE16 r8:gdt32+CODE16 w2:top-2 w2:top-4
        ;= gate16
        ;= g_return r2:top-4 r2:top-2 r8:gdt32+CODE16
        mov [dword data], ax            ;= w2:data
        ENDCASE
        CASE g16-args, "... with parameters: none are copied", transfer
        call GATE16_ARGS:0              ;= r8:gdt32+GATE16_ARGS r8:gdt32+CODE16 w2:top-2 w2:top-4
        ;= gate16_args r2:top
        ;= a_return r2:top-4 r2:top-2 r8:gdt32+CODE16
        mov [dword data + 4], cx        ;= w2:data+4
        ENDCASE
        CASE g16-jump, "jump through a call gate of 16-bit format", transfer
        jmp GATE16_JUMP:0               ;= r8:gdt32+GATE16_JUMP r8:gdt32+CODE16
gate16_jump: mov [dword data + 8], ax   ;= w2:data+8
        ENDCASE
        jmp dword CODE32:out16
        [bits 32]
out16:
        CHECK word [data], 1
        mov esp, STACK
        mov ax, TASK16
        CASE t16-ltr, "ltr of a TSS of 16-bit format, which it marks as busy", descriptor
        ltr ax                          ;= r8:gdt32+TASK16 w4:gdt32+TASK16+4
        ENDCASE
        CHECK byte [gdt32 + TASK16 + 5], 0xe3
        push dword UDATA32
        push dword user_stack
        push dword UCODE16
        push dword user - $$
        retf
        [bits 16]
        ;= cpl 3
user:   mov ax, UDATA32
        mov ds, ax
        CASE g16-user, "call gate of 16-bit format from CPL 3: the stack from a TSS of 16-bit format, two parameters", transfer
        push word 0x11                  ;= w2:user_stack-2
        push word 0x22                  ;= w2:user_stack-4
        call (GATE16_ARGS | 3):0        ;= r8:gdt32+GATE16_ARGS r8:gdt32+CODE16 r2:TSS16+2 r2:TSS16+4 r8:gdt32+DATA32 w2:inner-2 w2:inner-4 r2:user_stack-2 w2:inner-6 r2:user_stack-4 w2:inner-8 w2:inner-10 w2:inner-12
        ;= cpl 0
        ;= gate16_args r2:inner-8
        ;= a_return r2:inner-12 r2:inner-10 r8:gdt32+UCODE16-3 r2:inner-4 r2:inner-2 r8:gdt32+UDATA32-3
        ;= cpl 3
        mov [dword data + 12], cx       ;= w2:data+12
        ENDCASE
        ;= cpl 3
        CASE t16-int, "int n at CPL 3: the stack from a TSS of 16-bit format; iretd", event-delivery
u_int:  int 0x40
        ;= cpl 0
        ;= event 0x40 software at u_int: gate32(0x40) r2:TSS16+2 r2:TSS16+4 r8:gdt32+DATA32 frame32_outer(inner)
        ;= on_service w4:hits
        ;= s_return r4:inner-20 r4:inner-16 r4:inner-12 r8:gdt32+UCODE16-3 r4:inner-8 r4:inner-4 r8:gdt32+UDATA32-3
        ;= cpl 3
        mov [dword data + 16], ax       ;= w2:data+16
        ENDCASE
        int 0x41

        [bits 32]
on_finish: mov ax, DATA32
        mov ds, ax
        mov es, ax
        CHECK word [data + 4], 0
        CHECK word [data + 12], 0x22
        CHECK dword [hits], esp
        PASS

on_service: mov [ss:hits], esp
s_return: iretd

        align 8
hits:   dd 0
        bits 16
task16: mov [dword data], ax
t_jump: jmp TASK32:0
task16_again: jmp TASK16_OTHER:0
t_call: call TASK16_OTHER:0
t_jump2: jmp TASK32:0

other16: inc word [dword data]
o_jump: jmp TASK16:0
o_called: inc word [dword data]
o_return: iret
o_third: inc word [dword data]
o_return2: iret
o_fourth: inc word [dword data]
o_return3: iret
o_fifth: inc word [dword data]
o_return4: iret
gate16: inc ax
g_return: retf
gate16_args: mov cx, [esp + 4]
a_return: retf 4
        bits 64
END_OF_GUEST
