/* Files that are part of the program and can be edited as what they are: the assembler copies them in. */
#ifndef ROAMLAB_EMBED_H
#define ROAMLAB_EMBED_H

/* Defines `symbol`, declared elsewhere as const char symbol[], as the file's text. The path begins at the root of the
 * source tree, where the compiler runs; the Makefile says which objects depend on which files. */
#define EMBED(symbol, path)                                                                                  \
    __asm__(".pushsection .rodata\n.globl " #symbol "\n" #symbol ":\n.incbin \"" path                        \
            "\"\n.byte 0\n.popsection\n")

#endif
