#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Rate limits on routes, over two processes of mcp.fcgi: what is counted together, how exact each mode is, what a client is
# told, and what happens while the database is away.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use JSON::PP ();
use Test::More;

use Gatehouse::Http qw(parallel request);
use Gatehouse::Pg;
use Gatehouse::Run qw(wait_until);
use Gatehouse::Server;
use Gatehouse::Token qw(issue);
use Gatehouse::Upstream;

my $up = Gatehouse::Upstream->new(sub {
	my ($c, $r) = @_;
	return $c->json(202, '') if ($r->{content} // '') !~ /"id"/;
	return $c->json(200, '[{"jsonrpc":"2.0","id":1,"result":{}},{"jsonrpc":"2.0","id":2,"result":{}}]') if $r->{content} =~ /^\[/;
	return $c->result($r, { content => [] });
});
my %limits = (
	user => { rateLimitBy => 'user', requestsAllowed => 3 },
	silent => { rateLimitBy => 'user', requestsAllowed => 1, headerMode => 'none' },
	client => { rateLimitBy => 'client', requestsAllowed => 2 },
	ip => { rateLimitBy => 'ip', requestsAllowed => 2 },
	tool => { rateLimitBy => 'tool', requestsAllowed => 2 },
	names => { rateLimitBy => 'tool', requestsAllowed => 200 },
	all => { rateLimitBy => 'all', requestsAllowed => 2 },
	many => { rateLimitBy => 'all', requestsAllowed => 40 },
	soon => { rateLimitBy => 'all', requestsAllowed => 40, mode => 'async' },
	batch => { rateLimitBy => 'user', requestsAllowed => 3 },
	small => { rateLimitBy => 'user', requestsAllowed => 1 },
	open => { rateLimitBy => 'all', requestsAllowed => 1 },
	closed => { rateLimitBy => 'all', requestsAllowed => 1000, throwOnFailure => JSON::PP::true },
	closed_async => { rateLimitBy => 'all', requestsAllowed => 1000, mode => 'async', throwOnFailure => JSON::PP::true },
);
my %public = map { $_ => 1 } qw(open closed closed_async);    # their tokens need no database
my $pg = Gatehouse::Pg->new(private => 1);
my $gw = Gatehouse::Server->new(pg => $pg, programs => ['mcp'], processes => { mcp => 2 },
	gateway => { trustedProxies => ['127.0.0.0/8', '::1/128'] },
	policies => [
		(map { { name => $_, policyType => 'rate-limit-inbound', handler => { export => 'RateLimitInboundPolicy',
			options => { timeWindowMinutes => 1, %{ $limits{$_} } } } } } keys %limits),
		{ name => 'filter', policyType => 'mcp-capability-filter-inbound', handler => { export => 'X', options => { tools => ['a', 'b'] } } },
	],
	routes => { (map { ("/mcp/$_" => { upstream => $up->url('/mcp'), inbound => [$_], public => $public{$_} }) } keys %limits),
		'/mcp/user2' => { upstream => $up->url('/mcp'), inbound => ['user'] },
		'/mcp/names_filtered' => { upstream => $up->url('/mcp'), inbound => ['names', 'filter'] },
		'/mcp/filtered' => { upstream => $up->url('/mcp'), inbound => ['filter', 'small'] },
		'/mcp/public' => { upstream => $up->url('/mcp'), public => 1, inbound => ['ip'] } });

my %token;
sub arguments {
	my ($route, %o) = @_;
	my $who = $o{who} || 'alice';
	my $client = $o{client} || 'client-1';
	my $token = $public{$route} ? undef : ($token{"$route $who $client"} ||= issue($pg, $gw, "/mcp/$route", subject => $who, client => $client));
	return ('POST', $gw->url("/mcp/$route"), { timeout => 30, headers => [['Content-Type', 'application/json'],
		['Accept', 'application/json, text/event-stream'], ($route eq 'public' || $public{$route} ? () : ['Authorization', "Bearer $token->{access_token}"]),
		($o{from} ? ['X-Forwarded-For', $o{from}] : ())], content => $o{content} || message($o{tool} || 'a') });
}
sub call { return request(arguments(@_)) }
sub message { return JSON::PP::encode_json({ jsonrpc => '2.0', id => 'x-7', method => 'tools/call', params => { name => $_[0], arguments => {} } }) }
sub statuses { return join ' ', map { $_->{status} } @_ }

# ---- what is counted together

my @r = map { call('user') } 1 .. 4;
is(statuses(@r), '200 200 200 429', 'a user has so many requests, in whichever process');
my $after = $r[3]->header('Retry-After');
cmp_ok($after, '>', 60, 'a refusal says when there will be room: not before the window is over');
cmp_ok($after, '<=', 80, '... and a request of the window before has slid out');
is_deeply($r[3]->json, { jsonrpc => '2.0', id => 'x-7', error => { code => -32000, message => 'too many requests' } },
	'... and is a JSON-RPC error with the request\'s id');
is(call('user', who => 'bob')->{status}, 200, 'another user has their own');
is(call('user2')->{status}, 429, 'routes that use the same policy count together');
is(call('user2', who => 'carol')->{status}, 200, '... for each user');
@r = map { call('silent') } 1 .. 2;
is(statuses(@r), '200 429', 'a limit of one');
is($r[1]->header('Retry-After'), undef, 'headerMode none says nothing of when');
is(statuses((map { call('client', who => "u$_") } 1 .. 3), call('client', client => 'client-2')), '200 200 429 200',
	'by client: whoever uses it');
is(statuses((map { call('ip', who => "u$_", from => '192.0.2.7') } 1 .. 3), call('ip', from => '192.0.2.8')), '200 200 429 200',
	'by address: whoever comes from there');
is(statuses((map { call('ip', from => "2001:db8:1:2::$_") } 1 .. 3), call('ip', from => '2001:db8:1:3::1')), '200 200 429 200',
	'... of IPv6 the network of a customer');
is(statuses(call('public', from => '192.0.2.7'), call('public', from => '192.0.2.9')), '429 200', '... on a public route as well');
is(statuses((map { call('tool', who => "u$_") } 1 .. 3), call('tool', tool => 'b')), '200 200 429 200', 'by tool: whoever calls it');
is(call('tool', content => '{"jsonrpc":"2.0","id":1,"method":"tools/list"}')->{status}, 200, '... what calls no tool is not counted');
is(statuses(map { call('all', who => "u$_", client => "c$_") } 1 .. 3), '200 200 429', 'all together');

my $two = '[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":2,"method":"ping"}]';
is(call('batch', content => $two)->{status}, 200, 'a batch passes while there is room for all of it');
my $r = call('batch', content => $two);
is($r->{status}, 429, '... and not for a part');
is_deeply([map { $_->{id} } @{ $r->json }], [1, 2], '... each of its requests is told');
is(statuses(call('batch'), call('batch')), '200 429', 'what was refused was not counted');
is(call('filtered', tool => 'hidden')->json->{error}{code}, -32601, 'a policy ahead in the list refuses first');
is(call('filtered')->{status}, 200, '... and what it refused was not counted');

my $event = wait_until(10, sub { (grep { ($_->{reasonCode} // '') eq 'rate_limited' } $gw->log_lines('mcp'))[0] });
is($event->{outcome}, 'denied', 'a refusal is an event');
is($event->{subjectId}, 'alice', '... of the user');
is($event->{mcpStatus}, 429, '... with the status');
is($event->{capabilityName}, 'a', '... and the tool');
unlike($pg->psql('select string_agg(r::text, chr(10)) from gatehouse.rate r'), qr/alice|192\.0/, 'the table of counts names nobody');

# ---- how exact

my $before = () = $up->requests;
@r = parallel(map { [arguments('many', who => 'u' . $_ % 5)] } 1 .. 100);
is(scalar(grep { $_->{status} == 200 } @r), 40, 'strict: of a hundred at once exactly as many pass as are allowed');
is(scalar(grep { $_->{status} == 429 } @r), 60, '... and the others are told');
is(scalar(() = $up->requests) - $before, 40, '... before anything goes upstream');

# As fast as they come, each process lets through what it knows to be free; soon they know of each other.
my $passed = 0;
for (1 .. 40) {
	$passed += call('soon', who => 'u' . $_ % 5)->{status} == 200;
	select undef, undef, undef, 0.05;    # room for some exchanges: both processes stay in use
}
ok(wait_until(20, sub {
	my $n = grep { $_->{status} == 200 } parallel(map { [arguments('soon', who => "u$_")] } 1 .. 8);
	$passed += $n;
	return !$n;
}), 'async: when the window is full, soon every process knows');
cmp_ok($passed, '>=', 40, '... all that is allowed passes');
cmp_ok($passed, '<=', 80, '... and no process lets through more than all of it');
is(wait_until(10, sub { my $n = $pg->psql('select max(n) from gatehouse.rate'); $n >= $passed && $n }), $passed,
	'... the database has the sum of what each counted');

# ---- names that clients invent

sub rows { return $pg->psql('select count(*) from gatehouse.rate') }
sub invented { my ($from, $n) = @_; return '[' . join(',', map { qq({"jsonrpc":"2.0","id":$_,"method":"tools/call","params":{"name":"x$_"}}) } $from .. $from + $n - 1) . ']' }
my $rows = rows();
is(call('names_filtered', tool => "hidden-$_")->json->{error}{code}, -32601, 'a tool that a filter hides') for 1 .. 3;
is(rows(), $rows, '... has no count, wherever the limit stands in the list');
is(call('names_filtered', tool => 'a')->{status}, 200, 'one that it shows');
is(rows(), $rows + 1, '... has');
# 100 at a time, in two processes, each of which has room for 2048
my @many = map { call('names', content => invented(100 * $_, 100))->{status} } 0 .. 49;
is(scalar(grep { $_ != 200 && $_ != 429 } @many), 0, 'five thousand names');
my $more = rows() - $rows - 1;
cmp_ok($more, '<=', 2 * 2048 + 1, '... have no count each');
cmp_ok($more, '>=', 2000, '... but for the first');
# whichever process gets them: names of their own for two times 2048, and room for 200 others, are 42 of the fifty
cmp_ok(scalar(grep { $_ == 429 } @many), '>=', 8, '... the others share one') or diag "@many";

# ---- while the database is away

my $counted = 0;
sub counted { my $n = call('closed_async')->{status} == 200; $counted += $n; return $n }
call($_) for qw(open closed);
counted();
$pg->halt;
my %away = map { $_ => call($_) } qw(open closed);
ok(wait_until(20, sub { !counted() }), 'async: what cannot be exchanged is refused as well, with throwOnFailure');
is($away{open}{status}, 200, 'a request that cannot be counted passes') or diag $away{open}{content};
is($away{closed}{status}, 503, '... or not, with throwOnFailure');
like($away{closed}->header('Retry-After'), qr/^\d+$/, '... which says to come back');
is($away{closed}->json->{id}, 'x-7', '... as a JSON-RPC error with the id');
ok((grep { ($_->{msg} // $_->{message} // '') eq 'requests pass uncounted' } $gw->log_lines('mcp')), 'the log says that requests pass uncounted');
$pg->start;
ok(wait_until(20, sub { call('closed')->{status} == 200 }), 'when it is back requests are counted again');

# a count under way when the programs end is not lost
ok(wait_until(20, sub { counted() }), 'async: then, too');
counted() for 1 .. 3;
$gw->stop_program('mcp');
is($pg->psql(sprintf "select n from gatehouse.rate where rate_key = '\\x%s'", sha256_hex("closed_async\0all\0")), $counted,
	'a program hands over its counts when it ends; of those that waited for the database none is lost or doubled');

$gw->stop;
$pg->stop;
done_testing();
