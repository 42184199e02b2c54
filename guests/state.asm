; SPDX-License-Identifier: Apache-2.0
; Areas of processor state: fxsave, xsave, the x87 environment; masks, page boundaries, faults.
%include "boot.inc"

env         equ DATA
area        equ DATA + 0x1000
optimized   equ DATA + 0x2000
; Two virtual pages in a row whose frames are not.
low_page    equ DATA + 0x10000
high_page   equ DATA + 0x11000
low_frame   equ DATA + 0x31000
high_frame  equ DATA + 0x21000
; The second of these two is not there until it is touched.
missing     equ DATA + 0x15000
missing_entry equ PTE(missing)
split       equ missing - 0x100
aligned     equ high_page - 0x100
top         equ STACK
X87         equ 1
SSE         equ 2
AVX         equ 4

; The fields, SDM 1, 10.5 and 13.4: control, status, tags, opcode and pointers; MXCSR and its mask; eight x87 registers
; of 16 bytes, of which 6 are reserved; XMM registers; XSTATE_BV; the upper halves of YMM registers.
;= define x87_store(area) w24:area w128:area+32
;= define x87_load(area) r24:area r128:area+32
;= define sse_store(area) w8:area+24 w256:area+160
;= define sse_load(area) r4:area+24 r256:area+160
;= define header(area) r8:area+512 w8:area+512
; What QEMU touches of them.
;= define x87_stored(area) w6:area w16:area+8 8{w10:area+32+16*i}
;= define x87_loaded(area) r6:area 8{r10:area+32+16*i}

