// SPDX-License-Identifier: Apache-2.0
// A program whose instruction and data references can be computed: walk-references.oracle.ts does. No library,
// a stack of its own, nothing that depends on the machine. With ALIGNED no access and no instruction crosses a line
// of 64 bytes.
//   gcc -static -nostdlib -no-pie -Wl,--build-id=none,-Ttext=0x401000,-Tbss=0x601000 [-DALIGNED] -o walk walk.S

#define STEPS 3000
#define DATA_MASK 0xffff
#define FUNCTION_COUNT 64
#ifdef ALIGNED
#define FUNCTION_BYTES 192
#else
#define FUNCTION_BYTES 185
#endif

        .bss
        .balign 4096
data:   .skip 0x10100
        .balign 4096
        .skip 4096
stack:

        .text
        .globl _start
        .balign 64
_start:
        movabsq $stack, %rsp
        movabsq $data, %rdi
        movabsq $functions, %rsi
        movl    $1, %eax
        movl    $STEPS, %ebx
        .fill   24, 1, 0x90
loop:
        imulq   $0x19660d, %rax, %rax           // 7 bytes
        addq    $0x3c6ef35f, %rax               // 6
        movq    %rax, %rcx                      // 3
        shrq    $16, %rcx                       // 4
        andl    $DATA_MASK, %ecx                // 6
#ifdef ALIGNED
        andl    $0xfff8, %ecx                   // 6
#else
        xorl    $0, %ecx                        // 3
        nop
        nop
        nop
#endif
        movq    %rax, %rdx                      // 3
        shrq    $40, %rdx                       // 4
        andl    $(FUNCTION_COUNT - 1), %edx     // 3
        imull   $FUNCTION_BYTES, %edx, %edx     // 6
        addq    %rsi, %rdx                      // 3
        .fill   13, 1, 0x90
        call    *%rdx                           // 2
        decl    %ebx                            // 2
        jnz     loop                            // 2 or 6
        movl    $60, %eax
        xorl    %edi, %edi
        syscall
        .fill   49, 1, 0x90
functions:
        .rept FUNCTION_COUNT
        addq    %rax, (%rdi,%rcx)               // 4: modify 8 bytes
        movl    4(%rdi,%rcx), %r8d              // 5: load 4
        movb    %al, 1(%rdi,%rcx)               // 4: store 1
        movups  (%rdi), %xmm0                   // 3: load 16, always the same
        ret                                     // 1
        .fill   FUNCTION_BYTES - 17, 1, 0x90
        .endr
