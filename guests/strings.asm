; SPDX-License-Identifier: Apache-2.0
; String instructions, what rep.asm leaves out: every width, backwards, over page boundaries, faults, segments, ports.
%include "boot.inc"

data        equ DATA
source      equ DATA + 0x1000
dest        equ DATA + 0x2000
; Two virtual pages in a row whose frames are not.
low_page    equ DATA + 0x10000
high_page   equ DATA + 0x11000
low_frame   equ DATA + 0x31000
high_frame  equ DATA + 0x21000
; The second of these two is not there until it is touched.
missing     equ DATA + 0x15000
missing_entry equ PTE(missing)
wide        equ DATA + 0x100000
long_source equ DATA + 0x120000
user_stack  equ DATA + 0x80000
fs_base     equ DATA + 0x3000
bitmap      equ TSS + 0x80          ; I/O permission bitmap of ports 0 to 0xff
PIC_MASK    equ 0x21
MANY        equ 66000
top         equ STACK

; STRING count: sets up the next string instruction.
%macro STRING 1
        mov esi, source
        mov edi, dest
        mov ecx, %1
%endmacro

; FORGET: the second page is missing again.
%macro FORGET 0
        mov qword [missing_entry], 0
        invlpg [missing]
%endmacro

main:
        mov qword [PTE(low_page)], low_frame + MAPPED
        mov qword [PTE(high_page)], high_frame + MAPPED
        mov rax, cr3
        mov cr3, rax
        GATE 14, map_page
        GATE 0x41, on_finish
        FIX missing, missing + MAPPED
        mov edi, source
        mov ecx, 0x80
        mov eax, 0x11
.fill:  stosb
        inc eax
        loop .fill

        ; Widths.
        STRING 3
        CASE movs-widths, "movsb, movsw, movsd, movsq without rep", string
        movsb                           ;= r1:source w1:dest
        movsw                           ;= r2:source+1 w2:dest+1
        movsd                           ;= r4:source+3 w4:dest+3
        movsq                           ;= r8:source+7 w8:dest+7
        ENDCASE
        CHECK dword [dest + 11], 0x1f1e1d1c
        STRING 3
        CASE stos-widths, "stosb, stosw, stosd, stosq without rep", string
        stosb                           ;= w1:dest
        stosw                           ;= w2:dest+1
        stosd                           ;= w4:dest+3
        stosq                           ;= w8:dest+7
        ENDCASE
        CHECK edi, dest + 15
        STRING 3
        CASE lods-widths, "lodsb, lodsw, lodsd, lodsq without rep", string
        lodsb                           ;= r1:source
        lodsw                           ;= r2:source+1
        lodsd                           ;= r4:source+3
        lodsq                           ;= r8:source+7
        ENDCASE
        CHECK eax, 0x1b1a1918
        STRING 3
        CASE scas-widths, "scasb, scasw, scasd, scasq without rep", string
        scasb                           ;= r1:dest
        scasw                           ;= r2:dest+1
        scasd                           ;= r4:dest+3
        scasq                           ;= r8:dest+7
        ENDCASE
        STRING 3
        CASE cmps-widths, "cmpsb, cmpsw, cmpsd, cmpsq without rep", string
        cmpsb                           ;= r1:source r1:dest ;~ cmps-second-first: r1:dest r1:source
        cmpsw                           ;= r2:source+1 r2:dest+1 ;~ cmps-second-first: r2:dest+1 r2:source+1
        cmpsd                           ;= r4:source+3 r4:dest+3 ;~ cmps-second-first: r4:dest+3 r4:source+3
        cmpsq                           ;= r8:source+7 r8:dest+7 ;~ cmps-second-first: r8:dest+7 r8:source+7
        ENDCASE
        CHECK esi, source + 15
        STRING 3
        CASE lods-rep-wide, "rep lodsw of 3, rep lodsq of 2", string
        rep lodsw                       ;= 3{r2:source+2*i}
        mov ecx, 2
        rep lodsq                       ;= r8:source+6 r8:source+14
        ENDCASE
        CHECK ecx, 0
        STRING 2
        CASE scas-rep-wide, "repne scasd of 2, repne scasq of 1", string
        mov eax, 0x12345678
        repne scasd                     ;= r4:dest r4:dest+4
        mov ecx, 1
        repne scasq                     ;= r8:dest+8
        ENDCASE
        CHECK edi, dest + 16
        mov rsi, source
        mov rdi, source
        mov ecx, 2
        CASE cmps-rep-wide, "repe cmpsw of 2, repe cmpsq of 1", string
        repe cmpsw                      ;= 2{r2:source+2*i r2:source+2*i}
        mov ecx, 1
        repe cmpsq                      ;= r8:source+4 r8:source+4
        ENDCASE
        CHECK esi, source + 12

        ; Backwards.
        mov edi, dest + 8
        mov ecx, 2
        mov rax, 0x1122334455667788
        std
        CASE stos-backwards, "rep stosq with DF set", string
        rep stosq                       ;= w8:dest+8 w8:dest
        ENDCASE
        CHECK edi, dest - 8
        mov esi, source + 4
        mov ecx, 2
        CASE lods-backwards, "rep lodsd with DF set", string
        rep lodsd                       ;= r4:source+4 r4:source
        ENDCASE
        CHECK eax, 0x14131211
        mov edi, source + 3
        mov ecx, 4
        CASE scas-backwards, "repne scasb with DF set", string
        mov al, 0x13
        repne scasb                     ;= r1:source+3 r1:source+2
        ENDCASE
        CHECK ecx, 2
        mov esi, source + 2
        mov edi, source + 2
        mov ecx, 2
        CASE cmps-backwards, "repe cmpsb with DF set", string
        repe cmpsb                      ;= r1:source+2 r1:source+2 r1:source+1 r1:source+1
        ENDCASE
        CHECK ecx, 0
        mov esi, source + 8
        mov edi, high_page + 1
        mov ecx, 3
        CASE movs-backwards-cross, "rep movsw with DF set, down over a page boundary", string
        rep movsw                       ;= r2:source+8 w2:high_page+1@high_frame+1 r2:source+6 w2:high_page-1@low_frame+0xfff,high_frame r2:source+4 w2:high_page-3@low_frame+0xffd
        ENDCASE
        FORGET
        mov esi, source + 8
        mov edi, missing + 0x1000
        mov ecx, 3
        CASE movs-backwards-fault, "rep movsb with DF set that faults at its second store", rep-fault
        ;= ? fb_movs r1:source+8 w1:missing+0x1000 r1:source+7!aborted
        ;= event 14 error 2 cr2 missing+0xfff at fb_movs: gate(14) frame_error(top)
        ;= run map_page(missing_entry, top)
