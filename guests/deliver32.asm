; SPDX-License-Identifier: Apache-2.0
; Delivery in 32-bit protected mode without paging: interrupt, trap and 16-bit gates, with and without a change of
; privilege, a task gate, virtual-8086 mode.  Then the same checks as in any guest, from long mode.
%include "boot.inc"

ROM_SHIFT   equ 0x10000             ; the ROM's copy below 1 MiB lies this much under its labels
data        equ 0x5000
idt32       equ 0x8000
tss32       equ 0x9000
tss_other   equ 0x9100
gdt32       equ 0x9200
stack32     equ 0x7000              ; tops
stack_0     equ 0x6000
stack_other equ 0x4800
stack_user  equ 0x4000
stack_86    equ 0x3000
results     equ 0x5100
CODE        equ 0x08                ; selectors
STACK_SEG   equ 0x10
USER_CODE   equ 0x18 | 3
USER_DATA   equ 0x20 | 3
TSS_SEG     equ 0x28
OTHER_SEG   equ 0x30
SEG16       equ 0x38                ; 16-bit code, base 0xf0000
IRQ         equ 0x30
SELF        equ 0x40000
%define AT(label) ((label) - rom + 0xff000)

; GATE32 vector, handler, type and DPL
%macro GATE32 3
        mov dword [idt32 + (%1) * 8], CODE << 16 | (AT(%2) & 0xffff)
        mov dword [idt32 + (%1) * 8 + 4], (AT(%2) & 0xffff0000) | (%3) << 8
%endmacro

%macro DESCRIPTOR 3 ; selector, low half, high half
        mov dword [gdt32 + (%1)], %2
        mov dword [gdt32 + (%1) + 4], %3
%endmacro

%macro RESUME32 1
        mov dword [resume], AT(%1)
%endmacro

; FRAME32 n, words: copies what the handler kept, to be checked later.
%macro KEEP 1
        mov esi, saved
        mov edi, results + (%1) * 16
        mov ecx, 4
        rep movsd
%endmacro

; Back to the task from before, without a switch.
%macro BACK_TO_TASK 0
        mov esp, stack32
        pushfd
        and dword [esp], ~0x4000        ; NT
        popfd
        DESCRIPTOR OTHER_SEG, (tss_other << 16) | 0x67, 0x00008900
        DESCRIPTOR TSS_SEG, (tss32 << 16) | 0x67, 0x00008900
        mov ax, TSS_SEG
        ltr ax
%endmacro

resume      equ 0x5040
saved       equ 0x5050              ; EIP, CS, ESP, error code
counter     equ 0x5060

; What delivery reads and pushes: SDM 3A 6.12.1.
;= define gate32(vector) r8:idt32+vector*8 r8:gdt32+CODE
;= define frame32(top) w4:top-4 w4:top-8 w4:top-12
;= define outer32() r4:tss32+4 r2:tss32+8 r8:gdt32+STACK_SEG
;= define frame_outer() w4:stack_0-4 w4:stack_0-8 w4:stack_0-12 w4:stack_0-16 w4:stack_0-20
;= define iret32(top) r4:top-12 r4:top-8 r4:top-4 r8:gdt32+CODE
;= define iret_outer(top) r4:top-20 r4:top-16 r4:top-12 r8:gdt32+USER_CODE-3 r4:top-8 r4:top-4 r8:gdt32+USER_DATA-3
; The state of one task comes from its TSS, that of the other goes there; a link, the busy bit, segments: SDM 3A 7.3.
;= define task_switch(vector) r8:idt32+vector*8 r8:gdt32+OTHER_SEG 11{r4:tss_other+0x1c+4*i} 7{r2:tss_other+0x48+4*i} r2:tss_other+0x64
;= + 10{w4:tss32+0x20+4*i} 6{w2:tss32+0x48+4*i} w2:tss_other r4:gdt32+OTHER_SEG+4 w4:gdt32+OTHER_SEG+4
;= + r8:gdt32+CODE 3{r8:gdt32+STACK_SEG}

%macro REAL_MODE_CODE 0
        cli
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, STACK16
        o32 lgdt [cs:ROM_OFFSET + (r_gdtr - rom)]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp dword 8:AT(flat)
        align 8
r_gdt:  dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
r_gdtr: dw 23
        dd AT(r_gdt)
r_gdtr32: dw 0x3f
        dd gdt32
r_idtr32: dw 0x7ff
        dd idt32
        bits 32
