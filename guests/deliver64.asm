; SPDX-License-Identifier: Apache-2.0
; Delivery of exceptions and interrupts in long mode: every way in, the order of what is read and pushed, and where an
; interrupt comes in between instructions.  The handler keeps its frame, which is checked.
;@ run
;@ run icount arguments="-icount shift=3"
%include "boot.inc"

data        equ DATA
top         equ STACK
top0        equ STACK0
user_stack  equ DATA + 0x80000
ist_1       equ DATA + 0x90000      ; tops of the stacks that gates name
ist_2       equ DATA + 0x92000
missing     equ DATA + 0x95000      ; a stack that is not there
missing_entry equ PTE(missing - 8)
IRQ         equ 0x30
MISSING_GATE equ 0x50
SELF        equ 0x40000             ; ICR: to itself
NMI         equ 0x400
icr         equ LAPIC + 0x300
end_of_irq  equ LAPIC + 0xb0

; Where the handler returns to.
%macro RESUME 1
        mov qword [resume], %1
%endmacro

; IST vector, number: the gate uses that stack of the TSS.
%macro IST 2
        mov byte [IDT + (%1) * 16 + 4], %2
%endmacro

; FRAME instruction pointer, stack pointer: what the last handler found.
%macro FRAME 2
        CHECK qword [saved], %1
        CHECK qword [saved_sp], %2
%endmacro

; QEMU 7.2 has 16 times the vector.
%macro CHECK_GATE_ERROR 1
        cmp qword [saved_error], (%1) * 16 + 2
        je %%good
        CHECK qword [saved_error], (%1) * 8 + 2
%%good:
%endmacro

; An interrupt is pending, and interrupts are off.
%macro PENDING 0
        cli
        mov dword [r15 + 0x300], SELF | IRQ
%endmacro

main:
        GATE 0, on_event
        GATE 1, on_event
        GATE 3, on_event
        GATE 2, on_nmi
        GATE 6, on_event
        GATE 8, on_error
        GATE 11, on_error
        GATE 13, on_error
        GATE 14, on_error
        GATE 0x40, on_event
        GATE 0x41, on_finish
        GATE IRQ, on_irq
        GATE MISSING_GATE, on_event
        GATE 0x42, on_event
        mov byte [IDT + 0x42 * 16 + 5], 0x8e
        and byte [IDT + MISSING_GATE * 16 + 5], 0x7f
        mov qword [TSS + 0x24], ist_1
        mov qword [TSS + 0x2c], ist_2
        mov qword [TSS + 0x34], missing
        mov r15d, LAPIC
        mov dword [r15 + 0xf0], 0x1ff
        xor eax, eax
        mov [data], eax

        RESUME a_on
        CASE int-aligned, "int n at CPL 0", event-delivery
        mov [data], eax                 ;= w4:data
a_int:  int 0x40
        ;= event 0x40 software at a_int: gate(0x40) frame(top)
        ;= run on_event(top)
a_on:   mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        FRAME a_on, top

        RESUME b_on
        CASE int3-frame, "int3: the frame has the address behind it", event-delivery
b_int:  int3
        ;= event 3 software at b_int: gate(3) frame(top)
        ;= run on_event(top)
b_on:   mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        FRAME b_on, top

        RESUME c_on
        CASE int-unaligned, "int n with a stack that is not aligned: the frame is", event-delivery
        push rax                        ;= w8:top-8
c_int:  int 0x40
        ;= event 0x40 software at c_int: gate(0x40) frame(top-16)
        ;= run on_event(top-16)
c_on:   pop rax                         ;= r8:top-8
        ENDCASE
        FRAME c_on, top - 8

        RESUME d_on
        xor ecx, ecx
        CASE divide-error, "#DE: no error code, the frame has the address of div", event-delivery
        mov [data], eax                 ;= w4:data
        ;= event 0 at d_div: gate(0) frame(top)
        ;= run on_event(top)
d_div:  div ecx                         ;= ?
        mov [data + 4], eax             ;= - 0
d_on:   mov [data + 8], eax             ;= w4:data+8
        ENDCASE
        FRAME d_div, top

        RESUME e_on
        CASE undefined-opcode, "#UD", event-delivery
        mov [data], eax                 ;= w4:data
        ;= event 6 at e_ud: gate(6) frame(top)
        ;= run on_event(top)
