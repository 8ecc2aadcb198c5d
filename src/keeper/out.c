/* SPDX-License-Identifier: Apache-2.0 */
/* Files, and which way is whose. */
#include "config.h"

#include "keeper/out.h"

#include "keeper/lines.h"
#include "net/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum out_end out_send(struct out *o, struct arena *a, const struct told *t, size_t n, struct err *e)
{
	o->refused = 0;
	o->retry_after_s = -1;
	switch (o->to->type) {
	case DESTINATION_FILE:
		return out_file(o, a, t, n, e);
	case DESTINATION_SYSLOG:
		return out_syslog(o, a, t, n, e);
	case DESTINATION_WEBHOOK:
		return out_webhook(o, a, t, n, e);
	case DESTINATION_OTLP:
		return out_otlp(o, a, t, n, e);
	}
	return OUT_RETRY;
}

void out_close(struct out *o)
{
	fetch_close(o->connection);
	o->connection = NULL;
	out_rest(o);
}

void out_rest(struct out *o)
{
	for (size_t i = 0; i < OUT_TEXTS; i++)
		buf_release(&o->texts[i]);
}

struct buf *out_texts(struct out *o, size_t max)
{
	for (size_t i = 0; i < OUT_TEXTS; i++) {
		o->texts[i].max = max;
		buf_clear(&o->texts[i]);
	}
	return o->texts;
}

struct buf *out_text(struct out *o, size_t max)
{
	return out_texts(o, max);
}

static bool write_all(int fd, const char *p, size_t n, bool *some)
{
	while (n) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return false;
		*some = true;
		p += done;
		n -= (size_t)done;
	}
	return true;
}

/* Opened for each page, so that rotation needs no signal; on the disk before it counts as taken. */
static bool append(struct out *o, const char *text, size_t n, struct err *e)
{
	bool is_stderr = !strcmp(o->to->path, "stderr"), some = false, ok;
	int fd = is_stderr ? STDERR_FILENO
			   : open(o->to->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);

	ok = fd >= 0 && (!o->torn || write_all(fd, "\n", 1, &some)) && write_all(fd, text, n, &some) &&
	    (is_stderr || fdatasync(fd) == 0 || errno == EINVAL);
	o->torn = !ok && some;
	if (!ok)
		err_set(e, ERR_IO, "the file cannot be written", "%s: %s", o->to->path, strerror(errno));
	if (!is_stderr && fd >= 0)
		close(fd);
	return ok;
}

enum out_end out_file(struct out *o, struct arena *a, const struct told *t, size_t n, struct err *e)
{
	size_t len;
	const char *text = lines_of(o->to->form, t, n, &len);

	(void)a;
	if (!text) {
		struct buf *b = out_text(o, (n + 1) * FORM_LINE_MAX);

		for (size_t i = 0; i < n; i++) {
			lines_write(b, o->to->form, &t[i]);
			buf_char(b, '\n');
		}
		text = buf_text(b);
		len = b->len;
	}
	return append(o, text, len, e) ? OUT_TAKEN : OUT_RETRY;
}
