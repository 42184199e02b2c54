; SPDX-License-Identifier: Apache-2.0
; A disk that reads nothing but zeros, by the bus-master DMA of a PIIX3's IDE controller.
;@ run arguments="-blockdev driver=null-co,node-name=zeros,read-zeroes=on,size=1048576 -device ide-hd,drive=zeros,bus=ide.0"
%include "boot.inc"
%include "pci.inc"

PCI_IDE     equ 0x80000000 | 1 << 11 | 1 << 8
BUS_MASTER  equ 0xc100          ; where BAR 4 is put
COMMAND     equ 0               ; its registers
STATUS      equ 2
REGIONS     equ 4
TO_MEMORY   equ 8
START       equ 1
ACTIVE      equ 1
DISK        equ 0x1f0
READ_DMA    equ 0xc8
region      equ DATA + 0x100    ; physical region descriptor: address, bytes, the last one
sector      equ DATA + 0x1000
SECTOR_BYTES equ 512

%macro PUT 3 ; port, accumulator, value
        mov dx, %1
        mov eax, %3
        out dx, %2
%endmacro

main:
        mov edi, sector
        mov ecx, SECTOR_BYTES / 4
        mov eax, -1
        rep stosd
        PUT PCI_ADDRESS, eax, PCI_IDE | 0x20
        PUT PCI_DATA, eax, BUS_MASTER | 1
        PUT PCI_ADDRESS, eax, PCI_IDE | 4
        PUT PCI_DATA, eax, 5            ; I/O, bus master
        mov dword [region], sector
        mov dword [region + 4], 1 << 31 | SECTOR_BYTES
        PUT BUS_MASTER + REGIONS, eax, region
        PUT BUS_MASTER + COMMAND, al, TO_MEMORY
        PUT DISK + 6, al, 0xe0          ; the first disk, sector 0
        PUT DISK + 2, al, 1
        PUT DISK + 3, al, 0
        PUT DISK + 4, al, 0
        PUT DISK + 5, al, 0
        PUT DISK + 7, al, READ_DMA
        mov dx, BUS_MASTER + COMMAND
        mov al, TO_MEMORY | START
        CASE dma-disk, "a sector by the DMA of an IDE disk: it reads the list of regions and writes the sector", dma
        out dx, al                      ;= r8:region w512:sector ;! device-dma
        mov [DATA], eax                 ;= w4:DATA
        ENDCASE
        mov dx, BUS_MASTER + STATUS
.wait:  pause
        in al, dx
        test al, ACTIVE
        jnz .wait
        CHECK dword [sector], 0
        CHECK dword [sector + SECTOR_BYTES - 4], 0
        PASS
END_OF_GUEST
