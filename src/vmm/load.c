// SPDX-License-Identifier: GPL-2.0-only
/* Puts a guest into the machine's memory. */
#include <elf.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "vmm.h"

#define FLAT_ENTRY 0x1000

static uint8_t *read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	uint8_t *content = NULL;
	size_t n = 0, got;

	if (!file)
		err(FAILED, "%s", path);
	do {
		content = realloc(content, n + 65536);
		if (!content)
			err(FAILED, "%s", path);
		got = fread(content + n, 1, 65536, file);
		n += got;
	} while (got);
	if (ferror(file))
		err(FAILED, "%s", path);
	fclose(file);
	*size = n;
	return content;
}

static void put(struct machine *machine, const char *path, uint64_t addr,
		const uint8_t *from, size_t size, size_t room)
{
	if (addr > machine->size || room > machine->size - addr || size > room)
		errx(FAILED, "%s: does not fit into %zu MiB at 0x%llx", path,
		     machine->size >> 20, (unsigned long long)addr);
	memcpy(machine->memory + addr, from, size);
}

static void load_elf(struct machine *machine, const char *path,
		     const uint8_t *file, size_t size)
{
	Elf32_Ehdr head;
	Elf32_Phdr part;
	unsigned int i;

	if (file[EI_CLASS] != ELFCLASS32 || size < sizeof(head))
		errx(FAILED, "%s: not an ELF file for 32-bit x86", path);
	memcpy(&head, file, sizeof(head));
	if (head.e_machine != EM_386 || head.e_type != ET_EXEC)
		errx(FAILED, "%s: not a program for 32-bit x86", path);
	for (i = 0; i < head.e_phnum; i++) {
		uint64_t at = head.e_phoff + (uint64_t)i * sizeof(part);

		if (at + sizeof(part) > size)
			errx(FAILED, "%s: ends in its own table of parts", path);
		memcpy(&part, file + at, sizeof(part));
		if (part.p_type != PT_LOAD)
			continue;
		if (part.p_offset > size || part.p_filesz > size - part.p_offset)
			errx(FAILED, "%s: ends before its part %u", path, i);
		put(machine, path, part.p_paddr, file + part.p_offset,
		    part.p_filesz, part.p_memsz);
	}
	machine->bits = 32;
	machine->entry = head.e_entry;
}

void load(struct machine *machine, const char *path)
{
	size_t size;
	uint8_t *file = read_file(path, &size);

	if (size > SELFMAG && !memcmp(file, ELFMAG, SELFMAG)) {
		load_elf(machine, path, file, size);
	} else {
		put(machine, path, FLAT_ENTRY, file, size, size);
		machine->bits = 16;
		machine->entry = FLAT_ENTRY;
	}
	free(file);
}
