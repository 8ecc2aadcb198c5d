#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# request-size-limit-inbound; and of all policies that carry secrets: a fault in one is told by the policy, the option and the
# variable, wherever it is told, and never by the value.

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use Gatehouse::Http qw(request);
use Gatehouse::Pg;
use Gatehouse::Server;
use Gatehouse::Upstream;

my $up = Gatehouse::Upstream->new(sub { my ($c, $r) = @_; return $c->result($r, { ok => 1 }) });

# Values that cannot be sent: with a line break (from a file, as keys come), or none at all.
my %secret = map { $_ => "canary-\L$_\E-5ecret" } qw(HEADER PARAM KEY PLAIN);
my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, programs => ['mcp'], gateway => { limits => { body => 4096 } },
	process_env => { HEADER => "$secret{HEADER}\r\nX-Evil: 1", KEY => "$secret{KEY}\nX-Evil: 1", PARAM => "$secret{PARAM}\nb", PLAIN => $secret{PLAIN} },
	policies => [
		{ name => 'small', policyType => 'request-size-limit-inbound', handler => { export => 'X', options => { maxSizeInBytes => 200 } } },
		{ name => 'large', policyType => 'request-size-limit-inbound', handler => { export => 'X', options => { maxSizeInBytes => 1_000_000, trustContentLengthHeader => JSON::PP::true } } },
		{ name => 'header', policyType => 'set-headers-inbound', handler => { export => 'X', options => { headers => [{ name => 'X-Key', value => '$env(HEADER)' }] } } },
		{ name => 'reserved', policyType => 'set-headers-inbound', handler => { export => 'X', options => { headers => [{ name => 'Host', value => '$env(PLAIN)' }] } } },
		{ name => 'key', policyType => 'set-upstream-api-key-inbound', handler => { export => 'X', options => { value => 'Bearer $env(KEY)' } } },
		{ name => 'param', policyType => 'set-query-params-inbound', handler => { export => 'X', options => { params => [{ name => 'key', value => '$env(PARAM)' }] } } },
		{ name => 'missing', policyType => 'set-upstream-api-key-inbound', handler => { export => 'X', options => { value => "Bearer $secret{PLAIN} \$env(NOBODY)" } } },
		{ name => 'typed', policyType => 'set-upstream-api-key-inbound', handler => { export => 'X', options => { value => 'Bearer $env(PLAIN)', overwrite => '$env(PLAIN)' } } },
		{ name => 'listed', policyType => 'remove-headers-inbound', handler => { export => 'X', options => { headers => ['a b $env(PLAIN)'] } } },
	],
	routes => { map { ("/mcp/$_" => { upstream => $up->url('/mcp'), public => 1, inbound => [$_] }) }
		qw(small large header reserved key param missing typed) });

sub call {
	my ($route, $body) = @_;
	return request('POST', $gw->url("/mcp/$route"), { headers => [['Content-Type', 'application/json'],
		['Accept', 'application/json, text/event-stream']], content => $body });
}
sub body { my $b = '{"jsonrpc":"2.0","id":"x","method":"ping","params":{"pad":""}}'; return substr($b, 0, -3) . 'y' x ($_[0] - length $b) . '"}}' }

# ---- sizes

is(call('small', body(200))->{status}, 200, 'a body of the allowed size passes');
$up->clear;
my $r = call('small', body(201));
is($r->{status}, 413, 'one byte more does not');
is_deeply($r->json, { jsonrpc => '2.0', id => 'x', error => { code => -32600, message => 'the request is over 200 bytes' } },
	'... as a JSON-RPC error with the request\'s id');
is(scalar(() = $up->requests), 0, '... and nothing goes upstream');
is(call('large', body(201))->{status}, 200, 'another policy allows more');

# ---- secrets

my ($status, $check) = $gw->ctl('check');
isnt($status, 0, 'check finds faults');
like($check, qr{limits\.body}, 'a size that no body reaches is told');
my %seen = (check => $check);
for my $route (qw(header reserved key missing typed)) {
	$r = call($route, body(100));
	is($r->{status}, 500, "$route: the route is closed");
	is($r->json->{code}, 'configuration_error', '... by its configuration');
	like($r->json->{detail}, qr{config/policies\.json}, '... and the file is named');
	$seen{$route} = $r->{content};
}
like($check, qr/NOBODY/, 'a missing variable is named');
$r = call('param', body(100));
is($r->{status}, 200, 'a line break in the query is no fault');
is(($up->requests)[-1]{query}, "key=$secret{PARAM}%0Ab", '... it is encoded');
$seen{log} = $gw->log;
for my $where (sort keys %seen) {
	is(join(' ', grep { $seen{$where} =~ /\Q$_\E/ } values %secret), '', "$where: no value of a secret is shown");
}

$gw->stop;
done_testing();
