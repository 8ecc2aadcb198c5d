#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Data loss prevention on a route: what is masked, refused or only logged on the way up and on the way back, in JSON and
# in streams that come in odd pieces; and that nothing that was found is ever shown.

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

my ($card, $ssn, $key) = ('4111111111111111', '212-34-5678', 'ghp_' . 'a1B2' x 9);
my $JSON = JSON::PP->new->canonical;

# How the upstream answers is the path. What it says is what the client sent as arguments, or the path's own.
my $up = Gatehouse::Upstream->new(sub {
	my ($c, $r) = @_;
	my ($id) = ($r->{content} // '') =~ /"id"\s*:\s*(\d+)/;
	my $text = 'Card \\u0034\\u0031' . substr($card, 2) . qq(\\n \\"x\\" $ssn $key);
	my $result = qq({"content":[{"type":"text","text":"$text"}],"structuredContent":{"n":1.50e1,"card":$card}});
	return $c->result($r, { content => [{ type => 'text', text => 'fine' }], n => 1 }) if $r->{path} eq '/clean';
	if ($r->{path} =~ m{^/echo}) {
		my $echo = { jsonrpc => '2.0', id => $id + 0, result => { content => [{ type => 'text', text => $JSON->decode($r->{content})->{params}{arguments}{a} }] } };
		return $c->json(200, $echo) if $r->{path} eq '/echo';
		$c->begin_stream;
		$c->event($echo);
		return $c->end_stream;
	}
	return $c->json(200, qq({"jsonrpc":"2.0","id":$id,"error":{"code":-32000,"message":"no $card","data":{"k":"$key"}}})) if $r->{path} eq '/error';
	return $c->json(200, qq([{"jsonrpc":"2.0","id":1,"result":$result},{"jsonrpc":"2.0","id":2,"result":{}}])) if ($r->{content} // '') =~ /^\[/;
	return $c->reply(200, [['Content-Type', 'text/plain']], $card) if $r->{path} eq '/text';
	return $c->json(200, qq({"jsonrpc":"2.0","id":1,"result":{"a":"$card","a":1}})) if $r->{path} eq '/twice';
	return $c->json(200, qq({"jsonrpc":"2.0","id":$id, "result":$result })) if $r->{path} eq '/json';
	$c->begin_stream;
	if ($r->{path} eq '/bytes') {    # byte by byte, in many lines
		my $event = qq(id: 3\r\ndata: {"jsonrpc":"2.0","id":$id,\r\ndata: "result":$result}\r\n\r\n);
		$c->chunk($_) for split //, $event;
		return $c->end_stream;
	}
	$c->event(qq({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"$card","message":"at $card"}}));
	$c->event(qq({"jsonrpc":"2.0","id":7,"method":"sampling/createMessage","params":{"messages":[{"role":"user","content":{"type":"text","text":"$card"}}]}}));
	$c->wait_file('turn') if $r->{path} eq '/turns';
	$c->event(qq({"jsonrpc":"2.0","id":$id,"result":$result}));
	return $c->end_stream;
});

my %options = (
	mask  => { entities => ['finance-global-credit-card', 'id-us-ssn', 'secret'] },
	block => { entities => ['finance', 'secret'], action => 'block' },
	log   => { entities => ['pii', 'secret'], action => 'log' },
	long  => { entities => [], mask => 'M' x 1000, customPatterns => [{ name => 'digit', pattern => '#\d' }] },
	own   => { entities => [], mask => '***', customPatterns => [{ name => 'ticket', pattern => 'T-\d+' }], allowValues => ['T-1'] },
);
my @policies = map {
	my $action = $_;
	map { { name => "$action-$_", policyType => "data-loss-prevention-$_", handler => { export => 'x', options => $options{$action} } } } qw(inbound outbound)
} sort keys %options;
push @policies, { name => 'secrets', policyType => 'secret-masking-outbound',
	handler => { export => 'x', options => { mask => 'XX', additionalPatterns => ['in-\w+-house'] } } };
my %routes;
for my $path (qw(json clean error text twice sse bytes turns echo echo-sse)) {
	for my $action (sort keys %options) {
		$routes{"/mcp/$action-in-$path"}  = { upstream => $up->url("/$path"), inbound => ["$action-inbound"], options => { sse => JSON::PP::true } };
		$routes{"/mcp/$action-out-$path"} = { upstream => $up->url("/$path"), outbound => ["$action-outbound"], options => { sse => JSON::PP::true } };
	}
}
$routes{'/mcp/secrets'} = { upstream => $up->url('/json'), outbound => ['secrets'] };
my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, programs => ['mcp'], policies => \@policies, routes => \%routes);
my %token;

