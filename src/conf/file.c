/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a project's files. */
#include "config.h"

#include "conf/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static bool io_fault(struct err *e, int number)
{
	err_set(e, number == ENOENT || number == ENOTDIR ? ERR_NOT_FOUND : ERR_IO, "", "");
	return number == ENOENT || number == ENOTDIR
		   ? err_text(e, "does not exist")
		   : err_text(e, "cannot be read: %s", strerror(number));
}

/* Up to N bytes; fewer only at the end of the file. -1 with errno. */
static ssize_t read_all(int fd, char *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = read(fd, p + done, n - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

static bool read_open(struct conf_text *t, struct arena *a, int fd, size_t max, struct err *e)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st))
		return io_fault(e, errno);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_IO, "is not a regular file", "");
	if (st.st_size < 0 || (size_t)st.st_size > max) {
		err_set(e, ERR_LIMIT, "", "");
		return err_text(e, "is larger than %zu bytes", max);
	}
	/* the file may change under us: what is read is what counts */
	t->p = arena_alloc(a, (size_t)st.st_size + 1);
	n = read_all(fd, t->p, (size_t)st.st_size);
	if (n < 0)
		return io_fault(e, errno);
	t->p[n] = '\0';
	t->n = (size_t)n;
	t->mode = st.st_mode;
	t->modified = st.st_mtime;
	return true;
}

bool conf_read(struct conf_text *t, struct arena *a, const char *path, size_t max, struct err *e)
{
	/* O_NONBLOCK: a FIFO in the place of a file must not stop the program */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	bool ok;

	if (fd < 0)
		return io_fault(e, errno);
	ok = read_open(t, a, fd, max, e);
	close(fd);
	return ok;
}

const char *conf_path(struct arena *a, const char *dir, const char *path)
{
	return path[0] == '/' ? path : arena_printf(a, "%s/%s", dir, path);
}
