/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/arena.h"
#include "rootfs-tools/tar/tar.h"

/*
 * libFuzzer: any bytes as a tar.  Build with
 *   clang -fsanitize=fuzzer,address,undefined
 * and start with what tests/unpack/image.py makes as the corpus.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_arena struct arena arena = { 0 };
	const struct tar_entry *entry;
	struct error err;
	struct tar *tar;
	int fd = memfd_create("tar", MFD_CLOEXEC);

	if (fd < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		__builtin_trap();
	tar = tar_open_file(&arena, fd);
	while (tar_next(tar, &entry, &err) > 0) {
		const unsigned char *bytes;
		uint64_t offset, sum = 0;
		ssize_t n;

		/* What is given must lie in the file, and be there to read. */
		while ((n = tar_data(tar, &bytes, &offset, &err)) > 0) {
			if (offset + (uint64_t)n > entry->size)
				__builtin_trap();
			for (ssize_t i = 0; i < n; i++)
				sum += bytes[i];
		}
		if (entry->path[0] == '\0' && sum == UINT64_MAX)
			break;
	}
	close(fd);
	return 0;
}
