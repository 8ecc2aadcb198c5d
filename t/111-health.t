#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# healthz and readyz: what a monitor on this machine sees, and that nobody else does.

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use Gatehouse::Http qw(request);
use Gatehouse::Pg;
use Gatehouse::Run qw(wait_until);
use Gatehouse::Server;

my $pg = Gatehouse::Pg->new(private => 1);
my $gw = Gatehouse::Server->new(pg => $pg, programs => [qw(discovery oauth consent connect mcp)],
	routes => { '/mcp/a' => { upstream => 'http://127.0.0.1:9/mcp' } });

sub ask {
	my ($path, @headers) = @_;
	return request(GET => $gw->url("/health$path"), { headers => [@headers] });
}

for my $program (qw(discovery oauth consent connect mcp)) {
	is(ask("/$program/healthz")->{status}, 200, "$program is alive");
	my $ready = ask("/$program/readyz");
	is($ready->{status}, 200, "$program is ready");
	is($ready->json->{checks}{database}, 'ok', '... and says what it looked at');
}
my $stream = Gatehouse::Http->stream(GET => $gw->url('/health/mcp/stream'));
is(join(' ', map { $_->{event} } $stream->events), 'first second', 'a stream of two events');
cmp_ok(scalar @{ $stream->{chunks} }, '>', 1, '... which come apart');
is(request(GET => $gw->url('/health/mcp/stream'), { headers => [['X-Forwarded-For' => '203.0.113.7']] })->{status}, 404,
	'... for neighbours only');
is(ask('/mcp/healthz', [Host => 'monitor.example'])->{status}, 200, 'a monitor asks by address, under any name');
is(ask('/mcp/other')->{status}, 404, 'there is no third question');
is(ask('/mcp/healthz', [Host => '127.0.0.1'], ['X-Forwarded-For' => '203.0.113.7'])->{status}, 404,
	'what was forwarded by nobody we trust is a stranger');
is(ask('/mcp/readyz', [Via => '1.1 proxy'])->{status}, 404, 'a Via gives a proxy away');
is(ask('/oauth/healthz', [Forwarded => 'for=203.0.113.7'])->{status}, 404, 'so does Forwarded');

$pg->freeze;
my $stopped = ask('/oauth/readyz');
is($stopped->{status}, 503, 'a program whose database hangs is not ready');
ok($stopped->header('retry-after'), '... says when to ask again');
isnt($stopped->json->{checks}{database}, 'ok', '... and what is missing');
is(ask('/oauth/healthz')->{status}, 200, 'but it is alive');
is(ask('/discovery/readyz')->{status}, 200, 'a program without a database is ready all the same');
$pg->thaw;
ok(wait_until(10, sub { ask('/oauth/readyz')->{status} == 200 }), 'and is ready again when the database is');

$gw->stop;
done_testing();