e_ud:   ud2                             ;= ?
e_on:   mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        FRAME e_ud, top

        RESUME f_on
        mov rbx, 0x8000000000000000
        CASE general-protection, "#GP: an error code of 0", event-delivery
        ;= event 13 at f_load: gate(13) frame_error(top)
        ;= run on_error(top)
        ;= run on_event(top)
f_load: mov eax, [rbx]                  ;= ?
f_on:   mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        FRAME f_load, top
        CHECK qword [saved_error], 0

        RESUME h_on
        CASE gate-not-present, "int n whose gate is not present: #NP in its place", event-delivery
h_int:  int MISSING_GATE                 ;= ?
        ;= event MISSING_GATE software at h_int: r12:IDT+MISSING_GATE*16
        ;~ not gate-error-of-sixteens: event 11 error MISSING_GATE*8+2 at h_int: gate(11) frame_error(top)
        ;~ gate-error-of-sixteens: event 11 error MISSING_GATE*16+2 at h_int: gate(11) frame_error(top)
        ;= run on_error(top)
        ;= run on_event(top)
h_on:   mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        FRAME h_int, top
        CHECK_GATE_ERROR MISSING_GATE

        IST 0x40, 1
        RESUME i_on
        CASE int-ist, "a gate with a stack of its own", event-delivery
        push rax                        ;= w8:top-8
i_int:  int 0x40
        ;= event 0x40 software at i_int: gate(0x40) r8:TSS+0x24 frame(ist_1)
        ;= run on_event(ist_1)
i_on:   pop rax                         ;= r8:top-8
        ENDCASE
        FRAME i_on, top - 8

        IST 14, 2
        RESUME j_on
        mov rbx, [missing_entry]
        mov qword [missing_entry], 0
        invlpg [missing - 8]
        CASE fault-ist, "a page fault on a stack of its own", event-delivery
        ;= event 14 error 2 cr2 missing-8 at j_push: gate(14) r8:TSS+0x2c frame_error(ist_2)
        ;= run on_error(ist_2)
        ;= run on_event(ist_2)
j_push: mov [missing - 8], rax          ;= ?
j_on:   mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        FRAME j_push, top
        CHECK qword [saved_error], 2

        IST 0x40, 3
        RESUME k_on
        CASE fault-in-delivery, "the stack of int n is not there: a page fault in its delivery", event-delivery
k_int:  int 0x40                 ;= ?
        ;= event 0x40 software at k_int: gate(0x40) r8:TSS+0x34
        ;= event 14 error 2 cr2 missing-8 at k_int: gate(14) r8:TSS+0x2c frame_error(ist_2)
        ;= run on_error(ist_2)
        ;= run on_event(ist_2)
k_on:   mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        FRAME k_int, top
        CHECK qword [saved_error], 2
        mov [missing_entry], rbx
        IST 0x40, 0
        IST 14, 0

        IST 8, 1
        and byte [IDT + 13 * 16 + 5], 0x7f
        RESUME l_on
        mov rbx, 0x8000000000000000
        CASE double-fault, "#NP while #GP is delivered: #DF", event-delivery
        ;= event 13 at l_load: r12:IDT+13*16
        ;= event 8 at l_load: gate(8) r8:TSS+0x24 frame_error(ist_1)
        ;= run on_error(ist_1)
        ;= run on_event(ist_1)
l_load: mov eax, [rbx]                  ;= ?
l_on:   mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        FRAME l_load, top
        CHECK qword [saved_error], 0
        or byte [IDT + 13 * 16 + 5], 0x80

        ; Interrupts: sti holds them off for one instruction more, and so they come in where that one leads.
        PENDING
        CASE irq-after-mov, "an interrupt after sti and a mov", event-delivery
        sti
        mov [data], eax                 ;= w4:data
        ;= event IRQ interrupt at m_on: gate(IRQ) frame(top)
        ;= run on_irq(top)
m_on:   mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        FRAME m_on, top

        PENDING
        mov rbx, n_on
        CASE irq-after-ret, "... and a ret: it comes in at the caller", event-delivery
        push rbx                        ;= w8:top-8
        sti
        ret                             ;= r8:top-8
        ;= event IRQ interrupt at n_on: gate(IRQ) frame(top)
        ;= run on_irq(top)
