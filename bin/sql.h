/* SPDX-License-Identifier: Apache-2.0 */
/* The SQL of the project as data, made by sql/gen-sql.pl: what `gatehousectl migrate` applies. */
#ifndef GATEHOUSE_BIN_SQL_H
#define GATEHOUSE_BIN_SQL_H

struct sql_schema { /* a file of sql/schema, in order; NULL name at the end */
	int number;
	int compatible_from; /* the oldest number that a program must know to work with it */
	const char *name, *text;
};

struct sql_file { /* a file of sql/fn */
	const char *name, *text;
};

struct sql_grant { /* a function, and the programs that may execute it, separated by blanks */
	const char *function, *programs;
};

extern const struct sql_schema sql_schema[];
extern const struct sql_file sql_functions[];
extern const struct sql_grant sql_grants[];
extern const char sql_roles[];

#endif
