# bin: gatehousectl, one file per command
bin_PROGRAMS += bin/gatehousectl
bin_gatehousectl_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/bin -DPROGRAM_DIR=\"$(cgidir)\"
nodist_bin_gatehousectl_SOURCES = bin/sql.c
bin_gatehousectl_SOURCES = bin/gatehousectl.c bin/ctl.h bin/sql.h
bin_gatehousectl_SOURCES += bin/ctl_audit.c
bin_gatehousectl_SOURCES += bin/ctl_check.c
bin_gatehousectl_SOURCES += bin/ctl_clients.c
bin_gatehousectl_SOURCES += bin/ctl_connect.c
bin_gatehousectl_SOURCES += bin/ctl_events.c
bin_gatehousectl_SOURCES += bin/ctl_grants.c
bin_gatehousectl_SOURCES += bin/ctl_keys.c bin/reencrypt.c bin/reencrypt.h
bin_gatehousectl_SOURCES += bin/ctl_migrate.c
bin_gatehousectl_SOURCES += bin/ctl_reload.c
bin_gatehousectl_SOURCES += bin/ctl_tools.c bin/difference.c bin/difference.h
bin_gatehousectl_SOURCES += bin/ctl_user.c
TESTS += t/804-ctl.t
TESTS += t/806-keys.t
TESTS += t/807-revoke.t
bin_gatehousectl_SOURCES += bin/ctl_webconfig.c
TESTS += t/805-webconfig.t
bin_gatehousectl_SOURCES += bin/ctl_doctor.c bin/doctor.h bin/doctor_database.c bin/doctor_http.c
bin_gatehousectl_SOURCES += bin/doctor_machine.c bin/doctor_reach.c bin/doctor_web.c
bin_gatehousectl_SOURCES += bin/ctl_maintenance.c
bin_gatehousectl_SOURCES += bin/ctl_trace.c
TESTS += t/813-maintenance.t
TESTS += t/811-doctor.t
TESTS += t/812-doctor-web.t