sub call {
	my ($route, $body, %o) = @_;
	$token{$route} ||= issue($pg, $gw, "/mcp/$route")->{access_token};
	return request('POST', $gw->url("/mcp/$route"), { timeout => 60, headers => [['Content-Type', 'application/json'],
		['Accept', 'application/json, text/event-stream'], ['Authorization', "Bearer $token{$route}"], @{ $o{headers} || [] }],
		content => ref $body ? $JSON->encode($body) : $body });
}
sub message { return { jsonrpc => '2.0', id => 1, method => 'tools/call', params => { name => 'say', arguments => $_[0] || {}, @_[1 .. $#_] } } }
sub sent { my ($last) = reverse grep { $_->{method} eq 'POST' } $up->requests; return $last }
sub messages { my ($r) = @_; return map { JSON::PP::decode_json($_->{data}) } grep { length $_->{data} } $r->events }
my $secret_seen = qr/1111111111|\Q$ssn\E|\Q$key\E/;

# the way up
my $r = call('mask-in-clean', qq({"jsonrpc":"2.0","id":1,"method":"tools/call" ,"params":{"name":"say","_meta":{"progressToken":"$card"},"arguments":{"a":"\\u0034111111111111111","b":$card, "c":1.50}}}));
is($r->{status}, 200, 'a call with a card is answered');
is(sent()->{content}, qq({"jsonrpc":"2.0","id":1,"method":"tools/call" ,"params":{"name":"say","_meta":{"progressToken":"$card"},"arguments":{"a":"[REDACTED]","b":"[REDACTED]", "c":1.50}}}),
	'... the upstream got it masked, and all else byte for byte');
call('mask-in-clean', qq({"jsonrpc": "2.0","id":1,"method":"tools/call","params":{"name":"say","arguments":{"a":"fine"}}}));
is(sent()->{content}, qq({"jsonrpc": "2.0","id":1,"method":"tools/call","params":{"name":"say","arguments":{"a":"fine"}}}), 'a call that holds nothing goes up as it came');
call('mask-in-clean', qq([{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":"$ssn"}},{"jsonrpc":"2.0","method":"y","params":{"a":"$key"}}]));
is(sent()->{content}, '[{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":"[REDACTED]"}},{"jsonrpc":"2.0","method":"y","params":{"a":"[REDACTED]"}}]', 'batches too');
call('mask-in-clean', message({ card => $card }, _meta => { 'io.modelcontextprotocol/protocolVersion' => '2026-07-28', 'io.modelcontextprotocol/clientCapabilities' => {} }),
	headers => [['MCP-Protocol-Version', '2026-07-28'], ['Mcp-Method', 'tools/call'], ['Mcp-Name', 'say'], ['Mcp-Param-Card', $card], ['Mcp-Param-X', 'plain']]);
like($JSON->encode(sent()), qr/\[REDACTED\]/, 'a call of the modern era is masked');
unlike($JSON->encode(sent()), $secret_seen, '... and no header repeats what was masked');
like($JSON->encode(sent()), qr/plain/, '... others stay');

my $before = () = $up->requests;
$r = call('block-in-clean', message({ a => "card $card", b => $key }));
is($r->{status}, 422, 'a call may be refused');
is($r->json->{id}, 1, '... as an error of its own');
like($r->json->{error}{message}, qr/finance-global-credit-card, secret-github-token/, '... which names what was found');
unlike($r->{content}, $secret_seen, '... and shows nothing of it');
is(call('block-in-clean', qq([{"jsonrpc":"2.0","id":1,"method":"x","params":{"k":"$key"}},{"jsonrpc":"2.0","id":2,"method":"y"}]))->{status}, 422, 'a batch is refused whole');
is(scalar(() = $up->requests), $before, 'nothing of it went up');
call('log-in-clean', message({ a => $card }));
like(sent()->{content}, qr/$card/, 'what is only logged goes up');
call('own-in-clean', message({ a => "T-12, T-1, $card" }));
like(sent()->{content}, qr/"\*\*\*, T-1, $card"/, 'own patterns, an own mask and allowed values count');

# what becomes too long by its masks
my $digits = join ' ', map { "#$_" } (0 .. 9) x 30;
$r = call('long-in-clean', message({ a => $digits }));
isnt($r->{status}, 200, 'a call that would become too long is refused');
unlike($JSON->encode(sent() || {}), qr/#1/, '... and does not go up');
for my $path (qw(echo echo-sse)) {
	$r = call("long-out-$path", message({ a => $digits }));
	my $message = $path eq 'echo' ? $r->json : (messages($r))[-1];
	is_deeply([$message->{id}, $message->{error}{code}], [1, -32603], "$path: so is an answer");
	like($message->{error}{message}, qr/'long-outbound': the message is too long once it is masked/, '... which says why');
	unlike($r->{content}, qr/#1|MMM/, '... and shows nothing of it');
}
is(call('long-out-echo', message({ a => $digits }))->{status}, 502, '... with the status of an upstream\'s fault');
ok(wait_until(10, sub { grep { ($_->{reasonCode} // '') eq 'masked_too_large' } $gw->log_lines('mcp') }), '... and is an event of that name');
is(call('long-out-echo', message({ a => '#1 #2' }))->json->{result}{content}[0]{text}, 'M' x 1000 . ' ' . 'M' x 1000, 'a shorter one is masked');

# the way back
my $masked = qq({"content":[{"type":"text","text":"Card [REDACTED]\\n \\"x\\" [REDACTED] [REDACTED]"}],"structuredContent":{"n":1.50e1,"card":"[REDACTED]"}});
is(call('mask-out-json', message())->{content}, qq({"jsonrpc":"2.0","id":1, "result":$masked }), 'an answer is masked, and all else stays byte for byte');
is(call('mask-out-clean', message())->{content}, call('mask-in-clean', message())->{content}, 'one that holds nothing stays');
like(call('mask-out-error', message())->{content}, qr/"message":"no \[REDACTED\]","data":\{"k":"\[REDACTED\]"\}/, 'errors are masked');
like(call('mask-out-json', '[{"jsonrpc":"2.0","id":1,"method":"x"},{"jsonrpc":"2.0","id":2,"method":"y"}]')->{content}, qr/^\[\{"jsonrpc":"2.0","id":1,"result":\Q$masked\E\},/, 'batches too');
for my $route (qw(mask-out-sse mask-out-bytes)) {
	$r = call($route, message());
	is(join('|', map { $_->{data} } ($r->events)[-1]) =~ s/\n//gr, qq({"jsonrpc":"2.0","id":1,"result":$masked}), "$route: an answer in a stream is masked");
	unlike($r->{content} =~ s/"progressToken":"$card"//r, $secret_seen, '... no event shows more');
}
my @events = messages(call('mask-out-sse', message()));
is($events[0]{params}{message}, 'at [REDACTED]', 'progress is masked');
is($events[0]{params}{progressToken}, $card, '... but for its token');
is($events[1]{params}{messages}[0]{content}{text}, '[REDACTED]', 'so are requests of the upstream');
is(call('secrets', message())->{content}, qq({"jsonrpc":"2.0","id":1, "result":{"content":[{"type":"text","text":"Card \\u0034\\u0031@{[substr $card, 2]}\\n \\"x\\" $ssn XX"}],"structuredContent":{"n":1.50e1,"card":$card}} }),
	'secret-masking masks secrets alone');

$r = call('block-out-json', message());
is($r->{status}, 422, 'an answer may be refused');
like($r->json->{error}{message}, qr/finance-global-credit-card, secret-github-token/, '... by name');
unlike($r->{content}, $secret_seen, '... without what was found');
@events = messages(call('block-out-sse', message()));
is(scalar(@events), 1, 'in a stream progress and requests that are refused are left out');
is($events[0]{id}, 1, '... the answer is an error in its place');
like($events[0]{error}{message}, qr/finance-global-credit-card/, '... which names what was found');
is(call('log-out-json', message())->{content}, call('own-out-json', message())->{content}, 'what is only logged reaches the client');
for my $path (qw(text twice)) {
	$r = call("mask-out-$path", message());
	is($r->{status}, 502, "an answer as $path, which nobody can read, is refused");
	unlike($r->{content}, $secret_seen, '... and shows nothing');
}
my $seen = '';
$token{'mask-out-turns'} = issue($pg, $gw, '/mcp/mask-out-turns')->{access_token};
$r = stream('POST', $gw->url('/mcp/mask-out-turns'), { timeout => 60, headers => [['Content-Type', 'application/json'], ['Accept', 'application/json, text/event-stream'],
	['Authorization', "Bearer $token{'mask-out-turns'}"]], content => $JSON->encode(message()), on_chunk => sub {
		$seen .= $_[0];
		$up->release('turn') if $seen =~ /sampling/;
		return 1;
	} });
is((messages($r))[-1]{result}{structuredContent}{card}, '[REDACTED]', 'an earlier event reaches the client while the next is awaited');

# what is told
my $lines = wait_until(10, sub { my @l = grep { ($_->{msg} // $_->{message} // $_->{text} // '') eq 'sensitive data found' } $gw->log_lines('mcp'); @l ? \@l : undef });
ok((grep { $_->{policy} eq 'log-inbound' && $_->{action} eq 'log' && $_->{found} eq 'finance-global-credit-card: 1' } @$lines), 'what was found is logged, with how often');
my $event = wait_until(10, sub { (grep { ($_->{reasonCode} // '') eq 'data_loss_prevention' } $gw->log_lines('mcp'))[0] });
is($event->{outcome}, 'denied', 'a refusal is recorded as denied');
sub events { my (%want) = @_; return grep { my $e = $_; ($e->{family} // '') eq 'policy_event' && !grep { ($e->{$_} // '') ne $want{$_} } keys %want } $gw->log_lines('mcp') }
for my $of (['log-inbound', 'log', 'success'], ['block-inbound', 'block', 'denied'], ['mask-inbound', 'mask', 'success'], ['mask-outbound', 'mask', 'success']) {
	my ($policy, $action, $outcome) = @$of;
	my $e = wait_until(10, sub { (events(policy => $policy))[0] });
	is(join(' ', map { $e->{$_} // '' } qw(event action outcome reasonCode)), "data_loss_prevention $action $outcome " . ($action eq 'block' ? 'data_loss_prevention' : ''), "what $policy found is an event");
	my $n = 0;
	$n += $_ for $e->{finds} =~ /: (\d+)/g;
	is($e->{matches}, $n, '... with what, and how often');
	is($pg->psql("select policy, action, finds, matches from gatehouse.event_policy where event_id = '$e->{eventId}'"), join('|', @$e{qw(policy action finds matches)}), '... and a row');
}
is(scalar(grep { $_->{requestId} eq (events(policy => 'log-inbound'))[0]{requestId} } events(policy => 'log-inbound')), 1, 'one for a call');
unlike($gw->log . $pg->psql('select e::text from gatehouse.event_policy e'), $secret_seen, 'no log shows a value, nor a row');
$gw->stop;

# a real server, which answers by a stream
my $run = Gatehouse::Run->new('up');
my $everything = Gatehouse::Peers->everything($run);
%token = ();
$gw = Gatehouse::Server->new(pg => $pg, programs => ['mcp'], policies => \@policies,
	routes => { '/mcp/real' => { upstream => $everything->{url}, outbound => ['mask-outbound'], options => { sse => JSON::PP::true } } });
$r = call('real', { jsonrpc => '2.0', id => 1, method => 'initialize', params => { protocolVersion => '2025-11-25', capabilities => {}, clientInfo => { name => 't', version => '1' } } });
my @session = (headers => [['Mcp-Session-Id', $r->header('Mcp-Session-Id')], ['MCP-Protocol-Version', '2025-11-25']]);
call('real', { jsonrpc => '2.0', method => 'notifications/initialized' }, @session);
like(call('real', { jsonrpc => '2.0', id => 2, method => 'tools/call', params => { name => 'echo', arguments => { message => "card $card!" } } }, @session)->{content},
	qr/Echo: card \[REDACTED\]!/, 'what server-everything echoes is masked');
like(call('real', { jsonrpc => '2.0', id => 3, method => 'tools/list' }, @session)->{content}, qr/"name":"echo"/, '... and its list is there');
$gw->stop;
$run->stop;
done_testing();
