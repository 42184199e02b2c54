; SPDX-License-Identifier: Apache-2.0
; Vectors: AVX of 256 bits, masked loads and stores, gathers, MMX, the forms of SSE that load or store parts.
%include "boot.inc"

data        equ DATA
source      equ DATA + 0x100
target      equ DATA + 0x200
low_page    equ DATA + 0x10000
high_page   equ DATA + 0x11000
low_frame   equ DATA + 0x31000
high_frame  equ DATA + 0x21000
missing     equ DATA + 0x15000
missing_entry equ PTE(missing)
top         equ STACK

main:
        mov qword [PTE(low_page)], low_frame + MAPPED
        mov qword [PTE(high_page)], high_frame + MAPPED
        mov rax, cr3
        mov cr3, rax
        GATE 14, map_page
        mov edi, source
        mov ecx, 0x40
        mov eax, 0x10
.fill:  stosb
        inc eax
        loop .fill
        mov rax, [source]
        movdqu xmm0, [source]

        ; MMX.
        CASE mmx, "movq, movd and paddb of MMX", load
        movq mm0, [source]              ;= r8:source
        paddb mm0, [source]             ;= r8:source
        movq [target], mm0              ;= w8:target
        movd mm1, [source]              ;= r4:source
        movd [target + 8], mm1          ;= w4:target+8
        movntq [target + 16], mm0       ;= w8:target+16
        ENDCASE
        CHECK dword [target], 0x26242220
        CHECK dword [target + 20], 0x2e2c2a28
        mov ecx, 0x00ff00ff
        mov [data], ecx
        mov dword [data + 4], 0x80
        mov edi, target + 0x20
        CASE maskmovq, "maskmovq: the bytes that the mask selects", vector
        movq mm2, [data]                ;= r8:data
        maskmovq mm0, mm2               ;= w1:target+0x20 w1:target+0x22 w1:target+0x24
        ENDCASE
        CHECK dword [target + 0x20], 0x00240020
        emms

        ; SSE.
        mov qword [data + 8], 0xff
        mov edi, target + 0x40
        CASE maskmovdqu, "maskmovdqu: the bytes that the mask selects", vector
        movdqu xmm1, [data]             ;= r16:data
        maskmovdqu xmm0, xmm1           ;= w1:target+0x40 w1:target+0x42 w1:target+0x44 w1:target+0x48
        ENDCASE
        CHECK word [target + 0x48], 0x18
        mov edi, high_page - 3
        CASE maskmovdqu-cross, "maskmovdqu over a page boundary", page-cross
        maskmovdqu xmm0, xmm1           ;= w1:high_page-3@low_frame+0xffd w1:high_page-1@low_frame+0xfff w1:high_page+1@high_frame+1 w1:high_page+5@high_frame+5
        ENDCASE
        CHECK word [high_frame + 5], 0x18
        mov qword [missing_entry], 0
        invlpg [missing]
        FIX missing, missing + MAPPED
        mov edi, missing - 3
        CASE maskmovdqu-fault, "maskmovdqu, the third byte of which faults", fault
        ;= ? mm_fault w1:missing-3!aborted w1:missing-1!aborted
        ;= event 14 error 2 cr2 missing+1 at mm_fault: gate(14) frame_error(top)
        ;= run map_page(missing_entry, top)
