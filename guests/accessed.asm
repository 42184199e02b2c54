; SPDX-License-Identifier: Apache-2.0
; Accessed and dirty bits on all levels of the tables, in pages of 4 KiB, 2 MiB and 1 GiB, by every kind of access:
; which entry the MMU stores to, and that it does so once.
%include "boot.inc"

FRESH       equ 3                   ; present, writable; neither accessed nor dirty
A           equ 0x20
D           equ 0x40
; Under an entry of its own in the PML4.
high        equ 0x8000000000
pml4_entry  equ TABLES + 8
pdpt        equ 0x220000
pd          equ 0x221000
pt          equ 0x222000
frame       equ DATA + 0x20000
huge        equ high + 0x40000000   ; 1 GiB page at frame 0
huge_entry  equ pdpt + 8
large       equ high + 0x200000     ; 2 MiB page
large_entry equ pd + 8
large_frame equ 0x800000
page        equ DATA + 0x30000
entry       equ PTE(page)
next        equ page + 0x1000
next_entry  equ PTE(next)
stack_page  equ DATA + 0x34000
stack_top   equ stack_page + 0x1000
stack_entry equ PTE(stack_page)
code_page   equ DATA + 0x36000
code_entry  equ PTE(code_page)
ist_page    equ DATA + 0x38000
ist_top     equ ist_page + 0x1000
ist_entry   equ PTE(ist_page)
data        equ DATA
top         equ STACK

; Entry and page: forgets what is known of it.
%macro RENEW 1
        mov qword [PTE(%1)], (%1) + FRESH
        invlpg [%1]
%endmacro

main:
        GATE 0x40, on_int
        mov qword [TSS + 0x24], ist_top
        mov byte [IDT + 0x40 * 16 + 4], 1
        mov qword [pml4_entry], pdpt + FRESH
        mov qword [pdpt], pd + FRESH
        mov qword [pd], pt + FRESH
        mov qword [pt], frame + FRESH
        mov qword [large_entry], large_frame + 0x80 + FRESH
        mov qword [huge_entry], 0x80 + FRESH
        mov rbx, high
        mov rsi, large
        mov rdi, huge
        mov rax, cr3
        mov cr3, rax

        CASE ad-levels, "a load through four fresh tables sets A in each", page-walk
        mov eax, [rbx + 8]              ;= walk:w8:pml4_entry walk:w8:pdpt walk:w8:pd walk:w8:pt r4:high+8@frame+8
        mov eax, [rbx + 12]             ;= r4:high+12@frame+12
        ENDCASE
        CHECK qword [pml4_entry], pdpt + FRESH + A
        CHECK qword [pdpt], pd + FRESH + A
        CHECK qword [pd], pt + FRESH + A
        CHECK qword [pt], frame + FRESH + A
        CASE ad-store-later, "a store sets D in the last one alone", page-walk
        mov [rbx + 16], eax             ;= walk:w8:pt w4:high+16@frame+16
        mov [rbx + 20], eax             ;= w4:high+20@frame+20
        ENDCASE
        CHECK qword [pt], frame + FRESH + A + D
        CHECK qword [pd], pt + FRESH + A
        CASE ad-large, "a 2 MiB page: a store sets A and D at once", page-walk
        mov [rsi + 0x123458], eax       ;= walk:w8:large_entry w4:large+0x123458@large_frame+0x123458
        mov eax, [rsi]                  ;= r4:large@large_frame
        ENDCASE
        CHECK qword [large_entry], large_frame + 0x80 + FRESH + A + D
        NEEDS "1 GiB pages", 0x80000001, edx, 26
        mov rdi, huge
        CASE ad-huge, "a 1 GiB page: A, then D", page-walk
        mov eax, [rdi + DATA]           ;= walk:w8:huge_entry r4:huge+DATA@DATA
        mov [rdi + DATA + 8], eax       ;= walk:w8:huge_entry w4:huge+DATA+8@DATA+8
        mov [rdi + DATA + 0x1000], eax  ;= w4:huge+DATA+0x1000@DATA+0x1000
        ENDCASE
        CHECK qword [huge_entry], 0x80 + FRESH + A + D
        ENDNEEDS

        RENEW page
        CASE ad-rmw, "a read-modify-write: A by its load, D by its store", page-walk
        add dword [page], 1             ;= walk:w8:entry r4:page walk:w8:entry w4:page
        add dword [page], 1             ;= r4:page w4:page
        ENDCASE
        CHECK qword [entry], page + FRESH + A + D

        RENEW page
        RENEW next
        CASE ad-cross-load, "a load over a page boundary sets A in both entries", page-walk
        mov rax, [next - 4]             ;= walk:w8:entry walk:w8:next_entry r8:next-4
        ENDCASE
        CHECK qword [entry], page + FRESH + A
        CHECK qword [next_entry], next + FRESH + A
        RENEW page
        RENEW next
        CASE ad-cross-store, "a store over a page boundary sets A and D in both", page-walk
        mov [next - 4], rax             ;= walk:w8:entry walk:w8:next_entry w8:next-4
        ENDCASE
        CHECK qword [entry], page + FRESH + A + D
        CHECK qword [next_entry], next + FRESH + A + D

        RENEW page
        RENEW next
        mov esi, data
        mov edi, next - 2
        mov ecx, 4
        CASE ad-rep, "rep movsb into fresh pages: each entry at its first element", page-walk
        rep movsb                       ;= r1:data walk:w8:entry w1:next-2 r1:data+1 w1:next-1
        ;= + r1:data+2 walk:w8:next_entry w1:next r1:data+3 w1:next+1
        ENDCASE
        CHECK qword [next_entry], next + FRESH + A + D

        RENEW stack_page
        mov ebp, esp
        mov esp, stack_top
        CASE ad-stack, "push, call and ret on a fresh stack", page-walk
        push rax                        ;= walk:w8:stack_entry w8:stack_top-8
        call a_leaf                     ;= w8:stack_top-16
        ;= a_leaf r8:stack_top-16
        pop rax                         ;= r8:stack_top-8
        ENDCASE
        mov esp, ebp
        CHECK qword [stack_entry], stack_page + FRESH + A + D

        RENEW ist_page
        CASE ad-delivery, "int n on a fresh stack", page-walk
