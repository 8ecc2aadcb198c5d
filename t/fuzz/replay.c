/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A main for fuzz targets without libFuzzer: runs each file of the target's corpus once, as
 * TAP. With arguments it runs those files, to look at one finding.
 */
#include "config.h"

#include "fuzz.h"

#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"

static bool run_file(const char *path)
{
	struct buf b;
	char block[4096], *exact;
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f)
		return false;
	buf_init(&b, 64 << 20);
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		buf_add(&b, block, n);
	fclose(f);
	exact = xmalloc(b.len);
	if (b.len)
		memcpy(exact, b.data, b.len);
	LLVMFuzzerTestOneInput((const uint8_t *)exact, b.len);
	free(exact);
	buf_release(&b);
	return true;
}

static int visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	const char *source = getenv("top_srcdir"), *name = strrchr(argv[0], '/');
	struct dirent **files = NULL;
	char path[4096];
	int n, failed = 0;

	for (int i = 1; i < argc; i++)
		if (!run_file(argv[i]))
			return 1;
	if (argc > 1)
		return 0;
	if (snprintf(path, sizeof(path), "%s/t/fuzz/corpus/%s", source ? source : ".",
	        name ? name + 1 : argv[0]) >= (int)sizeof(path) ||
	    chdir(path) || (n = scandir(".", &files, visible, alphasort)) <= 0) {
		printf("Bail out! no corpus at %s\n", path);
		return 1;
	}
	printf("1..%d\n", n);
	for (int i = 0; i < n; i++) {
		/* told before, so that a crash can be laid at its door */
		printf("# %s\n", files[i]->d_name);
		fflush(stdout);
		if (!run_file(files[i]->d_name)) {
			printf("not ");
			failed = 1;
		}
		printf("ok %d - %s\n", i + 1, files[i]->d_name);
		free(files[i]);
	}
	free(files);
	return failed;
}
