# t: the tests of the whole system; each folder of src registers its own.

include $(top_srcdir)/t/fuzz/local.mk

# the whole system, with the peers of t/peers
TESTS += t/900-sdk-clients.t
TESTS += t/901-two-routes.t
TESTS += t/902-parallel-clients.t
TESTS += t/903-client-documents.t
TESTS += t/907-connections.t
TESTS += t/904-sdk-eras.t
TESTS += t/907-in-flight.t
TESTS += t/910-quickstart.t
TESTS += t/911-quickstart-idp.t
TESTS += t/990-soak.t
TESTS += t/991-many-calls.t
TESTS += t/920-web-servers.t
TESTS += t/921-idle-stream.t
TESTS += t/922-http2.t
TESTS += t/930-killed-processes.t
TESTS += t/931-database-restarts.t
TESTS += t/940-two-nodes.t
TESTS += t/941-standby.t
TESTS += t/950-limits.t

# only with ./runtests --full, which installs their peers
TESTS_FULL = t/905-more-clients.t
TESTS_FULL += t/906-conformance.t
TESTS_FULL += t/961-upstream-conformance.t
TESTS_FULL += t/960-bench.t

# what holds of the source and the programs as a whole
TESTS += t/010-source-order.t
TESTS += t/011-banned-functions.t
TESTS += t/012-source-files.t
TESTS += t/013-libraries.t

# All of t/ goes into the tarball, but not what builds, tests and npm leave behind.
dist-hook:
	cd '$(srcdir)' && find t \( -name node_modules -o -name .npm -o -name .deps \) -prune -o \
	    \( -type f -o -type l \) ! -name .dirstamp ! -name '*.o' ! -name '*.log' ! -name '*.trs' \
	    ! -name '*.fuzz' \
	    ! \( -path 't/unit/*' ! -name '*.[ch]' \) \
	    ! \( -path 't/fuzz/*' ! -path 't/fuzz/corpus/*' ! -name '*.*' \) -print | \
	    tar -cf - -T - | (cd '$(abs_builddir)' && cd '$(distdir)' && tar -xf -)