a_int:  int 0x40
        ;= event 0x40 software at a_int: gate(0x40) r8:TSS+0x24 walk:w8:ist_entry frame(ist_top)
        ;= on_int iret(ist_top)
        mov [data], eax                 ;= w4:data
        ENDCASE
        CHECK qword [ist_entry], ist_page + FRESH + A + D

        RENEW page
        mov eax, [page]
        CASE ad-cleared, "A cleared with LOCK, forgotten, and set again", page-walk
        lock btr dword [entry], 5       ;= r4:entry w4:entry
        invlpg [page]
        mov eax, [page]                 ;= walk:w8:entry r4:page
        ENDCASE
        CHECK qword [entry], page + FRESH + A

        RENEW page
        CASE ad-read-back, "the guest reads what the MMU has set", page-walk
        mov [page], eax                 ;= walk:w8:entry w4:page
        mov rax, [entry]                ;= r8:entry
        mov [entry], rax                ;= w8:entry
        mov rax, [entry]                ;= r8:entry
        ENDCASE
        CHECK rax, page + FRESH + A + D

        mov byte [code_page], 0x90
        mov byte [code_page + 1], 0xc3
        RENEW code_page
        mov ebx, code_page
        CASE ad-fetch-and-load, "a page fetched from, then loaded from: A once, told at the load", page-walk
        call rbx                        ;= w8:top-8
        ;= code_page
        ;= code_page+1 r8:top-8
        mov al, [code_page]                  ;= walk:w8:code_entry r1:code_page
        mov [code_page + 8], al              ;= walk:w8:code_entry w1:code_page+8
        ENDCASE
        CHECK qword [code_entry], code_page + FRESH + A + D
        PASS

a_leaf: ret
on_int: iretq
END_OF_GUEST
