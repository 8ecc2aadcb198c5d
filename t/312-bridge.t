#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# The bridge between the protocol eras: what each side receives, whose session is used, and what is not carried. (Real clients
# and servers: t/904.)

use strict;
use warnings;

use JSON::PP ();
use POSIX ();
use Test::More;

use Gatehouse::Http qw(request);
use Gatehouse::Pg;
use Gatehouse::Run qw(wait_until);
use Gatehouse::Server;
use Gatehouse::Token qw(issue);
use Gatehouse::Upstream;

my $JSON = JSON::PP->new->canonical;
my $TRUE = JSON::PP::true;
my $page = { mode => 'url', url => 'https://pay.example/1', message => 'Pay first' };

sub method_of { return $_[0]{content} =~ /"method":"([^"]+)"/ ? $1 : '' }

# A server of 2025-06-18. Sessions begun before it was told to forget are unknown after.
my $legacy = Gatehouse::Upstream->new(sub {
	my ($c, $r) = @_;
	my $method = method_of($r);
	my $age = -e "$c->{upstream}{dir}/go-forget" ? 'new' : 'old';
	my $session = $r->{header}{'mcp-session-id'} // '';
	my $greeting = { protocolVersion => '2025-06-18', capabilities => { tools => { listChanged => $TRUE }, logging => {} },
		serverInfo => { name => 'old', version => '1' }, instructions => 'Mind the gap.' };
	return $c->json(400, { jsonrpc => '2.0', id => undef, error => { code => -32000, message => 'no session' } }) if $method eq 'server/discover';
	if ($method eq 'initialize') {
		if ($r->{path} eq '/silent-stream') {
			$c->begin_stream;
			$c->note(silent => 1);
			return $c->wait_close && 0;
		}
		return $c->result($r, $greeting, ['Mcp-Session-Id', "$age-" . rand]) if $r->{path} ne '/open-stream';
		$c->begin_stream(['Mcp-Session-Id', "$age-" . rand]); # and does not close it
		$c->event({ jsonrpc => '2.0', method => 'notifications/message', params => { n => $_ } }) for 1 .. 3;
		$c->event({ jsonrpc => '2.0', id => 'gatehouse', result => $greeting });
		$c->note(closed => 1) if $c->wait_close;
		return 0;
	}
	return $c->json(404, { error => 'unknown' }) if $session !~ /^$age-/;
	return $c->reply(202, [], '') if $r->{content} !~ /"id"/;
	my ($name) = $r->{content} =~ /"name":"([^"]+)"/;
	return $c->result($r, { tools => [map { { name => $_, inputSchema => { type => 'object' } } } qw(one two)] }) if $method eq 'tools/list';
	return $c->json(200, { jsonrpc => '2.0', id => 7, error => { code => -32042, message => 'm', data => { elicitations => [{ %$page, elicitationId => 'e' }] } } })
	  if $name eq 'page';
	if ($name eq 'asks') {
		$c->begin_stream;
		$c->event({ jsonrpc => '2.0', method => 'notifications/progress', params => { progress => 1 } });
		$c->event({ jsonrpc => '2.0', id => 99, method => 'sampling/createMessage', params => {} });
		$c->note(left => 1) if $c->wait_close;
		return 0;
	}
	return $c->result($r, { content => [{ type => 'text', text => $session }] });
});

