# src/page: templates and the pages made of them
libgatehouse_a_SOURCES += \
	src/page/csrf.c src/page/csrf.h \
	src/page/error.c src/page/error.h \
	src/page/html.c src/page/html.h \
	src/page/page.c src/page/page.h src/page/pages.h \
	src/page/template.c src/page/template.h
nodist_libgatehouse_a_SOURCES += src/page/pages.c
CLEANFILES += src/page/pages.c

PAGE_FILES = \
	$(top_srcdir)/share/page/_head.html \
	$(top_srcdir)/share/page/_top.html \
	$(top_srcdir)/share/page/connected.html \
	$(top_srcdir)/share/page/consent.html \
	$(top_srcdir)/share/page/console.html \
	$(top_srcdir)/share/page/continue.html \
	$(top_srcdir)/share/page/error.html \
	$(top_srcdir)/share/page/failed.html \
	$(top_srcdir)/share/page/grants.html \
	$(top_srcdir)/share/page/signed_out.html \
	$(top_srcdir)/share/static/console.css \
	$(top_srcdir)/share/static/page.css
EXTRA_DIST += src/page/gen-pages.pl $(PAGE_FILES)

src/page/pages.c: $(top_srcdir)/src/page/gen-pages.pl $(top_srcdir)/src/page/pages.h $(PAGE_FILES)
	$(AM_V_GEN)$(MKDIR_P) src/page && $(PERL) $(top_srcdir)/src/page/gen-pages.pl \
	  $(top_srcdir)/src/page/pages.h $(PAGE_FILES) >$@.tmp && mv $@.tmp $@

check_PROGRAMS += t/unit/page_html
t_unit_page_html_SOURCES = t/unit/page_html.c t/unit/tap.h
TESTS += t/unit/page_html

check_PROGRAMS += t/unit/page_template
t_unit_page_template_SOURCES = t/unit/page_template.c t/unit/tap.h
TESTS += t/unit/page_template

check_PROGRAMS += t/unit/page_show
t_unit_page_show_SOURCES = t/unit/page_show.c

TESTS += t/600-page-build.t
TESTS += t/601-page-style.t

check_PROGRAMS += t/unit/page_csrf
t_unit_page_csrf_SOURCES = t/unit/page_csrf.c t/unit/fake_io.h t/unit/tap.h
TESTS += t/unit/page_csrf

check_PROGRAMS += t/unit/page_page
t_unit_page_page_SOURCES = t/unit/page_page.c t/unit/fake_io.h t/unit/tap.h
TESTS += t/unit/page_page
