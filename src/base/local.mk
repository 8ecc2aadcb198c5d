# src/base: memory, text, time, hashes; no I/O but the log
libgatehouse_a_SOURCES += \
	src/base/arena.c src/base/arena.h \
	src/base/b64.c src/base/b64.h \
	src/base/buf.c src/base/buf.h \
	src/base/clock.c src/base/clock.h \
	src/base/eight.h \
	src/base/err.c src/base/err.h \
	src/base/hash.c src/base/hash.h \
	src/base/landlock.c src/base/landlock.h \
	src/base/log.c src/base/log.h \
	src/base/may_block.c src/base/may_block.h \
	src/base/pattern.c src/base/pattern.h \
	src/base/rand.c src/base/rand.h \
	src/base/secret_hash.c src/base/secret_hash.h \
	src/base/uri.c src/base/uri.h \
	src/base/utf8.c src/base/utf8.h

# the C tests of src/base
check_PROGRAMS += t/unit/base_arena
t_unit_base_arena_SOURCES = t/unit/base_arena.c t/unit/tap.h
TESTS += t/unit/base_arena
check_PROGRAMS += t/unit/base_b64
t_unit_base_b64_SOURCES = t/unit/base_b64.c t/unit/tap.h
TESTS += t/unit/base_b64
check_PROGRAMS += t/unit/base_buf
t_unit_base_buf_SOURCES = t/unit/base_buf.c t/unit/tap.h
TESTS += t/unit/base_buf
check_PROGRAMS += t/unit/base_clock
t_unit_base_clock_SOURCES = t/unit/base_clock.c t/unit/tap.h
TESTS += t/unit/base_clock
check_PROGRAMS += t/unit/base_err
t_unit_base_err_SOURCES = t/unit/base_err.c t/unit/tap.h
TESTS += t/unit/base_err
check_PROGRAMS += t/unit/base_hash
t_unit_base_hash_SOURCES = t/unit/base_hash.c t/unit/tap.h
TESTS += t/unit/base_hash
check_PROGRAMS += t/unit/base_log
t_unit_base_log_SOURCES = t/unit/base_log.c t/unit/tap.h
TESTS += t/unit/base_log
check_PROGRAMS += t/unit/base_pattern
t_unit_base_pattern_SOURCES = t/unit/base_pattern.c t/unit/tap.h
TESTS += t/unit/base_pattern
check_PROGRAMS += t/unit/base_secret_hash
t_unit_base_secret_hash_SOURCES = t/unit/base_secret_hash.c t/unit/tap.h
TESTS += t/unit/base_secret_hash
check_PROGRAMS += t/unit/base_uri
t_unit_base_uri_SOURCES = t/unit/base_uri.c t/unit/tap.h
TESTS += t/unit/base_uri
check_PROGRAMS += t/unit/base_utf8
t_unit_base_utf8_SOURCES = t/unit/base_utf8.c t/unit/tap.h
TESTS += t/unit/base_utf8
