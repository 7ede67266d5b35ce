/* Files that are part of the program: the assembler copies them in. */
#ifndef ROAMLAB_EMBED_H
#define ROAMLAB_EMBED_H

/* Defines `symbol`, declared elsewhere as const char symbol[], as the file's text, and symbol_size, declared as const uint64_t if it is wanted. The path
 * begins at the root of the source tree, where the compiler runs, or, of what was built, at BUILD; the Makefile says which objects depend on which
 * files. */
#define EMBED(symbol, path)                                                                                  \
    __asm__(".pushsection .rodata\n.globl " #symbol ", " #symbol "_size\n" #symbol ":\n.incbin \"" path        \
            "\"\n.L" #symbol "_end:\n.byte 0\n.balign 8\n" #symbol "_size:\n.quad .L" #symbol "_end - " #symbol \
            "\n.popsection\n")

#endif
