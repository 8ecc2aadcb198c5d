# src/db: named statements with deadlines over a pool; notifications
libgatehouse_a_SOURCES += \
	src/db/array.c \
	src/db/conn.c src/db/conn.h \
	src/db/db.c src/db/db.h \
	src/db/files.c \
	src/db/listen.c src/db/listen.h \
	src/db/pool.c \
	src/db/row.c \
	src/db/schema.c

# driven by t/802-database.t and t/700-events.t
check_PROGRAMS += t/unit/db_drive
t_unit_db_drive_SOURCES = t/unit/db_drive.c
TESTS += t/802-database.t
check_PROGRAMS += t/unit/db_row
t_unit_db_row_SOURCES = t/unit/db_row.c t/unit/tap.h
TESTS += t/unit/db_row