fb_movs: rep movsb                      ;= r1:source+7 w1:missing+0xfff r1:source+6 w1:missing+0xffe
        nop
        ENDCASE
        cld
        CHECK ecx, 0

        ; Over a page boundary.
        mov edi, high_page - 12
        mov ecx, 3
        mov rax, 0x1122334455667788
        CASE stos-cross, "rep stosq with an element over a page boundary", string
        rep stosq                       ;= w8:high_page-12@low_frame+0xff4 w8:high_page-4@low_frame+0xffc,high_frame w8:high_page+4@high_frame+4
        ENDCASE
        CHECK dword [high_frame], 0x11223344
        mov esi, high_page - 3
        mov ecx, 3
        CASE lods-cross, "rep lodsw with an element over a page boundary", string
        rep lodsw                       ;= r2:high_page-3@low_frame+0xffd r2:high_page-1@low_frame+0xfff,high_frame r2:high_page+1@high_frame+1
        ENDCASE
        CHECK ax, 0x2233
        mov edi, high_page - 2
        mov ecx, 2
        CASE scas-cross, "repne scasd with an element over a page boundary", string
        repne scasd                     ;= r4:high_page-2@low_frame+0xffe,high_frame r4:high_page+2@high_frame+2
        ENDCASE
        mov esi, high_page - 1
        mov edi, source
        mov ecx, 2
        CASE cmps-cross, "repne cmpsw with an element over a page boundary", string
        repne cmpsw                     ;= r2:high_page-1@low_frame+0xfff,high_frame r2:source r2:high_page+1@high_frame+1 r2:source+2 ;~ cmps-second-first: r2:source r2:high_page-1@low_frame+0xfff,high_frame r2:source+2 r2:high_page+1@high_frame+1
        ENDCASE
        mov esi, high_page - 4
        mov edi, dest
        mov ecx, 2
        CASE movs-cross-load, "rep movsq that loads over a page boundary", string
        rep movsq                       ;= r8:high_page-4@low_frame+0xffc,high_frame w8:dest r8:high_page+4@high_frame+4 w8:dest+8
        ENDCASE
        CHECK ecx, 0

        ; Faults.
        FORGET
        mov edi, dest
        mov esi, missing - 2
        mov ecx, 4
        CASE movs-rep-fault-load, "rep movsb that faults at its third load", rep-fault
        ;= ? fl_movs r1:missing-2 w1:dest r1:missing-1 w1:dest+1
        ;= event 14 error 0 cr2 missing at fl_movs: gate(14) frame_error(top)
        ;= run map_page(missing_entry, top)
fl_movs: rep movsb                      ;= 2{r1:missing+i w1:dest+2+i}
        nop
        ENDCASE
        FORGET
        mov edi, missing - 4
        mov ecx, 3
        mov eax, 0x55
        CASE scas-rep-fault, "repne scasw that faults at its third element", rep-fault
        ;= ? f_scas r2:missing-4 r2:missing-2
        ;= event 14 error 0 cr2 missing at f_scas: gate(14) frame_error(top)
        ;= run map_page(missing_entry, top)
