# A boot sector: loads the payload to 0x10000, turns on 64-bit mode, vector and tile registers, and calls it.
.code16
.globl _start
_start:
    cli
    xor     %ax, %ax
    mov     %ax, %ds
    mov     %ax, %ss
    mov     $0x7c00, %sp
    mov     $0x42, %ah              # read by logical block address; the BIOS passes the drive in DL
    mov     $packet, %si
    int     $0x13
    cli                             # the BIOS may have allowed interrupts
    jc      stop

    # Page tables at 0x70000: the first GiB at its own addresses, in pages of 2 MiB.
    mov     $0x7000, %ax
    mov     %ax, %es
    cld
    xor     %di, %di
    xor     %eax, %eax
    mov     $0xc00, %cx
    rep stosl
    movl    $0x71003, %es:0
    movl    $0x72003, %es:0x1000
    mov     $0x2000, %di
    mov     $0x83, %eax
    mov     $512, %cx
page:
    mov     %eax, %es:(%di)
    add     $0x200000, %eax
    add     $8, %di
    loop    page
    mov     $0x70000, %eax
    mov     %eax, %cr3

    mov     $0x40620, %eax          # OSXSAVE, OSXMMEXCPT, OSFXSR, PAE
    mov     %eax, %cr4
    mov     $0xc0000080, %ecx       # EFER
    rdmsr
    or      $0x100, %eax            # LME
    wrmsr
    lgdt    descriptor
    mov     %cr0, %eax
    and     $~4, %eax               # not EM
    or      $0x80000003, %eax       # PG, MP, PE
    mov     %eax, %cr0
    ljmp    $8, $long
stop:
    hlt
    jmp     stop

.code64
long:
    xor     %eax, %eax
    mov     %ax, %ds
    mov     %ax, %es
    mov     %ax, %ss
    mov     $0x70000, %esp
    xor     %ecx, %ecx
    xor     %edx, %edx
    mov     $0x600e7, %eax          # x87, SSE, AVX, AVX-512, XTILECFG and XTILEDATA
    xsetbv
    mov     $0x10000, %eax
    call    *%rax
end:
    hlt
    jmp     end

.balign 8
table:
    .quad   0
    .quad   0x00af9a000000ffff      # code of 64 bits
descriptor:
    .word   15
    .long   table
packet:
    .byte   16, 0
    .word   64                      # sectors
    .word   0, 0x1000
    .quad   1
.org 510
    .word   0xaa55
