#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# The MCP server registry, as GitHub Copilot and other consumers read it.

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use Gatehouse::Http qw(request);
use Gatehouse::Server;

my %route = (upstream => 'http://127.0.0.1:9/mcp');
my $gw = Gatehouse::Server->new(programs => ['discovery'], routes => {
	'/mcp/b' => { %route, summary => 'Second ' . 'x' x 200 },
	'/mcp/a' => { %route, summary => 'First', operationId => 'a-server' },
	'/mcp/c' => { %route, summary => 'Third' },
});

sub get {
	my ($path, @headers) = @_;
	return request(GET => $gw->url("/mcp-registry/v0.1$path"), { headers => [@headers] });
}
sub doc { return JSON::PP::decode_json($_[0]{content}) }

my $list = get('/servers');
is($list->{status}, 200, 'the list is there');
is($list->header('access-control-allow-origin'), '*', 'for pages of any origin');
my @names = map { $_->{server}{name} } @{ doc($list)->{servers} };
is_deeply(\@names, ['localhost/a-server', 'localhost/b', 'localhost/c'], 'every route has its entry, in order');
my $entry = doc($list)->{servers}[1];
is(length $entry->{server}{description}, 100, 'a description is clamped');
is_deeply($entry->{server}{remotes}, [{ type => 'streamable-http', url => $gw->url('/mcp/b') }],
	'the route is the remote');
is($entry->{server}{version}, '1.0.0', 'a version is always given');
my $official = $entry->{_meta}{'io.modelcontextprotocol.registry/official'};
is_deeply([sort keys %$official], [qw(isLatest publishedAt status statusChangedAt updatedAt)],
	'the official members, and no others');
is($official->{status}, 'active', 'it is active');

my $page = doc(get('/servers?limit=2'));
is(scalar @{ $page->{servers} }, 2, 'a limit is kept');
is($page->{metadata}{count}, 2, 'and counted');
my $next = doc(get('/servers?limit=2&cursor=' . Gatehouse::Http::url_encode($page->{metadata}{nextCursor})));
is_deeply([map { $_->{server}{name} } @{ $next->{servers} }], ['localhost/c'], 'the cursor goes on');
ok(!exists $next->{metadata}{nextCursor}, 'and ends');
is(scalar @{ doc(get('/servers?search=FIRST'))->{servers} }, 1, 'a search ignores case');
is(scalar @{ doc(get('/servers?version=latest'))->{servers} }, 3, 'latest is all');
is(scalar @{ doc(get('/servers?version=9'))->{servers} }, 0, 'another version is none');
is(scalar @{ doc(get('/servers?updated_since=2999-01-01T00:00:00Z'))->{servers} }, 3, 'a time never filters');

my @bad = (['/servers?limit=0', 400], ['/servers?limit=101', 400], ['/servers?limit=x', 400],
	['/servers?updated_since=today', 400], ['/servers?limit=1&limit=2', 400],
	['/servers/localhost/none/versions', 404], ['/servers/localhost/a-server', 404],
	['/servers/localhost/a-server/versions/2.0.0', 404],
	['/elsewhere', 404]);
for my $case (@bad) {
	my $answer = get($case->[0]);
	is($answer->{status}, $case->[1], "$case->[0] is $case->[1]");
	ok(defined doc($answer)->{error}, '... and says why');
}

for my $name ('localhost%2Fa-server', 'localhost%2fa-server', 'localhost/a-server') {
	is(doc(get("/servers/$name/versions"))->{servers}[0]{server}{name}, 'localhost/a-server',
		"$name has versions");
	is(doc(get("/servers/$name/versions/latest"))->{server}{name}, 'localhost/a-server', '... a latest');
	is(doc(get("/servers/$name/versions/1.0.0"))->{server}{name}, 'localhost/a-server', '... and this one');
}

my $preflight = request(OPTIONS => $gw->url('/mcp-registry/v0.1/servers'), { headers => [[Origin => "https://x.example"]] });
is($preflight->{status}, 204, 'a preflight is answered');
is($preflight->header('access-control-allow-methods'), 'GET, OPTIONS', 'with what reading needs');
like($preflight->header('access-control-allow-headers'), qr/Authorization/, 'and the headers that clients send');
for my $case ([POST => '/publish', 501], [PUT => '/servers/a/versions/1', 501], [DELETE => '/servers/a', 501],
	[PATCH => '/servers/a', 403]) {
	my $answer = request($case->[0] => $gw->url("/mcp-registry/v0.1$case->[1]"), { content => "{}" });
	is($answer->{status}, $case->[2], "$case->[0] is $case->[2]");
}
$gw->stop;

$gw = Gatehouse::Server->new(programs => ['discovery'], routes => { '/mcp/a' => {%route} },
	gateway => { registry => { enabled => JSON::PP::false } });
is(get('/servers')->{status}, 404, 'a registry that is off is not there');
$gw->stop;

done_testing();
