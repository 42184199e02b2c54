; SPDX-License-Identifier: Apache-2.0
; What the MMU stores while it walks page tables: accessed and dirty bits, in entries of 4 KiB and 2 MiB pages.
%include "boot.inc"

page        equ DATA + 0x20000
page_entry  equ PTE(page)
code        equ DATA + 0x21000
code_entry  equ PTE(code)
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
        mov byte [code], 0xc3           ; ret
        ENTRY page_entry, page + 3, page
        MARK 0
w_load: mov eax, [page]                 ; sets A
w_more: mov eax, [page + 8]
w_stor: mov [page], eax                 ; sets D
w_agai: mov [page + 8], eax
        MARK 1
        mov rbx, [page_entry]
        CHECK rbx, page + 3 + ACCESSED + DIRTY

        ENTRY page_entry, page + 3, page
        MARK 2
w_both: mov [page], eax                 ; sets A and D at once
        MARK 3
        CHECK qword [page_entry], page + 3 + ACCESSED + DIRTY

        ENTRY large_entry, large + 0x83, large
        MARK 4
l_load: mov eax, [large + 0x12340]
l_stor: mov [large + 0x54320], eax
        MARK 5
        CHECK qword [large_entry], large + 0x83 + ACCESSED + DIRTY

        ENTRY code_entry, code + 3, code
        mov rbx, code
        MARK 6
c_call: call rbx                        ; the fetch sets A: seen when the entry is read
c_read: mov rcx, [code_entry]
        MARK 7
        CHECK rcx, code + 3 + ACCESSED

        ENTRY other_entry, other + 1 + ACCESSED, other
        MARK 8
r_load: mov eax, [other]                ; sets nothing
        MARK 9
        CHECK qword [other_entry], other + 1 + ACCESSED

        mov esi, TABLES + 0x1000
        mov edi, new_pdpt
        mov ecx, 512
        rep movsq
        and qword [new_pdpt], ~ACCESSED
        mov qword [new_root], new_pdpt + 7
        mov rax, new_root
        MARK 10
f_cr3:  mov cr3, rax
f_read: mov rcx, [new_root]             ; the fetch of this set A in both
        MARK 11
        CHECK rcx, new_pdpt + 7 + ACCESSED
        PASS
END_OF_GUEST
