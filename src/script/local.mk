# src/script: functions of operators in Lua, in a sandbox
libgatehouse_a_SOURCES += src/script/script.c src/script/script.h src/script/internal.h src/script/lib.c src/script/regex.c \
	src/script/value.c

check_PROGRAMS += t/unit/script_script
t_unit_script_script_SOURCES = t/unit/script_script.c t/unit/tap.h
TESTS += t/unit/script_script