flat:   mov ax, 0x10
        mov ds, ax
        mov es, ax
        mov ss, ax
        cld
        mov esp, stack32
        mov edi, data
        mov ecx, (0xa000 - data) / 4
        xor eax, eax
        rep stosd
        DESCRIPTOR CODE, 0x0000ffff, 0x00cf9b00
        DESCRIPTOR STACK_SEG, 0x0000ffff, 0x00cf9300
        DESCRIPTOR USER_CODE - 3, 0x0000ffff, 0x00cffb00
        DESCRIPTOR USER_DATA - 3, 0x0000ffff, 0x00cff300
        DESCRIPTOR SEG16, 0x0000ffff, 0x00009b0f
        DESCRIPTOR TSS_SEG, (tss32 << 16) | 0x67, 0x00008900
        DESCRIPTOR OTHER_SEG, (tss_other << 16) | 0x67, 0x00008900
        mov dword [tss32 + 4], stack_0
        mov dword [tss32 + 8], STACK_SEG
        lgdt [AT(r_gdtr32)]
        lidt [AT(r_idtr32)]
        mov ax, TSS_SEG
        ltr ax
        GATE32 0, e_event, 0x8e
        GATE32 4, e_event, 0xee
        GATE32 13, e_error, 0x8e
        GATE32 0x40, e_event, 0xee
        GATE32 0x41, e_event, 0xef
        mov dword [idt32 + 0x42 * 8], SEG16 << 16 | (e_event16 - rom + ROM_OFFSET)
        mov dword [idt32 + 0x42 * 8 + 4], 0x8600
        GATE32 0x43, e_finish, 0xee
        GATE32 0x45, e_event, 0x8e
        GATE32 0x46, to_86, 0xee
        GATE32 IRQ, e_irq, 0x8e
        mov dword [idt32 + 0x44 * 8], OTHER_SEG << 16
        mov dword [idt32 + 0x44 * 8 + 4], 0xe500

        ;= mode 32-bit
        ;= cr3 0
        ;= code 0-ROM_SHIFT
        RESUME32 a_on
        CASE int32, "int n through a 32-bit interrupt gate", event-delivery
        mov [data], eax                 ;= w4:data
a_int:  int 0x40
        ;= event 0x40 software at a_int: gate32(0x40) frame32(stack32)
        ;= run e_event(stack32)
a_on:   mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        KEEP 0
        RESUME32 b_on
        CASE int32-trap, "... through a trap gate", event-delivery
b_int:  int 0x41
        ;= event 0x41 software at b_int: gate32(0x41) frame32(stack32)
        ;= run e_event(stack32)
b_on:   mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        KEEP 1
        CASE int32-gate16, "... through a 16-bit gate: pushes of 2 bytes", event-delivery
c_int:  int 0x42
        ;= event 0x42 software at c_int: r8:idt32+0x42*8 r8:gdt32+SEG16 w2:stack32-2 w2:stack32-4 w2:stack32-6
        ;= e_event16 r4:stack32-6
        ;= e_keep w4:saved
        ;= -
        ;= e_ret16 r8:gdt32+CODE
c_on:   mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        KEEP 9
        RESUME32 d_on
        mov al, 0x7f
        add al, 1
        CASE into, "into, with the overflow flag", event-delivery
d_int:  into
        ;= event 4 software at d_int: gate32(4) frame32(stack32)
        ;= run e_event(stack32)
d_on:   mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        KEEP 2
        xor eax, eax
        CASE into-nothing, "into, without", event-delivery
        into
        mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        RESUME32 e_on
        xor ecx, ecx
        CASE divide-error32, "#DE", event-delivery
        mov [data], eax                 ;= w4:data
        ;= event 0 at e_div: gate32(0) frame32(stack32)
        ;= run e_event(stack32)
e_div:  div ecx                         ;= ?
e_on:   mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        KEEP 3
        RESUME32 f_on
        mov eax, 0x70
        CASE general-protection32, "#GP of a selector beyond the GDT: it is the error code", event-delivery
        ;= event 13 error 0x70 at f_sel: gate32(13) frame32(stack32) w4:stack32-16
        ;= run e_error(stack32)
        ;= run e_event(stack32)
f_sel:  mov fs, eax                     ;= ?
f_on:   mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        KEEP 4

        mov dword [tss_other + 28], 0
        mov dword [tss_other + 32], AT(t_task)
        mov dword [tss_other + 36], 2
        mov dword [tss_other + 56], stack_other
        mov word [tss_other + 72], STACK_SEG
        mov word [tss_other + 76], CODE
        mov word [tss_other + 80], STACK_SEG
        mov word [tss_other + 84], STACK_SEG
        mov word [tss_other], 0
        CASE d32-task-gate, "int n through a task gate", event-delivery
g_int:  int 0x44
        ;= event 0x44 software at g_int: task_switch(0x44)
