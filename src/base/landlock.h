/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Landlock (Linux 5.13 and later): a process gives up, for good and for whatever it starts, all files
 * but those beneath the paths that it names. What is open already stays usable, and so do sockets: of
 * the network only bind() is given up (it opens no port), and signals to processes outside.
 *
 * It binds the calling thread and those that it makes later: to be done before the first one.
 */
#ifndef GATEHOUSE_BASE_LANDLOCK_H
#define GATEHOUSE_BASE_LANDLOCK_H

#include <stdbool.h>

enum {
	LANDLOCK_MAY_READ = 1,   /* files, and folders to be listed */
	LANDLOCK_MAY_APPEND = 2, /* files to be written and made, none to be removed */
	LANDLOCK_MAY_CHANGE = 4, /* files and folders to be written, made, renamed, removed */
};

/* A set of rules being made; its descriptor, or -1 where the kernel has no Landlock (errno says why). */
int landlock_begin(void);

/*
 * All that PATH leads to, a file or a folder with what lies beneath it, may be used so. Links are
 * followed now, not later. A path that is not there is left out: false.
 */
bool landlock_allow(int rules, const char *path, unsigned may);

/* Puts the rules in force and ends the set. The caller has set no_new_privs. False: errno. */
bool landlock_enforce(int rules);

#endif
