; SPDX-License-Identifier: Apache-2.0
; A disk that reads nothing but zeros, at an AHCI controller: Serial ATA AHCI 1.3.1, 3.3, 4.2 and 5.5.
;@ run arguments="-device ahci,id=ahci,addr=5 -blockdev driver=null-co,node-name=zeros,read-zeroes=on,size=1048576 -device ide-hd,drive=zeros,bus=ahci.0"
%include "boot.inc"
%include "pci.inc"

PCI_AHCI    equ 0x80000000 | 5 << 11
CONTROLLER  equ 0xfe000000          ; where BAR 5 is put
CONTROL     equ CONTROLLER + 4
PORT        equ CONTROLLER + 0x100
COMMANDS    equ 0                   ; a port's registers
RECEIVED    equ 8
COMMAND     equ 0x18
ISSUE       equ 0x38
issue       equ PORT + ISSUE
header      equ DATA + 0x400        ; the first of the list of commands, 1 KiB
received    equ DATA + 0x800        ; structures that come from the device
table       equ DATA + 0xc00        ; command, from 0x80 on physical region descriptors
sector      equ DATA + 0x1000
SECTOR_BYTES equ 512
READ_DMA    equ 0xc8
TO_DEVICE   equ 0x8027              ; a structure with a command

main:
        mov edi, header
        mov ecx, 0xc00 / 4
        xor eax, eax
        rep stosd
        mov edi, sector
        mov ecx, SECTOR_BYTES / 4
        mov eax, -1
        rep stosd
        PCI PCI_AHCI, 0x24, CONTROLLER
        PCI PCI_AHCI, 4, 6                    ; memory, bus master
        mov ebx, CONTROL
        mov dword [rbx], 1 << 31    ; as AHCI, not as IDE
        mov ebx, PORT
        mov dword [rbx + COMMANDS], header
        mov dword [rbx + RECEIVED], received
        mov dword [rbx + COMMAND], 1 << 4   ; what comes is stored
        mov dword [rbx + COMMAND], 1 << 4 | 1
        mov dword [header], 5 | 1 << 16     ; five words of command, one region
        mov dword [header + 8], table
        mov dword [table], TO_DEVICE | READ_DMA << 16
        mov dword [table + 4], 0xe0 << 24   ; sector 0
        mov dword [table + 12], 1           ; of one
        mov dword [table + 0x80], sector
        mov dword [table + 0x8c], SECTOR_BYTES - 1
        CASE dma-ahci, "a sector by the DMA of an AHCI controller: it reads header, command and region, writes the sector and what it did", dma
        mov dword [rbx + ISSUE], 1  ;= r32:header r20:table r16:table+0x80 w512:sector w4:header+4 w20:received+0x40 ;! device-dma
        ;= + w4:issue!device
        mov [DATA], eax             ;= w4:DATA
        ENDCASE
.wait:  pause
        cmp dword [rbx + ISSUE], 0
        jne .wait
        CHECK dword [sector], 0
        CHECK dword [sector + SECTOR_BYTES - 4], 0
        CHECK dword [header + 4], SECTOR_BYTES
        CHECK byte [received + 0x40], 0x34
        PASS
END_OF_GUEST
