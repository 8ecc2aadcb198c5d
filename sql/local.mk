# sql: migrations, functions and statements; all of it is compiled in. One line per file, to be kept so.
SQL_SCHEMA =
SQL_SCHEMA += sql/schema/0001-core.sql
SQL_SCHEMA += sql/schema/0002-oauth.sql
SQL_SCHEMA += sql/schema/0003-event.sql
SQL_SCHEMA += sql/schema/0004-client-document.sql
SQL_SCHEMA += sql/schema/0005-login.sql
SQL_SCHEMA += sql/schema/0010-connection.sql
SQL_SCHEMA += sql/schema/0012-upstream.sql
SQL_SCHEMA += sql/schema/0013-rate.sql
SQL_SCHEMA += sql/schema/0015-rollup.sql
SQL_SCHEMA += sql/schema/0016-event-queue.sql
SQL_SCHEMA += sql/schema/0017-audit-chain.sql
SQL_SCHEMA += sql/schema/0011-statement.sql
SQL_SCHEMA += sql/schema/0014-tool-pin.sql
SQL_SCHEMA += sql/schema/0019-console.sql
SQL_SCHEMA += sql/schema/0023-policy-count.sql
SQL_SCHEMA += sql/schema/0020-rollup.sql
SQL_SCHEMA += sql/schema/0024-rollup.sql
SQL_SCHEMA += sql/schema/0025-rollup-index.sql
SQL_SCHEMA += sql/schema/0027-event-body.sql
SQL_SCHEMA += sql/schema/0031-analytics.sql
SQL_SCHEMA += sql/schema/0032-rollup-use.sql
SQL_SCHEMA += sql/schema/0033-event-cost.sql
SQL_SCHEMA += sql/schema/0034-rollup-minute.sql

SQL_FN =
SQL_FN += sql/fn/admin.sql
SQL_FN += sql/fn/alert.sql
SQL_FN += sql/fn/audit.sql
SQL_FN += sql/fn/assertion.sql
SQL_FN += sql/fn/bearer.sql
SQL_FN += sql/fn/connection.sql
SQL_FN += sql/fn/reencrypt.sql
SQL_FN += sql/fn/sign-in.sql
SQL_FN += sql/fn/console.sql
SQL_FN += sql/fn/consent.sql
SQL_FN += sql/fn/core.sql
SQL_FN += sql/fn/event.sql
SQL_FN += sql/fn/rollup.sql
SQL_FN += sql/fn/analytics.sql
SQL_FN += sql/fn/forward.sql
SQL_FN += sql/fn/maintenance.sql
SQL_FN += sql/fn/login.sql
SQL_FN += sql/fn/oauth-client.sql
SQL_FN += sql/fn/oauth-consent.sql
SQL_FN += sql/fn/oauth-document.sql
SQL_FN += sql/fn/oauth-token.sql
SQL_FN += sql/fn/rate.sql
SQL_FN += sql/fn/statement.sql
SQL_FN += sql/fn/tool-pin.sql

SQL_STMT =
SQL_STMT += sql/stmt/admin.sql
SQL_STMT += sql/stmt/alert.sql
SQL_STMT += sql/stmt/audit.sql
SQL_STMT += sql/stmt/assertion.sql
SQL_STMT += sql/stmt/bearer.sql
SQL_STMT += sql/stmt/connection.sql
SQL_STMT += sql/stmt/reencrypt.sql
SQL_STMT += sql/stmt/sign-in.sql
SQL_STMT += sql/stmt/console.sql
SQL_STMT += sql/stmt/consent.sql
SQL_STMT += sql/stmt/core.sql
SQL_STMT += sql/stmt/event.sql
SQL_STMT += sql/stmt/analytics.sql
SQL_STMT += sql/stmt/forward.sql
SQL_STMT += sql/stmt/maintenance.sql
SQL_STMT += sql/stmt/login.sql
SQL_STMT += sql/stmt/oauth.sql
SQL_STMT += sql/stmt/oauth-document.sql
SQL_STMT += sql/stmt/rate.sql
SQL_STMT += sql/stmt/statement.sql
SQL_STMT += sql/stmt/tool-pin.sql

EXTRA_DIST += sql/gen-stmt.pl sql/gen-sql.pl sql/roles.sql $(SQL_SCHEMA) $(SQL_FN) $(SQL_STMT)

BUILT_SOURCES += src/db/stmt.h
CLEANFILES += src/db/stmt.h src/db/stmt.c bin/sql.c
nodist_libgatehouse_a_SOURCES += src/db/stmt.h src/db/stmt.c

src/db/stmt.h: $(SQL_STMT) $(SQL_SCHEMA) sql/gen-stmt.pl
	$(AM_V_GEN)$(MKDIR_P) src/db && cd $(srcdir) && \
	$(PERL) sql/gen-stmt.pl --header $(SQL_SCHEMA) $(SQL_STMT) >$(abs_builddir)/$@.tmp && \
	mv $(abs_builddir)/$@.tmp $(abs_builddir)/$@

src/db/stmt.c: $(SQL_STMT) $(SQL_SCHEMA) sql/gen-stmt.pl
	$(AM_V_GEN)$(MKDIR_P) src/db && cd $(srcdir) && \
	$(PERL) sql/gen-stmt.pl --source $(SQL_SCHEMA) $(SQL_STMT) >$(abs_builddir)/$@.tmp && \
	mv $(abs_builddir)/$@.tmp $(abs_builddir)/$@

bin/sql.c: sql/roles.sql $(SQL_SCHEMA) $(SQL_FN) sql/gen-sql.pl
	$(AM_V_GEN)$(MKDIR_P) bin && cd $(srcdir) && \
	$(PERL) sql/gen-sql.pl sql/roles.sql $(SQL_SCHEMA) $(SQL_FN) >$(abs_builddir)/$@.tmp && \
	mv $(abs_builddir)/$@.tmp $(abs_builddir)/$@

TESTS += t/800-migrate.t
TESTS += t/801-rights.t