t_task: inc dword [counter]             ;= r4:counter w4:counter
        ENDCASE
        mov eax, [tss_other]
        mov [results + 10 * 16], eax
        mov eax, [tss32 + 0x20]
        mov [results + 10 * 16 + 4], eax
        BACK_TO_TASK
        mov dword [tss_other + 32], AT(t_fault)
        mov dword [tss_other + 56], stack_other
        mov eax, 0x70
        mov dword [idt32 + 13 * 8], OTHER_SEG << 16
        mov dword [idt32 + 13 * 8 + 4], 0x8500
        CASE d32-task-gate-error, "#GP through a task gate: the error code goes to the new task's stack", event-delivery
g_sel:  mov fs, eax                     ;= ?
        ;= event 13 error 0x70 at g_sel: task_switch(13) w4:stack_other-4
t_fault: pop dword [results + 11 * 16]  ;= r4:stack_other-4 w4:results+11*16
        ENDCASE
        mov eax, [tss32 + 0x20]
        mov [results + 11 * 16 + 4], eax
        BACK_TO_TASK
        GATE32 13, e_error, 0x8e

        mov dword [idt32 + IRQ * 8], OTHER_SEG << 16
        mov dword [idt32 + IRQ * 8 + 4], 0x8500
        mov dword [tss_other + 32], AT(t_irq)
        mov dword [abs LAPIC + 0xf0], 0x1ff
        mov dword [abs LAPIC + 0x300], SELF | IRQ
        CASE d32-task-gate-irq, "an interrupt through a task gate", event-delivery
        sti
        mov [data], eax                 ;= w4:data
        ;= event IRQ interrupt at g_on: task_switch(IRQ)
g_on:   jmp t_irq                       ;= - 0
t_irq:  inc dword [counter]             ;= r4:counter w4:counter
        ENDCASE
        mov eax, [tss32 + 0x20]
        mov [results + 11 * 16 + 8], eax
        mov dword [abs LAPIC + 0xb0], 0
        BACK_TO_TASK
        GATE32 IRQ, e_irq, 0x8e
        mov dword [abs LAPIC + 0xf0], 0x1ff
        mov dword [abs LAPIC + 0x300], SELF | IRQ
        CASE irq32, "an interrupt at CPL 0", event-delivery
        sti
        mov [data], eax                 ;= w4:data
        ;= event IRQ interrupt at h_on: gate32(IRQ) frame32(stack32)
        ;= run e_irq(stack32)
        ;= e_iret iret32(stack32)
h_on:   mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        cli

        mov ax, USER_DATA
        mov ds, ax
        mov es, ax
        mov dword [abs LAPIC + 0x300], SELF | IRQ
        CASE irq-user32, "iret to CPL 3, and an interrupt there: the stack of the TSS", event-delivery
        push USER_DATA                  ;= w4:stack32-4
        push stack_user                 ;= w4:stack32-8
        push 0x3202                     ;= w4:stack32-12
        push USER_CODE                  ;= w4:stack32-16
        push AT(i_on)                   ;= w4:stack32-20
        iretd                           ;= iret_outer(stack32)
        ;= cpl 0
        ;= event IRQ interrupt at i_on: gate32(IRQ) outer32() frame_outer()
        ;= run e_irq(stack_0-8)
        ;= e_iret iret_outer(stack_0)
        ;= cpl 3
i_on:   mov [data + 4], eax             ;= w4:data+4
        push eax                        ;= w4:stack_user-4
        ENDCASE
        pop eax
        RESUME32 j_on
        CASE int-user32, "int n at CPL 3", event-delivery
        ;= cpl 3
j_int:  int 0x40
        ;= cpl 0
        ;= event 0x40 software at j_int: gate32(0x40) outer32() frame_outer()
        ;= run e_frame(stack_0-8)
        ;= e_ret iret_outer(stack_0)
        ;= cpl 3
j_on:   mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        KEEP 5
        RESUME32 k_on
        CASE int-user32-refused, "int n at CPL 3 through a gate for CPL 0", event-delivery
        ;= cpl 0
        ;= event 0x45 software at k_int: r8:idt32+0x45*8
        ;= event 13 error 0x45*8+2 at k_int: gate32(13) outer32() frame_outer() w4:stack_0-24
        ;= run e_error(stack_0-8)
        ;= run e_frame(stack_0-8)
        ;= e_ret iret_outer(stack_0)
        ;= cpl 3
k_int:  int 0x45                        ;= ?
k_on:   mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        KEEP 6
        int 0x46

        ; CPL 0 again: on to virtual-8086 mode.
