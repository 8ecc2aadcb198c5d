#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Events on their way to the log and to PostgreSQL: every field, in batches, once, and never for nothing.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);

use Gatehouse::Calls qw(events_step);
use Gatehouse::Drive;
use Gatehouse::Pg;
use JSON::PP ();

my $pg = Gatehouse::Pg->new(private => 1);
$pg->migrate;

sub lines {
	my ($drive) = @_;
	return map { JSON::PP->new->utf8->decode($_) } grep { /"family":/ } split /\n/, $drive->log;
}

sub count { return $pg->psql("select count(*) from gatehouse.event_$_[0]") }

sub eventually {
	my ($want, $get, $seconds) = @_;
	my $end = time + ($seconds || 30);
	my $got = $get->();
	while ($got ne $want && time < $end) {
		sleep 0.05;
		$got = $get->();
	}
	return $got;
}

# ---- a call: line and row ----

my $drive = Gatehouse::Drive->new(pg => $pg);
$drive->say('emit 2');
is(eventually(2, sub { count('call') }), 2, 'two events become two rows');
my ($line, $second) = lines($drive);
my $stamp = delete $line->{time};
like($stamp, qr/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'a line has its time');
like(delete $line->{pid}, qr/^\d+$/, 'and the process');
my $id = delete $line->{eventId};
like($id, qr/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/, 'and an id of its own');
is_deeply($line, {
	level => 'info', program => 'mcp', family => 'call',
	requestId => 'request-1', operationId => 'linear', virtualServerName => 'linear',
	upstreamServerId => 'linear-up', upstreamServerName => 'linear-up',
	subjectId => "user|\"7\", {\x{e9}}\\", clientId => 'client-1', clientName => 'broken ? name',
	authProfileId => 'profile', upstreamAuthMode => 'user-oauth', httpMethod => 'POST', transport => 'sse',
	mcpMethod => 'tools/call', capabilityType => 'tool', capabilityName => 'NULL', outcome => 'success',
	mcpStatus => 200, latencyMs => 12.345, latencyGatewayMs => 0.345, latencyUpstreamMs => 12,
	bytesIn => 11, bytesOut => 22, clientIp => '192.0.2.1', protocolVersion => '2025-06-18',
	sessionDigest => '5e55', grantId => '9a3f',
}, 'a line has every field that is known, under its name, and no other');
is($second->{jsonrpcErrorCode}, -32602, 'a JSON-RPC error has its code');

