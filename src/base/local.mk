# src/base: memory, text, time, hashes; no I/O but the log
libgatehouse_a_SOURCES += \
	src/base/arena.c src/base/arena.h \
	src/base/b64.c src/base/b64.h \
	src/base/buf.c src/base/buf.h \
	src/base/clock.c src/base/clock.h \
	src/base/err.c src/base/err.h \
	src/base/hash.c src/base/hash.h \
	src/base/log.c src/base/log.h \
	src/base/rand.c src/base/rand.h \
	src/base/uri.c src/base/uri.h \
	src/base/utf8.c src/base/utf8.h
