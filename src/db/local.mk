# src/db: named statements with deadlines over a pool; notifications
libgatehouse_a_SOURCES += \
	src/db/conn.c src/db/conn.h \
	src/db/db.c src/db/db.h \
	src/db/listen.c src/db/listen.h \
	src/db/pool.c \
	src/db/row.c \
	src/db/schema.c