main:
        mov qword [PTE(low_page)], low_frame + MAPPED
        mov qword [PTE(high_page)], high_frame + MAPPED
        mov qword [missing_entry], 0
        mov rax, cr3
        mov cr3, rax
        GATE 14, map_page
        mov edi, area
        mov ecx, 0x2000 / 8
        mov rax, 0xa5a5a5a5a5a5a5a5
        rep stosq
        mov rax, 0x1122334455667788
        movq xmm0, rax
        not rax
        movq xmm15, rax
        fninit
        fld1
        fldpi

        ; The x87 environment.
        CASE x87-env-store, "fnstenv, 32-bit format", state
        fnstenv [env]                   ;= w28:env
        ENDCASE
        CHECK word [env], 0x37f
        CHECK word [env + 4], 0x3000
        CASE x87-env-load, "fldenv, 32-bit format", state
        fldenv [env]                    ;= r28:env ;~ x87-pointers-not-restored: r2:env r2:env+4 r2:env+8
        ENDCASE
        CASE x87-env-store-16, "fnstenv, 16-bit format", state
        o16 fnstenv [env + 0x40]        ;= w14:env+0x40
        ENDCASE
        CHECK word [env + 0x42], 0x3000
        CASE x87-env-load-16, "fldenv, 16-bit format", state
        o16 fldenv [env + 0x40]         ;= r14:env+0x40 ;~ x87-pointers-not-restored: r6:env+0x40
        ENDCASE
        CASE x87-save, "fnsave: environment and eight registers", state
        fnsave [env + 0x80]             ;= w108:env+0x80
        ENDCASE
        CHECK word [env + 0x80 + 28 + 8], 0x4000        ; pi is st0
        CASE x87-restore, "frstor", state
        frstor [env + 0x80]             ;= r108:env+0x80 ;~ x87-pointers-not-restored: r2:env+0x80 r2:env+0x84 r2:env+0x88 r80:env+0x9c
        ENDCASE
        CASE x87-save-16, "fnsave, 16-bit format", state
        o16 fnsave [env + 0x100]        ;= w94:env+0x100
        ENDCASE
        CHECK word [env + 0x100 + 14 + 8], 0x4000
        CASE x87-restore-16, "frstor, 16-bit format", state
        o16 frstor [env + 0x100]        ;= r94:env+0x100 ;~ x87-pointers-not-restored: r6:env+0x100 r80:env+0x10e
        ENDCASE
        CASE x87-env-cross, "fnstenv over a page boundary", page-cross
        fnstenv [high_page - 10]        ;= w28:high_page-10@low_frame+0xff6,high_frame
        ENDCASE
        CHECK word [low_frame + 0xff6], 0x37f
        CASE x87-save-cross, "fnsave over a page boundary", page-cross
        fnsave [high_page - 34]         ;= w108:high_page-34@low_frame+0xfde,high_frame
        ENDCASE
        CHECK word [high_frame + 2], 0x4000
        frstor [high_page - 34]
        CASE x87-extended-cross, "fstp and fld of 10 bytes over a page boundary", page-cross
        fstp tword [high_page - 8]      ;= w10:high_page-8@low_frame+0xff8,high_frame
        fld tword [high_page - 8]       ;= r10:high_page-8@low_frame+0xff8,high_frame
        ENDCASE
        CHECK word [high_frame], 0x4000
        CASE x87-extended-cross-odd, "... that goes through the mantissa", page-cross
        fstp tword [high_page - 3]      ;= w10:high_page-3@low_frame+0xffd,high_frame
        fld tword [high_page - 3]       ;= r10:high_page-3@low_frame+0xffd,high_frame
        ENDCASE
        CHECK word [high_frame + 5], 0x4000
        CASE x87-decimal-cross, "fbstp and fbld over a page boundary", page-cross
        fbstp [high_page - 4]           ;= unordered w10:high_page-4@low_frame+0xffc,high_frame
        fbld [high_page - 4]            ;= unordered r10:high_page-4@low_frame+0xffc,high_frame
        ENDCASE
        CHECK byte [low_frame + 0xffc], 3

        ; fxsave: bytes 464 to 511 are not touched.
        CASE fxsave, "fxsave64: x87, MXCSR and 16 XMM registers", state
        o64 fxsave [area]               ;= unordered x87_store(area) sse_store(area) ;~ x87-opcode-not-saved: unordered x87_stored(area) sse_store(area)
        ENDCASE
        CHECK dword [area + 160], 0x55667788
        CHECK [area + 160 + 15 * 16], rax
        CHECK dword [area + 24], 0x1f80
        CHECK byte [area + 464], 0xa5
        CASE fxrstor, "fxrstor64", state
        o64 fxrstor [area]              ;= unordered x87_load(area) sse_load(area) ;~ x87-pointers-not-restored: unordered x87_loaded(area) sse_load(area)
        ENDCASE
        CASE fxsave-cross, "fxsave64 over a page boundary", page-cross
        o64 fxsave [aligned]            ;= unordered w416:aligned@low_frame+0xf00,high_frame ;~ x87-opcode-not-saved: unordered w6:aligned@low_frame+0xf00 w16:aligned+8@low_frame+0xf08 8{w10:aligned+32+16*i@low_frame+0xf20+16*i} w8:aligned+24@low_frame+0xf18 w256:aligned+160@low_frame+0xfa0,high_frame
        ENDCASE
        CHECK [high_frame + 0x90], rax
        CHECK dword [low_frame + 0xf18], 0x1f80
        FIX missing, missing + MAPPED
        CASE fxsave-fault, "fxsave64, the second page of which is missing", fault
        ;~ stores-before-fault: ? fx_split unordered w6:split!aborted w16:split+8!aborted 8{w10:split+32+16*i!aborted} w8:split+24!aborted 6{w16:split+160+16*i!aborted}
        ;= event 14 error 2 cr2 missing at fx_split: gate(14) frame_error(top)
        ;= run map_page(missing_entry, top)
