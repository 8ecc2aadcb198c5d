#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# bench/run runs to its end beside all of its peers, and finds an event for each call. What it measures is judged by whoever runs it
# on a quiet machine.
use strict;
use warnings;
use Test::More;

use Gatehouse::Run qw(top_srcdir);

my @parts = qw(cost latency filter streams flat);
my @command = ($^X, top_srcdir() . '/bench/run', '--seconds', 1, '--rounds', 1, '--only', join(',', @parts));

open my $out, '-|', "@command 2>&1" or BAIL_OUT("bench/run: $!");
my $text = do { local $/; <$out> };
close $out;
unlike($text, qr/is not measured/, 'every peer is there');
like($text, qr{^\s+\Q$_\E\s+\d+ calls/s}m, "$_ was measured") for qw(lighttpd Gatehouse nginx apache node), 'Gatehouse, nginx';
like($text, qr/^ok +calls without an event +0/m, 'each call has its event');
like($text, qr/^ok +events without a call/m, 'and no event is one too many');
like($text, qr/^(?:ok|MISS) +CPU of a call among 1,000 routes/m, 'the last part came to its end') or diag($text);
done_testing();
