#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# The capability filter on a route: lists are cut down in JSON and in streams, what is hidden cannot be
# called, and nothing of a refused call reaches the upstream.

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use Gatehouse::Http qw(request stream);
use Gatehouse::Peers;
use Gatehouse::Pg;
use Gatehouse::Run qw(wait_until);
use Gatehouse::Server;
use Gatehouse::Token qw(issue);
use Gatehouse::Upstream;

my @tools = map { { name => $_, description => "about $_", inputSchema => { type => 'object' } } } qw(alpha beta gamma);
my $huge = 'x' x 300_000;

# How the upstream answers is the path: as JSON, or by a stream with other events before.
my $up = Gatehouse::Upstream->new(sub {
	my ($c, $r) = @_;
	my ($id) = ($r->{content} // '') =~ /"id"\s*:\s*(\d+)/;
	my ($method) = ($r->{content} // '') =~ m{"method"\s*:\s*"([^"]+)"};
	my %answers = ('tools/list' => { tools => \@tools, nextCursor => 'more' },
		'resources/list' => { resources => [map { { uri => "file:///$_", name => $_ } } qw(a b)] },
		'tools/call' => { content => [{ type => 'text', text => 'done' }] });
	my $result = $answers{ $method // '' } || { ok => 1 };
	if ($r->{path} eq '/json') {
		return $c->json(200, '[{"jsonrpc":"2.0","id":1,"result":' . JSON::PP->new->canonical->encode($answers{'tools/list'}) .
			'},{"jsonrpc":"2.0","id":2,"result":{}}]') if $r->{content} =~ /^\[/;
		return $c->result($r, $result);
	}
	if ($r->{path} eq '/again') {    # what it lists, and to which id, is the cursor
		my ($names, $to) = $r->{content} =~ /"cursor":"([a-z ]+)(?: to (\d+))?"/;
		$to //= ($r->{content} =~ /"id":("[^"]*"|\d+)/)[0];
		return $c->json(200, '{"result":' . JSON::PP->new->canonical->encode({ tools => [map { { name => $_ } } split / /, $names] }) .
			qq(,"jsonrpc":"2.0","id":$to}));
	}
	return $c->reply(200, [['Content-Type', 'text/plain']], 'alpha beta') if $r->{path} eq '/text';
	return $c->json(200, '{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"beta"}],"tools":[]}}') if $r->{path} eq '/twice';
	$c->begin_stream;
	if ($r->{path} eq '/turns') {
		$c->event({ jsonrpc => '2.0', method => 'notifications/progress', params => { step => 1 } });
		$c->wait_file('turn');
	}
	if ($r->{path} eq '/replay') {    # a GET stream that replays the answer to a list
		$c->event({ jsonrpc => '2.0', id => 9, result => { tools => \@tools } });
		return $c->end_stream;
	}
	if ($r->{path} eq '/odd') {    # a list in many lines, with other fields, ends of lines and escapes
		$c->chunk("id: 7\r\nevent: message\r\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\r\ndata: \"result\":{\"t\\u006fols\":[{\"name\":\"b\\u0065ta\"},\r\ndata:{\"name\":\"alpha\"}]}}\r\n\r\n");
		return $c->end_stream;
	}
	if ($r->{path} eq '/marked') {    # a byte order mark before the first line
		$c->chunk("\xef\xbb\xbfdata: " . JSON::PP::encode_json({ jsonrpc => '2.0', id => 1, result => { tools => \@tools } }) . "\n\n");
		return $c->end_stream;
	}
	if ($r->{path} eq '/numbers') {
		$c->event('{"jsonrpc":"2.0","id":1,"result":{"structuredContent":{"v":[' . join(',', (1) x 20000) . ']}}}');
		return $c->end_stream;
	}
	$c->event({ jsonrpc => '2.0', method => 'notifications/message', params => { text => $huge } }) if $r->{path} eq '/sse';
	$c->event(qq({"jsonrpc":"2.0","id":$id,"result":) . JSON::PP->new->canonical->encode($result) . '}');
	return $c->end_stream;
});

my $pg = Gatehouse::Pg->new;
my @routes = qw(again json sse text twice turns replay odd marked numbers);
my $gw = Gatehouse::Server->new(pg => $pg, programs => ['mcp'], policies => [{ name => 'filter',
		policyType => 'mcp-capability-filter-inbound', handler => { export => 'McpCapabilityFilterInboundPolicy', options => {
			tools => ['alpha', { name => 'gamma', description => 'ours', annotations => { readOnlyHint => JSON::PP::true } }],
			prompts => [], resources => ['file:///a'], resourceTemplates => ['log:///{day}'] } } }],
	routes => { map { ("/mcp/$_" => { upstream => $up->url("/$_"), inbound => ['filter'], options => { sse => JSON::PP::true } }) } @routes });
my %token = map { $_ => issue($pg, $gw, "/mcp/$_") } @routes;

sub arguments {
	my ($route, $body, %o) = @_;
	return ($o{method} || 'POST', $gw->url("/mcp/$route"), { timeout => 20, headers => [['Content-Type', 'application/json'],
		['Accept', 'application/json, text/event-stream'], ['Authorization', "Bearer $token{$route}{access_token}"]],
		(defined $body ? (content => ref $body ? JSON::PP::encode_json($body) : $body) : ()), %o });
}
sub call { return request(arguments(@_)) }
sub message { return { jsonrpc => '2.0', id => 1, method => $_[0], params => $_[1] || {} } }

# The messages of an answer, JSON or stream.
sub messages {
	my ($r) = @_;
	return $r->header('Content-Type') =~ /json/ ? $r->json : map { JSON::PP::decode_json($_->{data}) } grep { length $_->{data} } $r->events;
}
sub names { return join ' ', map { $_->{name} } @{ (messages($_[0]))[-1]{result}{tools} } }

for my $kind (qw(json sse)) {
	my $r = call($kind, message('tools/list'));
	is($r->{status}, 200, "$kind: a list is answered");
	is(names($r), 'alpha gamma', '... with the listed tools, in the upstream\'s order');
	unlike($r->{content}, qr/beta/, '... and no word of the others');
	my $last = (messages($r))[-1];
	is($last->{result}{tools}[1]{description}, 'ours', '... a projection is applied');
	is_deeply($last->{result}{tools}[1]{inputSchema}, { type => 'object' }, '... the schema is the upstream\'s');
	is($last->{result}{nextCursor}, 'more', '... the rest of the result too');
	is(scalar(@{ [messages($r)] }), $kind eq 'sse' ? 2 : 1, '... other events pass');
	is(join(' ', map { $_->{uri} } @{ (messages(call($kind, message('resources/list'))))[-1]{result}{resources} }), 'file:///a',
		"$kind: resources are filtered by URI");
	is(call($kind, message('tools/call', { name => 'alpha' }))->{status}, 200, "$kind: a listed tool can be called");
}
is(names(call('odd', message('tools/list'))), 'alpha', 'lines, fields and escapes hide no list');
like(call('odd', message('tools/list'))->{content}, qr/^id: 7$/m, '... and the event keeps its id');
unlike(call('marked', message('tools/list'))->{content}, qr/beta/, 'a mark before the first line hides nothing from the filter');
like(call('numbers', message('tools/call', { name => 'alpha' }))->{content}, qr/1,1\]/, 'an answer of many small numbers passes');
is(names(stream(arguments('replay', undef, method => 'GET'))), 'alpha gamma', 'a replayed answer is filtered as well');

my $before = () = $up->requests;
for my $case (
	[message('tools/call', { name => 'beta' }), 'a hidden tool'],
	[message('tools/call', { name => 'ALPHA' }), 'another spelling'],
	[message('tools/call', {}), 'a tool without a name'],
	['{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"n\u0061me":"b\u0065ta"}}', 'a hidden tool in escapes'],
	[message('prompts/get', { name => 'p' }), 'a prompt where none is shown'],
	[message('resources/read', { uri => 'file:///b' }), 'a hidden resource'],
	[message('resources/read', { uri => 'log:///a/b' }), 'a resource that no template makes'],
	[message('resources/read', { uri => 'log:///%2e%2e' }), 'a dot segment in a template\'s place'],
	[message('resources/subscribe', { uri => 'file:///b' }), 'a subscription to a hidden resource'],
	[message('completion/complete', { ref => { type => 'ref/prompt', name => 'p' }, argument => {} }), 'a completion for a hidden prompt'],
) {
	my $r = call('json', $case->[0]);
	is($r->{status}, 200, "$case->[1] is answered");
	is_deeply($r->json, { jsonrpc => '2.0', id => 1, error => { code => -32601, message => 'Method not found' } }, '... as not there');
}
my $r = call('json', '[{"jsonrpc":"2.0","id":1,"method":"tools/list"},{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"beta"}}]');
is_deeply($r->json, { jsonrpc => '2.0', id => 2, error => { code => -32601, message => 'Method not found' } },
	'one hidden call refuses a whole batch');
$r = call('json', { %{ message('tools/call', { name => 'beta', _meta => { 'io.modelcontextprotocol/protocolVersion' => '2026-07-28',
	'io.modelcontextprotocol/clientCapabilities' => {} } }) } }, headers => [['Content-Type', 'application/json'],
	['Accept', 'application/json, text/event-stream'], ['Authorization', "Bearer $token{json}{access_token}"],
	['MCP-Protocol-Version', '2026-07-28'], ['Mcp-Method', 'tools/call'], ['Mcp-Name', 'beta']]);
is($r->{status}, 404, 'in the modern era a hidden tool is 404');
is($r->json->{error}{code}, -32601, '... with the same code');
# E88: headers that name an allowed tool decide nothing
sub headers { return (headers => [['Content-Type', 'application/json'], ['Accept', 'application/json, text/event-stream'], ['Authorization', "Bearer $token{json}{access_token}"], @_]) }
my %envelope = (_meta => { 'io.modelcontextprotocol/protocolVersion' => '2026-07-28', 'io.modelcontextprotocol/clientCapabilities' => {} });
my @now = (['MCP-Protocol-Version', '2026-07-28'], ['Mcp-Method', 'tools/call']);
$r = call('json', message('tools/call', { name => 'beta', %envelope }), headers(@now, ['Mcp-Name', 'alpha']));
is_deeply([$r->{status}, $r->json->{error}{code}], [400, -32020], 'E88: a hidden tool under an allowed Mcp-Name');
$r = call('json', message('tools/call', { name => 'beta', %envelope }), headers(['MCP-Protocol-Version', '2026-07-28'], ['Mcp-Method', 'tools/list'], ['Mcp-Name', 'beta']));
is_deeply([$r->{status}, $r->json->{error}{code}], [400, -32020], 'E88: ... under another Mcp-Method');
is(call('json', message('tools/call', { name => 'beta' }), headers(['Mcp-Name', 'alpha']))->json->{error}{code}, -32020, 'E88: ... in a revision without that header');
for my $at (0 .. 2) {
	my @names = map { $_ == $at ? 'beta' : 'alpha' } 0 .. 2;
	my $batch = [map { { %{ message('tools/call', { name => $names[$_] }) }, id => $_ } } 0 .. 2];
	is(call('json', $batch)->json->{error}{code}, -32601, "E88: in a batch, in place $at");
	isnt(call('json', $batch, headers(['Mcp-Name', 'alpha']))->{status}, 200, '... and under an allowed Mcp-Name');
}
is(scalar(() = $up->requests), $before, 'nothing of all that reached the upstream');
is(call('json', message('resources/read', { uri => 'log:///monday' }))->{status}, 200, 'what a listed template makes can be read');
$r = call('json', '[{"jsonrpc":"2.0","id":1,"method":"tools/list"},{"jsonrpc":"2.0","id":2,"method":"ping"}]');
is(join(' ', map { $_->{name} } @{ $r->json->[0]{result}{tools} }), 'alpha gamma', 'a batch of answers is filtered item by item');

for my $route (qw(text twice)) {
	$r = call($route, message('tools/list'));
	is($r->{status}, 502, "a list as $route is refused");
	is($r->json->{error}{code}, -32603, '... as an error of the upstream');
	unlike($r->{content}, qr/beta/, '... that shows nothing');
}

my $seen = '';
$r = stream(arguments('turns', message('tools/list'), on_chunk => sub {
	my ($bytes) = @_;
	$seen .= $bytes;
	$up->release('turn') if $seen =~ /"step":1/;
	return 1;
}));
is(names($r), 'alpha gamma', 'an earlier event passes while the upstream holds the list back');

# lists that come again, of which the second and later ones are taken for read
my $n = 0;
for my $case ([1, 'alpha beta', 'alpha'], [1, 'alpha beta', 'alpha'], [23, 'alpha beta', 'alpha'], ['x-1', 'alpha beta', 'alpha'],
	[1, 'alpha gamm', 'alpha'], [1, 'alpha gamma', 'alpha gamma'], [1, 'gamma alpha', 'gamma alpha'], [24, 'alpha beta', 'alpha']) {
	my ($id, $has, $shows) = @$case;
	$r = call('again', { jsonrpc => '2.0', id => $id, method => 'tools/list', params => { cursor => $has } });
	is(names($r), $shows, "round $n: of '$has' the client is shown '$shows'");
	is($r->json->{id}, $id, '... by the answer to its request') or diag $r->{content};
	$n++;
}
$r = call('again', { jsonrpc => '2.0', id => 5, method => 'tools/list', params => { cursor => 'alpha beta to 1' } });
unlike($r->{content}, qr/beta/, 'an answer to another request is filtered as well');
$n++;
my $rows = "from gatehouse.event_call where operation_id = 'again' and mcp_method = 'tools/list'";
ok(wait_until(10, sub { $pg->psql("select count(*) $rows") == $n }), 'each call is recorded');
is($pg->psql("select string_agg(distinct outcome || ' ' || (tokens_out > 0), ',') $rows and rpc_id <> '5'"), 'success true',
	'... as answered, with what the list costs');
is($pg->psql("select count(distinct tokens_out) $rows and bytes_out = (select min(bytes_out) $rows)"), 1, '... the same for the same');
is($pg->psql("select outcome $rows and rpc_id = '5'"), 'failure', '... and the one whose answer was to another as unanswered');

my $event = wait_until(30, sub { (grep { ($_->{reasonCode} // '') eq 'hidden_capability' } $gw->log_lines('mcp'))[0] });
is($event->{outcome}, 'denied', 'a refusal is recorded as denied');
is($event->{capabilityName}, 'beta', '... with the name that was asked for');
$gw->stop;

# a real server, which answers lists by a stream
my $run = Gatehouse::Run->new('up');
my $everything = Gatehouse::Peers->everything($run);
$gw = Gatehouse::Server->new(pg => $pg, programs => ['mcp'], policies => [{ name => 'filter',
		policyType => 'mcp-capability-filter-inbound', handler => { export => 'x', options => { tools => ['echo'] } } }],
	routes => { '/mcp/json' => { upstream => $everything->{url}, inbound => ['filter'] } });
%token = (json => issue($pg, $gw, '/mcp/json'));
$r = call('json', message('initialize', { protocolVersion => '2025-11-25', capabilities => {}, clientInfo => { name => 't', version => '1' } }));
my @session = (headers => [['Content-Type', 'application/json'], ['Accept', 'application/json, text/event-stream'],
	['Authorization', "Bearer $token{json}{access_token}"], ['Mcp-Session-Id', $r->header('Mcp-Session-Id')],
	['MCP-Protocol-Version', '2025-11-25']]);
call('json', { jsonrpc => '2.0', method => 'notifications/initialized' }, @session);
is(names(call('json', message('tools/list'), @session)), 'echo', 'of server-everything only what is listed shows');
like(call('json', message('tools/call', { name => 'echo', arguments => { message => 'hi' } }), @session)->{content}, qr/Echo: hi/, '... and works');
like(call('json', message('tools/call', { name => 'get-env', arguments => {} }), @session)->{content}, qr/-32601/, '... and the rest does not');

$gw->stop;
$run->stop;
done_testing();
