# bench: an upstream of constant cost, which the whole-system tests use too, and the benchmark
check_PROGRAMS += bench/upstream
bench_upstream_SOURCES = bench/upstream.c
bench_upstream_LDADD =
EXTRA_DIST += bench/run bench/post.lua bench/list.lua bench/tokens.lua bench/calls.sql bench/calls-made.sql bench/panels bench/Bench/Measure.pm bench/Bench/Proxies.pm bench/README.md \
	bench/peers/package.json bench/peers/package-lock.json bench/peers/proxy.mjs

# what reading JSON costs; `make bench/scan && bench/scan`
EXTRA_PROGRAMS += bench/scan
bench_scan_SOURCES = bench/scan.c
