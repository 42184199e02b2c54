; SPDX-License-Identifier: Apache-2.0
; Real mode: the stack, segment registers, strings and state in 16-bit and 32-bit forms.  Then the checks, from long mode.
%include "boot.inc"

LOW_ROM     equ 0xf0000
IMAGE       equ 0x100000            ; what the labels are relative to
data        equ 0x5000
source      equ 0x5100
target      equ 0x5200
results     equ 0x5400
state       equ 0x5600
frames      equ 0x5900              ; what BP points to for enter
PARAGRAPH   equ 0x1230
base        equ 0x12300
ivt         equ 0
top         equ STACK16
PIC_MASK    equ 0x21
%define IN_ROM(label) (ROM_OFFSET + ((label) - rom))

%macro REAL_MODE_CODE 0
        cli
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, STACK16
        jmp (LOW_ROM >> 4):IN_ROM(low)
low:
        mov di, source
        mov cx, 0x20
        mov al, 0x10
        cld
r_fill: stosb
        inc ax
        loop r_fill
        ;= mode real
        ;= cr3 0
        ;= code LOW_ROM-IMAGE
        mov bp, frames
        mov eax, 0x11223344
        CASE r16-push-pop, "push and pop of registers, immediates, memory, flags", stack
        push ax                         ;= w2:top-2
        push 5                          ;= w2:top-4
        pop cx                          ;= r2:top-4
        push eax                        ;= w4:top-6
        pop edx                         ;= r4:top-6
        push word [source]              ;= r2:source w2:top-4
        pop word [target]               ;= r2:top-4 w2:target
        pushf                           ;= w2:top-4
        popf                            ;= r2:top-4
        pushfd                          ;= w4:top-6
        popfd                           ;= r4:top-6
        pop ax                          ;= r2:top-2
        ENDCASE
        mov [results], edx
        CASE r16-pusha, "pusha and popa, 16 and 32 bits", stack
        pusha                           ;= 8{w2:top-2-2*i} ;~ pusha-lowest-first: w16:top-16
        popa                            ;= 3{r2:top-16+2*i} 4{r2:top-8+2*i}
        pushad                          ;= 8{w4:top-4-4*i} ;~ pusha-lowest-first: w32:top-32
        popad                           ;= 3{r4:top-32+4*i} 4{r4:top-16+4*i}
        ENDCASE
        CASE r16-enter, "enter of levels 0, 1 and 3; leave", stack
        enter 4, 0                      ;= w2:top-2
        leave                           ;= r2:top-2
        enter 4, 1                      ;= w2:top-2 w2:top-4
        leave                           ;= r2:top-2
        enter 4, 3                      ;= w2:top-2 2{r2:frames-2-2*i w2:top-4-2*i} w2:top-8
        leave                           ;= r2:top-2
        ENDCASE
        mov [results + 4], bp
        CASE r16-call, "call by register and by memory; ret with parameters", stack
        mov word [data], IN_ROM(r_sub)  ;= w2:data
        call [data]                     ;= r2:data w2:top-2
        ;= r_sub r2:top-2
        mov bx, IN_ROM(r_sub2)
        push bx                         ;= w2:top-2
        call bx                         ;= w2:top-4
        ;= r_sub2 r2:top-4
        ENDCASE
        mov [results + 6], sp
        mov sp, 1
        CASE r16-stack-odd, "a stack at an odd address, up to the top of its segment", stack
        push eax                        ;= w4:0xfffd
        pop edx                         ;= r4:0xfffd
        ENDCASE
        mov sp, STACK16

        ; Segment registers.
        mov word [data + 2], PARAGRAPH
        mov dword [data + 4], PARAGRAPH << 16 | 0x20
        mov word [data + 8], PARAGRAPH
        CASE r16-segments, "mov, push and pop of segment registers: no descriptors", descriptor
        mov fs, [data + 2]              ;= r2:data+2
        push fs                         ;= w2:top-2
        pop gs                          ;= r2:top-2
        mov [data + 10], gs             ;= w2:data+10
        o32 push gs                     ;= w4:top-4
        o32 pop gs                      ;= r4:top-4
        mov [gs:0x10], ax               ;= w2:base+0x10
        ENDCASE
        CASE r16-far-pointers, "les, lfs, lgs, lss of 16:16 and 16:32", descriptor
        les di, [data + 4]              ;= r4:data+4
        mov [es:di], ax                 ;= w2:base+0x20
        lfs edi, [data + 4]             ;= r6:data+4
        mov es, [results + 0x40]        ;= r2:results+0x40
        ENDCASE
        CASE r16-tables, "sgdt, sidt, lgdt, lidt, smsw", descriptor
        sgdt [data + 16]                ;= w6:data+16
        sidt [data + 24]                ;= w6:data+24
        o32 lgdt [data + 16]            ;= r6:data+16
        o32 lidt [data + 24]            ;= r6:data+24
        smsw [data + 32]                ;= w2:data+32
        ENDCASE

        ; Far transfers.
        mov word [data + 36], IN_ROM(far_to)
        mov word [data + 38], LOW_ROM >> 4
        CASE r16-far-jump, "far jump, direct and by memory", transfer
        jmp (LOW_ROM >> 4):IN_ROM(far_one)
