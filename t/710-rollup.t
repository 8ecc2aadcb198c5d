#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Calls summed up: every panel says what SQL over the calls themselves says, whatever the filters, and however often, late and
# at once the sums are made; in every cube, by every grain.
use strict;
use warnings;
use POSIX ();
use Test::More;

use Gatehouse::Calls qw(store use_wrong @HOSTILE);
use Gatehouse::Pg;

my $pg = Gatehouse::Pg->new(private => 1); # what other databases write would hold the queue up
$pg->migrate;
store($pg, n => 6000, from => "now() - interval '12 days'", hostile => 1);
store($pg, n => 800, from => "now() - interval '20 minutes'", seed => 2);

sub step {
	return $pg->psql('select gatehouse.rollup_step(90, 400, 600000)');
}

my @CUBES = qw(end user call client habit person access side use);

sub sums {
	return $pg->psql(join(' union all ', map { "select '$_', grain, sum(calls), sum(failed), sum(latency_us), sum(tokens_in) from gatehouse.rollup_$_ group by 2" } @CUBES)
		. " union all select 'recent', null, sum(calls), sum(failed), sum(latency_us), sum(tokens_in) from gatehouse.rollup_recent order by 1, 2");
}

# What the cubes hold against the calls. Days and weeks are copies of hours; hours and what is younger are of each call one.
sub check_grains {
	my ($when, $from) = @_;
	$from ||= '-infinity';
	for my $cube (grep { $_ ne 'use' } @CUBES) {
		my $hours = $cube =~ /^(?:user|habit|person|access)$/ ? "greatest('$from'::timestamptz, gatehouse.rollup_ceil(2, gatehouse.rollup_people_from(now())))" : "'$from'";
		my $wrong = $pg->psql("with p as (select min(days_to) d, min(weeks_to) w from gatehouse.rollup_part where cube = '$cube'),
			sums as (select grain, sum(calls) n, sum(failed) f from (select grain, at, calls, failed from gatehouse.rollup_$cube
				union all select 0, at, calls, failed from gatehouse.rollup_recent where at >= (select spread_to from gatehouse.rollup_cursor)) r
				where grain > 1 or at >= $hours group by 1),
			calls as (select g.grain, count(*) n, count(*) filter (where outcome <> 'success') f
				from p, lateral (values (1, ($hours)::timestamptz, 'infinity'::timestamptz), (2, '-infinity', p.d), (3, '-infinity', p.w)) g (grain, a, b), gatehouse.event_call
				where at >= g.a and at < g.b group by 1)
			select string_agg(calls.grain || ': ' || calls.n || '/' || calls.f || ' are ' || coalesce(s.n || '/' || s.f, 'none'), ', ')
			from calls left join (select greatest(grain, 1) grain, sum(n) n, sum(f) f from sums group by 1) s using (grain)
			where (s.n, s.f) is distinct from (calls.n, calls.f)");
		is($wrong, '', "$when: '$cube' has each call once, by days and weeks too");
	}
	is(use_wrong($pg), '', "$when: 'use' has each call of whole days once, and rollup_recent those since");
	return;
}

# days of many calls are read in parts
my $bytes = $pg->psql("select pg_get_functiondef('gatehouse.rollup_fill_bytes'::regproc)");
$pg->psql($bytes =~ s/select \d+::bigint/select 65536::bigint/r);
$pg->psql('select gatehouse.rollup_begin()');
my @filled = map { $pg->psql('select gatehouse.rollup_fill()'); $pg->psql('select filled_to > gatehouse.rollup_floor(2, filled_to) from gatehouse.rollup_cursor') } 1 .. 5;
like("@filled", qr/t/, 'less than a day is a piece, where it has many calls');

is(step(), 'f', 'the sums are made to the end');
$pg->psql($bytes);
check_grains('after the first step');

is($pg->psql('select count(*) > 0 and count(*) = count(distinct (at, u, c, t, e)) from gatehouse.rollup_use'), 't', "a day of 'use' has one row for all that is the same");

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
my (@wrong, @apart);
my ($asked, $together) = (0, 0);
my $page = "'{total,tool,type,user,route,upstream,method,client,transport,code,origin,reason}'::text[]";
my %from; # how often each source was asked
for my $round (1 .. 50) {
	# the last ones ask of a user and a tool: what 'use' has by days
	my @filters = $round > 40 ? map { my $field = $_; [$field, 'equals', $some{$field}[0], "$column{$field} = " . quote($some{$field}[0])] } @{ (['user'], ['tool'], ['user', 'reason'], ['user', 'tool'], ['tool', 'status'])[$round / 2 % 5] }
	  : map { random_filter() } 1 .. int rand 4;
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
	$from{$_}++ for split /\n/, $pg->psql("select gatehouse.analytics_source_of(p, '$from', '$to', " . array(map { $_->[0] } @filters) . ") || case when '$from' < gatehouse.rollup_people_from(now()) then ' long' else '' end
		from unnest(" . array(sort keys %column) . ") p");
	my %said;
	for (split /\n/, $pg->psql(join ' union all ', @sql)) {
		my ($panel, $who, $digest) = split /\|/;
		$said{$panel}{$who} = $digest;
	}
	for (sort keys %said) {
		$asked++;
		push @wrong, "$_ [$from, $to) " . join(' ', map { "@$_[0 .. 2]" } @filters) if $said{$_}{got} ne $said{$_}{want};
	}
	# what a page asks at once is what it would be told of each panel alone
	my ($n, $differ) = split /\|/, $pg->psql("with one as (select n as panel, p.* from unnest($page) n,
			gatehouse.analytics_panel(n, '$from', '$to', 0, $args, 'any', 4, 0) p),
		many as (select p.panel, p.key, p.key2, p.calls, p.failed, p.p95_us, p.latency_us, p.gateway_us, p.upstream_us, p.bytes_in, p.bytes_out, p.tokens_in,
			p.tokens_out, p.since from gatehouse.analytics_readings($page, '$from', '$to', " . array(map { $_->[0] } @filters) . ") r,
			gatehouse.analytics_panels(r, '$from', '$to', 0, $args, 'any', 4, 0) p)
		select count(*), count(*) filter (where n <> 2) from (select count(*) as n from (table one union all table many) a group by a) g");
	$together += $n;
	push @apart, "$differ rows [$from, $to) " . join(' ', map { "@$_[0 .. 2]" } @filters) if $differ;
}
is(join("\n", @apart), '', 'panels asked for together say what each says alone');
cmp_ok($together, '>', 400, 'in many rows');
is($pg->psql("select string_agg(r::text, ' ') from gatehouse.analytics_readings($page, now() - interval '1 day', now(), '{}') r"),
	'{total,client,transport,code,origin,reason} {tool,type,route,upstream,method} {user}', 'three readings are a page without filters');
is(join("\n", @wrong), '', 'every panel agrees with the calls for random filters and ranges');
is($asked, 50 * keys %column, 'and all were asked');
is(join(' ', grep { !$from{$_} } @CUBES, 'use long', 'raw long'), '', '... of each cube, of short ranges and of long ones');

# hours of people are kept from within a day on: a range that ends in that day has not all of its hours
my ($edge_from, $edge_to) = split /\|/, $pg->psql("select gatehouse.rollup_floor(2, p) - interval '1 day', p + interval '1 hour' from gatehouse.rollup_people_from(now()) p");
is($pg->psql("select coalesce(sum(calls), 0) from gatehouse.analytics_panel('user', '$edge_from', '$edge_to', 0, '{}', '{}', '{}', 'calls', 1000, 0) where key is not null"),
	$pg->psql("select count(*) from gatehouse.event_call where at >= '$edge_from' and at < '$edge_to'"), 'users of a range that ends where their hours begin');

# days are read where there are such, and nothing else for them
my $of_tool = "select coalesce(sum(calls), 0) from gatehouse.analytics_panel('user', date_trunc('day', now() - interval '13 days', 'UTC'), now(), 0, '{tool}', '{equals}', '{tool-0}', 'calls', 1000, 0) where key is not null";
my $days_to = $pg->psql("select min(days_to) from gatehouse.rollup_part where cube = 'use'");
is($pg->psql("begin; delete from gatehouse.rollup_use; $of_tool; rollback"), $pg->psql("select count(*) from gatehouse.event_call where at >= '$days_to' and capability_name = 'tool-0'"),
	'users of a tool come from days, and from the day that is not over');
is($pg->psql("begin; delete from gatehouse.rollup_recent where at < '$days_to'; $of_tool; rollback"), $pg->psql("select count(*) from gatehouse.event_call where capability_name = 'tool-0'"),
	'... of which rollup_recent is not asked');
is($pg->psql("select analytics_indexed from unnest('{user,user,tool,tool,user,route}'::text[], '{equals,in,equals,in,contains,equals}'::text[]) f (n, m), gatehouse.analytics_indexed(array[n], array[m])"),
	"t\nt\nt\nt\nf\nf", 'days are all read for nobody: some users, or some tools, are looked for');
my $most = $pg->psql("select pg_get_functiondef('gatehouse.analytics_raw_from'::regproc)");
$pg->psql($most =~ s/1500000/10/r);
is($pg->psql("select string_agg((since > now() - interval '2 days')::text, ' ' order by m) from unnest('{equals,not}'::text[]) m, lateral (
	select min(since) as since from gatehouse.analytics_panel('user', date_trunc('day', now() - interval '13 days', 'UTC'), now(), 0, '{tool}', array[m], '{tool-0}', 'calls', 1000, 0)) p"),
	'false true', '... and of others the newest calls, which the panel says');
$pg->psql($most);

# ---- durations

my ($got, $want) = split /\|/, $pg->psql("select (select p95_us from gatehouse.analytics_panel('total', now() - interval '13 days', now(), 0,
	'{}', '{}', '{}', 'calls', 9, 0) where key is null), (select percentile_disc(0.95) within group (order by latency_us) from gatehouse.event_call)");
cmp_ok(abs($got - $want) / $want, '<', 0.05, "p95 is within 5 % of the exact one: $got of $want");
# of what filters leave, too, by days, hours and what has not been summed up
my $many = "insert into gatehouse.event_call (at, program, severity, batch, operation_id, client_name, capability_type, capability_name, outcome, latency_us)
	select %s + n * interval '1 millisecond', 'mcp', 'info', %d, 'many-' || n %% 3, 'many-' || n %% 2, 'tool', 'many-' || n %% 5, 'success',
		(exp(11.7 + 0.9 * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random())) * case when random() < 0.04 then 12 else 1 end)::bigint
	from generate_series(1, 20000) n";
