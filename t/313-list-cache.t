#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Lists that are answered from memory: for how long, for whom, and until whose word.

use strict;
use warnings;

use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep);

use Gatehouse::Http qw(request);
use Gatehouse::Pg;
use Gatehouse::Run qw(wait_until);
use Gatehouse::Server;
use Gatehouse::Token qw(issue);
use Gatehouse::Upstream;

my $JSON = JSON::PP->new->canonical;
my $TRUE = JSON::PP::true;
# What a list says of itself, by its cursor.
my %says = (public => '"ttlMs":60000,"cacheScope":"public"', private => '"ttlMs":60000,"cacheScope":"private"', short => '"ttlMs":4000,"cacheScope":"public"',
	zero => '"ttlMs":0,"cacheScope":"public"', none => '"x":1', text => '"ttlMs":"60000","cacheScope":"public"', odd => '"ttlMs":60000,"cacheScope":"all"',
	fraction => '"ttlMs":6e4,"cacheScope":"public"', input => '"resultType":"input_required","ttlMs":60000,"cacheScope":"public"',
	stream => '"ttlMs":60000,"cacheScope":"public"',
	link => '"resultType":"complete","ttlMs":60000,"cacheScope":"public","inputRequests":{"k":{"params":{"url":"javascript:x"}}}');
my $up = Gatehouse::Upstream->new(sub {
	my ($c, $r) = @_;
	my ($cursor) = $r->{content} =~ /"cursor":"(\w+)"/;
	my ($id) = $r->{content} =~ /"id":(\d+)/;
	if ($r->{content} =~ m{subscriptions/listen}) {
		$c->begin_stream;
		$c->event('{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged"}');
		$c->wait_file('change');
		$c->event('{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}');
		return $c->end_stream;
	}
	return $c->json(200, qq({"jsonrpc":"2.0","id":$id,"error":{"code":-1,"message":"no"}})) if $cursor eq 'error';
	my $key = $r->{header}{authorization} // '';
	my $answer = qq({"jsonrpc":"2.0","id":$id,"result":{$says{$cursor},"tools":[{"name":"one"},{"name":"two","description":"$key"}]}});
	return $c->json(200, $answer) if $cursor ne 'stream';
	$c->begin_stream;
	$c->event($answer);
	return $c->end_stream;
});
my $pg = Gatehouse::Pg->new;
sub options { return { cacheLists => $TRUE, forwardHeaders => ['x-tenant'] } }
my $gw = Gatehouse::Server->new(pg => $pg, programs => ['mcp'],
	policies => [{ name => 'filter', policyType => 'mcp-capability-filter-inbound', handler => { export => 'X', options => { tools => ['one'] } } },
		{ name => 'key', policyType => 'set-upstream-api-key-inbound', handler => { export => 'X', options => { value => 'Bearer sk-0123456789' } } }],
	routes => { '/mcp/kept' => { upstream => $up->url('/a'), options => options() }, '/mcp/filtered' => { upstream => $up->url('/b'), inbound => ['filter'],
		options => options() }, '/mcp/off' => { upstream => $up->url('/c') },
		'/mcp/keyed' => { upstream => $up->url('/d'), inbound => ['key'], options => options() } });
my %who = (alice => ['alice', 'c1'], bob => ['bob', 'c1'], other => ['alice', 'c2']);
my %token;
for my $route (qw(kept filtered off keyed)) {
	$token{$route}{$_} = issue($pg, $gw, "/mcp/$route", subject => $who{$_}[0], client => $who{$_}[1])->{access_token} for keys %who;
}
my $ids = 100;

sub list {
	my ($cursor, %o) = @_;
	my $route = $o{route} || 'kept';
	my $method = $o{method} || 'tools/list';
	my $gateway = $o{gw} || $gw;
	my $modern = $o{legacy} ? {} : { _meta => { 'io.modelcontextprotocol/protocolVersion' => '2026-07-28', 'io.modelcontextprotocol/clientCapabilities' => {},
		%{ $o{meta} || {} } } };
	return request('POST', $gateway->url("/mcp/$route"), { timeout => 20, headers => [['Content-Type', 'application/json'],
		['Accept', 'application/json, text/event-stream'], ['Authorization', 'Bearer ' . ($o{token} || $token{$route}{ $o{who} || 'alice' })],
		($o{legacy} ? () : (['MCP-Protocol-Version', '2026-07-28'], ['Mcp-Method', $method])), @{ $o{headers} || [] }],
		($o{on_chunk} ? (on_chunk => $o{on_chunk}) : ()),
		content => $JSON->encode({ jsonrpc => '2.0', id => ++$ids, method => $method, params => { ($cursor ? (cursor => $cursor) : ()), %$modern, %{ $o{params} || {} } } }) });
}

# How often the upstream is asked for these lists: [cursor, options], ...
sub asked { my @lists = @_; $up->clear; list(@$_) for @lists; return scalar(() = $up->requests) }

