; SPDX-License-Identifier: Apache-2.0
; String instructions: accesses for each element, one instruction however many there are.
;@ run
;@ run icount arguments="-icount shift=3"
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

; STRING count: sets up the next string instruction.
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

        STRING 5
        CASE movs-rep, "rep movsb of 5", string
        rep movsb                       ;= 5{r1:source+i w1:dest+i}
        ENDCASE
        CHECK ecx, 0
        CHECK dword [dest + 1], 0x15141312
        STRING 1
        CASE movs-rep-once, "rep movsw of 1", string
        rep movsw                       ;= r2:source w2:dest
        ENDCASE
        STRING 0
        CASE movs-rep-none, "rep movsd of 0: no access", string
        rep movsd
        ENDCASE
        CHECK esi, source
        STRING 2
        CASE movs-rep-quad, "rep movsq of 2", string
        rep movsq                       ;= 2{r8:source+8*i w8:dest+8*i}
        ENDCASE
        STRING 5
        CASE movs, "movsb without rep", string
        movsb                           ;= r1:source w1:dest
        ENDCASE
        CHECK byte [dest + 15], 0x20
        CHECK ecx, 5

        STRING 5
        CASE stos-rep, "rep stosb of 5", string
        rep stosb                       ;= 5{w1:dest+i}
        ENDCASE
        CHECK edi, dest + 5
        STRING 0
        CASE stos-rep-none, "rep stosw of 0: no access", string
        rep stosw
        ENDCASE
        STRING 1
        CASE stos-rep-once, "rep stosd of 1", string
        rep stosd                       ;= w4:dest
        ENDCASE
        STRING 2
        CASE stos-rep-quad, "rep stosq of 2", string
        rep stosq                       ;= w8:dest w8:dest+8
        ENDCASE
        CHECK [dest + 8], rax
        STRING 3
        CASE lods-rep, "rep lodsb of 3", string
        rep lodsb                       ;= 3{r1:source+i}
        ENDCASE
        CHECK al, 0x13
        STRING 0
        CASE lods-rep-none, "rep lodsq of 0: no access", string
        rep lodsq
        ENDCASE
        STRING 1
        CASE stos-lods, "stosb and lodsd without rep", string
        stosb                           ;= w1:dest
        lodsd                           ;= r4:source
        ENDCASE
        CHECK eax, 0x14131211

        mov edi, dest
        mov esi, source
        mov ecx, 16
        rep movsb
        mov byte [dest + 3], 0xff
        STRING 8
        mov al, 0xff
        CASE scas-repne, "repne scasb that finds", string
        repne scasb                     ;= 4{r1:dest+i}
        ENDCASE
        CHECK ecx, 4
        STRING 2
        CASE scas-repne-end, "repne scasw that does not find", string
        repne scasw                     ;= 2{r2:dest+2*i}
        ENDCASE
        CHECK ecx, 0
        STRING 0
        CASE scas-none, "repe scasb of 0: no access", string
        repe scasb
        ENDCASE
        STRING 8
        CASE cmps-repe, "repe cmpsb that differs", string
        repe cmpsb                      ;= 4{r1:source+i r1:dest+i} ;~ cmps-second-first: 4{r1:dest+i r1:source+i}
        ENDCASE
        CHECK ecx, 4
        STRING 3
        CASE cmps-repe-end, "repe cmpsb that is equal to the end", string
        repe cmpsb                      ;= 3{r1:source+i r1:dest+i} ;~ cmps-second-first: 3{r1:dest+i r1:source+i}
        ENDCASE
        CHECK ecx, 0
        STRING 5
        CASE cmps-repne, "repne cmpsd: differs, then equal", string
        repne cmpsd                     ;= 2{r4:source+4*i r4:dest+4*i} ;~ cmps-second-first: 2{r4:dest+4*i r4:source+4*i}
        ENDCASE
        CHECK ecx, 3
        STRING 0
        CASE cmps-none, "repne cmpsb of 0: no access", string
        repne cmpsb
        ENDCASE
        CASE cmps, "cmpsb without rep", string
        cmpsb                           ;= r1:source r1:dest ;~ cmps-second-first: r1:dest r1:source
        ENDCASE
        CHECK esi, source + 1

        mov esi, source + 6
        mov edi, dest + 6
        mov ecx, 3
        std
        CASE movs-backwards, "rep movsw with DF set", string
        rep movsw                       ;= 3{r2:source+6-2*i w2:dest+6-2*i}
        ENDCASE
        cld
        CHECK edi, dest

        mov esi, source
        mov edi, high_page - 6
        mov ecx, 4
        CASE movs-rep-cross, "rep movsd with an element over a page boundary", string
        rep movsd                       ;= r4:source w4:high_page-6@low_frame+0xffa
        ;= + r4:source+4 w4:high_page-2@low_frame+0xffe,high_frame
        ;= + r4:source+8 w4:high_page+2@high_frame+2 r4:source+12 w4:high_page+6@high_frame+6
        ENDCASE
        mov edi, high_page - 1
        mov esi, high_page - 2
        mov ecx, 3
        CASE movs-rep-overlap, "rep movsb onto its own source, into the next page", string
        rep movsb                       ;= r1:high_page-2@low_frame+0xffe w1:high_page-1@low_frame+0xfff
        ;= + r1:high_page-1@low_frame+0xfff w1:high_page@high_frame
        ;= + r1:high_page@high_frame w1:high_page+1@high_frame+1
        ENDCASE
        CHECK word [high_frame + 8], 0x201f

        FIX missing, missing + MAPPED
        mov esi, source
        mov edi, missing - 2
        mov ecx, 5
        CASE movs-rep-fault, "rep movsb that faults at its third store", rep-fault
        ;= ? fault_movs r1:source w1:missing-2 r1:source+1 w1:missing-1 r1:source+2!aborted
        ;= event 14 error 2 cr2 missing at fault_movs: gate(14) frame_error(top)
        ;= run map_page(missing_entry, top)
