; SPDX-License-Identifier: Apache-2.0
; What the MMU stores while it walks page tables: accessed and dirty bits, in entries of 4 KiB and 2 MiB pages.
%include "boot.inc"

page        equ DATA + 0x20000
page_entry  equ PTE(page)
code_page   equ DATA + 0x21000
code_entry  equ PTE(code_page)
other       equ DATA + 0x22000
other_entry equ PTE(other)
large       equ 0x600000
large_entry equ PD + (large >> 21) * 8
new_root    equ 0x220000        ; another PML4, PDPT; the PDs are the old ones
new_pdpt    equ 0x221000
ACCESSED    equ 0x20
DIRTY       equ 0x40

; ENTRY address, value: writes a page table entry and forgets the translation.
%macro ENTRY 3
        mov qword [%1], %2
        invlpg [%3]
%endmacro

main:
        mov byte [code_page], 0xc3           ; ret
        ENTRY page_entry, page + 3, page
        CASE walk-load-store, "a load sets A, a store sets D", page-walk
        mov eax, [page]                 ;= walk:w8:page_entry r4:page
        mov eax, [page + 8]             ;= r4:page+8
        mov [page], eax                 ;= walk:w8:page_entry w4:page
        mov [page + 8], eax             ;= w4:page+8
        ENDCASE
        mov rbx, [page_entry]
        CHECK rbx, page + 3 + ACCESSED + DIRTY

        ENTRY page_entry, page + 3, page
        CASE walk-store, "a store sets A and D at once", page-walk
        mov [page], eax                 ;= walk:w8:page_entry w4:page
        ENDCASE
        CHECK qword [page_entry], page + 3 + ACCESSED + DIRTY

        ENTRY large_entry, large + 0x83, large
        CASE walk-large, "the entry of a 2 MiB page", page-walk
        mov eax, [large + 0x12340]      ;= walk:w8:large_entry r4:large+0x12340
        mov [large + 0x54320], eax      ;= walk:w8:large_entry w4:large+0x54320
        ENDCASE
        CHECK qword [large_entry], large + 0x83 + ACCESSED + DIRTY

        ENTRY code_entry, code_page + 3, code_page
        mov rbx, code_page
        CASE walk-fetch, "an instruction fetch sets A: told when the entry is read", page-walk
        call rbx                        ;= w8:STACK-8
        ;= code_page r8:STACK-8
        mov rcx, [code_entry]           ;= walk:w8:code_entry r8:code_entry
        ENDCASE
        CHECK rcx, code_page + 3 + ACCESSED

        ENTRY other_entry, other + 1 + ACCESSED, other
        CASE walk-nothing, "a load of a page that is accessed sets nothing", page-walk
        mov eax, [other]                ;= r4:other
        ENDCASE
        CHECK qword [other_entry], other + 1 + ACCESSED

        mov esi, TABLES + 0x1000
        mov edi, new_pdpt
        mov ecx, 512
        rep movsq
        and qword [new_pdpt], ~ACCESSED
        mov qword [new_root], new_pdpt + 7
        mov rax, new_root
        CASE walk-new-tables, "the first fetch through new tables sets A in them", page-walk
        mov cr3, rax
        ;= cr3 new_root
        mov rcx, [new_root]             ;= walk:w8:new_root walk:w8:new_pdpt ;! first-fetch
        ;= + r8:new_root
        ENDCASE
        CHECK rcx, new_pdpt + 7 + ACCESSED
        PASS
END_OF_GUEST