f_scas: repne scasw                     ;= r2:missing
        nop
        ENDCASE
        FORGET
        mov edi, missing - 3
        mov ecx, 2
        CASE stos-split-fault, "rep stosw, the second element of which faults in its second page", rep-fault
        ;= ? f_stos w2:missing-3
        ;= event 14 error 2 cr2 missing at f_stos: gate(14) frame_error(top)
        ;= run map_page(missing_entry, top)
f_stos: rep stosw                       ;= w2:missing-1
        nop
        ENDCASE
        FORGET
        mov esi, source
        mov edi, missing
        CASE movs-fault-once, "movsw without rep that faults at its store", rep-fault
        ;= ? f_movs r2:source!aborted
        ;= event 14 error 2 cr2 missing at f_movs: gate(14) frame_error(top)
        ;= run map_page(missing_entry, top)
f_movs: movsw                           ;= r2:source w2:missing
        nop
        ENDCASE
        CHECK qword [fix_count], 5
        CHECK word [missing], 0x1211

        ; Addresses and segments.
        mov ecx, 0xc0000100
        mov eax, fs_base
        xor edx, edx
        wrmsr
        mov esi, 0x10
        mov edi, dest
        mov ecx, 2
        CASE movs-segment, "rep movsb from FS", string
        fs rep movsb                    ;= 2{r1:fs_base+0x10+i w1:dest+i}
        ENDCASE
        mov rsi, 0xffffffff00000000 + source
        mov rdi, 0x7fffffff00000000 + dest
        mov rcx, 0xffffffff00000002
        CASE movs-address-32, "rep movsd with 32-bit addresses and count", string
        a32 rep movsd                   ;= 2{r4:source+4*i w4:dest+4*i}
        ENDCASE
        CHECK rcx, 0
        CHECK rdi, dest + 8
        mov rcx, 0xffffffff00000000
        CASE stos-address-32-none, "rep stosb with a 32-bit count of 0: no access", string
        a32 rep stosb
        ENDCASE
        mov esi, long_source
        mov edi, wide
        mov ecx, MANY
        CASE movs-rep-long, "rep movsb of 66,000, which QEMU 10 does in parts", string
        rep movsb                       ;= MANY{r1:long_source+i w1:wide+i}
        ENDCASE
        CHECK edi, wide + MANY

        ; Ports.
        mov byte [data], 0xfb
        mov word [data + 2], 0xfbfb
        mov dx, PIC_MASK
        mov esi, data
        mov ecx, 1
        CASE outs-rep, "rep outsb of 1 and of 0", port-string
        rep outsb                       ;= r1:data
        rep outsb
        ENDCASE
        mov edi, dest
        CASE ins, "insb without rep, rep insb of 0", port-string
        insb                            ;= w1:dest ;~ ins-stores-zero-first: w1:dest w1:dest
        rep insb
        ENDCASE
        CHECK byte [dest], 0xfb
        mov dx, 0xcf8
        CASE ins-wide, "insd, insw, outsd", port-string
        mov dword [data + 8], 0x80000000 ;= w4:data+8
        mov esi, data + 8
        outsd                           ;= r4:data+8
        insd                            ;= w4:dest+1 ;~ ins-stores-zero-first: w4:dest+1 w4:dest+1
        insw                            ;= w2:dest+5 ;~ ins-stores-zero-first: w2:dest+5 w2:dest+5
        ENDCASE
        CHECK dword [dest + 1], 0x80000000
        mov dx, PIC_MASK
        FORGET
        mov edi, missing - 1
        mov ecx, 2
        CASE ins-fault, "rep insb that faults at its second store, before it reads the port", rep-fault
        ;= ? f_ins w1:missing-1 ;~ ins-stores-zero-first: w1:missing-1 w1:missing-1
        ;= event 14 error 2 cr2 missing at f_ins: gate(14) frame_error(top)
        ;= run map_page(missing_entry, top)
f_ins:  rep insb                        ;= w1:missing ;~ ins-stores-zero-first: w1:missing w1:missing
        nop
        ENDCASE
        CHECK word [missing - 1], 0xfbfb

        ; CPL 3: the I/O permission bitmap.
        mov word [TSS + 0x66], bitmap - TSS
        mov byte [gdt + TASK], 0xff     ; its limit
        mov edi, bitmap
        mov ecx, 0x20 / 8
        xor eax, eax
        rep stosq
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
        CASE port-bitmap, "in and out at CPL 3: the I/O permission bitmap", port-string
        in al, PIC_MASK                 ;= r2:TSS+0x66 r2:bitmap+4
        out dx, al                      ;= r2:TSS+0x66 r2:bitmap+4
        ENDCASE
        mov esi, data
        mov ecx, 2
        CASE outs-bitmap, "rep outsb at CPL 3", port-string
        rep outsb                       ;= r2:TSS+0x66 r2:bitmap+4 r1:data r1:data+1 ;~ bitmap-looked-at-again: 2{r2:TSS+0x66 r2:bitmap+4 r1:data+i} r2:TSS+0x66 r2:bitmap+4
        ENDCASE
        int 0x41
on_finish:
        PASS
END_OF_GUEST