fx_split: o64 fxsave [split]            ;= unordered x87_store(split) sse_store(split) ;~ x87-opcode-not-saved: unordered x87_stored(split) sse_store(split)
        ENDCASE
        CHECK qword [fix_count], 1
        CHECK [split + 160 + 15 * 16], rax

        NEEDS "XSAVE", 1, ecx, 26
        mov rax, cr4
        or eax, 1 << 18
        mov cr4, rax
        xor ecx, ecx
        xor edx, edx
        mov eax, X87 | SSE
        xsetbv
        xor eax, eax
        mov edi, area + 512
        mov ecx, 8
        rep stosq
        mov eax, -1
        mov edx, eax
        CASE xsave, "xsave64 of all that XCR0 enables", state
        o64 xsave [area]                ;= unordered x87_store(area) sse_store(area) header(area) ;~ x87-opcode-not-saved: unordered x87_stored(area) sse_store(area) header(area)
        ENDCASE
        CHECK qword [area + 512], 3
        mov qword [area + 160], 0
        mov eax, X87
        CASE xsave-x87, "xsave64 of x87 alone", state
        o64 xsave [area]                ;= unordered x87_store(area) header(area) ;~ x87-opcode-not-saved: unordered x87_stored(area) header(area)
        ENDCASE
        CHECK qword [area + 160], 0
        mov eax, SSE
        CASE xsave-sse, "xsave64 of SSE alone", state
        o64 xsave [area]                ;= unordered sse_store(area) header(area)
        ENDCASE
        CHECK dword [area + 160], 0x55667788
        xor eax, eax
        CASE xsave-none, "xsave64 of nothing: the header", state
        o64 xsave [area]                ;= unordered header(area)
        ENDCASE
        CHECK qword [area + 512], 3
        mov eax, X87 | SSE
        CASE xrstor, "xrstor64 of x87 and SSE", state
        o64 xrstor [area]               ;= unordered r24:area+512 x87_load(area) sse_load(area) ;~ x87-pointers-not-restored: unordered r24:area+512 x87_loaded(area) sse_load(area)
        ENDCASE
        mov eax, SSE
        CASE xrstor-sse, "xrstor64 of SSE alone", state
        o64 xrstor [area]               ;= unordered r24:area+512 sse_load(area)
        ENDCASE
        mov qword [area + 512], 0
        mov eax, X87 | SSE
        CASE xrstor-initial, "xrstor64 where XSTATE_BV is 0: the header and MXCSR", state
        o64 xrstor [area]               ;= unordered r24:area+512 r4:area+24
        ENDCASE
        movq rax, xmm0
        CHECK rax, 0
        mov rax, 0x1122334455667788
        movq xmm0, rax
        fld1
        mov qword [missing_entry], 0
        invlpg [missing]
        mov eax, SSE
        CASE xsave-fault, "xsave64, the second page of which is missing", fault
        ;~ stores-before-fault: ? xs_split unordered w8:split+24!aborted 6{w16:split+160+16*i!aborted}
        ;= event 14 error 2 cr2 missing at xs_split: gate(14) frame_error(top)
        ;= run map_page(missing_entry, top)
xs_split: o64 xsave [split]             ;= unordered sse_store(split) header(split)
        ENDCASE
        CHECK qword [fix_count], 2
        ENDNEEDS

        NEEDS "XSAVEOPT", 0xd, eax, 0, 1
        mov qword [optimized + 512], 0
        mov eax, SSE
        xor edx, edx
        CASE xsaveopt, "xsaveopt64 of SSE that is in use", state
        o64 xsaveopt [optimized]        ;= unordered sse_store(optimized) header(optimized)
        ENDCASE
        CHECK dword [optimized + 160], 0x55667788
        ENDNEEDS

        NEEDS "AVX", 1, ecx, 28
        xor ecx, ecx
        xor edx, edx
        mov eax, X87 | SSE | AVX
        xsetbv
        vpcmpeqb xmm1, xmm1, xmm1
        vinsertf128 ymm0, ymm0, xmm1, 1
        CASE xsave-avx, "xsave64 of SSE and AVX", state
        mov eax, SSE | AVX
        o64 xsave [area]                ;= unordered sse_store(area) w256:area+576 header(area)
        ENDCASE
        CHECK qword [area + 576 + 8], -1
        CASE xsave-avx-alone, "xsave64 of AVX alone: MXCSR, too", state
        mov eax, AVX
        o64 xsave [area]                ;= unordered w8:area+24 w256:area+576 header(area) ;~ mxcsr-only-with-sse: unordered w256:area+576 header(area)
        ENDCASE
        CASE xrstor-avx, "xrstor64 of SSE and AVX", state
        mov eax, SSE | AVX
        o64 xrstor [area]               ;= unordered r24:area+512 sse_load(area) r256:area+576
        ENDCASE
        CASE xrstor-avx-alone, "xrstor64 of AVX alone: MXCSR, too", state
        mov eax, AVX
        o64 xrstor [area]               ;= unordered r24:area+512 r4:area+24 r256:area+576 ;~ mxcsr-only-with-sse: unordered r24:area+512 r256:area+576
        ENDCASE
        vextractf128 xmm2, ymm0, 1
        vmovq rax, xmm2
        CHECK rax, -1
        ENDNEEDS

        NEEDS "XSAVEC", 0xd, eax, 1, 1
        mov eax, SSE
        xor edx, edx
        CASE xsavec, "xsavec64 of SSE: XCOMP_BV, too", state
        o64 xsavec [optimized]          ;= unordered sse_store(optimized) w16:optimized+512
        ENDCASE
        ENDNEEDS
        PASS
END_OF_GUEST
