; SPDX-License-Identifier: Apache-2.0
; Exceptions without an instruction between them: the page of the page fault's handler is not there, so that its
; fetch faults, until the stack ends and there is a double fault.
;@ run
;@ run two smp=2
%include "boot.inc"

data        equ DATA
missing     equ DATA + 0x10000
gone        equ DATA + 0x11000      ; where the handler should be
stack_page  equ DATA + 0x20000      ; three pages, and none below
stack_end   equ stack_page + 0x3000
ist_1       equ DATA + 0x31000
FRAME_BYTES equ 48
FRAMES      equ 0x3000 / FRAME_BYTES

main:
        mov qword [PTE(missing)], 0
        mov qword [PTE(gone)], 0
        mov qword [PTE(stack_page - 0x1000)], 0
        mov rax, cr3
        mov cr3, rax
        GATE 14, gone
        GATE 8, on_double
        mov byte [IDT + 8 * 16 + 4], 1
        mov qword [TSS + 0x24], ist_1
        mov esp, stack_end
        CASE event-storm, "hundreds of exceptions, each while the handler of the last is fetched", event-delivery
        ;= event 14 cr2 missing at s_load: gate(14) frame_error(stack_end)
        ;= repeat FRAMES-1 as n
        ;= event 14 cr2 gone at gone: gate(14) frame_error(stack_end-FRAME_BYTES-FRAME_BYTES*n)
        ;= endrepeat
        ;= event 14 cr2 gone at gone: gate(14)
        ;= event 8 at gone: gate(8) r8:TSS+0x24 frame_error(ist_1)
        ;= -
        ;= d_frame w8:ist_1-40
        ;= d_stack w8:ist_1-16
        ;= d_iret iret(ist_1)
s_load: mov eax, [missing]              ;= ?
s_on:   mov [data], eax                 ;= w4:data
        ENDCASE
        PASS

on_double: add rsp, 8
d_frame: mov qword [rsp], s_on
d_stack: mov qword [rsp + 24], STACK
d_iret: iretq
END_OF_GUEST