is($pg->psql("select to_char(at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')
	from gatehouse.event_call where request_id = 'request-1'"), $stamp,
		'row and line have one time');
my $row = JSON::PP->new->utf8->decode($pg->psql("select jsonb_strip_nulls(to_jsonb(c) - 'at' - 'batch')
	from gatehouse.event_call c where request_id = 'request-1'"));
is_deeply($row, {
	program => 'mcp', severity => 'info',
	request_id => 'request-1', operation_id => 'linear', upstream_id => 'linear-up',
	subject_id => "user|\"7\", {\x{e9}}\\", client_id => 'client-1', client_name => 'broken ? name',
	auth_profile_id => 'profile', upstream_auth_mode => 'user-oauth', http_method => 'POST', transport => 'sse',
	mcp_method => 'tools/call', capability_type => 'tool', capability_name => 'NULL', outcome => 'success',
	mcp_status => 200, latency_us => 12345, gateway_us => 345, upstream_us => 12000, bytes_in => 11,
	bytes_out => 22, client_ip => '192.0.2.1', protocol_version => '2025-06-18', session_digest => '5e55',
	grant_id => '9a3f', event_id => $id,
}, 'the row has the same in its columns, quotes, braces and the word NULL included');

# ---- an auth event ----

$drive->say('auth');
is(eventually(1, sub { count('auth') }), 1, 'an auth event becomes a row of its own');
$line = (lines($drive))[-1];
delete @$line{qw(time pid eventId)};
is_deeply($line, {
	level => 'error', program => 'mcp', family => 'auth_event', event => 'mcp_auth_login_failed',
	requestId => 'request-auth', outcome => 'denied', failureOrigin => 'client', reasonCode => 'invalid_request',
	redirectHost => 'app.example.com', errName => 'invalid_request', errMessage => 'no state',
	causeMessage => 'cookie is missing',
}, 'its line tells the cause');
is($pg->psql('select event, outcome, "reasonCode", "redirectHost", "errMessage", "causeMessage" from gatehouse.auth_event'),
	'mcp_auth_login_failed|denied|invalid_request|app.example.com|no state|cookie is missing',
	'its view, too');

# ---- what is the same in a batch ----

$drive->say('alike 4');
is(eventually('6 4', sub { count('call') . ' ' . count('policy') }), '6 4', 'four calls that differ little are stored, and what a policy records of them');
my $alike = sub { $pg->psql("select string_agg(concat_ws(' ', outcome, mcp_status, coalesce(subject_id, '-'), coalesce(latency_us, 0), coalesce(grant_id, '-'), $_[0]), ', ' order by request_id)
	from gatehouse.event_$_[1] where coalesce(subject_id, 'user') = 'user'") };
is($alike->('coalesce(jsonrpc_error_code, 0), upstream_us', 'call'), join(', ', 'success 200 - 0 9a3f -32602 12000', 'success 200 user 12345 - 0 12000',
	'success 200 user 12345 9a3f -32602 12000', 'failure 500 user 12345 9a3f -32602 12000'), 'a column that is the same in all but one event has each value in its place');
is($alike->('name, matches', 'policy'), join(', ', 'success 200 - 0 9a3f audit.tools.call 1', 'success 200 user 12345 - other 1',
	'success 200 user 12345 9a3f audit.tools.call 1', 'failure 500 user 12345 9a3f audit.tools.call 2'), '... of what policies record, too');
$pg->psql("delete from gatehouse.event_call where coalesce(subject_id, 'user') = 'user'");

# ---- views ----

is($pg->psql('select event, "virtualServerName", outcome, "latencyMs" from gatehouse.mcp_request order by "requestId"'),
	"mcp_request_accepted|linear|success|12.3450000000000000\nmcp_request_accepted|linear|application_error|12.3450000000000000",
	'mcp_request presents each call');
is($pg->psql('select event, "capabilityName", outcome from gatehouse.capability_invocation
	where "requestId" = \'request-1\' order by "time"'),
	"mcp_capability_invoked|NULL|\nmcp_capability_completed|NULL|success",
	'capability_invocation has one event before and one after');
is($pg->psql('select "upstreamServerName", "latencyUpstreamMs"::int from gatehouse.upstream_hop limit 1'), 'linear-up|12',
	'upstream_hop has the part of the upstream');

# ---- strangers ----

$pg->psql('truncate gatehouse.event_call, gatehouse.event_batch');
$drive->say('strangers 3000 1');
$drive->say('strangers 100 2');
$drive->say('emit 10');
my $by = sub { $pg->psql("select count(*) from gatehouse.event_call where client_ip = '$_[0]' and outcome $_[1] 'denied'") };
is(eventually(10, sub { $by->('192.0.2.1', '<>') }), 10, 'calls of people are written, whatever strangers do');
is(eventually(100, sub { $by->('2001:db8:0:2::1', '=') }), 100, 'a hundred refusals of a stranger are written');
my $written = $by->('2001:db8:0:1::1', '=');
cmp_ok($written, '>=', 600, 'of three thousand from one network the first hundreds are');
cmp_ok($written, '<', 3000, '... and not all');
is(scalar(grep { ($_->{clientIp} // '') eq '2001:db8:0:1::1' } lines($drive)), $written, '... nor are lines of the log');
like($drive->log, qr/refusals of strangers are left out of the events.*"leftOutSinceStart":"\d+"/, '... which the log says');

# ---- batches ----

$pg->psql('truncate gatehouse.event_call, gatehouse.event_batch');
$drive->say('emit 3000');
is(eventually(3000, sub { count('call') }), 3000, 'three thousand at once all arrive');
cmp_ok($pg->psql('select count(*) from gatehouse.event_batch'), '<', 20, 'in a few statements');

# ---- a row that the database refuses ----

$pg->psql('truncate gatehouse.event_call');
$drive->say($_) for 'emit 40', 'bad', 'emit 40';
is(eventually(80, sub { count('call') }), 80, 'one bad row takes none of its batch with it');
sleep 0.3;
like($drive->log, qr/"requestId":"request-bad".*"message":"the database refuses an event"/,
	'it is named in the log');
is($drive->numbers('stop')->{dropped}, 1, 'and counted');
$drive->end;

# ---- a database that is away ----

$pg->psql('truncate gatehouse.event_call');
$drive = Gatehouse::Drive->new(pg => $pg, queue_max => 1000, statement_ms => 1000);
$drive->ask('call');
$pg->freeze;
$drive->say('emit 300');
sleep 3;
$drive->say('emit 300');
is(eventually(600, sub { scalar lines($drive) }, 30), 600,
	'while the database hangs, lines go to the log');
$pg->thaw;
is(eventually(600, sub { count('call') }), 600, 'rows wait for its return');
is(() = $drive->log =~ /events wait for the database/g, 1, 'of which the log speaks once');

$pg->halt;
$drive->say('emit 900');
sleep 0.5;
$drive->say('emit 900');
sleep 1;
$pg->start;
my $stop = $drive->numbers('stop');
cmp_ok($stop->{dropped}, '>=', 800, 'the queue is bounded: of 1,800 at least 800 go');
is(count('call') + $stop->{dropped}, 2400, 'those are counted, the others written');
like($drive->log, qr/"message":"events are dropped"/, 'the log says so');
$drive->end;

# ---- stopping ----

$pg->psql('truncate gatehouse.event_call');
$drive = Gatehouse::Drive->new(pg => $pg);
$drive->say('emit 700');
$stop = $drive->numbers('stop');
is(count('call'), 700, 'a stop writes what is queued');
is($stop->{dropped}, 0, 'all of it');
$drive->end;
$drive = Gatehouse::Drive->new(pg => $pg);
$drive->ask('call');
$pg->freeze;
$drive->say('emit 10');
$stop = $drive->numbers('stop');
cmp_ok($stop->{took}, '<', 20000, 'a database that hangs holds a stop up for 2 s, not until it is back');
is($stop->{dropped}, 10, 'what it did not take is counted');
is(scalar lines($drive), 10, 'its lines are in the log');
$pg->thaw;
$drive->end;

# ---- the same batch again ----

$pg->psql('truncate gatehouse.event_call');
my $args = $pg->psql("select string_agg(case t when 'uuid[]' then 'array[gen_random_uuid()]' else 'array[1]::' || t end, ', ' order by n) from (select format_type(x, null), n
	from pg_proc, unnest(proargtypes) with ordinality u (x, n) where proname = 'events_add_call' and n > 4 and format_type(x, null) like '%[]') y (t, n)");
my $again = "select gatehouse.events_add_call('00000000-0000-4000-8000-000000000001', 'mcp', 'node',
	array[now()], $args)";
$pg->psql_as('mcp', $again) for 1 .. 3;
is(count('call'), 1,
	'a batch that is sent again, as its commit was in doubt, is not written again');
is($pg->psql("select count(*) || ' ' || min(q.n) || ' ' || min(q.node) from gatehouse.event_queue q join gatehouse.event_call c
	on c.batch = q.batch and c.at between q.from_at and q.to_at"), '1 1 node', '... and has one place in the queue, which knows where it is');

# ---- every cell in its place ----

# Of three events, each array with other values; nothing in the middle; one array absent, and one too short.
my $typed = "select substr(p.proargnames[x.n], 3) as name, format_type(x.t, null) as t, x.n from pg_proc p, unnest(p.proargtypes) with ordinality x (t, n)
	where p.proname = 'events_add_call' and x.n > 4 and format_type(x.t, null) like '%[]'";
my $cell = "case when name = 'err_name' or (name = 'cause_message' and i > 1) then null when t = 'uuid[]' then '00000000-0000-4000-8000-00000000000' || i
	when i = 2 and name <> 'severity' then null when t = 'bigint[]' then (n * 10 + i)::text else name || ' ' || i end";
my $arrays = $pg->psql("select string_agg(case name when 'err_name' then 'null' else 'array[' || cells || ']' end || '::' || t, ', ' order by n) from (
	select name, t, n, string_agg(quote_nullable($cell), ', ' order by i) as cells from ($typed) y, generate_series(1, 3) i
	where i = 1 or name <> 'cause_message' group by name, t, n) z");
$pg->psql_as('mcp', "select gatehouse.events_add_call('00000000-0000-4000-8000-000000000002', 'cells', 'node',
	array[now() - interval '3 s', now() - interval '2 s', now() - interval '1 s'], $arrays)");
is($pg->psql("select count(distinct i) || ' ' || count(*) filter (where to_jsonb(c) ->> name is distinct from $cell)
	from ($typed) y, (select *, row_number() over (order by at) as i from gatehouse.event_call where program = 'cells') c"),
	'3 0', 'each element of each array is in its row and its column');
is($pg->psql("select count(*) from ($typed) y"), 42, '... of which there are 42 besides the time');

# One element that stands for all.
for my $family (qw(call policy)) {
	(my $of = $typed) =~ s/events_add_call/events_add_$family/;
	my $all = $pg->psql("select string_agg(case when t = 'uuid[]' then 'array[gen_random_uuid(), gen_random_uuid()]' when name = 'err_name' then 'null::text[]'
		else quote_literal('[0:0]={' || case t when 'bigint[]' then n::text else name end || '}') || '::' || t end, ', ' order by n) from ($of) y");
	$pg->psql_as('mcp', "select gatehouse.events_add_$family(gen_random_uuid(), 'all', 'node', array[now() - interval '1 s', now()], $all)");
	is($pg->psql("select count(*) || ' ' || count(*) filter (where to_jsonb(c) ->> y.name is distinct from case when y.name <> 'err_name' then case t when 'bigint[]' then n::text else y.name end end)
		from ($of) y, gatehouse.event_$family c where program = 'all' and t <> 'uuid[]'"), $family eq 'call' ? '82 0' : '46 0', "an element with the index 0 stands for all ($family)");
}

# ---- days ----

my $days = "select string_agg(right(c.relname, 8), ' ' order by c.relname) from pg_inherits i
	join pg_class c on c.oid = i.inhrelid where i.inhparent = 'gatehouse.event_call'::regclass";
my $want = $pg->psql("select string_agg(to_char((now() at time zone 'UTC')::date + d, 'YYYYMMDD'), ' ' order by d)
	from generate_series(-1, 7) d");
is($pg->psql($days), $want, 'there is a table for each day from yesterday to a week ahead');
$pg->psql(q{do $$ declare t text; begin for t in select inhrelid::regclass::text from pg_inherits
	where inhparent in ('gatehouse.event_call'::regclass, 'gatehouse.event_auth'::regclass)
	loop execute 'drop table ' || t; end loop; end $$});
$pg->psql('truncate gatehouse.event_batch');
$pg->psql_as('mcp', $again);
is(count('call') . ' ' . $pg->psql($days), "1 $want",
	'a gateway that slept for a month makes its days when it wakes');
$pg->psql(q{select gatehouse.event_day(p, d) from unnest(array['event_call', 'event_auth']) p,
	unnest(array[(now() at time zone 'UTC')::date - 40, (now() at time zone 'UTC')::date - 30]) d});
events_step($pg, oauth => 0);
is(length $pg->psql($days), length($want) + 18, 'with a retention of 0 nothing is dropped');
$pg->psql('select gatehouse.retention_set(60, 60, null, null)');
$pg->psql_as('oauth', 'with l as materialized (select pg_advisory_xact_lock(7449359170164355439)) select gatehouse.events_step(1, 1) from l');
is(length $pg->psql($days), length($want) + 18, '... nor sooner than the database was told, whatever a program asks for');
$pg->psql('delete from gatehouse.event_keep');
$pg->psql_as('oauth', 'with l as materialized (select pg_advisory_xact_lock(7449359170164355439)) select gatehouse.events_step(1, 1) from l');
is(length $pg->psql($days), length($want) + 18, '... nor before it was told, but for what is older than by default');
is($pg->psql("select string_agg(gatehouse.event_kept(a, t, 90)::text, ' ') from (values (0, 30), (30, 0), (1, 30), (90, 30), (1, null), (400, null)) v (a, t)"),
	'0 0 30 90 90 400', '... a program may ask for more, and get it');
for my $forbidden ('retention_set(1, 1, null, null)', 'rollup_step(1, 1, 1)', 'maintenance_step(1, 1, 1)') {
	ok(!eval { $pg->psql_as('mcp', "select gatehouse.$forbidden"); 1 }, "... nor may it call $forbidden");
}
events_step($pg, oauth => 30);
is(length $pg->psql($days), length($want) + 9,
	'with 30 days, the table of 30 days ago stays and older ones go');
is($pg->psql("select count(*) from gatehouse.event_batch where at < now() - interval '1 hour'"), 0,
	'ids of batches are forgotten after an hour');
is($pg->psql("select pg_get_partition_constraintdef(oid) ~ '00:00:00\\+00' from pg_class
	where relname = to_char(now() at time zone 'UTC', '\"event_call_\"YYYYMMDD')"), 't',
		'a day is a day in UTC');

done_testing();
