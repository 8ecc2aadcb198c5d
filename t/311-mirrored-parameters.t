#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Mcp-Param-*: CGI does not keep these headers' names, so they are checked against the body and written anew from it and from
# the marks in the tool's schema, which are asked of the upstream once.

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use Gatehouse::Http qw(request stream);
use Gatehouse::Pg;
use Gatehouse::Server;
use Gatehouse::Token qw(issue);
use Gatehouse::Upstream;

my $JSON = JSON::PP->new->canonical;
my %marks = (
	simple => { region => ['string', 'Region'], n => ['integer', 'N'], yes => ['boolean', 'Yes'] },
	odd => { user => ['string', 'user_id.x'] },
);

sub schema { my (%m) = @_; return { type => 'object', properties => { map { $_ => { type => $m{$_}[0], 'x-mcp-header' => $m{$_}[1] } } keys %m } } }

my $up = Gatehouse::Upstream->new(sub {
	my ($c, $r) = @_;
	my ($method) = $r->{content} =~ /"method":"([^"]+)"/;
	if ($method eq 'tools/list') {
		return $c->json(500, {}) if $r->{path} eq '/none';
		return $c->result($r, { resultType => 'complete', tools => [{ name => 'simple', inputSchema => schema($r->{header}{'x-tenant'} eq 'a' ? (region => ['string', 'Region']) : ()) }] })
		  if $r->{path} eq '/tenants';
		my $evil = $c->{upstream}->url('/schema.json');
		return $c->result($r, { resultType => 'complete', tools => [{ name => 'simple', inputSchema => { '$ref' => $evil, properties => { region => { type => 'string', '$ref' => $evil,
			'x-mcp-header' => 'Region' } }, anyOf => [map { { '$ref' => "$evil#$_", properties => { n => { type => 'integer', 'x-mcp-header' => 'N' } } } } 1 .. 1_000] } }] })
		  if $r->{path} eq '/deep';
		return $c->result($r, { resultType => 'complete', nextCursor => 'more', tools => [{ name => 'simple', description => 'x' x 1_500_000, inputSchema => schema() }] })
		  if $r->{path} eq '/endless';
		return $c->result($r, { resultType => 'complete', tools => [{ name => 'simple', inputSchema => schema(%{ $marks{simple} }) },
			{ name => 'plain', inputSchema => { type => 'object' } }], nextCursor => 'more' }) if $r->{content} !~ /"cursor":"more"/;
		my $header = -e "$c->{upstream}{dir}/go-renamed" ? 'Other' : $marks{odd}{user}[1];
		return $c->result($r, { resultType => 'complete', tools => [{ name => 'odd', inputSchema => schema(user => ['string', $header]) }] });
	}
	if ($method eq 'subscriptions/listen') {
		$c->begin_stream;
		$c->event('{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged"}');
		$c->wait_file('change');
		$c->event('{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}');
		return $c->end_stream;
	}
	return $c->json(400, { jsonrpc => '2.0', id => 1, error => { code => -32020, message => 'mismatch' } }) if $r->{content} =~ /"refuse"/;
	return $c->result($r, { resultType => 'complete', content => [] });
});
my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, programs => ['mcp'], policies => [{ name => 'pin', policyType => 'mcp-capability-filter-inbound',
	handler => { export => 'X', options => { tools => [{ name => 'simple', arguments => { pin => { region => 'eu' } } }] } } }],
	routes => { (map { ("/mcp/$_" => { upstream => $up->url("/$_") }) } qw(some none endless deep)),
		'/mcp/tenants' => { upstream => $up->url('/tenants'), options => { forwardHeaders => ['x-tenant'] } },
		'/mcp/pinned' => { upstream => $up->url('/none'), inbound => ['pin'] } });
my %token = map { $_ => issue($pg, $gw, "/mcp/$_") } qw(some none endless deep tenants pinned);

sub call {
	my ($tool, $arguments, %o) = @_;
	my $route = $o{route} || 'some';
	my $method = $o{method} || 'tools/call';
	$up->clear if !$o{go_on};
	return request('POST', $gw->url("/mcp/$route"), { timeout => 20, ($o{on_chunk} ? (on_chunk => $o{on_chunk}) : ()),
		headers => [['Content-Type', 'application/json'], ['Accept', 'application/json, text/event-stream'],
		['Authorization', "Bearer $token{$route}{access_token}"], ['MCP-Protocol-Version', '2026-07-28'], ['Mcp-Method', $method],
		($tool ? ['Mcp-Name', $tool] : ()), @{ $o{headers} || [] }],
		content => $JSON->encode({ jsonrpc => '2.0', id => 1, method => $method, params => { ($tool ? (name => $tool, arguments => $arguments) : ()),
			_meta => { 'io.modelcontextprotocol/protocolVersion' => '2026-07-28', 'io.modelcontextprotocol/clientCapabilities' => {} } } }) });
}

sub methods { return map { $_->{content} =~ /"method":"([^"]+)"/ } $up->requests }

# The Mcp-Param-* headers, as they are spelled, of the call that reached the upstream.
sub mirrored {
	my ($r) = grep { $_->{content} =~ m{tools/call} } $up->requests;
	return $r ? { map { $_->[0] => $_->[1] } grep { $_->[0] =~ /^mcp-param-/i } @{ $r->{headers} } } : 'no call';
}

my @right = (['Mcp-Param-Region', 'eu'], ['Mcp-Param-N', '42'], ['Mcp-Param-Yes', 'true']);
my $arguments = { region => 'eu', n => 42, yes => JSON::PP::true };
my $r = call('simple', $arguments, headers => \@right);
is($r->{status}, 200, 'a call whose headers agree passes');
is_deeply([methods()], ['tools/list', 'tools/list', 'tools/call'], 'the marks are asked for, page by page');
is_deeply([map { $_->{header}{'mcp-method'} } $up->requests], ['tools/list', 'tools/list', 'tools/call'], '... each with the headers of its own');
is_deeply(mirrored(), { map { @$_ } @right }, 'the upstream gets the headers, spelled as the schema has them');
call('simple', $arguments, headers => \@right);
is_deeply([methods()], ['tools/call'], 'the marks are asked for once');

