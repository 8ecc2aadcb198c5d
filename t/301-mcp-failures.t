#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# The table of upstream failures, line by line: what the upstream does, what the client gets, and
# the reason code of the event.

use strict;
use warnings;

use IO::Socket::INET;
use JSON::PP ();
use Test::More;
use Time::HiRes qw(time);

use Gatehouse::Http qw(request);
use Gatehouse::Pg;
use Gatehouse::Run qw(find_program free_port);
use Gatehouse::Server;
use Gatehouse::Upstream;

my $secret = 'sk-upstream-0123456789';
my $jwt = "Bearer $secret";
my %answer = (
	slow => sub { $_[0]->wait_close; 0 },
	close => sub { 0 },
	garbage => sub { $_[0]->write("I am no web server\r\n\r\n"); 0 },
	half_head => sub { $_[0]->write("HTTP/1.1 200 OK\r\nContent-Type: application/js"); 0 },
	endless_head => sub { my ($c) = @_; $c->write("HTTP/1.1 200 OK\r\n"); $c->write("X-$_: " . 'x' x 1000 . "\r\n") for 1 .. 80; 0 },
	status => sub { $_[0]->write("HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n"); 0 },
	gzip => sub { $_[0]->reply(200, [['Content-Type', 'application/json'], ['Content-Encoding', 'gzip']], 'xxxx') },
	auth => sub { $_[0]->json(401, { error => 'invalid_token' }, ['WWW-Authenticate', 'Bearer resource_metadata="http://169.254.169.254/"']) },
	auth_body => sub { $_[0]->json(403, { error => "key $secret is bad" }) },
	forbidden => sub { $_[0]->json(403, { error => 'no' }, ['WWW-Authenticate', 'Bearer error="insufficient_scope"']) },
	gone => sub { $_[0]->json(410, { error => 'gone' }) },
	rate => sub { $_[0]->json(429, { error => 'slow down' }, ['Retry-After', '17']) },
	down => sub { $_[0]->reply(503, [['Content-Type', 'text/html'], ['Retry-After', '3']], '<h1>down</h1>') },
	redirect => sub { $_[0]->reply(302, [['Location', 'https://elsewhere.example/x'], ['Set-Cookie', 'a=b']], '') },
	redirect_key => sub { $_[0]->reply(307, [['Location', "/mcp?key=$secret"]], '') },
	two_codes => sub { $_[0]->write("HTTP/1.1 100 Continue\r\n\r\n"); $_[0]->result($_[1], { fine => 1 }) },
	http10 => sub { $_[0]->write("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":\"x-7\",\"result\":{}}"); 0 },
	echo_key => sub { my ($c, $r) = @_; $c->result($r, { said => $r->{header}{authorization} }) },
	split_key => sub { my ($c, $r) = @_; $c->begin_stream; for my $p ('data: {"jsonrpc":"2.0","id":"x-7","error":{"code":-1,"message":"' . 'sk-upstr', 'eam-012345', '6789 is wrong, sk-upstre"}}', "\n\n") { $c->chunk($p); select undef, undef, undef, 0.05 } $c->end_stream },
	error => sub { my ($c, $r) = @_; $c->json(200, '{"jsonrpc":"2.0","id":"x-7","error":{"code":-32602,"message":"bad"}}') },
	tool_error => sub { my ($c, $r) = @_; $c->result($r, { content => [], isError => JSON::PP::true }) },
	html => sub { $_[0]->reply(200, [['Content-Type', 'text/html']], '<html>login</html>') },
	cut_json => sub { $_[0]->write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"jsonrpc\":"); 0 },
	long_session => sub { my ($c, $r) = @_; $c->result($r, {}, ['Mcp-Session-Id', 'x' x 513]) },
	odd_session => sub { my ($c, $r) = @_; $c->result($r, {}, ['Mcp-Session-Id', 'a b']) },
	reused => sub { my ($c, $r) = @_; return $c->result($r, {}) if $r->{n} == 1; $c->note(executed => 1); 0 },
	hop => sub { my ($c, $r) = @_; return $c->result($r, { at => $r->{target} }) if $r->{path} eq '/there'; $c->reply(308, [['Location', '/there?x=1']], '') },
	hop_get => sub { $_[0]->reply(302, [['Location', '/there']], '') },
	hop_out => sub { $_[0]->reply(307, [['Location', 'http://localhost:1/there']], '') },
	hop_on => sub { $_[0]->reply(307, [['Location', '/mcp']], '') },
);
my $greeter = Gatehouse::Upstream->new(sub { 0 }, greeting => "220 mail.example ESMTP\r\n");
my %up = map { my $code = $answer{$_}; $_ => Gatehouse::Upstream->new($code) } keys %answer;

