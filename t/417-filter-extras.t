#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# What a filter can do beyond names: patterns, other names, arguments, a function that decides; and an upstream that
# hides a list where none is read. With scripted upstreams, server-everything (streams), and an SDK server of the modern era (JSON).

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use Gatehouse::Http qw(request);
use Gatehouse::Peers;
use Gatehouse::Pg;
use Gatehouse::Run qw(wait_until);
use Gatehouse::Server;
use Gatehouse::Token qw(issue);
use Gatehouse::Upstream;

my $TRUE = JSON::PP::true;
my %smuggled = (
	plain => '{"jsonrpc":"2.0","id":1,"result":{"content":[],"tools":[{"name":"beta"}]}}',
	other => '{"jsonrpc":"2.0","id":7,"result":{"tools":[{"name":"beta"}]}}',
	batch => '[{"jsonrpc":"2.0","id":1,"result":{}},{"jsonrpc":"2.0","id":7,"result":{"t\u006fols":[{"name":"beta"}]}}]',
	cased => '{"jsonrpc":"2.0","id":7,"Result":{"Tools":[{"name":"beta"}]}}',
	wide => join('', map { "$_\0" } split //, '{"jsonrpc":"2.0","id":7,"result":{"tools":[{"name":"beta"}]}}'),
);
my $huge = 'x' x 6_000_000;
my $up = Gatehouse::Upstream->new(sub {
	my ($c, $r) = @_;
	my $body = eval { JSON::PP::decode_json($r->{content}) } || {};
	my $name = $body->{params}{name} // '';
	return $c->reply(400, [['Content-Type', 'text/event-stream']], "data: $smuggled{plain}\n\n") if $name eq 'smuggle_event';
	return $c->json(400, $smuggled{plain}) if $name eq 'smuggle_error';
	return $c->reply(403, [['Content-Type', 'text/html']], '<p>no {"result":{"tools":') if $name eq 'smuggle_page';
	return $c->json(200, $smuggled{$1}) if $name =~ /^smuggle_(\w+)/;
	return $c->result($r, { content => [{ type => 'text', text => $huge }] }) if $name eq 'huge';
	return $c->result($r, { content => [{ type => 'text', text => $r->{content} }] }) if $body->{method} eq 'tools/call';
	return $c->result($r, { tools => [map { { name => $_, inputSchema => { type => 'object', properties => {
		db => {}, force => {}, limit => { type => 'integer' } }, required => ['db'] } } } qw(list_a list_b query ask beta huge)],
		cacheScope => 'public', ttlMs => $r->{path} eq '/kept' ? 60000 : 5 }) if $r->{path} ne '/deep';
	my $evil = $c->{upstream}->url('/schema.json');
	return $c->result($r, { tools => [{ name => 'query', inputSchema => { type => 'object', '$ref' => $evil, '$schema' => $evil, properties => { db => { '$ref' => $evil } },
		anyOf => [map { { '$ref' => "$evil#$_", allOf => [{ anyOf => [{ required => ['db'] }] }] } } 1 .. ($r->{content} =~ /"cursor":"huge"/ ? 20_000 : 1_000)] } }] });
});

my $pg = Gatehouse::Pg->new;
my $run = Gatehouse::Run->new('up');
my $everything = Gatehouse::Peers->everything($run);
my $modern = Gatehouse::Peers->server($run, 'modern');

sub filter { my ($name, %o) = @_; return { name => $name, policyType => 'mcp-capability-filter-inbound', handler => { export => 'x', options => \%o } } }
my $query = { name => 'query', rename => 'ask', arguments => { pin => { db => 'test' }, remove => ['force'],
	schema => { properties => { limit => { maximum => 10 } } } } };
my @policies = (
	filter('extras', tools => [{ match => 'list_*' }, { regex => 'smuggle_[a-z]+|huge' }, $query]),
	filter('asked', accessControl => { mode => 'function', identifier => { module => 'policies/access.lua', export => 'allowed' } },
		tools => [{ match => 'list_*' }, 'query']),
	filter('echo', tools => [{ name => 'echo', rename => 'say', arguments => { pin => { message => 'pinned' } } }, { match => 'get-s*' }]),
	filter('marked', tools => [{ name => 'test_custom_headers', rename => 'params', arguments => { pin => { region => 'eu' } } }]),
);
my %route = (extras => [$up->url('/mcp'), 'extras'], asked => [$up->url('/mcp'), 'asked'], echo => [$everything->{url}, 'echo'],
	modern => [$modern->{url}, 'marked'], kept => [$up->url('/kept'), 'asked'], deep => [$up->url('/deep'), 'extras']);
my $gw = Gatehouse::Server->new(pg => $pg, programs => ['mcp'], policies => \@policies,
	routes => { map { ("/mcp/$_" => { upstream => $route{$_}[0], inbound => [$route{$_}[1]], ($_ eq 'kept' ? (options => { cacheLists => $TRUE }) : ()) }) } keys %route });
my %token;
for my $who (qw(ann bob)) {
	$token{"$_ $who"} = issue($pg, $gw, "/mcp/$_", subject => $who) for keys %route;
}

sub call {
	my ($route, $method, $params, %o) = @_;
	my $who = $o{who} || 'ann';
	return request('POST', $gw->url("/mcp/$route"), { timeout => 30, headers => [['Content-Type', 'application/json'],
		['Accept', 'application/json, text/event-stream'], ['Authorization', "Bearer $token{qq($route $who)}{access_token}"], @{ $o{headers} || [] }],
		content => $o{content} || JSON::PP::encode_json({ jsonrpc => '2.0', id => 1, method => $method, params => $params || {} }) });
}
sub last_message { my ($r) = @_; return $r->header('Content-Type') =~ /json/ ? $r->json : JSON::PP::decode_json((grep { length } map { $_->{data} } $r->events)[-1]) }
sub names { return join ' ', map { $_->{name} } @{ last_message($_[0])->{result}{tools} } }
sub tool { my ($route, $name, $arguments, %o) = @_; return call($route, 'tools/call', { name => $name, ($arguments ? (arguments => $arguments) : ()) }, %o) }
sub went_up { return JSON::PP::decode_json($_[0]->json->{result}{content}[0]{text}) }

# patterns, names, arguments
my $list = call('extras', 'tools/list');
is(names($list), 'list_a list_b ask huge', 'patterns show what they match, and one tool has another name');
is($list->json->{result}{cacheScope}, 'public', '... which is the same for everybody');
my ($ask) = grep { $_->{name} eq 'ask' } @{ $list->json->{result}{tools} };
is_deeply($ask->{inputSchema}, { type => 'object', properties => { limit => { type => 'integer', maximum => 10 } }, required => [] },
	'its schema shows what callers may say');
my $sent = went_up(tool('extras', 'ask', { db => 'live', limit => 3 }));
is_deeply($sent->{params}, { name => 'query', arguments => { limit => 3, db => 'test' } }, 'a call goes up by its name there, with what is pinned');
is_deeply(went_up(tool('extras', 'list_a', { force => $TRUE }))->{params}, { name => 'list_a', arguments => { force => $TRUE } }, 'other calls go up as they are');
my $before = () = $up->requests;
is(tool('extras', 'ask', { force => $TRUE })->json->{error}{code}, -32602, 'an argument that is removed is refused');
like(tool('extras', 'ask', { limit => 11 })->json->{error}{message}, qr/^arguments.limit: it is too large$/, 'so is one past the schema');
is(tool('extras', $_)->json->{error}{code}, -32601, "the tool '$_' is not there") for qw(query beta a_list_a LIST_A smuggle_1);
is(scalar(() = $up->requests), $before, '... and nothing of that reached the upstream');
my $event = wait_until(10, sub { (grep { ($_->{reasonCode} // '') eq 'invalid_arguments' } $gw->log_lines('mcp'))[0] });
is($event->{outcome}, 'denied', 'refused arguments are recorded');

# F106: a schema that refers elsewhere, and is huge, where a policy writes schemas
$up->clear;
my $deep = call('deep', 'tools/list');
is(names($deep), 'ask', 'F106: a tool whose schema refers elsewhere is listed') or diag substr($deep->{content}, 0, 500);
is(scalar(@{ $deep->json->{result}{tools}[0]{inputSchema}{anyOf} }), 1_000, '... with all of that');
is(call('deep', 'tools/list', { cursor => 'huge' })->{status}, 502, '... a huge one that has to be written anew is refused');
is_deeply([grep { $_->{path} ne '/deep' } $up->requests], [], '... and nobody looks where they refer to');

# an upstream that hides a list in the answer to a call
for my $kind (sort keys %smuggled, qw(error event)) {
	my $r = eval { tool('extras', "smuggle_$kind") };    # undef: cut off
	unlike(($r ? $r->{content} : '') =~ s/\0//gr, qr/beta/, "a list in the answer to a call ($kind) shows nothing");
}
is(tool('extras', 'smuggle_page')->{status}, 403, 'an error page is no list, and passes');
is(length tool('extras', 'huge')->json->{result}{content}[0]{text}, length $huge, 'while an answer of any size passes');

# a function decides
is(call('asked', 'tools/list')->{status}, 500, 'without its module the route is closed');
$gw->run->make_dir('project/policies');
sub publish {
	$gw->write_file('policies/access.lua', shift);
	return $gw->ctl('reload');
}
my ($status, $text) = publish("local M = {}\n\nfunction M.allowed(\n");
is($status, 1, 'a module that is no Lua is an error');
like($text, qr{policies/access\.lua:4: .*expected}, '... with its file and line') or diag $text;
($status, $text) = publish("return {}");
like($text, qr{has no function 'allowed'}, 'so is one without the export');
($status, $text) = publish(<<'LUA');
local M = {}
function M.allowed(call)
	assert((call.route == "asked" or call.route == "kept") and call.catalog.tools[1].match == "list_*" and call.catalog.tools[2] == "query")
	seen = (seen or 0) + 1
	if call.tool == "list_a" and call.subject == "bob" then return { "list_a", "list_b" } end
	if call.subject == "ann" then return { tools = { "list_a", "query", "beta" }, prompts = {} } end
	if call.method == "tools/list" then return { tools = { "list_b", tostring(seen) } } end
	error("nobody else")
end
return M
LUA
is($status, 0, 'a good one is published') or diag $text;
ok(wait_until(20, sub { call('asked', 'tools/list')->{status} == 200 }), '... and served');
$list = call('asked', 'tools/list');
is(names($list), 'list_a query', 'a user sees what the function allows, of what is listed');
is($list->json->{result}{cacheScope}, 'private', '... for nobody else');
is(names(call('asked', 'tools/list', {}, who => 'bob')), 'list_b', 'another user another list');
$up->clear;
for my $row (['ann', 'list_a query'], ['bob', 'list_b'], ['ann', 'list_a query']) {
	my $own = call('kept', 'tools/list', { _meta => { 'io.modelcontextprotocol/protocolVersion' => '2026-07-28', 'io.modelcontextprotocol/clientCapabilities' => {} } },
		who => $row->[0], headers => [['MCP-Protocol-Version', '2026-07-28'], ['Mcp-Method', 'tools/list']]);
	is_deeply([names($own), $own->json->{result}{cacheScope}], [$row->[1], 'private'], "E93: of a public list that is kept $row->[0] sees the own part, and may keep it alone");
}
cmp_ok(scalar(() = $up->requests), '<', 3, '... from one copy');
is(tool('asked', 'list_a')->json->{result} ? 1 : 0, 1, 'the one may call');
is(tool('asked', 'list_b', {}, who => 'bob')->json->{error}{code}, -32601, 'where the function fails nothing may be called');
is(tool('asked', 'list_a', {}, who => 'bob')->{status}, 200, 'one that it allows for this tool alone');
sub batch { return '[' . join(',', map { qq({"jsonrpc":"2.0","id":$_,"method":"tools/call","params":{"name":"$_[$_]"}}) } 0 .. $#_) . ']' }
like(call('asked', undef, undef, who => 'bob', content => batch(qw(list_a list_b)))->{content}, qr/-32601/, '... is no ticket for another tool in its batch');
is(call('asked', 'prompts/get', { name => 'p' }, who => 'bob')->json->{error}{code}, -32601, '... of no kind');
is(tool('asked', 'beta')->json->{error}{code}, -32601, 'what is not listed is not allowed by any function');
ok(wait_until(10, sub { $gw->log('mcp') =~ /nobody else/ }), 'the log says why');
unlike(tool('asked', 'list_b', {}, who => 'bob')->{content}, qr/nobody else|lua/, '... the answer does not');
($status, $text) = publish("return { allowed = function() while true do end end }");
is($status, 0, 'a function that never ends can be published');
ok(wait_until(20, sub { names(call('asked', 'tools/list')) eq '' }), '... and allows nothing');
($status, $text) = $gw->ctl('reload', '--back');
ok(wait_until(20, sub { names(call('asked', 'tools/list')) eq 'list_a query' }), 'the snapshot before has the module of its time');

# a server that answers by streams
my $r = call('echo', 'initialize', { protocolVersion => '2025-11-25', capabilities => {}, clientInfo => { name => 't', version => '1' } });
my @session = (headers => [['Mcp-Session-Id', $r->header('Mcp-Session-Id')], ['MCP-Protocol-Version', '2025-11-25']]);
$list = call('echo', 'tools/list', {}, @session);
is(names($list), 'say get-structured-content get-sum', 'a list of server-everything has the names for clients');
unlike($list->{content}, qr/"message"/, '... and not the argument that is pinned');
like(tool('echo', 'say', { message => 'mine' }, @session)->{content}, qr/Echo: pinned/, 'which is set in calls');
like(tool('echo', 'echo', { message => 'mine' }, @session)->{content}, qr/-32601/, 'by its name there it is not there');

# one of the modern era, that compares headers with bodies
my %meta = (_meta => { 'io.modelcontextprotocol/protocolVersion' => '2026-07-28', 'io.modelcontextprotocol/clientCapabilities' => {},
	'io.modelcontextprotocol/clientInfo' => { name => 't', version => '1' } });
sub modern {
	my ($method, $name, $params, @headers) = @_;
	return call('modern', $method, { %$params, %meta }, headers => [['MCP-Protocol-Version', '2026-07-28'], ['Mcp-Method', $method],
		(defined $name ? ['Mcp-Name', $name] : ()), @headers]);
}
is(names(modern('tools/list', undef, {})), 'params', 'a modern server\'s tool has another name');
$r = modern('tools/call', 'params', { name => 'params', arguments => { region => 'us', priority => 2 } }, ['Mcp-Param-Region', 'us'], ['Mcp-Param-Priority', '2']);
is_deeply(JSON::PP::decode_json(last_message($r)->{result}{content}[0]{text} // '{}'), { 'mcp-param-region' => 'eu', 'mcp-param-priority' => '2' },
	'... and headers that repeat what is pinned') or diag $r->{content};
is(modern('tools/call', 'test_custom_headers', { name => 'test_custom_headers', arguments => {} })->{status}, 404, 'its own name is not there');

$gw->stop;
$run->stop;
done_testing();
