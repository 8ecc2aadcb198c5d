#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# The limits of requests and answers as they are by default, each at the limit and one past it. (The
# token's header, the call's body and the documents of clients: t/300 and t/290.)

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use Gatehouse::Http qw(request);
use Gatehouse::Pg;
use Gatehouse::Server;
use Gatehouse::Token qw(issue);
use Gatehouse::Upstream;

my $answer = '';    # of as many bytes as the path says, as JSON or as an event
my $up = Gatehouse::Upstream->new(sub {
	my ($c, $r) = @_;
	my ($kind, $bytes) = ($r->{query} // '') =~ /(json|sse)=(\d+)/ or return $c->result($r, {});
	my $text = '{"jsonrpc":"2.0","id":1,"result":{"text":""}}';
	my $frame = $kind eq 'sse' ? length "data: \n\n" : 0;    # an event is counted with its lines
	$text =~ s/""/'"' . 'x' x ($bytes - $frame - length $text) . '"'/e;
	return $c->json(200, $text) if $kind eq 'json';
	$c->begin_stream;
	$c->chunk("data: $text\n\n");
	return $c->end_stream;
});
my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, gateway => { limits => { keptJson => 5000, keptEvent => 5000 } },
	policies => [{ name => 'filter', policyType => 'mcp-capability-filter-inbound', handler => { export => 'x', options => { tools => [] } } }],
	routes => { '/mcp/plain' => { upstream => $up->url('/mcp') }, '/mcp/read' => { upstream => $up->url('/mcp'), inbound => ['filter'] } });
my %token = map { $_ => issue($pg, $gw, "/mcp/$_") } qw(plain read);

sub form { my ($path, $content) = @_; return post($path, 'application/x-www-form-urlencoded', $content) }

sub post {
	my ($path, $type, $content, @headers) = @_;
	return request('POST', $gw->url($path), { headers => [['Content-Type', $type], @headers], content => $content });
}

sub call {
	my ($path, $content) = @_;
	my ($route) = $path =~ m{/mcp/(\w+)};
	return post($path, 'application/json', $content // '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
		['Authorization', "Bearer $token{$route}{access_token}"]);
}

# --- bodies of forms ---

for my $row (['/oauth/token', 16384, 400], ['/oauth/revoke', 16384, 401], ['/oauth/setup', 16384, 403], ['/oauth/grants', 16384, 403],
	['/oauth/logout', 16384, 403]) {
	my ($path, $limit, $status) = @$row;
	my $pad = sub { 'x=' . 'y' x ($_[0] - 2) };
	is(form($path, $pad->($limit))->{status}, $status, "$path reads a body of $limit bytes");
	is(form($path, $pad->($limit + 1))->{status}, 413, '... and none of one more');
}
for my $row ([65536, 201], [65537, 413]) {
	my ($bytes, $status) = @$row;
	my $text = '{"redirect_uris":["http://127.0.0.1/cb"],"x":""}';
	$text =~ s/:""/':"' . 'x' x ($bytes - length $text) . '"'/e;
	is(post('/oauth/register', 'application/json', $text)->{status}, $status, "a registration of $bytes bytes is $status");
}

# --- pairs, addresses, depth ---

my $pairs = sub { join '&', map { "p$_=1" } 1 .. $_[0] };
unlike(form('/oauth/token', $pairs->(32))->{content}, qr/too many parameters/, 'a form of 32 pairs is read');
like(form('/oauth/token', $pairs->(33))->{content}, qr/too many parameters/, '... and none of 33');
like(request('GET', $gw->url('/oauth/authorize?' . $pairs->(33)))->{content}, qr/too many parameters/i, '... nor a query');
is(request('GET', $gw->url('/' . 'x' x 4095))->{status}, 404, 'an address of 4096 bytes is read');
is(request('GET', $gw->url('/oauth/' . 'x' x 4089))->{status}, 404, '... by the programs');
is(request('GET', $gw->url('/oauth/' . 'x' x 4090))->{status}, 414, '... and none of 4097');
my $deep = sub { '{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":' . '[' x ($_[0] - 2) . ']' x ($_[0] - 2) . '}}' };
is(call('/mcp/plain', $deep->(32))->{status}, 200, 'a call 32 levels deep is read');
is(call('/mcp/plain', $deep->(33))->json->{error}{code}, -32700, '... and none of 33');

# --- answers that are kept ---

for my $kind (qw(json sse)) {
	my $r = call("/mcp/read?$kind=5000");
	is($r->{status}, 200, "an answer ($kind) of keptJson or keptEvent is read");
	cmp_ok(length $r->{content}, '>', 4900, '... whole');
	$r = call("/mcp/read?$kind=5001");
	$kind eq 'json' ? is($r->{status}, 502, '... one more is 502') : is($r->{content} // '', '', '... one more ends the stream');
	is(call("/mcp/plain?$kind=6000")->{status}, 200, '... where nobody reads it, it passes');
}

$gw->stop;
done_testing;
