; SPDX-License-Identifier: Apache-2.0
; Accessed and dirty bits outside long mode: entries of 4 bytes with pages of 4 KiB and 4 MiB, then PAE.  Then the same
; checks as in any guest, from long mode.
%include "boot.inc"

ROM_SHIFT   equ 0x10000             ; the ROM's copy below 1 MiB lies this much under its labels
FRESH       equ 3                   ; present, writable; neither accessed nor dirty
A           equ 0x20
D           equ 0x40
LARGE       equ 0x80
stack32     equ 0x7000
results     equ 0x5000
pd32        equ 0x10000             ; 4 MiB below to themselves, then:
pt32        equ 0x11000
pt32_fresh  equ 0x12000
pdpt_pae    equ 0x14000             ; 2 MiB below to themselves, then:
pd_pae      equ 0x15000
pd_pae_2    equ 0x13000
pt_pae      equ 0x16000
small       equ 0x800000            ; a page of 4 KiB
small_frame equ 0x30000
large32     equ 0xc00000            ; of 4 MiB
large32_frame equ 0x400000
large_pae   equ 0xa00000            ; of 2 MiB
large_pae_frame equ 0x600000
second      equ 0x40000000          ; under the second entry of the root
pde32       equ pd32 + 2 * 4
pte32       equ pt32_fresh
large32_entry equ pd32 + 3 * 4
pde_pae     equ pd_pae + 4 * 8
pte_pae     equ pt_pae
large_pae_entry equ pd_pae + 5 * 8
%define AT(label) ((label) - rom + 0xff000)

; KEEP n, entry: to be checked later.
%macro KEEP 2
        mov eax, [%2]
        mov [results + (%1) * 4], eax
%endmacro

%macro REAL_MODE_CODE 0
        cli
        xor ax, ax
        mov ds, ax
        o32 lgdt [cs:ROM_OFFSET + (r_gdtr - rom)]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp dword 8:AT(flat)
        align 8
r_gdt:  dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
r_gdtr: dw 23
        dd AT(r_gdt)
        bits 32
flat:   mov ax, 0x10
        mov ds, ax
        mov es, ax
        mov ss, ax
        cld
        mov esp, stack32
        mov edi, pd32
        mov ecx, 0x7000 / 4
        xor eax, eax
        rep stosd
        mov edi, pt32
        mov eax, MAPPED
        mov ecx, 1024
fill:   stosd
        add eax, 0x1000
        loop fill
        mov dword [pd32], pt32 + MAPPED
        mov dword [pde32], pt32_fresh + FRESH
        mov dword [pte32], small_frame + FRESH
        mov dword [pte32 + 4], small_frame + 0x1000 + FRESH
        mov dword [large32_entry], large32_frame + LARGE + FRESH
        mov dword [pdpt_pae], pd_pae + 1
        mov dword [pdpt_pae + 8], pd_pae_2 + 1
        mov dword [pd_pae_2], large_pae_frame + LARGE + MAPPED
        mov dword [pd_pae], LARGE + MAPPED
        mov dword [pde_pae], pt_pae + FRESH
        mov dword [pte_pae], small_frame + FRESH
        mov dword [large_pae_entry], large_pae_frame + LARGE + FRESH
        mov eax, 0x10           ; PSE
        mov cr4, eax
        mov eax, pd32
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80010000      ; PG, WP
        mov cr0, eax
        jmp paged
paged:
        ;= mode 32-bit
        ;= code 0-ROM_SHIFT
        ;= cr3 pd32
        CASE ad32-load, "two levels, entries of 4 bytes: a load sets A in both", page-walk
        mov eax, [small + 4]            ;= walk:w4:pde32 walk:w4:pte32 r4:small+4@small_frame+4
        mov eax, [small + 8]            ;= r4:small+8@small_frame+8
        ENDCASE
        KEEP 0, pde32
        KEEP 1, pte32
        CASE ad32-store, "... a store D in the last", page-walk
        mov [small + 4], eax            ;= walk:w4:pte32 w4:small+4@small_frame+4
        mov [small + 8], eax            ;= w4:small+8@small_frame+8
        ENDCASE
        KEEP 2, pde32
        KEEP 3, pte32
        CASE ad32-cross, "... a store over a page boundary A and D in the second page's", page-walk
        mov [small + 0xffe], eax        ;= walk:w4:pte32+4 w4:small+0xffe@small_frame+0xffe,small_frame+0x1000
        ENDCASE
        KEEP 4, pte32 + 4
        CASE ad32-large, "a page of 4 MiB: A, then D", page-walk
        mov eax, [large32 + 0x345678]   ;= walk:w4:large32_entry r4:large32+0x345678@large32_frame+0x345678
        mov [large32 + 0x123456], eax   ;= walk:w4:large32_entry w4:large32+0x123456@large32_frame+0x123456
        ENDCASE
        KEEP 5, large32_entry

        mov eax, cr0
        and eax, 0x7fffffff
        mov cr0, eax
        mov eax, 0x20           ; PAE
        mov cr4, eax
        mov eax, pdpt_pae
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax
        jmp pae
pae:    mov eax, [results]      ; the entry of the root for all but the last case
        ;= cr3 pdpt_pae
        CASE ad-pae-load, "PAE: a load sets A in two levels, the first has none", page-walk
        mov eax, [small + 4]            ;= walk:w8:pde_pae walk:w8:pte_pae r4:small+4@small_frame+4
        mov eax, [small + 8]            ;= r4:small+8@small_frame+8
        ENDCASE
        KEEP 6, pde_pae
        KEEP 7, pte_pae
        CASE ad-pae-store, "... a store D in the last", page-walk
        mov [small + 4], eax            ;= walk:w8:pte_pae w4:small+4@small_frame+4
        ENDCASE
        KEEP 8, pte_pae
        CASE ad-pae-large, "... a page of 2 MiB: A and D at once", page-walk
        mov [large_pae + 0x54320], eax  ;= walk:w8:large_pae_entry w4:large_pae+0x54320@large_pae_frame+0x54320
        ENDCASE
        KEEP 9, large_pae_entry
        CASE ad-pae-root, "... nothing in the root", page-walk
        mov eax, [second]               ;= r4:second@large_pae_frame ;~ root-accessed: walk:w8:pdpt_pae+8 r4:second@large_pae_frame
        ENDCASE
        mov eax, cr0
        and eax, 0x7fffffff
        mov cr0, eax
        xor eax, eax
        mov cr4, eax
        jmp 8:AT(to_protected.protected)
        bits 16
to_protected:
%endmacro

%macro KEPT 2
        CHECK dword [results + (%1) * 4], %2
%endmacro
main:
        KEPT 0, pt32_fresh + FRESH + A
        KEPT 1, small_frame + FRESH + A
        KEPT 2, pt32_fresh + FRESH + A
        KEPT 3, small_frame + FRESH + A + D
        KEPT 4, small_frame + 0x1000 + FRESH + A + D
        KEPT 5, large32_frame + LARGE + FRESH + A + D
        KEPT 6, pt_pae + FRESH + A
        KEPT 7, small_frame + FRESH + A
        KEPT 8, small_frame + FRESH + A + D
        KEPT 9, large_pae_frame + LARGE + FRESH + A + D
        PASS
END_OF_GUEST
