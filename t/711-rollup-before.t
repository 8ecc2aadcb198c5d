#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Sums of an installation that is older than its calls: what was made in another shape is taken along, once and whole.
use strict;
use warnings;
use Test::More;

use Gatehouse::Pg;

my $pg = Gatehouse::Pg->new;
my @files = sort glob "$ENV{top_srcdir}/sql/schema/*.sql";
my ($new) = grep { /0024-/ } @files;
$pg->psql(join "\n", "create schema gatehouse;", map { "\\i $_" } grep { $_ lt $new } @files);
$pg->psql("create table gatehouse.event_call_20260601 partition of gatehouse.event_call for values from ('2026-06-01 00:00+00') to ('2026-06-02 00:00+00')");

my $sums = '%d, %d, 100, 10, 90, 5, 6, 7, 8';
# [cube, grain, time, part, texts, calls, failed, durations]
sub sum {
	my ($cube, $grain, $at, $part, $texts, $calls, $failed, $latency) = @_;
	$pg->psql("insert into gatehouse.rollup_$cube values ($grain, '$at', $part, " . join(', ', map { "'$_'" } @$texts) . ', '
		. sprintf($sums, $calls, $failed) . ($latency ? ", $latency" : '') . ')');
	return;
}
# days and weeks before the calls, an hour, and a day and a week that are made anew of their calls
for (['2026-05-20 00:00+00', 2, 5], ['2026-05-31 00:00+00', 2, 7], ['2026-05-18 00:00+00', 3, 5], ['2026-06-01 00:00+00', 2, 11], ['2026-05-25 00:00+00', 3, 7], ['2026-06-01 00:00+00', 3, 11],
	['2026-05-31 10:00+00', 1, 7]) {
	my ($at, $grain, $n) = @$_;
	sum('end', $grain, $at, 0, ['failure', 'upstream', 'timeout', '', '502'], $n, 1, '1000000000000');
	sum('tool', $grain, $at, 0, ['tool', 'search'], $n, 1, '1000000000000');
	sum('route', $grain, $at, 0, ['one', 'up', 'tools/call', 'sse', 'failure'], $n, 1, '1000000000000');
	sum('client', $grain, $at, 0, ['Claude', 'one', 'tools/call'], $n, 1, '1000000000000');
	sum('call', $grain, $at, 0, ['one', 'up', 'tools/call', 'tool', 'search', 'failure'], $n, 1, '1000000000000');
	sum('side', $grain, $at, 0, ['one', 'up', 'tools/call', 'Claude', 'sse', 'failure', 'upstream', 'timeout', '', '502'], $n, 1, '1000000000000');
	sum('user', $grain, $at, 3, ['x|somebody'], $n, 1);
	sum('person', $grain, $at, 3, ['x|somebody', 'Claude', 'failure'], $n, 1);
	sum('access', $grain, $at, 3, ['one', 'x|somebody', 'up', 'failure'], $n, 1);
}
$pg->psql("\\i $new");

# What a cube tells, as text.
sub told {
	my ($cube, $texts, @from) = @_;
	return $pg->psql("select string_agg(concat_ws(' ', r.grain, to_char(r.at, 'MM-DD'), $texts, r.calls, r.failed, r.tokens_out), ', ' order by r.grain, r.at)
		from gatehouse.rollup_$cube r " . join ' ', map { "join gatehouse.rollup_$_" } @from);
}
sub all_of { my ($text) = @_; return "2 05-20 $text 5 1 8, 2 05-31 $text 7 1 8, 3 05-18 $text 5 1 8, 3 05-25 $text 7 1 8" }
my $t = "concat_ws('/', t.operation_id, t.upstream_id, t.mcp_method, t.capability_type, t.capability_name)";
my $e = "concat_ws('/', e.transport, e.outcome, e.failure_origin, e.reason_code, e.code, e.status)";
is(told('end', "c.name, $e", 'name c on c.id = r.c', 'how e on e.id = r.e'), all_of('Claude sse/failure/upstream/timeout//502'),
	'clients and how calls ended: days and weeks before the calls, nothing that is made anew');
is(told('call', "$t, $e", 'what t on t.id = r.t', 'how e on e.id = r.e'), all_of('one/up/tools/call/tool/search /failure////'), 'what was called');
is(told('client', "c.name, $t", 'name c on c.id = r.c', 'what t on t.id = r.t'), all_of('Claude one//tools/call//'), 'clients and what they called');
is(told('user', 'u.name', 'name u on u.id = r.u'), all_of('x|somebody'), 'users');
is(told('person', "u.name, c.name, $e", 'name u on u.id = r.u', 'name c on c.id = r.c', 'how e on e.id = r.e'), all_of('x|somebody Claude /failure////'), 'with clients and outcomes');
is(told('access', "u.name, $t", 'name u on u.id = r.u', 'what t on t.id = r.t'), all_of('x|somebody one/up///'), 'with routes');
is(told('habit', "u.name, $t", 'name u on u.id = r.u', 'what t on t.id = r.t'), all_of('x|somebody ////'), 'with no method, which was not known');
is($pg->psql('select sum(latency) from gatehouse.rollup_call'), '4000000000000', 'durations come along');
is($pg->psql('select count(*) from gatehouse.rollup_cursor'), 0, 'counting begins anew');
is($pg->psql("select count(*) from gatehouse.rollup_what where place is null or kind is null"), 0, 'each has a place and a kind');
is($pg->psql("select count(*) from pg_class where relname like 'before\\_%' and relnamespace = 'gatehouse'::regnamespace"), 0, 'and of the old nothing stays');
done_testing();