# A TLS server with a certificate that nobody trusts.
my $tls_port = free_port();
my $dir = File::Temp::tempdir(CLEANUP => 1);
my $openssl = find_program('openssl');
system "$openssl req -x509 -newkey rsa:2048 -nodes -keyout $dir/k.pem -out $dir/c.pem -days 2 -subj /CN=wrong.example >$dir/log 2>&1";
my $tls = fork // die;
if (!$tls) {
	open STDOUT, '>', "$dir/tls.log";
	open STDERR, '>&', \*STDOUT;
	open STDIN, '<', '/dev/null';
	exec $openssl, 's_server', '-accept', "127.0.0.1:$tls_port", '-cert', "$dir/c.pem", '-key', "$dir/k.pem", '-www', '-quiet';
	die $!;
}
END { kill 'KILL', $tls if $tls; local $?; waitpid $tls, 0 if $tls }
my $closed = free_port();

sub route { my ($url, %o) = @_; return { upstream => $url, public => 1, inbound => ['key'], options => { %o } } }

my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, programs => ['mcp'],
	gateway => { development => JSON::PP::true, outbound => { insecureHttp => ['private'] } },
	policies => [{ name => 'key', policyType => 'set-upstream-api-key-inbound',
		handler => { export => 'X', options => { value => $jwt } } }],
	routes => {
		(map { ("/mcp/$_" => route($up{$_}->url('/mcp'), $_ eq 'slow' ? (timeoutMs => 700) : ())) } keys %up),
		'/mcp/refused' => route("http://127.0.0.1:$closed/mcp"),
		'/mcp/no_dns' => route('https://no-such-host.invalid/mcp'),
		'/mcp/no_tls' => route("https://127.0.0.1:$tls_port/mcp"),
		'/mcp/plain_as_tls' => route('https://127.0.0.1:' . $greeter->port . '/mcp'),
		'/mcp/private' => route('http://10.255.255.1/mcp'),
		'/mcp/metadata' => route('https://169.254.169.254/mcp'),
		'/mcp/mapped' => route('https://[::ffff:10.0.0.1]/mcp'),
		'/mcp/nat64' => route('https://[64:ff9b::a00:1]/mcp'),
		'/mcp/any' => route('https://0.0.0.0/mcp'),
		(map { ("/mcp/follow_$_" => route($up{$_}->url('/mcp'), followRedirects => JSON::PP::true)) } qw(hop hop_out hop_on hop_get)),
	});

my $call = '{"jsonrpc":"2.0","id":"x-7","method":"tools/call","params":{"name":"t","arguments":{}}}';