mm_fault: maskmovdqu xmm0, xmm1         ;= w1:missing-3 w1:missing-1 w1:missing+1 w1:missing+5
        ENDCASE
        CHECK dword [fix_count], 1
        CASE sse-extending, "pmovzxbw, pmovsxdq, cvtps2pd, movddup: half of a register", load
        pmovzxbw xmm3, [source]         ;= r8:source
        pmovsxdq xmm4, [source]         ;= r8:source
        cvtps2pd xmm5, [source]         ;= r8:source
        movddup xmm6, [source]          ;= r8:source
        pmovzxbq xmm4, [source]         ;= r2:source
        pmovzxbd xmm4, [source]         ;= r4:source
        ENDCASE
        movq [target], xmm6
        CHECK [target], rax
        CASE sse-extract, "pextrb, pextrw, pextrd, pextrq, extractps", store
        pextrb [target + 0x50], xmm0, 1 ;= w1:target+0x50
        pextrw [target + 0x52], xmm0, 1 ;= w2:target+0x52
        pextrd [target + 0x54], xmm0, 1 ;= w4:target+0x54
        pextrq [target + 0x58], xmm0, 1 ;= w8:target+0x58
        extractps [target + 0x60], xmm0, 2 ;= w4:target+0x60
        ENDCASE
        CHECK byte [target + 0x50], 0x11
        CHECK word [target + 0x52], 0x1312
        CHECK dword [target + 0x54], 0x17161514
        CHECK dword [target + 0x60], 0x1b1a1918
        CASE sse-insert, "pinsrb, pinsrd, pinsrq, insertps", load
        pinsrb xmm3, [source], 3        ;= r1:source
        pinsrd xmm3, [source], 1        ;= r4:source
        pinsrq xmm3, [source], 1        ;= r8:source
        insertps xmm3, [source], 0x10   ;= r4:source
        ENDCASE
        CASE sse-strings, "lddqu, pcmpistri, movntdqa, blendvps, mpsadbw", load
        lddqu xmm3, [source + 1]        ;= r16:source+1
        pcmpistri xmm3, [source + 1], 0 ;= r16:source+1
        movntdqa xmm3, [source]         ;= r16:source
        blendvps xmm3, [source]         ;= r16:source
        mpsadbw xmm3, [source], 0       ;= r16:source
        ENDCASE
        CASE sse-scalar-double, "movsd, addsd, ucomisd, cvttsd2si, sqrtss", load
        movsd xmm3, [source]            ;= r8:source
        addsd xmm3, [source]            ;= r8:source
        ucomisd xmm3, [source]          ;= r8:source
        cvttsd2si ecx, [source]         ;= r8:source
        sqrtss xmm3, [source]           ;= r4:source
        movsd [target], xmm3            ;= w8:target
        ENDCASE
        CASE sse-nontemporal, "movntps, movntpd, movlpd, movhps", store
        movntps [target + 0x70], xmm0   ;= w16:target+0x70
        movntpd [target + 0x80], xmm0   ;= w16:target+0x80
        movlpd [target + 0x90], xmm0    ;= w8:target+0x90
        movhps [target + 0x98], xmm0    ;= w8:target+0x98
        ENDCASE
        CHECK [target + 0x80], rax
        CHECK [target + 0x90], rax

        NEEDS "AVX", 1, ecx, 28
        mov rax, cr4
        or eax, 1 << 18
        mov cr4, rax
        xor ecx, ecx
        xor edx, edx
        mov eax, 7
        xsetbv
        mov rax, [source]
        CASE avx-load, "vmovdqu, vmovaps, vaddps, vlddqu of 32 bytes", vector
        vmovdqu ymm0, [source + 1]      ;= r32:source+1
        vmovaps ymm0, [source]          ;= r32:source
        vaddps ymm1, ymm0, [source]     ;= r32:source
        vlddqu ymm1, [source + 3]       ;= r32:source+3
        ENDCASE
        CASE avx-store, "vmovdqu, vmovaps, vmovntdq of 32 bytes", vector
        vmovdqu [target + 1], ymm0      ;= w32:target+1
        vmovaps [target + 0x20], ymm0   ;= w32:target+0x20
        vmovntdq [target + 0x40], ymm0  ;= w32:target+0x40
        vmovntps [target + 0x60], ymm0  ;= w32:target+0x60
        ENDCASE
        CHECK [target + 0x60], rax
        CHECK [target + 1], rax
        CASE avx-cross, "32 bytes over a page boundary", page-cross
        vmovdqu [high_page - 9], ymm0   ;= w32:high_page-9@low_frame+0xff7,high_frame
        vmovdqu ymm2, [high_page - 9]   ;= r32:high_page-9@low_frame+0xff7,high_frame
        vaddpd ymm1, ymm0, [high_page - 17] ;= r32:high_page-17@low_frame+0xfef,high_frame
        ENDCASE
        CHECK dword [high_frame + 3], 0x1f1e1d1c
        vmovdqu [target], ymm2
        CHECK [target], rax
        mov qword [missing_entry], 0
        invlpg [missing]
        CASE avx-load-fault, "load of 32 bytes, the second page of which is missing", fault
        ;~ parts-before-fault [<10]: ? vl_fault r24:missing-24!aborted
        ;~ parts-before-fault [>=10]: ? vl_fault r16:missing-24!aborted
        ;= event 14 error 0 cr2 missing at vl_fault: gate(14) frame_error(top)
        ;= run map_page(missing_entry, top)