to_86:  mov esp, stack32
        mov dword [ss:resume], l_on - rom + ROM_OFFSET
        CASE iret-86, "iret to virtual-8086 mode", transfer
        ;= cpl 0
        push 0                          ;= w4:stack32-4     ; gs, fs, ds, es
        push 0                          ;= w4:stack32-8
        push 0                          ;= w4:stack32-12
        push 0                          ;= w4:stack32-16
        push 0                          ;= w4:stack32-20    ; ss, esp
        push stack_86                   ;= w4:stack32-24
        push 0x23002                    ;= w4:stack32-28    ; VM, IOPL 3
        push 0xf000                     ;= w4:stack32-32
        push l_86 - rom + ROM_OFFSET    ;= w4:stack32-36
        iretd                           ;= 9{r4:stack32-36+4*i}
        ;= cpl 3
        bits 16
l_86:   mov [data], eax                 ;= w4:data
        ENDCASE
        ;= mode vm86
        CASE int-86, "int n in virtual-8086 mode: nine pushes on the stack of the TSS", event-delivery
        ;= cpl 3
        push ax                         ;= w2:stack_86-2
l_int:  int 0x40
        ;= cpl 0
        ;= event 0x40 software at l_int: gate32(0x40) outer32() 9{w4:stack_0-4-4*i}
        ;= run e_frame(stack_0-24)
        ;= e_ret 9{r4:stack_0-36+4*i}
        ;= cpl 3
l_on:   pop ax                          ;= r2:stack_86-2
        ENDCASE
        KEEP 7
        mov word [resume], m_on - rom + ROM_OFFSET
        CASE fault-86, "#GP of hlt in virtual-8086 mode", event-delivery
        ;= cpl 0
        ;= event 13 at m_hlt: gate32(13) outer32() 9{w4:stack_0-4-4*i} w4:stack_0-40
        ;= run e_error(stack_0-24)
        ;= run e_frame(stack_0-24)
        ;= e_ret 9{r4:stack_0-36+4*i}
        ;= cpl 3
m_hlt:  hlt                             ;= ?
m_on:   mov [data], eax                 ;= w4:data
        ENDCASE
        KEEP 8
        int 0x43
        bits 32

        ;= sequence e_error(top)
e_error: pop dword [ss:saved + 12]      ;= r4:top-16 w4:saved+12
        ;= endsequence
        ;= sequence e_frame(top)
e_event: push eax                       ;= w4:top-16
        mov eax, [esp + 4]              ;= r4:top-12
        mov [ss:saved], eax             ;= w4:saved
        mov eax, [esp + 8]              ;= r4:top-8
        mov [ss:saved + 4], eax         ;= w4:saved+4
        mov [ss:saved + 8], esp         ;= w4:saved+8
        mov eax, [ss:resume]            ;= r4:resume
        mov [esp + 4], eax              ;= w4:top-12
        pop eax                         ;= r4:top-16
        ;= endsequence
e_ret:  iretd
        ;= sequence e_event(top)
        ;= run e_frame(top)
        ;= e_ret iret32(top)
        ;= endsequence
        bits 16
e_event16: mov eax, [esp]
e_keep: mov [ss:saved], eax
        add esp, 6
e_ret16: jmp dword CODE:AT(c_on)
        bits 32
        ;= sequence e_irq(top)
e_irq:  mov dword [ss:LAPIC + 0xb0], 0  ;= w4:LAPIC+0xb0!device
        inc dword [ss:counter]          ;= r4:counter w4:counter
        ;= endsequence
e_iret: iretd
e_finish: mov ax, STACK_SEG
        mov ds, ax
        mov es, ax
        jmp CODE:AT(to_protected.protected)
        bits 16
to_protected:
%endmacro

%macro KEPT_AT 2 ; offset, place
        CHECK dword [results + %1], AT(%2)
%endmacro
%macro KEPT 2 ; number, place
        KEPT_AT (%1) * 16, %2
%endmacro
main:
        KEPT 0, a_on
        KEPT 1, b_on
        KEPT 2, d_on
        KEPT 3, e_div
        KEPT 4, f_sel
        CHECK dword [results + 4 * 16 + 12], 0x70
        KEPT 5, j_on
        CHECK dword [results + 5 * 16 + 4], USER_CODE
        KEPT 6, k_int
        CHECK dword [results + 6 * 16 + 12], 0x45 * 8 + 2
        CHECK dword [results + 7 * 16], l_on - rom + ROM_OFFSET
        CHECK dword [results + 7 * 16 + 4], 0xf000
        CHECK dword [results + 8 * 16], m_hlt - rom + ROM_OFFSET
        CHECK word [results + 9 * 16], (c_int - rom + 0xf002) & 0xffff
        CHECK word [results + 9 * 16 + 2], CODE
        CHECK dword [counter], 4
        CHECK dword [results + 10 * 16], TSS_SEG
        KEPT_AT 10 * 16 + 4, g_int + 2
        CHECK dword [results + 11 * 16], 0x70
        KEPT_AT 11 * 16 + 4, g_sel
        KEPT_AT 11 * 16 + 8, g_on
        PASS
END_OF_GUEST