# [what, tool, arguments, headers, what reaches the upstream (undef: 400 and -32020)]
my @rows = (
	['a tool without marks', 'plain', {}, [], {}],
	['a header that no mark asks for', 'plain', {}, [['Mcp-Param-Region', 'x']], {}],
	['text that no header could hold', 'simple', { region => "\x{f6}" }, [['Mcp-Param-Region', '=?base64?w7Y=?=']], { 'Mcp-Param-Region' => '=?base64?w7Y=?=' }],
	['null', 'simple', { region => undef }, [], {}],
	['null with a header', 'simple', { region => undef }, [['Mcp-Param-Region', 'x']], {}],
	['a number in another spelling', 'simple', { n => 42 }, [['Mcp-Param-N', '42.0']], { 'Mcp-Param-N' => '42' }],
	['a name that not every web server keeps, missing', 'odd', { user => 'u1' }, [], { 'Mcp-Param-user_id.x' => 'u1' }],
	['E87: another value', 'simple', { region => 'eu' }, [['Mcp-Param-Region', 'us']], undef],
	['E87: the value twice', 'simple', { region => 'eu' }, [['Mcp-Param-Region', 'eu'], ['Mcp-Param-Region', 'us']], undef],
	['E87: another case', 'simple', { region => 'eu' }, [['Mcp-Param-Region', 'EU']], undef],
	['E87: broken base64', 'simple', { region => 'Hello' }, [['Mcp-Param-Region', '=?base64?SGVsbG8?=']], undef],
	['E87: no header for a value', 'simple', { region => 'eu' }, [], undef],
	['E87: no header for false', 'simple', { yes => JSON::PP::false }, [], undef],
	['E87: another number', 'simple', { n => 42 }, [['Mcp-Param-N', '43']], undef],
);
for my $row (@rows) {
	my ($name, $tool, $args, $headers, $want) = @$row;
	$r = call($tool, $args, headers => $headers);
	if ($want) {
		is_deeply(mirrored(), $want, $name) or diag $r->{content};
	} else {
		is_deeply([$r->{status}, $r->json->{error}{code}, $r->json->{id}], [400, -32020, 1], "$name is 400 and -32020") or diag $r->{content};
		is(mirrored(), 'no call', "$name: nothing is called");
	}
}

call('odd', { user => 'refuse' });
is_deeply([methods()], ['tools/call'], 'an upstream that refuses the headers is asked no second time');
call('odd', { user => 'u1' });
is_deeply([methods()], ['tools/list', 'tools/list', 'tools/call'], '... but before the next call, since its tools may have changed');

$up->release('renamed');
call('odd', { user => 'u1' });
is_deeply(mirrored(), { 'Mcp-Param-user_id.x' => 'u1' }, 'marks are kept');
call(undef, undef, method => 'subscriptions/listen', on_chunk => sub { $up->release('change'); return 1 });
call('odd', { user => 'u1' }, headers => [['Mcp-Param-Other', 'u1']]);
is_deeply(mirrored(), { 'Mcp-Param-Other' => 'u1' }, '... until the upstream says that its tools have changed');

$r = call('simple', { region => 'eu' }, route => 'none', headers => [['Mcp-Param-Region', 'us']]);
is_deeply([methods()], ['tools/list', 'tools/call'], 'an upstream that gives no list is called all the same');
is_deeply({ map { lc $_ => mirrored()->{$_} } keys %{ mirrored() } }, { 'mcp-param-region' => 'us' }, '... with the headers that came, for it to judge');
call('simple', { region => 'eu' }, route => 'none');
is_deeply([methods()], ['tools/call'], '... and not asked for it each time');
$r = call('simple', { region => 'us', n => 1 }, route => 'pinned', headers => [['Mcp-Param-Region', 'us'], ['Mcp-Param-N', '1']]);
like([grep { $_->{content} =~ m{tools/call} } $up->requests]->[0]{content}, qr/"region":"eu"/, 'a policy says another argument');
is_deeply(mirrored(), {}, '... then no header tells of the one before');
for my $tenant (qw(a b)) {
	call('simple', { region => 'eu' }, route => 'tenants', headers => [['X-Tenant', $tenant], ['Mcp-Param-Region', 'eu']]);
	is_deeply(mirrored(), $tenant eq 'a' ? { 'Mcp-Param-Region' => 'eu' } : {}, "tools may differ by a header that goes up: tenant $tenant");
}
call('simple', {}, route => 'endless');
is_deeply([methods()], ['tools/list', 'tools/list', 'tools/call'], 'an endless list is left, and the call goes on');
call('simple', { region => 'eu', n => 1 }, route => 'deep', headers => [['Mcp-Param-Region', 'eu']]);
is_deeply(mirrored(), { 'Mcp-Param-Region' => 'eu' }, 'F106: marks are read of properties alone, not behind $ref or anyOf');
is_deeply([grep { $_->{path} ne '/deep' } $up->requests], [], '... and nobody looks where a schema refers to');
$up->clear;
request('POST', $gw->url('/mcp/some'), { headers => [['Content-Type', 'application/json'], ['Authorization', "Bearer $token{some}{access_token}"],
	['Mcp-Param-Region', 'us']],
	content => '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"simple","arguments":{"region":"eu"}}}' });
is_deeply(mirrored(), {}, 'older revisions have no such headers');
$gw->stop;
done_testing;
