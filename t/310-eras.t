#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# What each protocol era has of its own, passed through: the order of the checks at the door, a server's requests inside a
# call's stream and the client's answers to them, listening streams and where they go on, subscriptions.

use strict;
use warnings;

use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep);

use Gatehouse::Http qw(request stream);
use Gatehouse::Pg;
use Gatehouse::Run qw(wait_until);
use Gatehouse::Server;
use Gatehouse::Token qw(issue);
use Gatehouse::Upstream;

my $up = Gatehouse::Upstream->new(sub {
	my ($c, $r) = @_;
	my $id = $r->{content} =~ /"id":("[^"]*"|\d+)/ ? $1 : '';
	if ($r->{method} eq 'GET') {
		$c->begin_stream;
		$c->chunk("id: after-" . ($r->{header}{'last-event-id'} // 'nothing') . "\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}\n\n");
		$c->note(left => 1) if $c->wait_close;
		return 0;
	}
	return $c->reply(204, [], '') if $r->{method} eq 'DELETE';
	return $c->reply(202, [], '') if $r->{content} !~ /"method"/ || $r->{content} =~ /"method":"notifications/;
	return $c->result($r, {}, ['Mcp-Session-Id', 'upstream-session']) if $r->{content} =~ /"initialize"/;
	if ($r->{content} =~ /"ask"/) {
		$c->begin_stream;
		$c->event('{"jsonrpc":"2.0","id":"from-server","method":"elicitation/create","params":{"message":"name?"}}');
		$c->wait_file('answered');
		$c->event(qq({"jsonrpc":"2.0","id":$id,"result":{"content":[]}}));
		return $c->end_stream;
	}
	if ($r->{content} =~ m{subscriptions/listen}) {
		$c->begin_stream;
		$c->event('{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":1}}}');
		$c->note(unsubscribed => 1) if $c->wait_close;
		return 0;
	}
	return $c->reply(200, [['Content-Type', 'application/json']], qq({"jsonrpc":"2.0","id":$id,"result": {"resultType":"input_required",)
		. '"inputRequests":{"k":{"method":"x/y","params":{"n":1.0e2}}},"requestState":"\u0041","_meta":{"ui":{"csp":[ ]}}} }');
});
my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, programs => ['mcp'], gateway => { limits => { streamIdleMs => 1500, streamCommentMs => 500 } },
	routes => { '/mcp/x' => { upstream => $up->url('/mcp'), options => { sse => JSON::PP::true } } });
my $alice = issue($pg, $gw, '/mcp/x', subject => 'alice', client => 'c1');
my $bob = issue($pg, $gw, '/mcp/x', subject => 'bob', client => 'c1');

sub arguments {
	my ($method, $content, %o) = @_;
	my $token = exists $o{token} ? $o{token} : $alice;
	return ($method, $gw->url('/mcp/x'), { timeout => 20, headers => [['Content-Type', $o{type} // 'application/json'], ['Accept', 'application/json, text/event-stream'],
		($token ? ['Authorization', "Bearer $token->{access_token}"] : ()), @{ $o{headers} || [] }], (defined $content ? (content => $content) : ()),
		($o{on_chunk} ? (on_chunk => $o{on_chunk}) : ()) });
}

# --- the order of the checks (protocol 1.12): each row fails in two ways, and the earlier counts

my $meta = '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}';
my $list = qq({"jsonrpc":"2.0","id":1,"method":"tools/list","params":{$meta}});
my @evil = ['Origin', 'https://evil.example'];
my $now = ['MCP-Protocol-Version', '2026-07-28'];
# [what, status, JSON-RPC code, body, options]
my @rows = (
	['a foreign Origin before a missing token', 403, undef, $list, token => undef, headers => [@evil]],
	['a foreign Origin with a good token', 403, undef, $list, headers => [@evil, $now, ['Mcp-Method', 'tools/list']]],
	['a missing token before a wrong type', 401, undef, $list, token => undef, type => 'text/plain'],
	['a wrong type before bad JSON', 415, undef, '{', type => 'text/plain'],
	['bad JSON', 400, -32700, '{'],
	['an empty array', 400, -32600, '[]'],
	['an array with a modern message', 400, -32600, "[$list]"],
	['an array of 101', 400, -32600, '[' . join(',', ('{"jsonrpc":"2.0","id":1,"method":"ping"}') x 101) . ']'],
	['initialize with a modern header', 400, -32020, '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}', headers => [$now]],
	['a modern message without capabilities before its headers', 400, -32602,
		'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}'],
	['another version in the header before an unknown one', 400, -32020, $list =~ s/2026-07-28/2099-01-01/r, headers => [$now]],
	['an unknown version before missing headers', 400, -32022, $list =~ s/2026-07-28/2099-01-01/r, headers => [['MCP-Protocol-Version', '2099-01-01']]],
	['a modern message without its version header', 400, -32020, $list, headers => [['Mcp-Method', 'tools/list']]],
	['a modern message without Mcp-Method', 400, -32020, $list, headers => [$now]],
	['a modern header without its envelope', 400, -32602, '{"jsonrpc":"2.0","id":1,"method":"tools/list"}', headers => [$now]],
	['an unknown older version', 400, -32000, '{"jsonrpc":"2.0","id":1,"method":"tools/list"}', headers => [['MCP-Protocol-Version', '2024-01-01']]],
);
$up->clear;
for my $row (@rows) {
	my ($name, $status, $code, $content, %o) = @$row;
	my $r = request(arguments('POST', $content, %o));
	is($r->{status}, $status, "$name: $status") or diag $r->{content};
	is(($r->json || {})->{error}{code}, $code, "$name: $code") if $code;
}
is(scalar($up->requests), 0, 'nothing of this reaches the upstream');

# --- a server's requests in a call's stream, and the client's answers

my $r = request(arguments('POST', '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}'));
my $session = $r->header('Mcp-Session-Id');
my @in = (headers => [['Mcp-Session-Id', $session], ['MCP-Protocol-Version', '2025-06-18']]);
my $answer = '{"jsonrpc":"2.0","id":"from-server","result":{ "action":"accept","content":{"name":"\u00e9"} }}';
my $answered;
$up->clear;
$r = stream(arguments('POST', '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"ask"}}', @in, on_chunk => sub {
	my ($bytes) = @_;
	if (!$answered && $bytes =~ /elicitation/) {
		$answered = request(arguments('POST', $answer, @in));
		$up->release('answered');
	}
	return 1;
}));
is($answered && $answered->{status}, 202, 'the client answers while the call\'s stream is open');
my ($got) = grep { $_->{content} =~ /from-server/ } $up->requests;
is($got->{content}, $answer, '... byte for byte');
is($got->{header}{'mcp-session-id'}, 'upstream-session', '... in the upstream\'s session');
is((map { JSON::PP::decode_json($_->{data}) } $r->events)[-1]{id}, 2, '... and the call gets its result');
is(request(arguments('POST', $answer, token => $bob, @in))->{status}, 404, 'E83: nobody else can answer in that session');
is(request(arguments('POST', '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2}}', @in))->{status}, 202, 'a cancellation passes');
is(($up->requests)[-1]{content}, '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2}}', '... as it is');

# --- listening streams

my @chunks;
$r = stream(arguments('GET', undef, headers => [@{ $in[1] }, ['Last-Event-ID', 'event-7']], on_chunk => sub { push @chunks, $_[0]; return @chunks < 6 }));
like($chunks[0], qr/^id: after-event-7$/m, 'a listening stream goes on after the event that the client names');
is($r->{status}, 200, '... with the status of a stream');
is(scalar(grep { /^: / } @chunks), 5, '... and stays, however long nothing comes') or diag explain \@chunks;
is(request(arguments('GET', undef, token => $bob, headers => [@{ $in[1] }, ['Last-Event-ID', 'event-7']]))->{status}, 404,
	'E83: nobody else reads that stream');
$up->clear;
is(request(arguments('DELETE', undef, @in))->{status}, 204, 'DELETE passes');
is(($up->requests)[0]{header}{'mcp-session-id'}, 'upstream-session', '... for the upstream\'s session');

# --- the modern era

my @modern = (headers => [$now, ['Mcp-Method', 'x/y'], ['Last-Event-ID', 'event-7']]);
$up->clear;
$r = request(arguments('POST', qq({"jsonrpc":"2.0","id":1,"method":"x/y","params":{$meta,"ext":{"a":1.0e2}}}), @modern));
is($r->{content}, '{"jsonrpc":"2.0","id":1,"result": {"resultType":"input_required","inputRequests":{"k":{"method":"x/y","params":{"n":1.0e2}}},'
	. '"requestState":"\u0041","_meta":{"ui":{"csp":[ ]}}} }', 'input_required, states and extensions pass byte for byte');
is_deeply([map { [$_->{content}, $_->{header}{'last-event-id'}] } $up->requests],
	[[qq({"jsonrpc":"2.0","id":1,"method":"x/y","params":{$meta,"ext":{"a":1.0e2}}}), undef]], '... up, too; there is no stream to resume');
@chunks = ();
$r = stream(arguments('POST', qq({"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{$meta,"notifications":{}}}),
	headers => [$now, ['Mcp-Method', 'subscriptions/listen']], on_chunk => sub { push @chunks, $_[0]; return @chunks < 6 }));
like($chunks[0], qr/acknowledged/, 'a subscription is acknowledged');
is(scalar(grep { /^: / } @chunks), 5, '... and stays, however long nothing comes') or diag explain \@chunks;
ok($up->wait_for(sub { grep { $_->{unsubscribed} } $up->notes }), '... until the client leaves, which the upstream sees');
$gw->stop;
done_testing;