fault_movs: rep movsb                   ;= 3{r1:source+2+i w1:missing+i}
        mov [dest], ecx                 ;= w4:dest
        ENDCASE
        CHECK dword [missing], 0x00151413
        CHECK qword [fix_count], 1

        mov qword [PTE(missing)], 0
        invlpg [missing]
        mov edi, missing - 8
        mov ecx, 3
        CASE stos-rep-fault, "rep stosq that faults at its second store", rep-fault
        ;= ? fault_stos w8:missing-8
        ;= event 14 error 2 cr2 missing at fault_stos: gate(14) frame_error(top)
        ;= run map_page(missing_entry, top)
fault_stos: rep stosq                   ;= w8:missing w8:missing+8
        lodsb                           ;= r1:source+5
        ENDCASE
        CHECK qword [fix_count], 2

        mov qword [PTE(missing)], 0
        invlpg [missing]
        mov esi, source
        mov edi, missing
        mov ecx, 2
        CASE cmps-rep-fault, "repe cmpsb, the first access of which faults", rep-fault
        ;= event 14 error 0 cr2 missing at fault_cmps: gate(14) frame_error(top)
        ;= run map_page(missing_entry, top)
fault_cmps: repe cmpsb                  ;= r1:source r1:missing ;~ cmps-second-first: r1:missing r1:source
        nop
        ENDCASE
        CHECK qword [fix_count], 3

        mov qword [PTE(missing)], 0
        invlpg [missing]
        mov rsi, missing - 2
        mov edi, dest
        mov ecx, 4
        CASE lods-rep-fault, "rep lodsb that faults at the third of four", rep-fault
        ;= ? fault_lods r1:missing-2 r1:missing-1
        ;= event 14 error 0 cr2 missing at fault_lods: gate(14) frame_error(top)
        ;= run map_page(missing_entry, top)
fault_lods: rep lodsb                   ;= r1:missing r1:missing+1
        scasb                           ;= r1:dest
        ENDCASE
        CHECK qword [fix_count], 4

        mov esi, source
        mov edi, wide
        mov ecx, WIDE_BYTES
        CASE stos-rep-long, "rep stosb of 70,000, which QEMU 10 does in parts", string
        rep stosb                       ;= WIDE_BYTES{w1:wide+i}
        lodsb                           ;= r1:source
        ENDCASE
        CHECK edi, wide + WIDE_BYTES
        PASS

END_OF_GUEST