far_one: jmp far [data + 36]            ;= r4:data+36
far_to: nop
        ENDCASE
        mov word [data + 36], IN_ROM(r_far)
        CASE r16-far-call, "far call by memory, far return that drops parameters", transfer
        push ax                         ;= w2:top-2
        call far [data + 36]            ;= r4:data+36 w2:top-4 w2:top-6
        ;= r_far r2:top-6 r2:top-4
        ENDCASE
        CASE r16-far-call-32, "far call and return with 32-bit operands", transfer
        call dword (LOW_ROM >> 4):IN_ROM(r_far32) ;= w4:top-4 w4:top-8
        ;= r_far32 r4:top-8 r4:top-4
        ENDCASE
        mov [results + 8], sp
        CASE r16-iret-32, "iretd", transfer
        pushfd                          ;= w4:top-4
        push dword LOW_ROM >> 4         ;= w4:top-8
        push dword IN_ROM(i_back)       ;= w4:top-12
        iretd                           ;= r4:top-12 r4:top-8 r4:top-4
i_back: nop
        ENDCASE
        mov dword [ivt + 4 * 3], LOW_ROM << 12 | IN_ROM(r_handler)
        mov dword [ivt + 4 * 4], LOW_ROM << 12 | IN_ROM(r_handler)
        CASE r16-int3, "int3: gate of the IVT, three pushes; iret", event-delivery
r_int3: int3
        ;= event 3 software at r_int3: r4:ivt+12 w2:top-2 w2:top-4 w2:top-6
        ;= r_handler r2:results+10 w2:results+10
        ;= h_ret r2:top-6 r2:top-4 r2:top-2
        mov [data], ax                  ;= w2:data
        ENDCASE
        mov al, 0x7f
        add al, 1
        CASE r16-into, "into with overflow", event-delivery