my $modern = Gatehouse::Upstream->new(sub {
	my ($c, $r) = @_;
	my $method = method_of($r);
	my ($name) = $r->{content} =~ /"name":"([^"]+)"/;
	return $c->reply(400, [['Content-Type', 'text/html']], 'Request header too large') if grep { length > 4000 } values %{ $r->{header} };
	return $c->reply(400, [['Content-Type', 'text/html']], 'Not now') if $r->{path} eq '/shaky' && $method eq 'server/discover' && !-e "$c->{upstream}{dir}/go-steady";
	return $c->json(400, { jsonrpc => '2.0', id => 7, error => { code => -32022, message => 'no', data => { supported => ['2026-07-28'] } } })
	  if $method eq 'initialize';
	return $c->result($r, { resultType => 'complete', supportedVersions => ['2026-07-28'], capabilities => { tools => {} }, ttlMs => 0, cacheScope => 'private',
		_meta => { 'io.modelcontextprotocol/serverInfo' => { name => 'new', version => '2' } } }) if $method eq 'server/discover';
	return $c->result($r, { resultType => 'complete', ttlMs => 0, cacheScope => 'private', tools => [{ name => 'one', inputSchema => { type => 'object',
		properties => { city => { type => 'string', 'x-mcp-header' => 'City' } } } }, { name => 'two', inputSchema => { type => 'object' } }] }) if $method eq 'tools/list';
	return $c->json(404, { jsonrpc => '2.0', id => 7, error => { code => -32601, message => 'no such' } }) if $name eq 'none';
	return $c->result($r, { resultType => 'input_required', requestState => 's', inputRequests => { a => { method => 'elicitation/create', params => $page } } })
	  if $name eq 'page';
	return $c->result($r, { resultType => 'complete', content => [] });
});

my $failing = Gatehouse::Upstream->new(sub {
	my ($c, $r) = @_;
	return $c->result($r, { protocolVersion => '2025-03-26', capabilities => {}, serverInfo => { name => 'x', version => '1' } }) if method_of($r) eq 'initialize';
	return $c->json(500, { oops => 1 });
});
my $broken = Gatehouse::Upstream->new(sub { $_[0]->json(500, { oops => 1 }) });

my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, programs => ['mcp'], policies => [{ name => 'filter', policyType => 'mcp-capability-filter-inbound',
		handler => { export => 'X', options => { tools => ['one', 'page', 'asks', 'none'] } } }],
	routes => {
		'/mcp/old' => { upstream => $legacy->url('/mcp'), inbound => ['filter'], options => { bridge => $TRUE } },
		'/mcp/open' => { upstream => $legacy->url('/open-stream'), options => { bridge => $TRUE } },
		'/mcp/silent' => { upstream => $legacy->url('/silent-stream'), options => { bridge => $TRUE } },
		'/mcp/anyone' => { upstream => $legacy->url('/mcp'), public => 1, options => { bridge => $TRUE } },
		'/mcp/new' => { upstream => $modern->url('/mcp'), inbound => ['filter'], options => { bridge => $TRUE, sse => $TRUE } },
		(map { ("/mcp/$_" => { upstream => $modern->url("/$_"), options => { bridge => $TRUE, forwardHeaders => ['x-tenant'] } }) } qw(fussy shaky)),
		'/mcp/plain' => { upstream => $legacy->url('/mcp') },
		'/mcp/failing' => { upstream => $failing->url('/mcp') },
		'/mcp/broken' => { upstream => $broken->url('/mcp') },
	});
my %token = map { $_ => issue($pg, $gw, "/mcp/$_", subject => 'alice', client => 'c1') } qw(old open silent new fussy shaky plain failing broken);
my %other = (client => issue($pg, $gw, '/mcp/old', subject => 'alice', client => 'c2'), user => issue($pg, $gw, '/mcp/old', subject => 'bob', client => 'c1'),
	new => issue($pg, $gw, '/mcp/new', subject => 'bob', client => 'c1'));

sub post {
	my ($route, $body, %o) = @_;
	my $token = exists $o{token} ? $o{token} : $token{$route};
	return request($o{method} || 'POST', $gw->url("/mcp/$route"), { timeout => 20, headers => [['Content-Type', 'application/json'],
		['Accept', 'application/json, text/event-stream'], ($token ? ['Authorization', "Bearer $token->{access_token}"] : ()), @{ $o{headers} || [] }],
		($o{method} || 'POST') eq 'GET' ? () : (content => ref $body ? $JSON->encode($body) : $body) });
}

