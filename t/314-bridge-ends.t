#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Across the bridge: calls that end before their answer, what a server asks in a call's stream, many callers at once, and
# sessions that nobody will use again.

use strict;
use warnings;

use JSON::PP ();
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);

use Gatehouse::Http qw(request stream);
use Gatehouse::Pg;
use Gatehouse::Run qw(wait_until);
use Gatehouse::Server;
use Gatehouse::Token qw(issue);
use Gatehouse::Upstream;

my $JSON = JSON::PP->new->canonical;
my $TRUE = JSON::PP::true;
my @pages = map { { mode => 'url', url => "https://pay.example/$_", message => "Page $_" } } 1 .. 2;

sub method_of { return $_[0]{content} =~ /"method":"([^"]+)"/ ? $1 : '' }
sub name_of { return $_[0]{content} =~ /"name":"([^"]+)"/ ? $1 : '' }

# A server of 2025-11-25. Asked for pages, it waits for what its client says to each.
my $legacy = Gatehouse::Upstream->new(sub {
	my ($c, $r) = @_;
	my ($method, $name) = (method_of($r), name_of($r));
	return $c->reply(405, [], '') if $r->{method} eq 'DELETE' && $r->{path} eq '/keeps';
	return $c->reply(204, [], '') if $r->{method} eq 'DELETE';
	if ($method eq 'server/discover' && $r->{path} eq '/mute') {
		$c->wait_file('mute' . ((grep { !-e "$c->{upstream}{dir}/go-mute$_" } 1 .. 2)[0] || 3));
		return $c->json(500, {});
	}
	return $c->json(400, { jsonrpc => '2.0', id => undef, error => { code => -32000, message => 'no session' } }) if $method eq 'server/discover';
	if ($method eq 'initialize') {
		$c->wait_file('greet') if $r->{path} eq '/crowd';
		return $c->result($r, { protocolVersion => '2025-11-25', capabilities => { tools => {} }, serverInfo => { name => 'old', version => '1' },
			instructions => $r->{path} eq '/crowd' ? 'x' x 100_000 : '' },
			['Mcp-Session-Id', 'session-' . rand]);
	}
	if ($r->{content} =~ /"id":"(\w+)","result":\{"action":"(\w+)"\}/) {
		$c->{upstream}->release("$1-$2");
		return $c->reply(202, [], '');
	}
	return $c->reply(202, [], '') if $r->{content} !~ /"id"/;
	if ($name eq 'hang') {
		$c->begin_stream;
		$c->event({ jsonrpc => '2.0', method => 'notifications/progress', params => { progress => 1 } });
		$c->note(left => $r->{content}) if $c->wait_close;
		return 0;
	}
	if ($name =~ /^pages-(\w+)/) {
		$c->begin_stream;
		for my $n (1 .. 2) {
			my $id = "$1$n";
			$c->event({ jsonrpc => '2.0', id => $id, method => 'elicitation/create', params => { %{ $pages[$n - 1] }, elicitationId => $id } });
			my $said = $c->{upstream}->wait_for(sub { (grep { -e "$c->{upstream}{dir}/go-$id-$_" } qw(accept decline))[0] }, 6) or return 0;
			if ($said ne 'accept') {
				$c->event($JSON->encode({ jsonrpc => '2.0', id => $r->{content} =~ /"id":"([^"]+)"/, result => { content => [{ type => 'text', text => "said $said" }] } }));
				return $c->end_stream;
			}
		}
		$c->event($JSON->encode({ jsonrpc => '2.0', id => $r->{content} =~ /"id":"([^"]+)"/, result => { content => [{ type => 'text', text => 'paid' }] } }));
		return $c->end_stream;
	}
	return $c->json(500, {}) if $name eq 'fails';
	return $c->result($r, { content => [{ type => 'text', text => $r->{header}{'mcp-session-id'} }] });
});

my $modern = Gatehouse::Upstream->new(sub {
	my ($c, $r) = @_;
	my ($method, $name) = (method_of($r), name_of($r));
	return $c->json(400, { jsonrpc => '2.0', id => 7, error => { code => -32022, message => 'no', data => { supported => ['2026-07-28'] } } }) if $method eq 'initialize';
	return $c->result($r, { resultType => 'complete', supportedVersions => ['2026-07-28'], capabilities => { tools => {} }, ttlMs => 0, cacheScope => 'private' })
	  if $method eq 'server/discover';
	if ($method eq 'tools/list') {
		$c->wait_file('list') if $r->{path} eq '/crowd';
		$c->wait_file('later') if $r->{path} eq '/later';
		return $c->result($r, { resultType => 'complete', ttlMs => 0, cacheScope => 'private', tools => [map { { name => $_, inputSchema => { type => 'object' } } } qw(hang stream one)] });
	}
	if ($name eq 'hang') {
		$c->note(hangs => 1);
		$c->note(left => 'hang') if $c->wait_close;
		return 0;
	}
	if ($name eq 'stream') {
		$c->begin_stream;
		$c->event({ jsonrpc => '2.0', method => 'notifications/progress', params => { progress => 1 } });
		$c->note(left => 'stream') if $c->wait_close;
		return 0;
	}
	return $c->result($r, { resultType => 'complete', content => [] });
});

my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, programs => ['mcp'], gateway => { limits => { streamIdleMs => 60000 } }, routes => {
	'/mcp/old' => { upstream => $legacy->url('/mcp'), options => { bridge => $TRUE } },
	'/mcp/slow' => { upstream => $legacy->url('/mcp'), options => { bridge => $TRUE, timeoutMs => 2000 } },
	'/mcp/crowd' => { upstream => $legacy->url('/crowd'), options => { bridge => $TRUE } },
	'/mcp/mute' => { upstream => $legacy->url('/mute'), options => { bridge => $TRUE } },
	'/mcp/anyone' => { upstream => $legacy->url('/mcp'), public => 1, options => { bridge => $TRUE } },
	'/mcp/keeps' => { upstream => $legacy->url('/keeps'), public => 1, options => { bridge => $TRUE } },
	'/mcp/new' => { upstream => $modern->url('/mcp'), options => { bridge => $TRUE } },
	'/mcp/later' => { upstream => $modern->url('/later'), options => { bridge => $TRUE } },
	'/mcp/lists' => { upstream => $modern->url('/crowd') },
});
my %token = map { $_ => issue($pg, $gw, "/mcp/$_", subject => 'alice', client => 'c1') } qw(old slow crowd mute new later lists);
my $bob = issue($pg, $gw, '/mcp/new', subject => 'bob', client => 'c1');

sub post {
	my ($route, $body, %o) = @_;
	my $token = $o{token} || $token{$route};
	my @with = (timeout => 30, headers => [['Content-Type', 'application/json'], ['Accept', 'application/json, text/event-stream'],
		($token ? ['Authorization', "Bearer $token->{access_token}"] : ()), @{ $o{headers} || [] }], content => $JSON->encode($body));
	my $url = ($o{gw} || $gw)->url("/mcp/$route");
	return $o{on_chunk} ? stream('POST', $url, { @with, on_chunk => $o{on_chunk} }) : request('POST', $url, { @with });
}

sub call {
	my ($route, $name, %o) = @_;
	my $method = $o{method} || 'tools/call';
	return post($route, { jsonrpc => '2.0', id => 7, method => $method, params => { name => $name, arguments => {}, %{ $o{params} || {} }, _meta => {
		'io.modelcontextprotocol/protocolVersion' => '2026-07-28', 'io.modelcontextprotocol/clientCapabilities' => $o{can} || {} } } },
		%o, headers => [['MCP-Protocol-Version', '2026-07-28'], ['Mcp-Method', $method], ($method eq 'tools/call' ? ['Mcp-Name', $name] : ())]);
}

# Runs CODE in a process of its own; waits for it with its text.
sub meanwhile {
	my ($code) = @_;
	my $pid = open(my $answer, '-|') // die "fork: $!";
	if (!$pid) {
		syswrite STDOUT, $code->();
		POSIX::_exit(0);
	}
	return $answer;
}
sub said { my ($answer) = @_; local $/; my $text = <$answer>; close $answer; return $text }

sub sent { my ($up, $method) = @_; return grep { method_of($_) eq $method } $up->requests }
sub text { my ($r) = @_; return ($r->json || {})->{result}{content}[0]{text} // $r->{content} }
sub result_of { my ($r) = @_; return ((map { $JSON->decode($_->{data}) } grep { length $_->{data} } $r->events)[-1] || {})->{result} }
sub request_id { my ($r) = @_; return $JSON->decode($r->{content})->{id} }

# --- a modern client that leaves a legacy upstream

call('old', 'one');
$legacy->clear;
call('old', 'hang', on_chunk => sub { return 0 });
ok($legacy->wait_for(sub { sent($legacy, 'notifications/cancelled') }), 'a client leaves: the upstream is told');
my ($call) = sent($legacy, 'tools/call');
my ($told) = sent($legacy, 'notifications/cancelled');
is_deeply($JSON->decode($told->{content}), { jsonrpc => '2.0', method => 'notifications/cancelled', params => { requestId => request_id($call) } }, '... which request it was');
is_deeply([map { $told->{header}{$_} } qw(mcp-session-id mcp-protocol-version mcp-method)], [$call->{header}{'mcp-session-id'}, '2025-11-25', undef], '... in its session');
$legacy->clear;
call('old', 'one') for 1 .. 2;
my @ids = map { request_id($_) } sent($legacy, 'tools/call');
isnt($ids[0], $ids[1], 'requests of one session have ids of their own, whatever clients count');
$legacy->clear;
call('slow', 'hang', on_chunk => sub { return 0 }) for 1 .. 3;
ok($legacy->wait_for(sub { 3 == sent($legacy, 'notifications/cancelled') }), 'each of several is cancelled');
$legacy->clear;
call('old', $_) for qw(one fails);
call('old', 'hang', on_chunk => sub { return 0 });
ok($legacy->wait_for(sub { sent($legacy, 'notifications/cancelled') }), 'one more that leaves');
my ($last) = grep { name_of($_) eq 'hang' } sent($legacy, 'tools/call');
is_deeply([map { $JSON->decode($_->{content})->{params}{requestId} } sent($legacy, 'notifications/cancelled')], [request_id($last)],
	'... is the only one that is cancelled: those that were answered, by whatever, are over');
is_deeply([grep { $_->{method} eq 'DELETE' } $legacy->requests], [], 'a user\'s session is kept');

# --- sessions of strangers

$legacy->clear;
my $session = text(call('anyone', 'one'));
ok($legacy->wait_for(sub { grep { $_->{method} eq 'DELETE' } $legacy->requests }), 'a stranger\'s session ends with its call');
my ($end) = grep { $_->{method} eq 'DELETE' } $legacy->requests;
is_deeply([@{ $end->{header} }{qw(mcp-session-id mcp-protocol-version)}], [$session, '2025-11-25'], '... by its id');
$legacy->clear;
call('anyone', 'hang', on_chunk => sub { return 0 });
ok($legacy->wait_for(sub { grep { $_->{method} eq 'DELETE' } $legacy->requests }), '... also when it leaves');
is_deeply([map { $_->{method} eq 'DELETE' ? 'DELETE' : method_of($_) } ($legacy->requests)[-2, -1]], ['notifications/cancelled', 'DELETE'], '... after its request');
is(call('keeps', 'one')->{status}, 200, 'an upstream that ends no sessions is no trouble');

# --- what a server asks in the call's stream

my %can = (can => { elicitation => { url => {} } });
my $r = call('old', 'pages-a', %can);
my ($asked) = result_of($r);
is($asked->{resultType}, 'input_required', 'a page that is asked for in the stream becomes input_required');
my ($key) = keys %{ $asked->{inputRequests} };
is_deeply($asked->{inputRequests}, { $key => { method => 'elicitation/create', params => $pages[0] } }, '... as its era has it');
ok($legacy->wait_for(sub { sent($legacy, 'notifications/cancelled') }), '... and the call that asked is cancelled');
$r = call('old', 'pages-b', %can, params => { inputResponses => { $key => { action => 'accept' } } });
($asked) = result_of($r);
is_deeply([sort map { $_->{params}{url} } values %{ $asked->{inputRequests} }], [map { $_->{url} } @pages],
	'the call again, with the user\'s answer: the upstream gets that, and asks for its next page');
$r = call('old', 'pages-c', %can, params => { inputResponses => { map { $_ => { action => 'accept' } } keys %{ $asked->{inputRequests} } } });
is(result_of($r)->{content}[0]{text}, 'paid', '... and answers when it has all that it asked for');
$r = call('old', 'pages-d', %can, params => { inputResponses => { $key => { action => 'decline' } } });
is(result_of($r)->{content}[0]{text}, 'said decline', 'a no reaches it, too');
$r = call('old', 'pages-e');
like(result_of($r)->{content}[0]{text}, qr{Page 1 https://pay\.example/1}, 'who opens no pages reads of it');

# --- a legacy client that cancels at a modern upstream

my %hello = (jsonrpc => '2.0', id => 7, method => 'initialize', params => { protocolVersion => '2025-06-18', capabilities => {}, clientInfo => { name => 'c', version => '1' } });
my @in = map { (headers => [['Mcp-Session-Id', $_->header('Mcp-Session-Id')], ['MCP-Protocol-Version', '2025-06-18']]) } post('new', \%hello);
my @other = map { (headers => [['Mcp-Session-Id', $_->header('Mcp-Session-Id')], ['MCP-Protocol-Version', '2025-06-18']]) } post('new', \%hello);
sub in_session { my ($id, $name, @with) = @_; return post('new', { jsonrpc => '2.0', id => $id, method => 'tools/call', params => { name => $name, arguments => {} } }, @with) }
sub cancel { my ($id, @with) = @_; return post('new', { jsonrpc => '2.0', method => 'notifications/cancelled', params => { requestId => $id } }, @with)->{status} }

$modern->clear;
my $answer = meanwhile(sub { my $a = in_session('x1', 'hang', @in); return "$a->{status}:$a->{content}" });
ok($modern->wait_for(sub { grep { $_->{hangs} } $modern->notes }), 'a legacy client\'s call is at the modern upstream');
is_deeply([cancel('x2', @in), cancel('x1', @other), cancel('x1', @in, token => $bob)], [202, 202, 404], 'another id, another session, another user:');
ok(!$modern->wait_for(sub { grep { $_->{left} } $modern->notes }, 1), '... cancel nothing');
is(cancel('x1', @in), 202, 'its own cancellation');
ok($modern->wait_for(sub { grep { ($_->{left} // '') eq 'hang' } $modern->notes }), '... ends the upstream\'s call');
is(said($answer), '202:', '... which is not answered any more');
ok(wait_until(10, sub { grep { ($_->{outcome} // '') eq 'cancelled' && ($_->{reasonCode} // '') eq 'cancelled' } $gw->log_lines('mcp') }), '... and is an event of that name');
my $two = Gatehouse::Server->new(pg => $pg, programs => ['mcp'], node_of => $gw, gateway => { limits => { streamIdleMs => 60000 } },
	routes => { '/mcp/new' => { upstream => $modern->url('/mcp'), options => { bridge => $TRUE } } });
$modern->clear;
$answer = meanwhile(sub { my $a = in_session('x9', 'hang', headers => [@{ $in[1] }, ['Host', '127.0.0.1:' . $gw->port]], gw => $two); return "$a->{status}:$a->{content}" });
ok($modern->wait_for(sub { grep { $_->{hangs} } $modern->notes }), 'a call at one process');
is(cancel('x9', @in), 202, '... is cancelled at another');
is(said($answer), '202:', '... and ends there');
$two->stop;
my $n = 0;
$r = in_session(9, 'stream', @in, on_chunk => sub { cancel(9, @in) if !$n++; return 1 });
is(scalar(grep { length $_->{data} } $r->events), 1, 'a stream ends likewise');
ok($modern->wait_for(sub { grep { ($_->{left} // '') eq 'stream' } $modern->notes }), '... at the upstream, too');

# --- many at once

sub at_crowd { my ($up, $path, $method) = @_; return scalar(grep { $_->{path} eq $path } sent($up, $method)) }
my @crowd = map { meanwhile(sub { return call('crowd', 'one')->{status} }) } 1 .. 8;
ok($legacy->wait_for(sub { at_crowd($legacy, '/crowd', 'initialize') }), 'many callers of one user, without a session');
sleep 0.7; # the others may come
$legacy->release('greet');
is_deeply([map { said($_) } @crowd], [(200) x 8], '... are all served');
is_deeply([map { at_crowd($legacy, '/crowd', $_) } qw(server/discover initialize)], [1, 1], '... after one question, and one greeting');
$modern->clear;
@crowd = map { meanwhile(sub { return call('lists', 'one')->{status} }) } 1 .. 8;
ok($modern->wait_for(sub { sent($modern, 'tools/list') }), 'many calls of tools whose marks nobody knows');
sleep 0.5;
$modern->release('list');
is_deeply([map { said($_) } @crowd], [(200) x 8], '... are all made');
is(scalar(sent($modern, 'tools/list')), 1, '... after one list');

# a server that does not say what it is: each waits twice at most for what others ask, and no crowd goes one by one
$legacy->clear;
@crowd = map { meanwhile(sub { return call('mute', 'one')->{status} }) } 1 .. 6;
for my $asked (1, 2) {
	ok($legacy->wait_for(sub { $asked == at_crowd($legacy, '/mute', 'server/discover') }, 30), "a server does not say what it is, question $asked");
	sleep 0.7; # the others may come
	$legacy->release("mute$asked");
}
ok($legacy->wait_for(sub { 6 == at_crowd($legacy, '/mute', 'server/discover') }, 20), '... then all ask at once');
$legacy->release('mute3');
is_deeply([map { said($_) } @crowd], [(200) x 6], '... and are served');

# the one that goes may end before it has it
$modern->clear;
@in = map { (headers => [['Mcp-Session-Id', $_->header('Mcp-Session-Id')], ['MCP-Protocol-Version', '2025-06-18']]) } post('later', \%hello);
sub later { my ($id) = @_; return post('later', { jsonrpc => '2.0', id => $id, method => 'tools/call', params => { name => 'one', arguments => {} } }, @in)->{status} }
my $first = meanwhile(sub { return later('first') });
ok($modern->wait_for(sub { sent($modern, 'tools/list') }), 'a call asks for a list');
@crowd = map { my $id = "later-$_"; meanwhile(sub { return later($id) }) } 1 .. 8;
sleep 0.7;
is(scalar(sent($modern, 'tools/list')), 1, '... for which others wait');
post('later', { jsonrpc => '2.0', method => 'notifications/cancelled', params => { requestId => 'first' } }, @in);
is(said($first), 202, '... and is cancelled');
ok($modern->wait_for(sub { 2 == sent($modern, 'tools/list') }, 30), '... then another asks');
$modern->release('later');
is_deeply([map { said($_) } @crowd], [(200) x 8], '... for all');
is(scalar(sent($modern, 'tools/list')), 2, '... and no other');
$gw->stop;
done_testing;
