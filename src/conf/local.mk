# src/conf: a project directory and what is wrong with it
libgatehouse_a_SOURCES += \
	src/conf/env.c src/conf/env.h \
	src/conf/file.c src/conf/file.h \
	src/conf/gateway.c \
	src/conf/load.c src/conf/load.h \
	src/conf/option.c src/conf/option.h \
	src/conf/origin.c src/conf/origin.h \
	src/conf/place.c src/conf/place.h \
	src/conf/policies.c \
	src/conf/problem.c src/conf/problem.h \
	src/conf/project.c src/conf/project.h \
	src/conf/replacement.c \
	src/conf/routes.c \
	src/conf/rules.c \
	src/conf/snapshot.c src/conf/snapshot.h \
	src/conf/tables.h

check_PROGRAMS += t/unit/conf_snapshot
TESTS += t/unit/conf_snapshot
TESTS += t/803-reload.t
t_unit_conf_snapshot_SOURCES = t/unit/conf_snapshot.c t/unit/tap.h
TESTS += t/810-check.t
