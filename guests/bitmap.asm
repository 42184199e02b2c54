; SPDX-License-Identifier: Apache-2.0
; What port instructions at CPL 3 load of the I/O permission bitmap (SDM 1 19.5.2) when they do not complete: they
; store into their own block, meet a page that is not there, or may not use the port.
%include "boot.inc"

data        equ DATA
; Pages in a row of which every second is not there until it is touched.
first_gone  equ DATA + 0x11000
second_gone equ DATA + 0x13000
third_gone  equ DATA + 0x15000
first_entry equ PTE(first_gone)
second_entry equ PTE(second_gone)
third_entry equ PTE(third_gone)
bitmap      equ TSS + 0x80          ; of ports 0 to 0xff
user_stack  equ DATA + 0x80000
resume      equ DATA + 0x90000      ; where the handler of vector 13 returns to
PIC_MASK    equ 0x21
DENIED      equ 0x80
top0        equ STACK0

        ;= define look() r2:TSS+0x66 r2:bitmap+4
        ;= define look_in_vain() r2:TSS+0x66!aborted r2:bitmap+4!aborted
        ;= define look_denied() r2:TSS+0x66!aborted r2:bitmap+0x10!aborted

; DENIES place: what comes next may not use its port; then the guest goes on there.
%macro DENIES 1
        mov qword [resume], %1
        mov edx, DENIED
%endmacro

main:
        mov qword [PTE(first_gone)], 0
        mov qword [PTE(second_gone)], 0
        mov qword [PTE(third_gone)], 0
        mov rax, cr3
        mov cr3, rax
        GATE 13, on_denied
        GATE 14, map_page
        GATE 0x41, on_finish
        mov al, 0xfb
        out PIC_MASK, al
        mov word [TSS + 0x66], bitmap - TSS
        mov byte [gdt + TASK], 0xff     ; its limit
        mov edi, bitmap
        mov ecx, 0x20 / 8
        xor eax, eax
        rep stosq
        mov byte [bitmap + DENIED / 8], 1
        and byte [gdt + TASK + 5], ~2
        mov ax, TASK
        ltr ax
        push UDATA
        push user_stack
        push 2
        push UCODE
        push user
        iretq
user:
        ;= cpl 3
        mov edx, PIC_MASK
        mov edi, a_code
        mov ecx, 2
        CASE code-ins-bitmap, "rep insb at CPL 3 that stores into its block", self-modifying
        mov eax, [data + 8]             ;= r4:data+8
a_code: nop
        nop
        ;~ redone-for-code: ? a_ins look_in_vain()
a_ins:  rep insb                        ;= look() 2{w1:a_code+i} ;~ bitmap-looked-at-again: 2{look() w1:a_code+i w1:a_code+i} look() ;~ ins-stores-zero-first: look() 2{w1:a_code+i w1:a_code+i}
        mov [data], cl                  ;= w1:data
        ENDCASE
        CHECK word [a_code], 0xfbfb

        in ax, dx
        mov ebx, eax
        mov edi, b_code
        mov ecx, 1
        CASE code-insw-bitmap, "rep insw that does", self-modifying
        mov eax, [data + 8]             ;= r4:data+8
b_code: nop
        nop
        ;~ redone-for-code: ? b_ins look_in_vain()
b_ins:  rep insw                        ;= look() w2:b_code ;~ bitmap-looked-at-again: look() w2:b_code w2:b_code look() ;~ ins-stores-zero-first: look() w2:b_code w2:b_code
        mov [data], cl                  ;= w1:data
        ENDCASE
        CHECK [b_code], bx

        mov edx, PIC_MASK
        FIX first_gone, first_gone + MAPPED
        mov edi, first_gone - 1
        mov ecx, 2
        CASE ins-bitmap-fault, "rep insb at CPL 3 that faults at its second store", rep-fault
        ;= ? c_ins look() w1:first_gone-1 ;~ bitmap-looked-at-again: look() w1:first_gone-1 w1:first_gone-1 look_in_vain() ;~ ins-stores-zero-first: look() w1:first_gone-1 w1:first_gone-1
        ;= cpl 0
        ;= event 14 error 6 cr2 first_gone at c_ins: gate_tss(14) frame_error(top0)
        ;= run map_page_user(first_entry, top0)
        ;= cpl 3
c_ins:  rep insb                        ;= look() w1:first_gone ;~ bitmap-looked-at-again: look() w1:first_gone w1:first_gone look() ;~ ins-stores-zero-first: look() w1:first_gone w1:first_gone
        nop
        ENDCASE
        CHECK word [first_gone - 1], 0xfbfb

        FIX second_gone, second_gone + MAPPED
        mov esi, second_gone
        mov ecx, 1
        CASE outsb-bitmap-fault, "rep outsb at CPL 3 that faults at its first load", rep-fault
        ;= ? d_outs look_in_vain()
        ;= cpl 0
        ;= event 14 error 4 cr2 second_gone at d_outs: gate_tss(14) frame_error(top0)
        ;= run map_page_user(second_entry, top0)
        ;= cpl 3
d_outs: rep outsb                       ;= look() r1:second_gone ;~ bitmap-looked-at-again: look() r1:second_gone look()
        nop
        ENDCASE
        CHECK esi, second_gone + 1

        FIX third_gone, third_gone + MAPPED
        mov esi, third_gone
        mov ecx, 1
        CASE outsw-bitmap-fault, "rep outsw that does", rep-fault
        ;= ? e_outs look_in_vain()
        ;= cpl 0
        ;= event 14 error 4 cr2 third_gone at e_outs: gate_tss(14) frame_error(top0)
        ;= run map_page_user(third_entry, top0)
        ;= cpl 3
e_outs: rep outsw                       ;= look() r2:third_gone ;~ bitmap-looked-at-again: look() r2:third_gone look()
        nop
        ENDCASE
        CHECK esi, third_gone + 2

        DENIES f_next
        CASE in-denied, "in at CPL 3 that the I/O permission bitmap denies", fault
        ;= ? f_in look_denied()
        ;= cpl 0
        ;= event 13 at f_in: gate_tss(13) frame_error(top0)
        ;= run denied()
        ;= cpl 3
f_in:   in al, dx                       ;= ?
f_next: nop
        ENDCASE

        DENIES g_next
        mov ecx, 1
        CASE ins-denied, "rep insb that it denies", fault
        ;= ? g_ins look_denied()
        ;= cpl 0
        ;= event 13 at g_ins: gate_tss(13) frame_error(top0)
        ;= run denied()
        ;= cpl 3
g_ins:  rep insb                        ;= ?
g_next: nop
        ENDCASE

        DENIES h_next
        CASE outs-denied, "rep outsb that it denies", fault
        ;= ? h_outs look_denied()
        ;= cpl 0
        ;= event 13 at h_outs: gate_tss(13) frame_error(top0)
        ;= run denied()
        ;= cpl 3
h_outs: rep outsb                       ;= ?
h_next: nop
        ENDCASE
        CHECK ecx, 1
        int 0x41
on_finish:
        PASS

;= sequence denied()
on_denied:
        push rax                        ;= w8:top0-56
        mov rax, [resume]               ;= r8:resume
        mov [rsp + 16], rax             ;= w8:top0-40
        pop rax                         ;= r8:top0-56
        add rsp, 8
;= on_denied_iret iret_user(top0)
;= endsequence
on_denied_iret: iretq
END_OF_GUEST
