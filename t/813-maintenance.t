#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# gatehousectl maintenance: to the end, however much there is, and what it says of it.

use strict;
use warnings;

use Test::More;

use Gatehouse::Pg;
use Gatehouse::Server;

my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, programs => [], gateway => { events => { retentionDays => 30 } });

my ($status, $text) = $gw->ctl('maintenance');
is($status, 0, 'a fresh database needs nothing') or diag $text;
is($text, "tables of events: 0 made, 0 dropped\nexpired rows: 0 removed\naudit rows: 2 sealed\n", 'and that is what it says (migrated, and for how long events are kept)');

# more than one batch of what has expired, one row that has not, and days that are too old or missing
$pg->psql("insert into gatehouse.browser_session (session_hash, pepper_id, subject, claims, created_at, expires_at)
	select decode(lpad(to_hex(n), 64, '0'), 'hex'), 'x', 's', null, now() - interval '9 hours',
		now() + case when n = 1200 then interval '1 hour' else interval '-1 hour' end
	from generate_series(1, 1200) n");
$pg->psql(q(insert into gatehouse.rate (rate_key, since, gone_at) values ('\x01', now(), now() - interval '1 s'), ('\x02', now(), now() + interval '1 hour')));
$pg->psql("select gatehouse.event_day('event_call', (now() at time zone 'UTC')::date - 31)");
my $tomorrow = $pg->psql("select to_char((now() at time zone 'UTC')::date + 1, 'YYYYMMDD')");
$pg->psql("drop table gatehouse.event_auth_$tomorrow");

($status, $text) = $gw->ctl('maintenance');
is($status, 0, 'maintenance') or diag $text;
like($text, qr/tables of events: 1 made, 1 dropped/, 'makes the days that are missing, drops those too old');
is($pg->psql("select detail->'before'->'days'->>0 from gatehouse.audit where action = 'events_dropped'"), $pg->psql("select (now() at time zone 'UTC')::date - 31"), '... which the audit trail has');
like($text, qr/expired rows: 1200 removed/, 'and removes all that has expired, in as many batches as it takes');
is($pg->psql('select count(*) from gatehouse.browser_session'), '1', 'nothing else goes');
is($pg->psql('select rate_key from gatehouse.rate'), '\x02', '... of the counts of rate limits either');

($status, $text) = $gw->ctl('maintenance', 'now');
is($status, 2, 'it takes no argument');
$gw->stop;
$pg->stop;

done_testing();
