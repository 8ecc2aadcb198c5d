#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# The database's part of rate limits and quotas: windows as the programs reckon them, periods, what expires.

use strict;
use warnings;

use Test::More;

use Gatehouse::Calls qw(events_step);
use Gatehouse::Pg;
use Gatehouse::Run qw(bin_path);

my $pg = Gatehouse::Pg->new;
$pg->migrate;

# ---- windows

my @rows = split /\n/, `$ENV{top_builddir}/t/unit/policy_window rows`;
cmp_ok(scalar @rows, '>', 100, 'there are cases to compare');
my $values = join ",\n", map { my @c = split; "($#c, array[" . join(',', @c) . ']::bigint[])' } @rows;
is($pg->psql(<<"SQL"), '', 'the database slides windows, and lets wait, as the programs do');
with cases as (select row_number() over () as i, v from (values $values) x (n, v)),
made as (select i, v, row('\\x00', 'epoch'::timestamptz + v[1] * interval '1 ms', v[2], v[3], 'epoch')::gatehouse.rate r,
	'epoch'::timestamptz + v[5] * interval '1 ms' as now_at from cases),
slid as (select i, v, now_at, gatehouse.rate_slide(r, v[4], now_at) r from made),
got as (select i, v, array[floor(extract(epoch from (r).since - 'epoch') * 1000)::bigint, (r).n, (r).before,
	gatehouse.rate_wait(r, v[4], now_at, v[6], v[7])] as g from slid)
select string_agg(i || ': ' || v::text || ' became ' || g::text, '; ') from got where g <> v[8:11]
SQL

sub take { return $pg->psql_as('mcp', "select wait_ms from gatehouse.rate_take(array[$_[0]]::bytea[], array[$_[1]]::bigint[], 60000, $_[2])") }
is(take(q('\\x01'), 1, 2), '0', 'a first request is taken');
is(take(q('\\x01','\\x02'), '1,1', 2), '0', 'of two keys at once, too');
cmp_ok(take(q('\\x01','\\x02'), '1,1', 2), '>', 0, 'where one key is full');
is($pg->psql(q(select n from gatehouse.rate where rate_key = '\\x02')), '1', '... nothing is taken of the other');
is(take(q('\\x02'), 1, 2), '0', '... which has room');
$pg->psql(q(update gatehouse.rate set since = since - interval '2 minutes', gone_at = gone_at - interval '2 minutes'));
is(take(q('\\x01'), 2, 2), '0', 'after two windows all is forgotten');

my $batch = '00000000-0000-4000-8000-000000000001';
sub add { return $pg->psql_as('mcp', "select n from gatehouse.rate_add('$_[0]', array['\\x03']::bytea[], array[$_[1]]::bigint[], array[60000]::bigint[])") }
is(add($batch, 5), '5', 'what a program counted by itself is added');
is(add($batch, 5), '5', 'a batch that comes again is not');
is(add('00000000-0000-4000-8000-000000000002', 2), '7', 'another one is');

# ---- periods

sub period {
	my ($anchor, $period, $now) = @_;
	return $pg->psql("set timezone = 'America/New_York'; select to_char(starts_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI') || ' ' ||
		to_char(ends_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI')
		from gatehouse.quota_period('$anchor UTC', '$period', '$now UTC')");
}
for (
	['2026-01-31 10:00', 'monthly', '2026-02-28 09:59', '2026-01-31 10:00 2026-02-28 10:00', 'a month that is shorter ends on its last day'],
	['2026-01-31 10:00', 'monthly', '2026-02-28 10:00', '2026-02-28 10:00 2026-03-31 10:00', '... and the next has the anchor\'s day again'],
	['2026-01-15 10:00', 'monthly', '2027-01-15 09:59:59', '2026-12-15 10:00 2027-01-15 10:00', 'months go on into the next year'],
	['2026-03-01 00:00', 'monthly', '2026-01-10 00:00', '2026-01-01 00:00 2026-02-01 00:00', 'an anchor may lie ahead'],
	['2026-01-01 10:30', 'hourly', '2026-05-05 12:29', '2026-05-05 11:30 2026-05-05 12:30', 'hours begin at the anchor\'s minute'],
	['2026-03-01 10:30', 'daily', '2026-03-30 10:31', '2026-03-30 10:30 2026-03-31 10:30', 'days too, whatever clocks do in spring'],
	['2026-03-02 00:00', 'weekly', '2026-03-15 23:59', '2026-03-09 00:00 2026-03-16 00:00', 'weeks begin on the anchor\'s weekday'],
) {
	is(period(@$_[0 .. 2]), $_->[3], $_->[4]);
}

sub quota { return $pg->psql_as('mcp', "select wait_ms from gatehouse.quota_take('\\x01', $_[0], $_[1], 'daily', null)") }
is(quota(2, 3), '0', 'an allowance is taken from');
cmp_ok(quota(2, 3), '>', 86_000_000, 'what is more than the rest has to wait for the period\'s end');
is(quota(1, 3), '0', 'what fits goes');
my $starts = $pg->psql('select starts_at from gatehouse.quota');
sub settle { return $pg->psql_as('mcp', "select gatehouse.quota_settle('$_[0]', array['\\x01']::bytea[], array['$_[1]']::timestamptz[], array[$_[2]]::bigint[])") }
settle('00000000-0000-4000-8000-000000000011', $starts, -1);
settle('00000000-0000-4000-8000-000000000011', $starts, -1);
is($pg->psql('select used from gatehouse.quota'), '2', 'a call that does not count is given back, once');
settle('00000000-0000-4000-8000-000000000012', '2020-01-01', -1);
is($pg->psql('select used from gatehouse.quota'), '2', '... to its own period only');
settle('00000000-0000-4000-8000-000000000013', $starts, -99);
is($pg->psql('select used from gatehouse.quota'), '0', 'no allowance grows by what is given back');
quota(3, 3);
$pg->psql(q(update gatehouse.quota set anchor_at = anchor_at - interval '1 day', starts_at = starts_at - interval '1 day', ends_at = ends_at - interval '1 day'));
is(quota(3, 3), '0', 'a new period has all of it');

# ---- what expires

$pg->psql(q(delete from gatehouse.rate; delete from gatehouse.quota;
	insert into gatehouse.rate (rate_key, since, gone_at) values ('\\x01', now(), now() + interval '1 minute'), ('\\x02', now(), now() - interval '1 s');
	insert into gatehouse.quota (quota_key, anchor_at, starts_at, ends_at) values ('\\x01', now(), now(), now() - interval '89 days'),
		('\\x02', now(), now(), now() - interval '91 days')));
events_step($pg, mcp => 0);
is($pg->psql('select string_agg(rate_key::text, chr(32)) from gatehouse.rate'), '\x01', 'a window that is over goes, by itself');
is($pg->psql('select string_agg(quota_key::text, chr(32)) from gatehouse.quota'), '\x01', 'and an allowance that nobody used for 90 days');

done_testing();
