#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Functions in Lua on the way up and on the way back: headers, messages, refusals; what fails lets nothing through.

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

my $up = Gatehouse::Upstream->new(sub {
	my ($c, $r) = @_;
	my $name = $r->{content} =~ /"name"\s*:\s*"(\w+)"/ ? $1 : '';
	return $c->reply(200, [['Content-Type', 'application/json'], ['X-Up', 'there'], ['Retry-After', '7'], ['Mcp-Session-Id', 's-1']],
		'{"jsonrpc":"2.0","id":1,"result":{"big":12345678901234567890, "content":[{"type":"text","text":"the secret plan"}]}}') if $name eq 'plan';
	if ($name eq 'stream') {
		$c->begin_stream;
		$c->event({ jsonrpc => '2.0', method => 'notifications/message', params => { text => "secret $_" } }) for 1 .. 2;
		$c->event({ jsonrpc => '2.0', id => 1, result => { content => [{ type => 'text', text => 'the secret end' }] } });
		return $c->end_stream;
	}
	return $c->json(200, $r->{content} =~ /^\[/ ? '[]' : { jsonrpc => '2.0', id => 1, result => { headers => { map { lc $_->[0] => $_->[1] } @{ $r->{headers} } }, body => $r->{content} } });
});
sub custom { my ($way, $name, %o) = @_; return { name => "$way-$name", policyType => "custom-lua-$way", handler => { export => 'x', options => {
	module => "policies/$way.lua", export => $name, %o } } } }

my $pg = Gatehouse::Pg->new;
my $run = Gatehouse::Run->new('up');
my $everything = Gatehouse::Peers->everything($run);
my @up = qw(edit deny fail loop wrong reserved);
my @back = qw(mask refuse broken head);
my $gw = Gatehouse::Server->new(pg => $pg, programs => ['mcp'],
	policies => [(map { custom('inbound', $_, options => { team => 'red', key => '$env(KEY)' }) } @up), (map { custom('outbound', $_) } @back)],
	env => { KEY => 'canary-key-value' },
	routes => { (map { ("/mcp/$_" => { upstream => $up->url('/mcp'), inbound => ["inbound-$_"] }) } @up),
		(map { ("/mcp/$_" => { upstream => $up->url('/mcp'), outbound => ["outbound-$_"] }) } @back),
		'/mcp/everything' => { upstream => $everything->{url}, inbound => ['inbound-edit'], outbound => ['outbound-mask'] } });
my %token = map { $_ => issue($pg, $gw, "/mcp/$_", subject => 'ann') } @up, @back, 'everything';

sub call {
	my ($route, $content, @headers) = @_;
	return request('POST', $gw->url("/mcp/$route"), { timeout => 30, headers => [['Content-Type', 'application/json'],
		['Accept', 'application/json, text/event-stream'], ['Authorization', "Bearer $token{$route}{access_token}"], @headers],
		content => ref $content ? JSON::PP::encode_json($content) : $content });
}
sub tool { my ($route, $name, @headers) = @_; return call($route, qq({"jsonrpc":"2.0", "id":1,"method":"tools/call","params":{"name":"$name","arguments":{"n":1e2,"b":[]}}}), @headers) }

$gw->run->make_dir('project/policies');
$gw->write_file('policies/inbound.lua', <<'LUA');
local M = {}
function M.edit(call)
	call.headers["x-team"] = call.options.team .. "/" .. call.subject
	call.headers["x-api-key"] = call.options.key
	call.headers["x-seen"] = tostring(call.headers.authorization) .. " " .. tostring(call.headers["user-agent"] ~= nil)
	call.headers["user-agent"] = nil
	call.answerHeaders["X-Policy"] = "edited"
	call.answerHeaders["X-Up"] = false
	if call.message and call.message.params and call.message.params.arguments then
		call.message.params.arguments.added = true
	end
end
function M.deny(call)
	if call.tool == "no" then return "not today, " .. call.subject end
end
function M.fail(call) error("canary of " .. call.subject) end
function M.loop(call) while true do end end
function M.wrong(call)
	if call.tool == "id" then call.message.id = 2 end
	if call.tool == "gone" then call.message = nil end
	if call.tool == "kind" then call.message.method = nil end
	if call.tool == "number" then return 7 end
	if call.tool == "value" then call.headers["x-a"] = "a\r\nx-b: c" end
	if call.tool == "dup" then call.message["a\0b"] = 1 end
end
function M.reserved(call) call.headers[call.tool] = "x" end
return M
LUA
$gw->write_file('policies/outbound.lua', <<'LUA');
local M = {}
local function each(message, change)
	for _, part in ipairs(message.result and message.result.content or {}) do part.text = change(part.text) end
	if message.params and message.params.text then message.params.text = change(message.params.text) end
end
function M.mask(call) each(call.message, function(text) return regex.replace(text, "secret", "******") end) end
function M.refuse(call)
	each(call.message, function(text) if text == "secret 1" or text:find("plan", 1, true) then refused = true end return text end)
	if refused then return "kept here" end
end
function M.head(call)
	each(call.message, function(text)
		local h = call.headers
		return call.status .. " " .. h["content-type"] .. " " .. tostring(h["retry-after"]) .. " " .. tostring(h["x-up"]) .. " " .. tostring(h["mcp-session-id"])
	end)
	call.headers["x-mine"] = "no"
	call.status = 500
end
function M.broken(call) return call.message.nothing.there end
return M
LUA
my ($status, $text) = $gw->ctl('reload');
is($status, 0, 'the modules are published') or diag $text;
ok(wait_until(20, sub { tool('edit', 'a')->{status} == 200 }), '... and served');

# up
my $r = tool('edit', 'a', ['User-Agent', 'test'], ['X-Seen', 'mine']);
my $got = $r->json->{result};
is($got->{headers}{'x-team'}, 'red/ann', 'a function sets a header, of its options and the call');
is($got->{headers}{'x-seen'}, 'nil true', '... sees those that are no credentials');
is($got->{headers}{'user-agent'} // '', '', '... and removes one');
like($got->{headers}{'x-api-key'}, qr/^\*+$/, '... a credential that it sets goes up, and is masked where it comes back');
unlike($r->{content}, qr/canary-key-value/, '... nowhere does it come back');
is($r->header('X-Policy'), 'edited', 'a header of the answer is set');
is($got->{body}, '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"n":1e2,"b":[],"added":true}}}', 'a message is changed, and the rest of it is as it was');
is(tool('edit', 'plan')->header('X-Up'), undef, 'a header of the answer is removed');
like(call('edit', '[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"notifications/x"}]')->{status}, qr/^20/, 'a batch goes message by message');

my $before = () = $up->requests;
$r = tool('deny', 'no');
is($r->{status}, 403, 'a text refuses the call');
is($r->json->{error}{message}, 'not today, ann', '... and is told');
is_deeply([map { tool($_, 'x')->json->{error}{code} } qw(fail loop)], [-32603, -32603], 'a function that fails, or never ends, lets nothing through');
is(tool('wrong', $_)->json->{error}{code}, -32603, "nor one that spoils the message ($_)") for qw(id gone kind number value dup);
is(tool('reserved', $_)->json->{error}{code}, -32603, "the header '$_' is not a function's") for qw(host connection accept);
is(call('reserved', { jsonrpc => '2.0', id => 1, method => 'tools/call', params => { name => $_ } })->json->{error}{code}, -32603, "nor is '$_'")
	for qw(mcp-session-id Mcp-Name content-type);
is(scalar(() = $up->requests), $before, '... and nothing of that reached the upstream');
is(tool('deny', 'yes')->{status}, 200, 'nothing lets it pass');
ok(wait_until(10, sub { $gw->log('mcp') =~ /canary of ann/ }), 'the log says why one failed');
unlike(tool('fail', 'x')->{content}, qr/canary/, '... the answer does not');
is((wait_until(10, sub { (grep { ($_->{reasonCode} // '') eq 'custom_policy' } $gw->log_lines('mcp'))[0] }) || {})->{outcome}, 'denied', 'a refusal is recorded as one');

# back
$r = tool('mask', 'plan');
is($r->{content}, '{"jsonrpc":"2.0","id":1,"result":{"big":12345678901234567890,"content":[{"type":"text","text":"the ****** plan"}]}}', 'an answer to a call is changed, and nothing else of it');
unlike(tool('mask', 'stream')->{content}, qr/secret/, 'so are the events of a stream');
like(tool('mask', 'stream')->{content}, qr/\Q****** 2\E.*the \*+ end/s, '... each of them');
$r = tool('refuse', 'plan');
is($r->json->{error}{message}, 'kept here', 'an answer is refused with a text');
$r = tool('refuse', 'stream');
unlike($r->{content}, qr/secret 1/, 'a refused event does not come');
like($r->{content}, qr/the secret end/, '... the others do');
$r = tool('head', 'plan');
is($r->json->{result}{content}[0]{text}, '200 application/json 7 nil nil', 'a function reads the answer\'s status, and those of its headers that the client gets and that are no credentials');
is_deeply([$r->{status}, $r->header('X-Mine')], [200, undef], '... and changes none of it');
like(tool('head', 'stream')->{content}, qr{200 text/event-stream nil nil nil}, '... of a stream as well');
$r = tool('broken', 'plan');
unlike($r->{content}, qr/secret/, 'where the function fails nothing is shown');

# a real server, by streams and with sessions
$r = call('everything', { jsonrpc => '2.0', id => 1, method => 'initialize', params => { protocolVersion => '2025-11-25', capabilities => {}, clientInfo => { name => 't', version => '1' } } });
my @session = (['Mcp-Session-Id', $r->header('Mcp-Session-Id')], ['MCP-Protocol-Version', '2025-11-25']);
$r = call('everything', { jsonrpc => '2.0', id => 2, method => 'tools/call', params => { name => 'echo', arguments => { message => 'my secret' } } }, @session);
like($r->{content}, qr/Echo: my \*{6}/, 'with server-everything as well');
is($r->header('X-Policy'), 'edited', '... the answer\'s headers too');

# a module that changes changes the route
$gw->write_file('policies/outbound.lua', "return { mask = function(call) return 'closed' end, refuse = function() end, broken = function() end, head = function() end }\n");
($status, $text) = $gw->ctl('reload');
is($status, 0, 'a module alone is changed');
ok(wait_until(20, sub { (tool('mask', 'plan')->json->{error}{message} // '') eq 'closed' }), '... and counts from the reload on');

$gw->stop;
$run->stop;
done_testing();
