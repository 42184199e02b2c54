; SPDX-License-Identifier: Apache-2.0
; String instructions: accesses for each element, one instruction however many there are.
%include "boot.inc"

source      equ DATA + 0x1000
dest        equ DATA + 0x2000
; Two virtual pages in a row whose frames are not.
low_page    equ DATA + 0x10000
high_page   equ DATA + 0x11000
low_frame   equ DATA + 0x31000
high_frame  equ DATA + 0x21000
; The second of these two is not there until it is touched.
held        equ DATA + 0x14000
missing     equ DATA + 0x15000
missing_entry equ PTE(missing)
wide        equ DATA + 0x100000
WIDE_BYTES  equ 70000
top         equ STACK

; STRING count: sets up the next string instruction; 3 instructions.
%macro STRING 1
        mov esi, source
        mov edi, dest
        mov ecx, %1
%endmacro

main:
        mov qword [PTE(low_page)], low_frame + MAPPED
        mov qword [PTE(high_page)], high_frame + MAPPED
        mov qword [PTE(missing)], 0
        mov rax, cr3
        mov cr3, rax
        GATE 14, map_page
        mov edi, source
        mov ecx, 64
        mov eax, 0x11
.fill:  stosb
        inc eax
        loop .fill

        MARK 0
        STRING 5
movsb5: rep movsb
        STRING 1
movsw1: rep movsw
        STRING 0
movsd0: rep movsd
        STRING 2
movsq2: rep movsq
        STRING 5
movsb:  movsb
        MARK 1
        CHECK byte [dest + 15], 0x20
        CHECK ecx, 5

        MARK 2
        STRING 5
stosb5: rep stosb
        STRING 0
stosw0: rep stosw
        STRING 1
stosd1: rep stosd
        STRING 2
stosq2: rep stosq
        STRING 3
lodsb3: rep lodsb
        STRING 0
lodsq0: rep lodsq
stosb:  stosb
lodsd:  lodsd
        MARK 3
        CHECK eax, 0x14131211

        mov edi, dest
        mov esi, source
        mov ecx, 16
        rep movsb
        mov byte [dest + 3], 0xff
        MARK 4
        STRING 8
        mov al, 0xff
scasb4: repne scasb                 ; found at the fourth
        STRING 2
scasw2: repne scasw                 ; not found
        STRING 0
scasb0: repe scasb
        STRING 8
cmpsb4: repe cmpsb                  ; differs at the fourth
        STRING 3
cmpsb3: repe cmpsb                  ; equal to the end
        STRING 5
cmpsd2: repne cmpsd                 ; differs at the first, equal at the second
        STRING 0
cmpsb0: repne cmpsb
        cmpsb
        MARK 5
        CHECK ecx, 0

        MARK 6
        mov esi, source + 6
        mov edi, dest + 6
        mov ecx, 3
        std
back:   rep movsw
        cld
        MARK 7
        CHECK edi, dest

        MARK 8
        mov esi, source
        mov edi, high_page - 6
        mov ecx, 4
cross:  rep movsd
        mov edi, high_page - 1
        mov esi, high_page - 2
        mov ecx, 3
cross1: rep movsb
        MARK 9
        CHECK word [high_frame + 8], 0x201f

        FIX missing, missing + MAPPED
        mov esi, source
        mov edi, missing - 2
        mov ecx, 5
        MARK 10
fault_movs: rep movsb
after_movs: mov [dest], ecx
        MARK 11
        CHECK dword [missing], 0x00151413
        CHECK qword [fix_count], 1

        mov qword [PTE(missing)], 0
        invlpg [missing]
        FIX missing, missing + MAPPED
        mov edi, missing - 8
        mov ecx, 3
        MARK 12
fault_stos: rep stosq
        lodsb
        MARK 13
        CHECK qword [fix_count], 2

        mov qword [PTE(missing)], 0
        invlpg [missing]
        FIX missing, missing + MAPPED
        mov esi, source
        mov edi, missing
        mov ecx, 2
        MARK 14
fault_first: repe cmpsb             ; the first access of the first iteration
        nop
        MARK 15
        CHECK qword [fix_count], 3

        mov qword [PTE(missing)], 0
        invlpg [missing]
        FIX missing, missing + MAPPED
        mov rsi, missing - 2
        mov edi, dest
        mov ecx, 4
        MARK 16
fault_lods: rep lodsb               ; at the third of four
fault_scas: scasb
        MARK 17
        CHECK qword [fix_count], 4

        mov esi, source
        mov edi, wide
        mov ecx, WIDE_BYTES
        MARK 18
l_stos: rep stosb                   ; QEMU 10 stops to look around after 65,535
l_next: lodsb
        MARK 19
        CHECK edi, wide + WIDE_BYTES
        PASS

END_OF_GUEST