n_on:   mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        FRAME n_on, top

        PENDING
        xor ecx, ecx
        CASE irq-after-jcc, "... and a jump that is taken", event-delivery
        test ecx, ecx
        sti
        jz o_on
        ud2                             ;= - 0
        ;~ not sti-shadow-over-jump: event IRQ interrupt at o_on: gate(IRQ) frame(top)
        ;~ not sti-shadow-over-jump: run on_irq(top)
o_on:   mov [data + 4], eax             ;= w4:data+4
        ;~ sti-shadow-over-jump: event IRQ interrupt at o_end: gate(IRQ) frame(top)
        ;~ sti-shadow-over-jump: run on_irq(top)
o_end:  mov [data], eax                 ;= w4:data
        ENDCASE
        FRAME o_end, top

        PENDING
        inc ecx
        CASE irq-after-jcc-not-taken, "... and one that is not", event-delivery
        test ecx, ecx
        sti
        jz o_on
        ;= event IRQ interrupt at p_on: gate(IRQ) frame(top)
        ;= run on_irq(top)
p_on:   mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        FRAME p_on, top

        PENDING
        CASE irq-after-call, "... and a call: in the frame is where it leads", event-delivery
        sti
        call q_sub                      ;= w8:top-8
        ;= event IRQ interrupt at q_sub: gate(IRQ) frame(top-16)
        ;= run on_irq(top-16)
        ;= q_sub w4:data
        ;= q_ret r8:top-8
        ENDCASE
        FRAME q_sub, top - 8

        PENDING
        mov rbx, r_on
        CASE irq-after-jump, "... and a jump to what a register says", event-delivery
        sti
        jmp rbx
        ;= event IRQ interrupt at r_on: gate(IRQ) frame(top)
        ;= run on_irq(top)
r_on:   mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        FRAME r_on, top

        PENDING
        CASE irq-after-hlt, "... and hlt, which it ends", event-delivery
        sti
        hlt
        ;= event IRQ interrupt at s_on: gate(IRQ) frame(top)
        ;= run on_irq(top)
s_on:   mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        FRAME s_on, top

        PENDING
        pushfq
        or dword [rsp], 0x200
        CASE irq-after-popf, "popf lets an interrupt in at once", event-delivery
        popfq                           ;= r8:top-8
        ;= event IRQ interrupt at t_on: gate(IRQ) frame(top)
        ;= run on_irq(top)
t_on:   mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        FRAME t_on, top

        PENDING
        push KDATA
        push top
        push 0x202
        push KCODE
        push u_on
        CASE irq-after-iret, "iretq does, too", event-delivery
        iretq                           ;= iret(top)
        ;= event IRQ interrupt at u_on: gate(IRQ) frame(top)
        ;= run on_irq(top)
u_on:   mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        FRAME u_on, top

        PENDING
        mov ecx, 2
        mov edi, data
        CASE irq-in-rep, "sti and rep stosb: it comes in behind the first element, or behind the last", event-delivery
        sti
        nop
        ;= event IRQ interrupt at v_rep: gate(IRQ) frame(top)
        ;= run on_irq(top)
v_rep:  rep stosb                       ;= 2{w1:data+i}
        mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        FRAME v_rep, top
        cli

        mov dword [nmi_count], 2
        ; The store is the last instruction of its page, hence of its block.
        times (4096 - ($ - $$ + 19) % 4096) % 4096 nop
        CASE nmi, "an NMI, and one more that waits for iretq", event-delivery
        mov dword [r15 + 0x300], SELF | NMI ;= w4:icr!device
        ;= event 2 interrupt at w_on: gate(2) frame(top)
        ;= on_nmi r4:nmi_count w4:nmi_count
        ;= -
        ;= n_send w4:icr!device
        ;= n_ret iret(top)
        ;= event 2 interrupt at w_on: gate(2) frame(top)
        ;= on_nmi r4:nmi_count w4:nmi_count
        ;= -
        ;= n_ret iret(top)
w_on:   mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        CHECK dword [nmi_count], 0

        push UDATA
        push user_stack
        push 0x3002                     ; IOPL 3: cli and sti
        push UCODE
        push user
        iretq
user:
        RESUME x_on
        CASE user-int, "int n at CPL 3: the stack of the TSS", event-delivery
        ;= cpl 3