sub post {
	my ($route, %o) = @_;
	return request('POST', $gw->url("/mcp/$route"), { headers => [['Content-Type', 'application/json'],
		['Accept', 'application/json, text/event-stream'], @{ $o{headers} || [] }], content => $o{content} // $call, timeout => 15 });
}

# The event of a call, by its request id.
sub event_of {
	my ($r) = @_;
	my $id = $r->header('X-Request-Id') // '';
	return Gatehouse::Run::wait_until(30, sub { (grep { ($_->{requestId} // '') eq $id && exists $_->{outcome} } $gw->log_lines('mcp'))[0] }) || {};
}

# [route, status, JSON-RPC code, outcome, origin, reason, what it is]
my @rows = (
	['refused', 502, -32603, 'failure', 'upstream', 'upstream_unreachable', 'an upstream that is not there'],
	['no_dns', 502, -32603, 'failure', 'upstream', 'upstream_unreachable', 'a name that does not resolve'],
	['no_tls', 502, -32603, 'failure', 'upstream', 'upstream_tls', 'a certificate that nobody trusts'],
	['plain_as_tls', 502, -32603, 'failure', 'upstream', 'upstream_tls', 'a server that speaks no TLS'],
	['private', 502, -32603, 'failure', 'upstream', 'upstream_unreachable', 'a private address'],
	['metadata', 502, -32603, 'failure', 'upstream', 'upstream_unreachable', 'a link-local address'],
	['mapped', 502, -32603, 'failure', 'upstream', 'upstream_unreachable', 'a private address in an IPv6 one'],
	['nat64', 502, -32603, 'failure', 'upstream', 'upstream_unreachable', 'a private address behind NAT64'],
	['any', 502, -32603, 'failure', 'upstream', 'upstream_unreachable', 'the unspecified address'],
	['slow', 504, -32603, 'failure', 'upstream', 'upstream_timeout', 'silence past timeoutMs'],
	['close', 502, -32603, 'failure', 'upstream', 'upstream_closed', 'a connection closed before the answer'],
	['half_head', 502, -32603, 'failure', 'upstream', 'upstream_closed', 'a head that breaks off'],
	['garbage', 502, -32603, 'failure', 'upstream', 'upstream_malformed', 'an answer that is no HTTP'],
	['endless_head', 502, -32603, 'failure', 'upstream', 'upstream_malformed', 'a head without end'],
	['status', 502, -32603, 'failure', 'upstream', 'upstream_malformed', 'a status that is none'],
	['gzip', 502, -32603, 'failure', 'upstream', 'upstream_malformed', 'a coding that was not asked for'],
	['long_session', 502, -32603, 'failure', 'upstream', 'upstream_malformed', 'a session id of 513 bytes'],
	['odd_session', 502, -32603, 'failure', 'upstream', 'upstream_malformed', 'a session id with a blank'],
	['auth', 502, -32603, 'failure', 'upstream', 'upstream_auth', 'F103: 401 without a token exchange'],
	['follow_hop_on', 502, -32603, 'failure', 'upstream', 'upstream_malformed', 'F103: redirects without end'],
	['forbidden', 403, undef, 'failure', 'upstream', 'upstream_status', '403'],
	['gone', 410, undef, 'failure', 'upstream', 'upstream_status', 'another 4xx'],
	['rate', 429, undef, 'failure', 'upstream', 'upstream_status', '429'],
	['down', 503, undef, 'failure', 'upstream', 'upstream_status', 'a 5xx'],
	['two_codes', 200, undef, 'success', undef, undef, '100 Continue before the answer'],
	['http10', 200, undef, 'success', undef, undef, 'an HTTP/1.0 answer'],
	['error', 200, -32602, 'application_error', 'upstream', 'jsonrpc_error', 'a JSON-RPC error'],
	['tool_error', 200, undef, 'application_error', 'upstream', 'tool_error', 'isError'],
	['html', 200, undef, 'failure', 'upstream', 'upstream_malformed', 'F101: HTML in a 200'],
);
for my $row (@rows) {
	my ($route, $status, $code, $outcome, $origin, $reason, $name) = @$row;
	my $r = post($route);
	is($r->{status}, $status, "$name: $status") or diag explain $r;
	is($r->json->{error}{code}, $code, "$name: the JSON-RPC error's code is $code") if defined $code;
	is($r->json->{id}, 'x-7', "$name: it has the request's id") if defined $code;
	my $e = event_of($r);
	is($e->{outcome}, $outcome, "$name: the event says $outcome") or diag explain $e;
	is($e->{failureOrigin}, $origin, "$name: of " . ($origin // 'nobody'));
	is($e->{reasonCode}, $reason, "$name: because of " . ($reason // 'nothing'));
	is($r->header($_), undef, "$name: no $_ comes through") for qw(WWW-Authenticate Set-Cookie);
}

is(post('rate')->header('Retry-After'), 17, 'Retry-After of a 429 is kept');
is(post('rate')->{content}, '{"error":"slow down"}', 'and its body');
is(post('down')->{content}, '<h1>down</h1>', 'the body of a 5xx is kept');
my $slow = post('slow', content => '{"jsonrpc":"2.0","method":"notifications/cancelled"}');
is($slow->{status}, 504, 'a notification times out as well');
is($slow->header('Content-Type'), 'application/problem+json', 'and is told so without a JSON-RPC error');
my $batch = post('close', content => '[{"jsonrpc":"2.0","id":1,"method":"a"},{"jsonrpc":"2.0","method":"n"},{"jsonrpc":"2.0","id":"two","method":"b"}]');
is_deeply([map { $_->{id} } @{ $batch->json }], [1, 'two'], 'each request of a batch gets its error');
is(post('close', content => '{"jsonrpc":"2.0","id": 12345678901234567890 ,"method":"a"}')->{content} =~ /"id":12345678901234567890,/, 1,
	'a number too large for a machine word comes back as it was spelled');

# --- redirects ---

my $r = post('redirect');
is($r->{status}, 302, 'F102: a redirect is not followed');
is($r->header('Location'), 'https://elsewhere.example/x', 'but passed on');
$r = post('follow_hop');
is($r->{status}, 200, 'followRedirects follows a 308 within the origin');
is($r->json->{result}{at}, '/there?x=1', 'to where it leads');
is(($up{hop}->requests)[-1]{content}, $call, 'with the same body');
is(post('follow_hop_out')->{status}, 307, 'F102: it does not leave the origin');
is(post('follow_hop_get')->{status}, 302, 'nor does it repeat a POST for a 302');
is(post('hop')->{status}, 308, 'without followRedirects nothing is followed');

# --- credentials that come back ---

$r = post('redirect_key');
is($r->header('Location'), undef, 'F107: a Location that repeats the credential is left out');
$r = post('auth_body');
is($r->{content}, '{"error":"key ' . '*' x length($secret) . ' is bad"}', 'F107: an error text that repeats it is masked');
is(post('echo_key')->json->{result}{said}, 'Bearer ' . '*' x length $secret, 'F107: and so is a result');
$r = post('split_key');
is(($r->events)[0]{data}, '{"jsonrpc":"2.0","id":"x-7","error":{"code":-1,"message":"' . '*' x length($secret) . ' is wrong, sk-upstre"}}',
	'F107: also when it comes in pieces');

# --- an answer cut short ---

$r = post('cut_json');
ok($r->{error}, 'a JSON answer that breaks off is seen to be cut') or diag explain $r;

# --- a reused connection that closes after the call was executed ---

post('reused');
$r = post('reused');
is($r->{status}, 502, 'a call whose reused connection closed is not made again');
is(event_of($r)->{reasonCode}, 'upstream_closed', 'it is upstream_closed');
is(scalar(grep { $_->{executed} } $up{reused}->notes), 1, 'the upstream executed it once');
cmp_ok((map { $_->{connection} } $up{reused}->requests)[1], '==', 1, '(the connection was reused)');

unlike($gw->log, qr/\Q$secret\E/, 'F107: the log never holds the credential');

done_testing;
