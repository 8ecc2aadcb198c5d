#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# An installation that has sums but no days of users with what they called: these are made of the calls that are kept, piece by piece, while
# others arrive, late ones too; and panels are right meanwhile.
use strict;
use warnings;
use Test::More;

use Gatehouse::Calls qw(store sum_up use_wrong);
use Gatehouse::Pg;

my $pg = Gatehouse::Pg->new(private => 1); # what other databases write would hold the queue up
$pg->migrate;
store($pg, n => 1500, from => "now() - interval '12 days'");
sum_up($pg);

# as it was before
$pg->psql("drop table gatehouse.rollup_use;
	drop index gatehouse.rollup_recent_by_place;
	alter table gatehouse.rollup_cursor drop column refill_to, drop column refill_end;
	delete from gatehouse.rollup_part where cube = 'use'");

# A call as programs store it, of user0 and tool-0.
sub arrives {
	my ($at) = @_;
	return $pg->psql("with q as (insert into gatehouse.event_queue (family, n, from_at, to_at) values ('call', 1, $at, $at) returning batch)
		insert into gatehouse.event_call (at, program, severity, batch, operation_id, subject_id, client_name, mcp_method, capability_type, capability_name, outcome, latency_us)
		select $at, 'mcp', 'info', batch, 'route-1', 'https://login.example.com|user0\@example.com', 'Claude', 'tools/call', 'tool', 'tool-0', 'success', 1000 from q");
}

my %asks = (user => ['tool', 'tool-0', 'subject_id', 'null', 'capability_name'],
	tool => ['user', 'https://login.example.com|user0@example.com', 'capability_name', 'capability_type', 'subject_id']);

# What panels that tell users and tools say of 13 and of 7 days, where the calls say something else.
sub wrong {
	return $pg->psql(join ' union all ', map {
		my $from = $_;
		map {
			my ($field, $value, $key, $key2, $column) = @{ $asks{$_} };
			"select concat_ws(' ', '$_', key, key2, p.calls, c.calls) from (select key, coalesce(key2, '') as key2, calls, latency_us from gatehouse.analytics_panel('$_', $from, now(), 0,
				'{$field}', '{equals}', array['$value'], 'calls', 1000, 0) where key is not null) p
			full join (select coalesce($key, '') as key, coalesce($key2, '') as key2, count(*) as calls, sum(latency_us)::bigint as latency_us from gatehouse.event_call
				where at >= $from and at <= now() and $column = '$value' group by 1, 2) c using (key, key2)
			where (p.calls, p.latency_us) is distinct from (c.calls, c.latency_us)"
		} sort keys %asks
	} "date_trunc('day', now() - interval '13 days', 'UTC')", "date_trunc('hour', now() - interval '7 days', 'UTC')");
}

my $source = "select gatehouse.analytics_source_of('user', date_trunc('day', now() - interval '13 days', 'UTC'), now(), '{tool}')";
my $piece = 'select gatehouse.rollup_consume(1000); select gatehouse.rollup_settle() or gatehouse.rollup_refill() or gatehouse.rollup_fill()';

arrives("now() - interval '10 days'"); # nobody has summed it up yet
my ($new) = glob "$ENV{top_srcdir}/sql/schema/0032-*.sql";
$pg->psql("begin;\nset local role gatehouse;\n\\i $new\ncommit");
# pieces of some hours, days in several
for (['rollup_fill_bytes', 8388608, 65536], ['rollup_use_day', 750000, 40]) {
	my ($function, $many, $few) = @$_;
	my $text = $pg->psql("select pg_get_functiondef('gatehouse.$function'::regproc)");
	$text =~ s/\b$many\b/$few/ or die "$function has no $many";
	$pg->psql($text);
}
is($pg->psql('select refill_to < refill_end from gatehouse.rollup_cursor'), 't', 'there are days to be made of calls');
is($pg->psql($source), 'raw', '... which are read until then');
is(wrong(), '', 'panels are right at once');

my ($pieces, $used, @wrong) = (0, 0);
while ((split /\n/, $pg->psql($piece))[1] eq 't') {
	$pieces++;
	# late ones: where it is taken again already, where it is not yet, where days are made
	my $refilled = "(select greatest(least(refill_to, refill_end), gatehouse.rollup_first_day() + interval '1 minute') from gatehouse.rollup_cursor)";
	arrives("$refilled - interval '30 seconds'") if $pieces == 6 || $pieces == 25 || $pieces == 40;
	arrives("$refilled + interval '6 hours'") if $pieces == 8 || $pieces == 26;
	arrives("greatest((select min(days_to) from gatehouse.rollup_part where cube = 'use'), gatehouse.rollup_first_day() + interval '4 hours') - interval '3 hours'") if $pieces == 60;
	arrives("greatest((select max(hours_to) from gatehouse.rollup_part where cube = 'use'), gatehouse.rollup_first_day() + interval '1 hour') - interval '10 minutes'")
	  if $pieces == 80 || $pieces == 81;
	die "no end\n" if $pieces > 5000;
	next if $pieces % 5 && ($pieces < 6 || $pieces > 9) && ($pieces < 25 || $pieces > 28) && ($pieces < 60 || $pieces > 62) && ($pieces < 80 || $pieces > 83);
	push @wrong, "piece $pieces: $_" for split /\n/, wrong();
	$used++ if $pg->psql($source) eq 'use';
}
cmp_ok($pieces, '>', 100, 'days are made in many pieces');
cmp_ok($used, '>', 5, '... the last ones while they are read');
is("@wrong", '', '... and panels are right meanwhile, though calls come late');
is($pg->psql('select refill_to from gatehouse.rollup_cursor'), 'infinity', 'all are made');
is($pg->psql("select count(*), min(days_to) = gatehouse.rollup_floor(2, gatehouse.rollup_slots_from(now())) from gatehouse.rollup_part where cube = 'use'"), '8|t', 'to the last whole day');
is(use_wrong($pg), '', 'each call is in them once');
is($pg->psql("select count(*) > 0 from gatehouse.rollup_use where at <= now() - interval '11 days'"), 't', 'the oldest, too');
arrives("now() - interval '9 days'");
arrives("now() - interval '3 days'");
is(wrong(), '', 'late ones count at once');
sum_up($pg);
is(wrong(), '', '... and in the days that are made');
is(use_wrong($pg), '', '... once');
is($pg->psql("select count(*) from gatehouse.rollup_recent where at < gatehouse.rollup_people_from(now())"), 0, 'what was taken again is gone again');

# ---- with the calls they go

$pg->psql("select gatehouse.event_forget((now() at time zone 'UTC')::date - 4)");
sum_up($pg, 4, 400);
is($pg->psql("select count(*) from gatehouse.rollup_use where at < date_trunc('day', now(), 'UTC') - interval '5 days'"), 0, 'days go with the calls');
is($pg->psql("select (min(since) >= date_trunc('day', now(), 'UTC') - interval '5 days')::text from gatehouse.analytics_panel('user', date_trunc('day', now() - interval '13 days', 'UTC'), now(), 0,
	'{tool}', '{equals}', '{tool-0}', 'calls', 1000, 0)"), 'true', '... which a panel says');
is(wrong(), '', '... and what is left is right');

done_testing();