sub modern {
	my ($route, $method, $params, %o) = @_;
	my $can = $o{can} || {};
	return post($route, { jsonrpc => '2.0', id => 7, method => $method, params => { %{ $params || {} }, _meta => {
		'io.modelcontextprotocol/protocolVersion' => '2026-07-28', 'io.modelcontextprotocol/clientCapabilities' => $can, %{ $o{meta} || {} } } } },
		%o, headers => [['MCP-Protocol-Version', '2026-07-28'], ['Mcp-Method', $method], ($params && $params->{name} ? ['Mcp-Name', $params->{name}] : ())]);
}

sub call { my ($route, $name, %o) = @_; return modern($route, 'tools/call', { name => $name, arguments => {} }, %o) }
sub text { my ($r) = @_; return ($r->json || {})->{result}{content}[0]{text} // $r->{content} }
sub seen { my ($up) = @_; return map { method_of($_) } grep { $_->{method} eq 'POST' } $up->requests }

# --- a modern client on a legacy upstream

my $r = modern('old', 'server/discover', undef, meta => { 'io.modelcontextprotocol/clientInfo' => { name => 'Mine', version => '9' } });
is($r->{status}, 200, 'server/discover is answered');
my $result = $r->json->{result};
is_deeply($result->{supportedVersions}, ['2026-07-28', '2025-06-18'], '... with what the client can speak here');
is_deeply($result->{capabilities}, { tools => {} }, '... with what can be carried');
is_deeply([@$result{qw(instructions resultType cacheScope)}], ['Mind the gap.', 'complete', 'private'], '... as its era says it');
is_deeply([seen($legacy)], ['server/discover', 'initialize', 'notifications/initialized'], 'the upstream is asked what it speaks, and greeted');
my ($asked, $greeted, $ready) = $legacy->requests;
is($JSON->decode($greeted->{content})->{params}{clientInfo}{name}, 'Mine', '... in the client\'s name');
is_deeply($JSON->decode($greeted->{content})->{params}{capabilities}, {}, '... with what the client can');
like($ready->{header}{'mcp-session-id'} // '', qr/^old-/, '... and told in its session that all is well');
is($ready->{header}{'mcp-protocol-version'}, '2025-06-18', '... in the revision that it chose');

$legacy->clear;
$r = call('old', 'one');
is($r->{status}, 200, 'a tool is called');
my $session = text($r);
like($session, qr/^old-/, '... in the session that is there');
is_deeply([seen($legacy)], ['tools/call'], '... without another word');
my ($up) = $legacy->requests;
like($up->{content}, qr/^\Q{"jsonrpc":"2.0","method":"tools\/call","id":"gatehouse-\E[0-9a-f]{32}\Q","params":{"arguments":{},"name":"one"}}\E$/,
	'the upstream reads what it understands, by an id of the gateway\'s');
is($r->json->{id}, 7, '... and the client gets its own back');
is_deeply([@{ $up->{header} }{qw(mcp-protocol-version mcp-method mcp-name)}], ['2025-06-18', undef, undef], '... with the headers of its era');
is($r->json->{result}{resultType}, 'complete', 'the client, too');
is($r->header('Mcp-Session-Id'), undef, '... and knows of no session');
$r = modern('old', 'tools/list');
is_deeply([map { $_->{name} } @{ $r->json->{result}{tools} }], ['one'], 'the filter judges what is carried');
is($r->json->{result}{ttlMs}, 0, '... which may not be kept');
is(call('old', 'two')->{status}, 404, '... and who may call');

isnt(text(call('old', 'one', token => $other{user})), $session, 'another user has another session');
isnt(text(call('old', 'one', token => $other{client})), $session, 'another client of the same user, too');
isnt(text(call('old', 'one', can => { elicitation => { url => {} } })), $session, 'and one that can do more');
is(text(call('old', 'one')), $session, 'each keeps its own');
isnt(text(call('anyone', 'one', token => undef)), text(call('anyone', 'one', token => undef)), 'strangers share none');

$legacy->release('forget');
$legacy->clear;
like(text(call('old', 'one')), qr/^new-/, 'a session that the upstream has forgotten is begun again');
is_deeply([seen($legacy)], ['tools/call', 'initialize', 'notifications/initialized', 'tools/call'], '... after its 404, and the call made again');

$r = modern('open', 'server/discover');
is($r->{status}, 200, 'an upstream may greet by a stream');
ok($legacy->wait_for(sub { grep { $_->{closed} } $legacy->notes }), '... which is left when the greeting has come');

$r = call('old', 'page', can => { elicitation => { url => {} } });
is_deeply($r->json->{result}{inputRequests}{'url-1'}, { method => 'elicitation/create', params => $page }, '-32042 becomes input_required');
$r = call('old', 'page');
is_deeply([$r->json->{result}{isError}, text($r)], [$TRUE, "$page->{message} $page->{url}"], '... or words for who opens no pages');
$legacy->clear;
$r = call('old', 'asks');
my @events = $r->events;
is(scalar @events, 2, 'a stream is carried up to what cannot be') or diag $r->{content};
my $error = $JSON->decode($events[1]{data});
is_deeply([$error->{id}, $error->{error}{code}], [7, -32603], '... which ends it with an error for the client\'s request');
like($error->{error}{message}, qr/sampling\/createMessage.*2025-06-18/, '... that says what the upstream asked for');
ok($legacy->wait_for(sub { grep { $_->{left} } $legacy->notes }), '... and the upstream is left');
$r = modern('old', 'subscriptions/listen', { notifications => {} });
is_deeply([$r->{status}, $r->json->{error}{code}], [404, -32601], 'a subscription is refused');
like($r->json->{error}{message}, qr/subscriptions\/listen.*2025-06-18/, '... by name');

# --- a legacy client on a modern upstream

my %hello = (jsonrpc => '2.0', id => 7, method => 'initialize', params => { protocolVersion => '2025-06-18', capabilities => { elicitation => { url => {} }, sampling => {} },
	clientInfo => { name => 'c', version => '1' } });
$r = post('new', \%hello);
is($r->{status}, 200, 'initialize is answered');
is_deeply($r->json->{result}, { protocolVersion => '2025-06-18', capabilities => { tools => {} }, serverInfo => { name => 'new', version => '2' } },
	'... with the revision that was asked for, and what can be carried');
my $id = $r->header('Mcp-Session-Id');
like($id, qr/^[\x21-\x7e]{40,}$/, '... in a session of the gateway\'s');
is_deeply([seen($modern)], ['server/discover', 'initialize'], 'the upstream was asked, and had its chance');
my @in = (headers => [['Mcp-Session-Id', $id], ['MCP-Protocol-Version', '2025-06-18']]);

sub in_session { my ($method, $params, %o) = @_; return post('new', { jsonrpc => '2.0', id => 7, method => $method, params => $params || {} }, @in, %o) }

$modern->clear;
is(post('new', { jsonrpc => '2.0', method => 'notifications/initialized' }, @in)->{status}, 202, 'what means nothing to the upstream is taken');
is_deeply(in_session('ping')->json, { jsonrpc => '2.0', id => 7, result => {} }, 'ping is answered');
is_deeply([seen($modern)], [], '... without the upstream');
$r = in_session('tools/list');
is_deeply($r->json->{result}, { tools => [{ name => 'one', inputSchema => { type => 'object', properties => { city => { type => 'string', 'x-mcp-header' => 'City' } } } }] },
	'a list loses what belongs to the other era, and what the filter hides');
($up) = $modern->requests;
is_deeply([@{ $up->{header} }{qw(mcp-protocol-version mcp-method mcp-session-id)}], ['2026-07-28', 'tools/list', undef], '... and was asked for with the headers of that era');
my $meta = $JSON->decode($up->{content})->{params}{_meta};
is_deeply($meta->{'io.modelcontextprotocol/clientCapabilities'}, { elicitation => { url => {} } }, '... and what of the client\'s abilities can be carried');
$modern->clear;
$r = in_session('tools/call', { name => 'one', arguments => { city => "K\x{f6}ln" } });
is($r->{status}, 200, 'a tool is called');
($up) = grep { method_of($_) eq 'tools/call' } $modern->requests;
is_deeply([@{ $up->{header} }{qw(mcp-name mcp-param-city)}], ['one', '=?base64?S8O2bG4=?='], '... its name and marked parameters stand in headers');
$r = in_session('tools/call', { name => 'page', arguments => {} });
is($r->json->{error}{code}, -32042, 'input_required becomes -32042');
is($r->json->{error}{data}{elicitations}[0]{url}, $page->{url}, '... with the page');
$r = in_session('tools/call', { name => 'none', arguments => {} });
is_deeply([$r->{status}, $r->json->{error}{code}], [200, -32601], 'errors come as legacy clients look for them');
$r = in_session('logging/setLevel', { level => 'debug' });
is_deeply([$r->{status}, $r->json->{error}{code}], [200, -32601], 'what is gone is refused');
like($r->json->{error}{message}, qr/logging\/setLevel.*2026-07-28/, '... by name');
$r = post('new', [{ jsonrpc => '2.0', id => 1, method => 'ping' }], headers => [['Mcp-Session-Id', $id]]);
is($r->{status}, 400, 'a batch is refused');
is(post('new', '', method => 'GET', @in)->{status}, 405, 'the session has no stream');
is(post('new', '', method => 'DELETE', @in)->{status}, 405, '... and nothing to end');
is(in_session('tools/list', undef, token => $other{new})->{status}, 404, 'E83: another user\'s session of this kind is 404');

# --- what an upstream is, is everybody's to know, and nobody's to spoil

$modern->clear;
$r = post('fussy', \%hello, headers => [['Baggage', 'b=' . 'x' x 5000], ['User-Agent', 'Mine/1'], ['X-Tenant', 'a']]);
is($r->{status}, 200, 'a client whose headers the upstream refuses') or diag $r->{content};
($up) = $modern->requests;
is_deeply([method_of($up), @{ $up->{header} }{qw(baggage x-tenant)}], ['server/discover', undef, 'a'],
	'... does not send them with the question what the upstream speaks, but what forwardHeaders names');
unlike($up->{header}{'user-agent'}, qr/Mine/, '... nor who it is');
$modern->clear;
is(post('fussy', \%hello, headers => [['X-Tenant', 'a']])->{status}, 200, '... and spoils nothing for others');
is_deeply([seen($modern)], ['initialize', 'server/discover'], '... for whom the era is known: initialize has its chance first');
$modern->clear;
post('fussy', \%hello, headers => [['X-Tenant', 'b']]);
is((seen($modern))[0], 'server/discover', '... unless they send something else of what is named');
isnt(post('shaky', \%hello)->{status}, 200, 'an upstream that fails at discovery');
$modern->release('steady');
is(post('shaky', \%hello)->{status}, 200, '... has not said that it is of the older era');

# --- without the bridge

$legacy->clear;
is(modern('plain', 'server/discover')->{status}, 400, 'without the bridge the upstream\'s refusal passes: clients fall back');
is_deeply([seen($legacy)], ['server/discover'], '... untouched');
$r = modern('failing', 'server/discover');
is($r->{status}, 400, 'a legacy upstream that fails at discovery is no outage to its client');
is_deeply($r->json->{error}{data}{supported}, ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05', '2024-10-07'], '... but told as what it is');
is($r->json->{error}{code}, -32022, '... in the words that let it fall back');
is(modern('broken', 'server/discover')->{status}, 502, 'one that fails at everything is an outage');

# --- a stop

my $pid = open(my $answer, '-|') // die "fork: $!";
if (!$pid) {
	my $stopped = call('silent', 'one');
	syswrite STDOUT, "$stopped->{status} $stopped->{content}";
	POSIX::_exit(0);
}
ok($legacy->wait_for(sub { grep { $_->{silent} } $legacy->notes }), 'a session is being begun by a stream');
$gw->stop_program('mcp');
my $said = do { local $/; <$answer> };
like($said, qr/^503 .*restarts/, '... when the gateway stops: the caller is told');
$gw->stop;
done_testing;
