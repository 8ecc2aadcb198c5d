#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# The names in /metrics: whoever calls makes names up, and what is counted stays.

use strict;
use warnings;

use Test::More;

use Gatehouse::Pg;

my $pg = Gatehouse::Pg->new;
$pg->migrate;

# Counts a call of each of the names (methods, and capabilities of tools/call) that the SQL makes.
sub calls {
	my ($select) = @_;
	return $pg->psql("with calls as ($select), queue as (insert into gatehouse.event_queue (family, node, n, from_at, to_at) values ('call', 'n', 1, now(), now()) returning batch)
		insert into gatehouse.event_call (at, program, severity, operation_id, outcome, mcp_method, capability_name, batch, latency_us)
			select now(), 'mcp', 'info', 'r', calls.outcome, calls.method, calls.capability, queue.batch, (to_jsonb(calls) ->> 'us')::bigint from calls, queue;
		select gatehouse.metrics_add((select array_agg(batch) from gatehouse.event_queue q where q.batch = (select max(batch) from gatehouse.event_queue)), '{}',
			now() - interval '1 minute', now() + interval '1 minute')");
}
sub names { my ($column, $where) = @_; return $pg->psql("select string_agg(distinct $column, ' ' order by $column) from gatehouse.metric_call where $where") }

calls("select 'success' as outcome, null::text as capability, unnest(array['tools/list', 'ping', 'aaaa', 'tools/xyz', 'notifications/initialized', 'x y']) as method");
is(names('method', 'true'), 'notifications/initialized other ping tools/list', 'methods that MCP does not have are "other"');

calls("select 'application_error' as outcome, 'junk' || i as capability, 'tools/call' as method from generate_series(1, 500) i");
calls("select 'success' as outcome, 'real' || i as capability, 'tools/call' as method from generate_series(1, 150) i");
is($pg->psql("select count(distinct capability) from gatehouse.metric_call where capability like 'real%'"), 150, 'tools that do not exist take no names from those that do');
cmp_ok($pg->psql("select count(distinct capability) from gatehouse.metric_call"), '<=', 301, '... and all names are bounded');
calls("select 'application_error' as outcome, 'real1' as capability, 'tools/call' as method");
is($pg->psql("select outcome from gatehouse.metric_call where capability = 'real1' order by outcome limit 1"), 'application_error', 'what is known keeps its name when it fails');
calls("select 'success' as outcome, 'more' || i as capability, 'tools/call' as method from generate_series(1, 500) i");
is($pg->psql("select count(distinct capability) from gatehouse.metric_call"), 300, 'of too many the rest is "other"');

# ---- histograms ----

calls("select 'failure' as outcome, null::text as capability, 'ping' as method, unnest($_) as us") for 'array[5000, 5000, 10000, 10001, 400000000, null]', 'array[5000, 40000]';
is($pg->psql("select n, sum_us, buckets from gatehouse.metric_call where outcome = 'failure'"), '8|400075001|{5,1,1,0,0,0,0,0,0,0,0,0,0,0,1}',
	'each call is in its bucket, those of later steps too');

done_testing();