my ($first, $again);
is(settled('first', 0, ['public']), 0, 'a list is asked for once');
($first, $again) = map { list('public') } 1 .. 2;
is($again->json->{id}, $ids, '... and answered with the id of each request');
cmp_ok($again->json->{result}{ttlMs}, '<=', 60000, '... with what is left of its time');
is_deeply($again->json->{result}{tools}, $first->json->{result}{tools}, '... the same');
is($again->header('Content-Type'), 'application/json', '... as JSON');
ok(wait_until(20, sub { 5 <= grep { ($_->{mcpMethod} // '') eq 'tools/list' && ($_->{outcome} // '') eq 'success' } $gw->log_lines('mcp') }), 'each is an event');

# A process forgets its lists when it has lost the database for a moment, as it may on a machine that is busy: a row has three
# chances, each with lists of its own.
sub settled {
	my ($what, $n, @lists) = @_;
	my $asked;
	for my $chance (1 .. 3) {
		my @own = (params => { own => "$what-$chance" });
		list($_, @own) for qw(public private);
		$asked = asked(map { my ($cursor, %o) = @$_; [$cursor, %o, params => { %{ $own[1] }, %{ $o{params} || {} } }] } @lists);
		last if $asked == $n;
	}
	return $asked;
}

my $trace = '0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331';
# [what, how often the upstream is asked, lists]; a public list of alice's, and a private one, were asked for before
my @rows = (
	['another user of a public list', 0, ['public', who => 'bob']],
	['another trace or progress token', 0, ['public', headers => [['traceparent', "00-$trace-01"]], meta => { progressToken => 5, traceparent => "00-$trace-01" }]],
	['other client software, which goes up', 1, ['public', headers => [['User-Agent', 'x']]]],
	['... or its name in the message', 1, ['public', meta => { 'io.modelcontextprotocol/clientInfo' => { name => 'n', version => '1' } }]],
	['baggage', 1, ['public', headers => [['Baggage', 'a=b']]]],
	['a trace that is none', 1, ['public', headers => [['traceparent', '00-1-1-01']]]],
	['a trace that is none, in the message', 1, ['public', meta => { traceparent => "<$trace>" }]],
	['an unknown header of the protocol\'s', 1, ['public', headers => [['Mcp-Other', 'x']]]],
	['an unknown member of the envelope', 1, ['public', meta => { 'x.example/y' => 1 }]],
	['another tenant, by a header that goes up', 1, ['public', headers => [['X-Tenant', 'b']]]],
	['other abilities of the client', 1, ['public', meta => { 'io.modelcontextprotocol/clientCapabilities' => { roots => {} } }]],
	['another list', 1, ['public', method => 'prompts/list']],
	['a query', 1, ['public', route => 'kept', params => { more => 1 }]],
	['a private list of the same user', 0, ['private']],
	['a private list of another user', 1, ['private', who => 'bob'], ['private', who => 'bob']],
	['a private list of another client', 1, ['private', who => 'other'], ['private', who => 'other']],
	['a list by a stream', 1, ['stream'], ['stream']],
	['a list of no time', 2, ['zero'], ['zero']],
	['a list that says nothing', 2, ['none'], ['none']],
	['a list whose time is no number', 2, ['text'], ['text']],
	['a list whose time is no whole number', 2, ['fraction'], ['fraction']],
	['a list for nobody knows whom', 2, ['odd'], ['odd']],
	['a list that asks for input', 2, ['input'], ['input']],
	['an error', 2, ['error'], ['error']],
	['a retry with answers', 2, ['public', params => { inputResponses => {} }], ['public', params => { inputResponses => {} }]],
	['a retry with a state', 2, ['public', params => { requestState => 's' }], ['public', params => { requestState => 's' }]],
	['an older revision, which has no such word', 2, ['public', legacy => 1], ['public', legacy => 1]],
	['a list that repeats a credential', 2, ['public', route => 'keyed'], ['public', route => 'keyed']],
	['a route without the option', 2, ['public', route => 'off'], ['public', route => 'off']],
);
for my $i (0 .. $#rows) {
	my ($name, $n, @lists) = @{ $rows[$i] };
	is(settled($i, $n, @lists), $n, "$name: $n");
}
is(settled('short', 1, ['short'], ['short']), 1, 'a list of a short time is kept');
list('short');
sleep 4.3;
is(asked(['short']), 1, '... and asked for again when that is over');

is_deeply([map { $_->{name} } @{ list('public', route => 'filtered')->json->{result}{tools} }], ['one'], 'a filter judges the upstream\'s answer');
is_deeply([map { $_->{name} } @{ list('public', route => 'filtered', who => 'bob')->json->{result}{tools} }], ['one'], '... and the kept one');
is(settled('filtered', 1, ['public', route => 'filtered', who => 'bob'], ['public', route => 'filtered']), 1, '... which it is');
is(list('public', token => $token{off}{alice})->{status}, 401, 'what is kept is for those who may call');

is(settled('link', 1, ['link', who => 'bob'], ['link', who => 'bob']), 1, 'a list that wants an address opened is kept');
is_deeply([map { list('link')->json->{result}{inputRequests}{k}{params}{url} } 1 .. 2], [('-' x 12) x 2], '... without the address, whenever it is told');

# --- changes

my $two = Gatehouse::Server->new(pg => $pg, programs => ['mcp'], node_of => $gw, routes => { '/mcp/kept' => { upstream => $up->url('/a'), options => options() } });
my @there = (gw => $two, headers => [['Host', '127.0.0.1:' . $gw->port]]);
is(settled('there', 1, ['public', @there], ['public', @there]), 1, 'another process keeps its own') or diag explain list('public', @there);
list('public', @there);
$up->clear;
list(undef, method => 'subscriptions/listen', on_chunk => sub { $up->release('change'); return 1 });
is(asked(['public']), 1, 'a list that has changed is asked for again');
ok(wait_until(10, sub { asked(['public', @there]) }), '... by other processes, too');
ok(wait_until(10, sub { !asked(['public', @there]) }), '... and kept again');
$two->stop;
$gw->stop;
done_testing;
