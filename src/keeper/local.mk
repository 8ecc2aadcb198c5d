# src/keeper: the books: the audit chain, events on their way out, alerts
libgatehouse_a_SOURCES += \
	src/keeper/chain.c src/keeper/chain.h \
	src/keeper/keeper.c src/keeper/keeper.h src/keeper/keeper_internal.h \
	src/keeper/seal.c
TESTS += t/730-audit.t
