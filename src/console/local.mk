# src/console: the operators' pages
libgatehouse_a_SOURCES += \
	src/console/admin.c \
	src/console/analytics.c \
	src/console/ask.c src/console/ask.h \
	src/console/calls.c \
	src/console/console.c src/console/console.h \
	src/console/query.c src/console/query.h \
	src/console/setup.c \
	src/console/story.c src/console/story.h \
	src/console/view.c src/console/view.h

TESTS += t/640-console-browser.t
TESTS += t/710-rollup.t
TESTS += t/711-rollup-before.t
TESTS += t/712-rollup-use.t
TESTS += t/630-console.t
TESTS += t/631-console-large.t
