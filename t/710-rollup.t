#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Calls summed up: every panel says what SQL over the calls themselves says, whatever the filters, and however often, late and
# at once the sums are made.
use strict;
use warnings;
use POSIX ();
use Test::More;

use Gatehouse::Calls qw(store @HOSTILE);
use Gatehouse::Pg;

my $pg = Gatehouse::Pg->new;
$pg->migrate;
store($pg, n => 6000, from => "now() - interval '12 days'", hostile => 1);
store($pg, n => 800, from => "now() - interval '20 minutes'", seed => 2);

sub step {
	return $pg->psql('select gatehouse.rollup_step(90, 400, 600000)');
}

sub sums { return $pg->psql("select string_agg(grain || ':' || n, ' ' order by grain) from (select grain, sum(calls) as n
	from gatehouse.rollup_$_[0] group by grain) s") }

is(step(), 'f', 'the sums are made to the end');
my $done = $pg->psql('select watermark from gatehouse.rollup_state');
my $before = "where at < '$done'";
is($pg->psql("select count(*) from gatehouse.event_call $before"),
	$pg->psql("select sum(calls) from gatehouse.rollup_call where grain = 2 or grain = 1 and at >= date_trunc('day', '$done'::timestamptz, 'UTC')
		or grain = 0 and at >= date_trunc('hour', '$done'::timestamptz, 'UTC')"),
	'days, the hours of today and the slots of this hour hold each call once');
my %sums = map { $_ => sums($_) } qw(call side user);
is($sums{call}, $sums{side}, 'the three tables agree on how many there are');

# ---- each panel against the calls, for random filters

my %column = (
	route => "coalesce(operation_id, '')", upstream => "coalesce(upstream_id, '')", method => "coalesce(mcp_method, '')",
	type => "coalesce(capability_type, '')", tool => "coalesce(capability_name, '')", outcome => "coalesce(outcome, '')",
	client => "coalesce(client_name, '')", transport => "coalesce(transport, '')", origin => "coalesce(failure_origin, '')",
	reason => "coalesce(reason_code, '')", code => "coalesce(jsonrpc_error_code::text, '')",
	status => "coalesce(mcp_status::text, '')", user => "coalesce(subject_id, '')",
);
my %some = (
	route => ['route-1', 'route-3'], upstream => ['up-0', 'up-2'], method => ['tools/call', 'tools/list'], type => ['tool', ''],
	tool => ['tool-0', 'tool-1', '<script>alert(1)</script>', ''], outcome => ['success', 'failure'], client => ['Claude', '{{host}}'],
	transport => ['sse'], origin => ['client', ''], reason => ['expired_token', ''], code => ['-32602', ''], status => ['200', '401'],
	user => ['https://login.example.com|user0@example.com', "x' or true --", ''],
);

sub quote { my $v = shift; $v =~ s/'/''/g; return "'$v'" }

# A filter: [field, mode, value, what SQL says of it].
sub random_filter {
	my $field = (sort keys %some)[rand keys %some];
	my $x = $column{$field};
	my $value = $some{$field}[rand @{ $some{$field} }];
	my $mode = (qw(equals equals equals not contains startsWith in class))[rand 8];
	return [$field, $mode, $value, "$x = " . quote($value)] if $mode eq 'equals';
	return [$field, $mode, $value, "$x <> " . quote($value)] if $mode eq 'not';
	return ['outcome', 'class', 'failed', "$column{outcome} <> 'success'"] if $mode eq 'class' && $field eq 'outcome';
	return ['status', 'class', '4xx', "$column{status} like '4__'"] if $mode eq 'class' && $field eq 'status';
	return [$field, 'class', 'some', "$x <> ''"] if $mode eq 'class';
	return [$field, 'in', "no such,$value", "$x in ('no such', " . quote($value) . ')'] if $mode eq 'in' && $value !~ /,/;
	my $part = substr $value, 0, 4;
	return [$field, 'startsWith', $part, "left($x, " . length($part) . ') = ' . quote($part)] if $mode eq 'startsWith';
	return [$field, 'contains', uc $part, "strpos(lower($x), lower(" . quote($part) . ')) > 0'];
}

sub array { return 'array[' . join(', ', map { quote($_) } @_) . ']::text[]' }

my @ranges = (["now() - interval '24 hours'", 'now()'], ["now() - interval '7 days'", 'now()'], ["now() - interval '30 days'", 'now()'],
	["now() - interval '3 hours'", "now() - interval '70 minutes'"], ["now() - interval '9 days'", "now() - interval '50 hours'"]);
srand 7;
my @wrong;
my $asked = 0;
for my $round (1 .. 40) {
	my @filters = map { random_filter() } 1 .. int rand 4;
	my ($from, $to) = split /\|/, $pg->psql("select from_at, to_at from gatehouse.analytics_range($ranges[$round % @ranges][0], $ranges[$round % @ranges][1])");
	my $where = join ' and ', "at >= '$from' and at < '$to'", map { $_->[3] } @filters;
	my $args = join ', ', array(map { $_->[0] } @filters), array(map { $_->[1] } @filters), array(map { $_->[2] } @filters);
	my @sql;
	for my $panel (sort keys %column) {
		push @sql, "select '$panel', 'got', md5(coalesce(string_agg(concat_ws('~', key, calls, failed, latency_us, gateway_us, tokens_in, bytes_out),
			',' order by key collate \"C\", key2 collate \"C\"), '')) from gatehouse.analytics_panel('$panel', '$from', '$to', 3600, $args, 'key', 100000, 0) where key is not null",
		    "select '$panel', 'want', md5(coalesce(string_agg(concat_ws('~', k, n, f, l, g, t, b), ',' order by k collate \"C\", k2 collate \"C\"), ''))
			from (select $column{$panel} as k, " . ($panel eq 'tool' ? $column{type} : "''") . " as k2, count(*) as n,
			count(*) filter (where outcome <> 'success') as f, coalesce(sum(latency_us), 0) as l, coalesce(sum(gateway_us), 0) as g,
			coalesce(sum(tokens_in), 0) as t, coalesce(sum(bytes_out), 0) as b
			from gatehouse.event_call where $where group by 1, 2) x";
	}
	my %said;
	for (split /\n/, $pg->psql(join ' union all ', @sql)) {
		my ($panel, $who, $digest) = split /\|/;
		$said{$panel}{$who} = $digest;
	}
	for (sort keys %said) {
		$asked++;
		push @wrong, "$_ [$from, $to) " . join(' ', map { "@$_[0 .. 2]" } @filters) if $said{$_}{got} ne $said{$_}{want};
	}
}
is(join("\n", @wrong), '', 'every panel agrees with the calls for random filters and ranges');
is($asked, 40 * keys %column, 'and all were asked');

# ---- durations

my ($got, $want) = split /\|/, $pg->psql("select (select p95_us from gatehouse.analytics_panel('total', now() - interval '13 days', now(), 0,
	'{}', '{}', '{}', 'calls', 9, 0) where key is null), (select percentile_disc(0.95) within group (order by latency_us) from gatehouse.event_call)");
cmp_ok(abs($got - $want) / $want, '<', 0.05, "p95 is within 5 % of the exact one: $got of $want");
is($pg->psql('select string_agg(x::text, \' \') from unnest(array[0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300]) x
	where not (x * 1000000)::bigint = any(gatehouse.latency_edges())'), '', 'the boundaries that OpenTelemetry recommends are among ours');
is($pg->psql('select gatehouse.latency_bucket(9999), gatehouse.latency_bucket(10000), gatehouse.latency_bucket(300000000)'), '1|2|32',
	'a boundary belongs to the bucket above');

# ---- again, late, at once

# a slot may come to its end just now: then there is something to do, and we look again
my (%again, $more, @mark);
for (1 .. 5) {
	step();
	$mark[0] = $pg->psql('select watermark from gatehouse.rollup_state');
	%sums = map { $_ => sums($_) } qw(call side user);
	$more = step();
	$mark[1] = $pg->psql('select watermark from gatehouse.rollup_state');
	%again = map { $_ => sums($_) } qw(call side user);
	last if $mark[0] eq $mark[1];
}
is($more, 'f', 'a step that has nothing to do');
is_deeply(\%again, \%sums, 'changes nothing');

my $args = $pg->psql("select string_agg(case name when 'p_outcome' then 'array[''success'']' when 'p_severity' then 'array[''info'']'
	when 'p_event_id' then 'array[gen_random_uuid()]' else 'array[null]::' || t end, ', ' order by n)
	from (select format_type(x, null), n, proargnames[n] from pg_proc, unnest(proargtypes) with ordinality u (x, n)
		where proname = 'events_add_call') y (t, n, name) where t like '%[]' and name <> 'p_at'");
my $scalars = $pg->psql("select count(*) from pg_proc, unnest(proargtypes) x where proname = 'events_add_call' and format_type(x, null) not like '%[]'");

sub arrives {
	my ($at) = @_;
	my $host = $scalars > 2 ? "'here', " : '';
	return $pg->psql_as('mcp', "select gatehouse.events_add_call(gen_random_uuid(), 'mcp', ${host}array[$at], $args)");
}
my $count = "select calls from gatehouse.analytics_panel('total', now() - interval '13 days', now(), 0, '{}', '{}', '{}', 'calls', 9, 0) where key is null";
my $n = $pg->psql($count);
arrives("now() - interval '3 days'");
arrives("now() - interval '5 hours'");
arrives("now() - interval '40 minutes'");
arrives('now()');
is($pg->psql('select count(*) from gatehouse.rollup_late'), 3, 'calls that come after their slot are noted, others are not');
is($pg->psql($count), $n + 1, 'and not counted yet');
is($pg->psql('select late from gatehouse.rollup_lag()'), 3, 'how many there are is told');
step();
is($pg->psql($count), $n + 4, 'the next step counts them, by doing their slots, hours and days again');
is($pg->psql('select count(*) from gatehouse.rollup_late'), 0, 'and nothing is left to do');

$pg->psql('update gatehouse.rollup_state set watermark = watermark - interval \'3 hours\'');
my @steps = map { my $pid = open my $out, '-|'; if (!$pid) { print eval { step() } // $@; POSIX::_exit(0) } $out } 1 .. 4;
my $said = join ' ', map { my $o = $_; local $/; <$o> } @steps;
like($said, qr/^f f f f$/, 'four nodes at once do not get into each other\'s way');
is($pg->psql($count), $n + 4, 'and count nothing twice');

# ---- retention

$pg->psql("select gatehouse.event_forget((now() at time zone 'UTC')::date - 4)");
$pg->psql('select gatehouse.rollup_step(4, 400, 1000)');
is($pg->psql("select count(*) > 0 from gatehouse.rollup_call where grain = 1 and at < now() - interval '6 days'"), 'f', 'hours go with the calls');
is($pg->psql("select calls from gatehouse.analytics_panel('total', date_trunc('day', now() - interval '13 days', 'UTC'), now(), 0, '{}', '{}', '{}', 'calls', 9, 0)
	where key is null"), $n + 4, 'sums by the day stay');
is($pg->psql("select from_at = date_trunc('day', from_at, 'UTC') from gatehouse.analytics_range(now() - interval '10 days 5 hours', now())"), 't',
	'a range that begins there begins with a day');
$pg->psql('select gatehouse.rollup_step(4, 6, 1000)');
is($pg->psql("select count(*) from gatehouse.rollup_call where at < now() - interval '8 days'"), 0, 'until their own time is over');
is($pg->psql("select behind_s from gatehouse.rollup_lag()"), 0, 'nothing is behind');
$pg->psql("update gatehouse.rollup_state set watermark = now() - interval '2 hours'");
cmp_ok($pg->psql('select behind_s from gatehouse.rollup_lag()'), '>', 6000, 'a watermark that stands still is');

# ---- names without end

$pg->psql("insert into gatehouse.event_call (at, program, severity, capability_type, capability_name, outcome, client_name, subject_id, latency_us)
	select now() - interval '1 hour', 'mcp', 'info', 'resource', 'file:///' || i, 'success', 'c' || i, 'u', 1 from generate_series(1, 4000) i");
$pg->psql("select gatehouse.rollup_calls(0, gatehouse.rollup_floor(0, now() - interval '1 hour'))");
is($pg->psql("select count(*) <= 3100 and sum(calls) >= 4000 from gatehouse.rollup_call where grain = 0 and at = gatehouse.rollup_floor(0, now() - interval '1 hour')"), 't',
	'names that clients make up do not make a slot much longer than 3,000 rows, and every call is counted');

done_testing();