vl_fault: vmovdqu ymm2, [missing - 24]  ;= r32:missing-24
        ENDCASE
        mov qword [missing_entry], 0
        invlpg [missing]
        CASE avx-store-fault, "store of 32 bytes, the second page of which is missing", fault
        ;~ parts-before-fault [<10]: ? vs_fault w8:missing-8!aborted
        ;= event 14 error 2 cr2 missing at vs_fault: gate(14) frame_error(top)
        ;= run map_page(missing_entry, top)
vs_fault: vmovdqu [missing - 8], ymm0   ;= w32:missing-8
        ENDCASE
        CHECK dword [fix_count], 3
        CHECK [missing - 8], rax
        CASE avx-broadcast, "vbroadcastss, vbroadcastsd, vbroadcastf128", vector
        vbroadcastss ymm2, [source]     ;= r4:source
        vbroadcastsd ymm2, [source]     ;= r8:source
        vbroadcastf128 ymm3, [source]   ;= r16:source
        ENDCASE
        vmovdqu [target], ymm2
        CHECK [target + 24], rax
        CASE avx-lanes, "vinsertf128, vextractf128", vector
        vinsertf128 ymm3, ymm3, [source + 16], 1 ;= r16:source+16 ;~ insert-loads-whole: r32:source+16
        vextractf128 [target], ymm3, 1  ;= w16:target
        ENDCASE
        CHECK dword [target], 0x23222120
        CASE avx-scalar, "vmovss, vmovsd, vmovq, vmovd, vmovhps, vpinsrw, vpextrb", vector
        vmovss xmm4, [source]           ;= r4:source
        vmovsd xmm4, [source]           ;= r8:source
        vmovsd [target], xmm4           ;= w8:target
        vmovq xmm4, [source]            ;= r8:source
        vmovd [target + 8], xmm4        ;= w4:target+8
        vmovhps xmm4, xmm4, [source]    ;= r8:source
        vpinsrw xmm4, xmm4, [source], 1 ;= r2:source
        vpextrb [target + 12], xmm4, 0  ;= w1:target+12
        ENDCASE
        CHECK [target], rax
        CHECK byte [target + 12], 0x10
        CASE avx-none, "vzeroupper: no access", no-access
        vzeroupper
        ENDCASE
        vmovdqu ymm0, [source]

        mov dword [data + 0x40], -1
        mov dword [data + 0x44], 0
        mov dword [data + 0x48], 0x7fffffff
        mov dword [data + 0x4c], 0x80000000
        mov qword [data + 0x50], 0
        mov dword [data + 0x58], 0
        mov dword [data + 0x5c], -1
        vmovdqu ymm5, [data + 0x40]     ; lanes 0, 3 and 7 of 32 bits, 1 and 3 of 64 bits
        vpxor xmm6, xmm6, xmm6
        CASE vmaskmov-store, "vmaskmovps: the elements that the mask selects", vector
        vmaskmovps [target], ymm5, ymm0 ;= w4:target w4:target+12 w4:target+28
        ENDCASE
        CHECK dword [target + 28], 0x2f2e2d2c
        CHECK dword [target + 12], 0x1f1e1d1c
        CASE vmaskmov-load, "vmaskmovps: loads the elements that the mask selects", vector
        vmaskmovps ymm1, ymm5, [source] ;= r4:source r4:source+12 r4:source+28 ;~ mask-ignored-in-load: r32:source
        ENDCASE
        vmovdqu [target], ymm1
        CHECK dword [target + 12], 0x1f1e1d1c
        CHECK dword [target + 4], 0
        CASE vmaskmov-double, "vmaskmovpd of 16 bytes", vector
        vmaskmovpd [target], xmm5, xmm0 ;= w8:target+8
        vmaskmovpd xmm1, xmm5, [source] ;= r8:source+8 ;~ mask-ignored-in-load: r16:source
        ENDCASE
        mov edi, target + 0x90
        CASE vmaskmovdqu, "vmaskmovdqu", vector
        vmaskmovdqu xmm0, xmm5          ;= 4{w1:target+0x90+i} 3{w1:target+0x98+i} w1:target+0x9f
        ENDCASE
        CHECK byte [target + 0x9f], 0x1f
        CASE vmaskmov-store-none, "vmaskmovps with an empty mask: no access", vector
        vmaskmovps [target], ymm6, ymm0
        ENDCASE
        mov qword [missing_entry], 0
        invlpg [missing]
        vmovd xmm6, [data + 0x40]
        CASE vmaskmov-store-masked, "vmaskmovps onto a missing page that the mask leaves out: no fault", vector
        vmaskmovps [missing - 4], xmm6, xmm0 ;= w4:missing-4
        ENDCASE
        ENDNEEDS

        NEEDS "AVX2", 7, ebx, 5
        mov rax, [source]
        CASE avx2-integer, "vpaddb, vpbroadcastb, vpbroadcastq, vpmovzxbw, vinserti128 of AVX2", vector
        vpaddb ymm1, ymm0, [source]     ;= r32:source
        vpbroadcastb ymm1, [source]     ;= r1:source
        vpbroadcastq ymm1, [source]     ;= r8:source
        vpmovzxbw ymm2, [source]        ;= r16:source
        vbroadcasti128 ymm2, [source]   ;= r16:source
        vinserti128 ymm2, ymm2, [source], 1 ;= r16:source ;~ insert-loads-whole: r32:source
        vextracti128 [target], ymm0, 0  ;= w16:target
        vmovntdqa ymm2, [source]        ;= r32:source
        ENDCASE
        CHECK [target], rax
        CASE vpmaskmov, "vpmaskmovd, vpmaskmovq", vector
        vpmaskmovd [target + 0x20], ymm5, ymm0 ;= w4:target+0x20 w4:target+0x2c w4:target+0x3c
        vpmaskmovd ymm1, ymm5, [source] ;= r4:source r4:source+12 r4:source+28 ;~ mask-ignored-in-load: r32:source
        vpmaskmovq [target + 0x40], ymm5, ymm0 ;= w8:target+0x48 w8:target+0x58
        vpmaskmovq ymm1, ymm5, [source] ;= r8:source+8 r8:source+24 ;~ mask-ignored-in-load: r32:source
        ENDCASE
        CHECK dword [target + 0x2c], 0x1f1e1d1c
        CHECK dword [target + 0x48], 0x1b1a1918

        ; Gathers: indices 7, 0, 5, 1 ... of elements of `source`.
        mov dword [data + 0x80], 7
        mov dword [data + 0x84], 0
        mov dword [data + 0x88], 5
        mov dword [data + 0x8c], 1
        mov dword [data + 0x90], 2
        mov dword [data + 0x94], 3
        mov dword [data + 0x98], 4
        mov dword [data + 0x9c], 6
        vmovdqu ymm7, [data + 0x80]
        mov esi, source
        vpcmpeqd ymm8, ymm8, ymm8
        CASE gather-32, "vpgatherdd of eight", vector
        vpgatherdd ymm1, [rsi + ymm7 * 4], ymm8 ;= r4:source+28 r4:source r4:source+20 r4:source+4 r4:source+8 r4:source+12 r4:source+16 r4:source+24
        ENDCASE
        vmovdqu [target], ymm1
        CHECK dword [target], 0x2f2e2d2c
        CHECK dword [target + 28], 0x2b2a2928
        vmovdqa ymm8, ymm5
        CASE gather-masked, "vpgatherdd of the three that the mask selects", vector
        vpgatherdd ymm1, [rsi + ymm7 * 4], ymm8 ;= r4:source+28 r4:source+4 r4:source+24
        ENDCASE
        vpxor ymm8, ymm8, ymm8
        CASE gather-none, "vpgatherdd with an empty mask: no access", vector
        vpgatherdd ymm1, [rsi + ymm7 * 4], ymm8
        ENDCASE
        vpcmpeqd ymm8, ymm8, ymm8
        CASE gather-64, "vpgatherdq: four elements of 8 bytes, indices of 32 bits", vector
        vpgatherdq ymm1, [rsi + xmm7], ymm8 ;= r8:source+7 r8:source r8:source+5 r8:source+1
        ENDCASE
        vmovdqu [target], ymm1
        CHECK [target + 8], rax
        mov qword [data + 0xa0], 16
        mov qword [data + 0xa8], -8
        vmovdqu xmm9, [data + 0xa0]
        lea rsi, [source + 8]
        vpcmpeqd ymm8, ymm8, ymm8
        CASE gather-qq, "vpgatherqq: two elements of 8 bytes, indices of 64 bits, one negative", vector
        vpgatherqq xmm1, [rsi + xmm9], xmm8 ;= r8:source+24 r8:source
        ENDCASE
        vmovdqu [target], xmm1
        CHECK [target + 8], rax
        vpcmpeqd ymm8, ymm8, ymm8
        CASE gather-qd, "vpgatherqd, vgatherdps", vector
        vpgatherqd xmm1, [rsi + xmm9], xmm8 ;= r4:source+24 r4:source
        vpcmpeqd ymm8, ymm8, ymm8
        vgatherdps xmm1, [rsi + xmm7], xmm8 ;= r4:source+15 r4:source+8 r4:source+13 r4:source+9
        vpcmpeqd ymm8, ymm8, ymm8
        vgatherqpd xmm1, [rsi + xmm9], xmm8 ;= r8:source+24 r8:source
        ENDCASE
        mov qword [missing_entry], 0
        invlpg [missing]
        mov esi, missing - 20
        vpcmpeqd ymm8, ymm8, ymm8
        mov dword [fix_count], 0
        CASE gather-fault, "vpgatherdd, the first element of which faults, and what its mask leaves then", fault
        ;= event 14 error 0 cr2 missing+8 at vg_fault: gate(14) frame_error(top)
        ;= run map_page(missing_entry, top)