sub queued { return $pg->psql("insert into gatehouse.event_queue (family, n, from_at, to_at) values ('call', 20000, $_[0], $_[0] + interval '1 minute') returning batch") }
for my $at ("date_trunc('day', now() - interval '4 days', 'UTC') + interval '5 hours'", "now() - interval '6 hours'", "now() - interval '2 minutes'") {
	$pg->psql(sprintf $many, $at, queued($at));
	my @off = grep { $_ >= 0.05 } split /\n/, $pg->psql(join ' union all ', map {
		"select abs(p.p95_us - c.p95) / c.p95 from gatehouse.analytics_panel('$_->[0]', now() - interval '13 days', now(), 0, array['$_->[0]'], array['startsWith'],
			array['many'], 'slow', 20, 0) p join (select $column{$_->[0]} as key, percentile_disc(0.95) within group (order by latency_us) as p95
			from gatehouse.event_call where $column{$_->[0]} like 'many%' group by 1) c on c.key = p.key" } ['route'], ['client'], ['tool']);
	is("@off", '', 'so is that of each route, client and tool');
	step();
}
is($pg->psql('select string_agg(x::text, \' \') from unnest(array[0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300]) x
	where not (x * 1000000)::bigint = any(gatehouse.latency_edges())'), '', 'the boundaries that OpenTelemetry recommends are among ours');
is($pg->psql('select gatehouse.latency_bucket(9999), gatehouse.latency_bucket(10000), gatehouse.latency_bucket(300000000)'), '1|2|32',
	'a boundary belongs to the bucket above');

# ---- again, late, at once

# a slot may come to its end just now: then there is something to do, and we look again
my ($once, $again, $more);
for (1 .. 5) {
	my @mark = map { step(); my $at = $pg->psql('select min(slots_to) from gatehouse.rollup_part'); ($at, sums()) } 1 .. 2;
	($once, $again) = @mark[1, 3];
	last if $mark[0] eq $mark[2];
}
is(step(), 'f', 'a step that has nothing to do says so');
is($again, $once, 'and changes nothing');

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
arrives("now() - interval '10 days'");
arrives("now() - interval '3 days'");
arrives("now() - interval '5 hours'");
arrives("now() - interval '40 minutes'");
arrives('now()');
is($pg->psql($count), $n + 5, 'calls count at once, however late they come');
is($pg->psql('select late from gatehouse.rollup_lag()'), 5, 'how many are not summed up is told');
is(step(), 'f', 'a step');
is($pg->psql('select late from gatehouse.rollup_lag()'), 0, 'sums them up');
is($pg->psql($count), $n + 5, 'once');
# slots end while one looks: what is late is moved with one
$pg->psql("update gatehouse.rollup_part set slots_to = gatehouse.rollup_floor(0, now()) - interval '10 minutes'");
step();
is($pg->psql("select count(*) from gatehouse.rollup_call where grain = 0 and at < (select min(hours_to) from gatehouse.rollup_part)"), 0,
	'late ones get to their hours');
check_grains('with late calls');
is($pg->psql($count), $n + 5, 'and count once still');

arrives("now() - interval '$_ minutes'") for 1 .. 20;
my @steps = map { my $pid = open my $out, '-|'; if (!$pid) { print eval { step() } // $@; POSIX::_exit(0) } $out } 1 .. 4;
my $said = join ' ', map { my $o = $_; local $/; <$o> } @steps;
like($said, qr/^f f f f$/, 'four nodes at once do not get into each other\'s way');
is($pg->psql($count), $n + 25, 'and count nothing twice');
check_grains('after four nodes');

# ---- retention

$pg->psql("select gatehouse.event_forget((now() at time zone 'UTC')::date - 4)");
$pg->psql('select gatehouse.rollup_step(4, 400, 600000)');
is($pg->psql("select count(*) > 0 from gatehouse.rollup_call where grain = 1 and at < now() - interval '6 days'"), 'f', 'hours go with the calls');
is($pg->psql("select calls from gatehouse.analytics_panel('total', date_trunc('day', now() - interval '13 days', 'UTC'), now(), 0, '{}', '{}', '{}', 'calls', 9, 0)
	where key is null"), $n + 25, 'sums by the day stay');
is($pg->psql("select from_at = date_trunc('day', from_at, 'UTC') from gatehouse.analytics_range(now() - interval '10 days 5 hours', now())"), 't',
	'a range that begins there begins with a day');
$pg->psql('select gatehouse.rollup_step(4, 6, 600000)');
is($pg->psql("select count(*) from gatehouse.rollup_call where at < now() - interval '8 days' - case when grain = 3 then interval '7 days' else interval '0' end"), 0, 'until their own time is over');
is($pg->psql("select behind_s from gatehouse.rollup_lag()"), 0, 'nothing is behind');
arrives('now()');
$pg->psql("update gatehouse.event_queue set at = now() - interval '2 hours' where batch = (select max(batch) from gatehouse.event_queue)");
cmp_ok($pg->psql('select behind_s from gatehouse.rollup_lag()'), '>', 6000, 'a call that nobody counts is');
$pg->psql("select gatehouse.event_queue_step() from gatehouse.metrics_step(1000)");
is($pg->psql('select late from gatehouse.rollup_lag()'), 1, 'and stays in the queue');

# ---- pieces

# two thousand at first: no step takes so many at once that a statement_timeout would end it each time
$pg->psql("select gatehouse.rollup_step(4, 6, 600000)");
$pg->psql("insert into gatehouse.event_queue (family, n, from_at, to_at) select 'call', 500, now() - interval '1 hour', now() from generate_series(1, 40)");
$pg->psql('select gatehouse.rollup_step(4, 6, 1)');
cmp_ok($pg->psql('select late from gatehouse.rollup_lag()'), '>=', 17000, 'a step without time takes a small piece');
step();
is($pg->psql('select late from gatehouse.rollup_lag()'), 0, 'one with time takes all');

# sums that fail, or last, keep nothing else
my $consume = $pg->psql("select pg_get_functiondef('gatehouse.rollup_consume'::regproc)");
for my $fault ('pg_sleep(60)', '1 / 0') {
	$pg->psql("create or replace function gatehouse.rollup_consume(p_most int) returns boolean language plpgsql as \$\$ begin perform $fault; return false; end \$\$");
	$pg->psql("insert into gatehouse.event_batch (batch_id, at) values (gen_random_uuid(), now() - interval '2 hours')");
	$pg->psql("set client_min_messages = error; set statement_timeout = '5s'; select gatehouse.events_step(4, 6)");
	is($pg->psql("select count(*) from gatehouse.event_batch where at < now() - interval '1 hour'"), 0, "what is old goes while sums meet $fault");
}
$pg->psql($consume);

# ---- no user is no index

my $bound = $pg->psql("select pg_get_functiondef('gatehouse.analytics_raw_from'::regproc)");
$pg->psql($bound =~ s/1500000/10/r);
is($pg->psql("select string_agg((since > now() - interval '12 hours')::text, ' ' order by v) from (values (''), ('https://login.example.com|user0\@example.com')) u (v),
	lateral (select min(since) as since from gatehouse.analytics_panel('clientId', now() - interval '1 day', now(), 0, '{user}', '{equals}', array[v], 'calls', 9, 0)) p"),
	'true false', 'the calls of one user are read all, those of nobody as far as others');
$pg->psql($bound);

# ---- names without end

$pg->psql("insert into gatehouse.event_call (at, program, severity, capability_type, capability_name, outcome, client_name, subject_id, latency_us, batch)
	select now() - interval '1 minute', 'mcp', 'info', 'resource', 'file:///' || i, 'success', 'c' || i, 'u', 1, 1000000 from generate_series(1, 14000) i");
step();
my $old = $pg->psql('select count(distinct t) from gatehouse.rollup_recent');
$pg->psql("insert into gatehouse.event_queue (batch, family, n, from_at, to_at) overriding system value values (1000000, 'call', 14000, now() - interval '1 hour', now())");
step();
is($pg->psql("select count(distinct r.t) <= $old + 12100 and sum(r.calls) filter (where t.capability_name ~ '^file:///|^.more') >= 14000
	from gatehouse.rollup_recent r join gatehouse.rollup_what t on t.id = r.t"), 't',
	'of names that clients make up no more than 12,000 of one piece are told apart, and every call is counted');
is($pg->psql("select count(*) from gatehouse.rollup_what where same_as is not null or place is null or kind is null"), 0, 'the others have no place');

# ---- minutes that are full are spread before their hour is over, though none came before them

$pg->psql("insert into gatehouse.event_call (at, program, severity, subject_id, outcome, latency_us, batch)
	select now() - interval '5 minutes' - i * interval '5 milliseconds', 'mcp', 'info', 'full-' || i, 'success', 1, 1000001 from generate_series(1, 24000) i");
$pg->psql("insert into gatehouse.event_queue (batch, family, n, from_at, to_at) overriding system value values (1000001, 'call', 24000, now() - interval '1 hour', now())");
$n = $pg->psql($count);
step();
is($pg->psql("select spread_to > now() - interval '10 minutes' from gatehouse.rollup_cursor"), 't', 'many calls are spread soon');
is($pg->psql("select sum(calls) >= 20000 from gatehouse.rollup_call where grain = 0"), 't', 'and are in the cubes');
is($pg->psql($count), $n, 'once');

# a quarter to one, and nobody called before midnight (a piece ends with its day)
my $due = $pg->psql("select pg_get_functiondef('gatehouse.rollup_due'::regproc)") =~ s/now\(\)/(gatehouse.rollup_floor(2, now()) + interval '45 minutes')/gr;
is($pg->psql("begin; $due;
	delete from gatehouse.rollup_recent;
	insert into gatehouse.rollup_recent select gatehouse.rollup_floor(2, now()) + interval '40 minutes', i, 1, 1, 1, false, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1 from generate_series(1, 24000) i;
	update gatehouse.rollup_cursor set spread_to = gatehouse.rollup_floor(2, now()) - interval '1 hour';
	create temp table due as select due - gatehouse.rollup_floor(2, now()) as after from gatehouse.rollup_due();
	update gatehouse.rollup_cursor set spread_to = gatehouse.rollup_floor(2, now());
	select string_agg(d.after::text, ' then ' order by d.after) from (table due union all select due - gatehouse.rollup_floor(2, now()) from gatehouse.rollup_due()) d;
	rollback"), '00:00:00 then 00:43:00', 'so are those of a day that has just begun');

# ---- what no cube tells together is asked of the calls where rollup_recent has no more

$pg->psql('delete from gatehouse.rollup_recent');
is($pg->psql("select sum(calls) from gatehouse.analytics_panel('user', now() - interval '13 days', now(), 0, '{tool}', '{equals}', '{tool-0}', 'calls', 1000, 0) where key is not null"),
	$pg->psql("select count(*) from gatehouse.event_call where capability_name = 'tool-0'"), 'users of a tool are counted where nobody called lately');

# ---- texts that no sum names any more

$pg->psql("update gatehouse.rollup_$_ set seen = '2020-01-01'") for qw(what how name);
$pg->psql("insert into gatehouse.event_call (at, program, severity, capability_type, capability_name, outcome, client_name, subject_id, latency_us, batch)
	select now() - interval '1 minute', 'mcp', 'info', 'resource', 'again:///' || i, 'success', 'again', 'again', 1, 1000002 from generate_series(1, 14000) i");
$pg->psql("insert into gatehouse.event_queue (batch, family, n, from_at, to_at) overriding system value values (1000002, 'call', 14000, now() - interval '1 hour', now())");
step() for 1 .. 3;
is($pg->psql("select count(*) from gatehouse.rollup_name where seen < current_date - 1 and name <> '(more)'"), 0, 'names that nobody has any more go');
is($pg->psql("select count(*) from gatehouse.rollup_what where seen < current_date - 1 and id not in (place, kind)"), 0, '... what nobody calls, too');
is($pg->psql("select sum(calls) from gatehouse.analytics_panel('tool', now() - interval '1 hour', now(), 0, '{client}', '{equals}', '{again}', 'calls', 10, 0) where key is null"),
	14000, '... but not what the others of made-up names are called');

done_testing();
