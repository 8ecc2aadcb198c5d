#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Rate limits and quotas whose key, size and period a function in Lua tells; and what a function that fails does.

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use Gatehouse::Http qw(request);
use Gatehouse::Pg;
use Gatehouse::Run qw(wait_until);
use Gatehouse::Server;
use Gatehouse::Token qw(issue);
use Gatehouse::Upstream;

my $up = Gatehouse::Upstream->new(sub { my ($c, $r) = @_; return $c->result($r, { content => [] }) });
my $pg = Gatehouse::Pg->new;
sub policy { my ($name, $type, %o) = @_; return { name => $name, policyType => $type, handler => { export => 'X', options => { identifier => { module => 'policies/count.lua', export => $name }, %o } } } }
sub rate { my ($name, %o) = @_; return policy($name, 'rate-limit-inbound', rateLimitBy => 'function', requestsAllowed => 2, timeWindowMinutes => 1, %o) }
my @names = qw(key tier free broken odd async quota anchored nothing each tokens);
my $gw = Gatehouse::Server->new(pg => $pg, programs => ['mcp'], policies => [
		rate('key'), rate('tier'), rate('free'), rate('broken'), rate('odd'), rate('async', mode => 'async'),
		policy('quota', 'quota-inbound', period => 'daily', quotaBy => 'function', allowances => { requests => 2 }),
		policy('anchored', 'quota-inbound', period => 'hourly', quotaBy => 'user', quotaAnchorMode => 'function', allowances => { requests => 1 }),
		policy('nothing', 'quota-inbound', period => 'hourly', quotaBy => 'function'),
		policy('each', 'quota-inbound', period => 'hourly', quotaBy => 'function', allowances => { requests => 2 }),
		policy('tokens', 'quota-inbound', period => 'hourly', quotaBy => 'function', unit => 'tokens', allowances => { tokens => 100000 }) ],
	routes => { map { ("/mcp/$_" => { upstream => $up->url('/mcp'), inbound => [$_] }) } @names });
my %token = map { my $who = $_; map { ("$_ $who" => issue($pg, $gw, "/mcp/$_", subject => $who)) } @names } qw(alice bob carol gold);

sub call {
	my ($route, $who, $tool, $content) = @_;
	$tool ||= 'a';
	return request('POST', $gw->url("/mcp/$route"), { headers => [['Content-Type', 'application/json'], ['Accept', 'application/json, text/event-stream'],
		['Authorization', "Bearer $token{qq($route $who)}{access_token}"]],
		content => $content || qq({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"$tool","arguments":{}}}) });
}
sub batch { my ($route, $who, @tools) = @_; return call($route, $who, undef, '[' . join(',', map { qq({"jsonrpc":"2.0","id":$_,"method":"tools/call","params":{"name":"$tools[$_]"}}) } 0 .. $#tools) . ']') }
sub statuses { return join ' ', map { $_->{status} } @_ }

is(call('key', 'alice')->{status}, 500, 'a module that is not there closes the route');
$gw->run->make_dir('project/policies');
$gw->write_file('policies/count.lua', <<'LUA');
return {
	key = function(call) return call.tool end,
	tier = function(call)
		if call.subject == "gold" then return { key = "gold", requestsAllowed = 4, timeWindowMinutes = 2 } end
		return { key = call.subject }
	end,
	free = function(call) if call.tool ~= "free" then return 7 end end,
	broken = function(call) error("canary " .. call.subject) end,
	odd = function(call) return { key = call.subject, requestsAllowed = call.tool == "text" and "many" or 0 } end,
	async = function(call) return "all" end,
	quota = function(call) return { key = call.subject, allowances = { requests = call.subject == "gold" and 3 or nil } } end,
	anchored = function(call) return { anchor = 1800 } end,
	nothing = function(call) return call.subject end,
	each = function(call) if call.tool ~= "free" then return call.tool end end,
	tokens = function(call) return call.tool end,
}
LUA
my ($status, $text) = $gw->ctl('reload');
is($status, 0, 'then the project is sound') or diag $text;
ok(wait_until(20, sub { call('free', 'alice', 'free')->{status} == 200 }), '... and served');

is(statuses(call('key', 'alice'), call('key', 'bob'), call('key', 'carol'), call('key', 'alice', 'b')), '200 200 429 200', 'a key groups calls');
is(statuses(map { call('tier', 'alice') } 1 .. 3), '200 200 429', 'a table with a key alone leaves the limit');
is(statuses(map { call('tier', 'gold') } 1 .. 5), '200 200 200 200 429', '... and one with numbers says its own');
cmp_ok(call('tier', 'gold')->header('Retry-After'), '>', 110, '... the window too');
is(statuses(map { call('free', 'alice') } 1 .. 3), '200 200 429', 'a number is a key');
is(statuses(map { call('free', 'alice', 'free') } 1 .. 4), '200 200 200 200', 'nil is not counted');
is(statuses(map { call('async', $_) } qw(alice bob carol)), '200 200 429', 'in mode async as well');
for my $route (qw(broken odd)) {
	my $r = call($route, 'alice');
	is($r->{status}, 500, "$route: a function that fails refuses the call");
	unlike($r->{content}, qr/canary/, '... and the client does not see why');
}
is(call('odd', 'alice', 'text')->{status}, 500, '... and so does a text in a number\'s place');
is(scalar(grep { $_->{content} =~ /"name":"text"/ } $up->requests), 0, '... before anything goes upstream');

is(statuses(map { call('quota', 'alice') } 1 .. 3), '200 200 429', 'a quota by function');
is(statuses(map { call('quota', 'gold') } 1 .. 4), '200 200 200 429', '... with an allowance of its own');
is(statuses(map { call('anchored', 'alice') } 1 .. 2), '200 429', 'a quota whose periods a function says');
is($pg->psql("select distinct extract(minute from ends_at at time zone 'UTC') from gatehouse.quota where anchor_at = 'epoch'::timestamptz + interval '30 minutes'"), '30',
	'... ends when it says');

# each message of a batch is asked about
is(statuses(batch('key', 'alice', qw(m1 m2 m3)), batch('key', 'bob', qw(m1 m1)), batch('key', 'bob', qw(m1))), '200 429 200', 'a batch counts for the key of each of its messages');
is(statuses(batch('free', 'bob', qw(free y)), call('free', 'bob', 'y')), '429 429', 'one that is free sets no other free');
is(statuses(batch('tier', 'gold', 'x'), batch('tier', 'carol', 'x', 'y'), batch('tier', 'carol', 'x')), '429 200 429', 'with the limit that it says for each');
is(statuses(batch('each', 'alice', qw(free free p q)), batch('each', 'bob', qw(p r)), batch('each', 'bob', qw(s p))), '200 200 429', 'so does a quota');
ok(wait_until(10, sub { batch('each', 'bob', qw(s s))->{status} == 200 }), '... of which a batch that is refused takes nothing, or gives it back');
is(call('each', 'bob', 's')->{status}, 429, '... and one that passes all');
is(batch('tokens', 'alice', qw(t1 t1 t2))->{status}, 200, 'tokens');
ok(wait_until(10, sub { $pg->psql("select count(*) from gatehouse.quota where used > 10") >= 2 }), '... too, with the answer\'s') or diag $pg->psql('select * from gatehouse.quota');
is(call('nothing', 'alice')->{status}, 500, 'an allowance that nobody says refuses the call');

$gw->stop;
done_testing();