r_into: into
        ;= event 4 software at r_into: r4:ivt+16 w2:top-2 w2:top-4 w2:top-6
        ;= r_handler r2:results+10 w2:results+10
        ;= h_ret r2:top-6 r2:top-4 r2:top-2
        mov [data], ax                  ;= w2:data
        ENDCASE
        xor al, al
        CASE r16-into-not, "into without overflow: no access", no-access
        into
        mov [data], ax                  ;= w2:data
        ENDCASE

        ; Others.
        mov dword [data], 9 << 16 | 1
        mov ax, 5
        mov bx, source
        CASE r16-bound-xlat, "bound, xlat", load
        bound ax, [data]                ;= r4:data
        xlatb                           ;= r1:source+5
        es xlatb                        ;= r1:source+0x15
        ENDCASE
        mov [results + 12], al
        mov dword [data], 0x1234
        mov dword [data + 4], 0
        mov eax, 0x1234
        xor edx, edx
        mov ebx, 1
        mov ecx, 2
        CASE r16-cmpxchg, "cmpxchg of 1, 2 and 4 bytes, cmpxchg8b, hit and miss", cmpxchg
        cmpxchg [data], bx              ;= r2:data w2:data
        cmpxchg [data], bx              ;= r2:data w2:data
        lock cmpxchg [data], ebx        ;= r4:data w4:data
        cmpxchg [data + 1], bl          ;= r1:data+1 w1:data+1
        cmpxchg8b [data]                ;= r8:data w8:data
        cmpxchg8b [data]                ;= r8:data w8:data
        lock cmpxchg8b [data]           ;= r8:data w8:data
        ENDCASE
        mov [results + 14], eax
        mov esi, 4
        CASE r16-address-32, "32-bit addresses", address
        mov eax, [esi * 4 + source]     ;= r4:source+16
        mov [source + esi], al          ;= w1:source+4
        mov bx, 0x100
        mov si, 8
        add [bx + si + data], eax       ;= r4:source+8 w4:source+8
        ENDCASE
        mov bx, 0xfff0
        CASE r16-address-wrap, "16-bit addresses wrap around at 64 KiB", address
        mov [bx + 0x5430], ax           ;= w2:results+0x20
        mov bp, 0xffff
        mov al, [bp + 0x5101]           ;= r1:source
        ENDCASE
        mov dword [data + 0x30], 0x01020304
        CASE r16-rmw, "xadd, bts, shld; movnti", rmw
        xadd [data + 0x30], al          ;= r1:data+0x30 w1:data+0x30
        bts word [data + 0x30], 3       ;= r2:data+0x30 w2:data+0x30
        shld [data + 0x30], eax, 4      ;= r4:data+0x30 w4:data+0x30
        movnti [data + 0x34], eax       ;= w4:data+0x34
        ENDCASE

        ; Strings.
        mov si, source
        mov di, target
        mov cx, 3
        CASE r16-strings, "movsw, stosd, lodsb, scasw, cmpsb with rep", string
        rep movsw                       ;= 3{r2:source+2*i w2:target+2*i}
        mov cx, 2
        rep stosd                       ;= 2{w4:target+6+4*i}
        mov cx, 2
        rep lodsb                       ;= 2{r1:source+6+i}
        lea di, [si - 8]
        mov ax, [di]                    ;= r2:source
        mov cx, 2
        repe scasw                      ;= r2:source r2:source+2
        mov cx, 3
        mov di, si
        repe cmpsb                      ;= 3{r1:source+8+i r1:source+8+i} ;~ cmps-second-first: 3{r1:source+8+i r1:source+8+i}
        ENDCASE
        mov di, target + 0x22
        mov si, source + 2
        mov cx, 2
        std
        CASE r16-movs-backwards, "rep movsb with DF set", string
        rep movsb                       ;= 2{r1:source+2-i w1:target+0x22-i}
        ENDCASE
        cld
        mov di, 0xfffe
        mov cx, 3
        CASE r16-stos-wrap, "rep stosb that wraps around at 64 KiB", string
        rep stosb                       ;= w1:0xfffe w1:0xffff w1:0
        ENDCASE
        mov edi, target + 0x30
        mov ecx, 2
        CASE r16-stos-32, "rep stosb with 32-bit addresses", string
        a32 rep stosb                   ;= 2{w1:target+0x30+i}
        ENDCASE
        mov dx, PIC_MASK
        mov si, source
        mov di, target + 0x38
        CASE r16-ins-outs, "outsb, rep insb", port-string
        outsb                           ;= r1:source
        mov cx, 2
        rep insb                        ;= w1:target+0x38 w1:target+0x39 ;~ ins-stores-zero-first: 2{w1:target+0x38+i w1:target+0x38+i}
        ENDCASE

        ; State.
        fninit
        fldpi
        CASE r16-x87, "fnstenv, fldenv, fnsave, frstor in 16-bit formats", state
        fnstenv [target + 0x40]         ;= w14:target+0x40
        fldenv [target + 0x40]          ;= r14:target+0x40 ;~ x87-pointers-not-restored: r6:target+0x40
        fnsave [target + 0x40]          ;= w94:target+0x40
        frstor [target + 0x40]          ;= r94:target+0x40 ;~ x87-pointers-not-restored: r6:target+0x40 r80:target+0x4e
        fstp tword [target + 0xa0]      ;= w10:target+0xa0
        fld tword [target + 0xa0]       ;= r10:target+0xa0
        fbstp [target + 0xb0]           ;= unordered w10:target+0xb0
        ENDCASE
        CASE r16-fxsave, "fxsave where CR4.OSFXSR is not set: x87 alone", state
        fxsave [state]                  ;= unordered w24:state w128:state+32 ;~ x87-opcode-not-saved: unordered w6:state w16:state+8 8{w10:state+32+16*i}
        ENDCASE
        jmp to_protected
r_sub:  ret
r_sub2: ret 2
r_far:  retf 2
r_far32: o32 retf
r_handler:
        inc word [ss:results + 10]
h_ret:  iret
to_protected:
%endmacro

main:
        CHECK dword [results], 0x11223344
        CHECK word [target], 0x1110
        CHECK word [results + 4], frames
        CHECK word [results + 6], STACK16
        CHECK word [base + 0x10], 0x3344
        CHECK word [base + 0x20], 0x3344
        CHECK word [data + 10], PARAGRAPH
        CHECK word [results + 8], STACK16
        CHECK word [results + 10], 2
        CHECK byte [results + 12], 0x25
        CHECK dword [results + 14], 1
        CHECK word [results + 0x20], 0x2120
        CHECK dword [target + 2], 0x15201312
        CHECK word [target + 0x21], 0x1211
        CHECK word [target + 0x38], 0x1010
        CHECK word [target + 0x40], 0x37f
        CHECK word [target + 0xa8], 0x4000
        CHECK byte [target + 0xb0], 3
        CHECK word [state], 0x37f
        PASS
END_OF_GUEST