x_int:  int 0x40
        ;= cpl 0
        ;= event 0x40 software at x_int: gate_tss(0x40) frame(top0)
        ;= run on_user(top0)
        ;= cpl 3
x_on:   push rax                        ;= w8:user_stack-8
        ENDCASE
        FRAME x_on, user_stack
        pop rax

        CASE user-int-refused, "int n at CPL 3 through a gate for CPL 0: #GP with the vector in its error code", event-delivery
        ;= cpl 3
        RESUME y_on                ;= w8:resume
y_int:  int 0x42                 ;= ?
        ;= cpl 0
        ;= event 0x42 software at y_int: r12:IDT+0x42*16
        ;~ not gate-error-of-sixteens: event 13 error 0x42*8+2 at y_int: gate_tss(13) frame_error(top0)
        ;~ gate-error-of-sixteens: event 13 error 0x42*16+2 at y_int: gate_tss(13) frame_error(top0)
        ;= run on_error(top0)
        ;= run on_user(top0)
        ;= cpl 3
y_on:   mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        FRAME y_int, user_stack
        CHECK_GATE_ERROR 0x42

        RESUME z_on
        CASE user-privileged, "#GP of a privileged instruction at CPL 3", event-delivery
        ;= cpl 3
        mov [data], eax                 ;= w4:data
        ;= cpl 0
        ;= event 13 at z_hlt: gate_tss(13) frame_error(top0)
        ;= run on_error(top0)
        ;= run on_user(top0)
        ;= cpl 3
z_hlt:  hlt                             ;= ?
z_on:   mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        FRAME z_hlt, user_stack

        CASE user-irq, "an interrupt at CPL 3", event-delivery
        ;= cpl 3
        cli
        mov dword [r15 + 0x300], SELF | IRQ ;= w4:icr!device
        sti
        mov [data], eax                 ;= w4:data
        ;= cpl 0
        ;= event IRQ interrupt at u_irq: gate_tss(IRQ) frame(top0)
        ;= run on_irq_user(top0)
        ;= cpl 3
u_irq:  mov [data + 4], eax             ;= w4:data+4
        ENDCASE
        FRAME u_irq, user_stack
        int 0x41

q_sub:  mov [data], eax
q_ret:  ret

on_finish:
        PASS

on_nmi: dec dword [nmi_count]
        jz n_ret
n_send: mov dword [r15 + 0x300], SELF | NMI
n_ret:  iretq

        ;= sequence irq_frame(top)
on_irq: push rax                        ;= w8:top-48
        mov rax, [rsp + 8]              ;= r8:top-40
        mov [saved], rax                ;= w8:saved
        mov rax, [rsp + 32]             ;= r8:top-16
        mov [saved_sp], rax             ;= w8:saved_sp
        mov dword [r15 + 0xb0], 0       ;= w4:end_of_irq!device
        pop rax                         ;= r8:top-48
        ;= endsequence
irq_ret: iretq
        ;= sequence on_irq(top)
        ;= run irq_frame(top)
        ;= irq_ret iret(top)
        ;= endsequence
        ;= sequence on_irq_user(top)
        ;= run irq_frame(top)
        ;= irq_ret iret_user(top)
        ;= endsequence

        ;= sequence on_error(top)
on_error: pop qword [saved_error]       ;= r8:top-48 w8:saved_error
        ;= endsequence
        ;= sequence event_frame(top)
on_event: push rax                      ;= w8:top-48
        mov rax, [rsp + 8]              ;= r8:top-40
        mov [saved], rax                ;= w8:saved
        mov rax, [rsp + 32]             ;= r8:top-16
        mov [saved_sp], rax             ;= w8:saved_sp
        mov rax, [resume]               ;= r8:resume
        mov [rsp + 8], rax              ;= w8:top-40
        pop rax                         ;= r8:top-48
        ;= endsequence
event_ret: iretq
        ;= sequence on_event(top)
        ;= run event_frame(top)
        ;= event_ret iret(top)
        ;= endsequence
        ;= sequence on_user(top)
        ;= run event_frame(top)
        ;= event_ret iret_user(top)
        ;= endsequence

        align 8
resume:   dq 0
saved:    dq 0
saved_sp: dq 0
saved_error: dq 0
nmi_count: dq 0
END_OF_GUEST
