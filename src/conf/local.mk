# src/conf: a project directory and what is wrong with it
libgatehouse_a_SOURCES += \
	src/conf/destination.c src/conf/destination.h \
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
	src/conf/same.c \
	src/conf/snapshot.c src/conf/snapshot.h \
	src/conf/tables.h

check_PROGRAMS += t/unit/conf_snapshot
TESTS += t/unit/conf_snapshot
TESTS += t/803-reload.t
t_unit_conf_snapshot_SOURCES = t/unit/conf_snapshot.c t/unit/tap.h
check_PROGRAMS += t/unit/conf_env
t_unit_conf_env_SOURCES = t/unit/conf_env.c t/unit/tap.h
TESTS += t/unit/conf_env
check_PROGRAMS += t/unit/conf_option
t_unit_conf_option_SOURCES = t/unit/conf_option.c t/unit/tap.h
TESTS += t/unit/conf_option
check_PROGRAMS += t/unit/conf_origin
t_unit_conf_origin_SOURCES = t/unit/conf_origin.c t/unit/tap.h
TESTS += t/unit/conf_origin
check_PROGRAMS += t/unit/conf_place
t_unit_conf_place_SOURCES = t/unit/conf_place.c t/unit/tap.h
TESTS += t/unit/conf_place
check_PROGRAMS += t/unit/conf_project
t_unit_conf_project_SOURCES = t/unit/conf_project.c t/unit/tap.h
TESTS += t/unit/conf_project
TESTS += t/810-check.t