vg_fault: vpgatherdd xmm1, [rsi + xmm7 * 4], xmm8 ;= r4:missing+8 r4:missing-20 r4:missing r4:missing-16
        ENDCASE
        mov qword [missing_entry], 0
        invlpg [missing]
        mov esi, missing - 28
        vpcmpeqd ymm8, ymm8, ymm8
        vmovdqu ymm7, [data + 0x84]     ; 0, 5, 1, 2, 3, 4, 6
        mov dword [data + 0xa0], 7
        vpinsrd xmm7, xmm7, [data + 0xa0], 2
        CASE gather-fault-later, "vpgatherdd, the third element of which faults: the first two are done", fault
        ;= ? vg_later r4:missing-28!aborted r4:missing-8!aborted
        ;= event 14 error 0 cr2 missing at vg_later: gate(14) frame_error(top)
        ;= run map_page(missing_entry, top)
vg_later: vpgatherdd xmm1, [rsi + xmm7 * 4], xmm8 ;= r4:missing r4:missing-20
        ENDCASE
        mov qword [missing_entry], 0
        invlpg [missing]
        mov dword [data + 0xb0], -1
        mov dword [data + 0xb4], -1
        mov qword [data + 0xb8], 0
        vmovdqu xmm8, [data + 0xb0]
        CASE gather-masked-fault, "vpgatherdd where the mask leaves out what is missing: no fault", vector
        vpgatherdd xmm1, [rsi + xmm7 * 4], xmm8 ;= r4:missing-28 r4:missing-8
        ENDCASE
        CHECK dword [fix_count], 2
        ENDNEEDS

        NEEDS "F16C", 1, ecx, 29
        CASE vcvtps2ph, "vcvtph2ps, vcvtps2ph: half of a register", vector
        vcvtph2ps ymm1, [source]        ;= r16:source
        vcvtps2ph [target], ymm1, 0     ;= w16:target
        vcvtph2ps xmm1, [source]        ;= r8:source
        vcvtps2ph [target], xmm1, 0     ;= w8:target
        ENDCASE
        ENDNEEDS
        NEEDS "FMA", 1, ecx, 12
        CASE fma, "vfmadd231ps, vfmadd231sd", vector
        vfmadd231ps ymm1, ymm2, [source] ;= r32:source
        vfmadd231sd xmm1, xmm2, [source] ;= r8:source ;~ scalar-fma-loads-16: r16:source
        ENDCASE
        ENDNEEDS
        PASS
END_OF_GUEST
