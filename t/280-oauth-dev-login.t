#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# The development sign-in: the session that it makes, and that a project with a public origin has none.
# (Forwarded requests are in 220-oauth-authorize.t, each condition alone in t/unit/idp_dev_login.c.)

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use Gatehouse::Http qw(request);
use Gatehouse::Flow;
use Gatehouse::Pg;
use Gatehouse::Server;

my $pg = Gatehouse::Pg->new;
my %common = (pg => $pg, programs => ['oauth'], routes => { '/mcp/one' => { upstream => 'http://127.0.0.1:9/mcp' } });

my $gw = Gatehouse::Server->new(%common);
my $o = $gw->origin;
my $flow = Gatehouse::Flow->new(origin => $o);
my $login = $flow->browse('GET', $flow->ask(route => '/mcp/one')->{url})->header('location');
my $in = $flow->browse('GET', $login);
is($in->{status}, 303, 'on this computer it signs in');
my ($cookie) = grep { /^gatehouse_session=/ } @{ $in->{header}{'set-cookie'} || [] };
like($cookie, qr/; HttpOnly/, 'the session cookie is not for scripts');
like($cookie, qr/; SameSite=Lax/, '... nor for other sites');
like($cookie, qr/; Path=\/;/, '... and is for the whole origin');
like($cookie, qr/; Max-Age=28800$/, '... for eight hours');
unlike($cookie, qr/; (?:Secure|Domain)/, '... of plain http here, and of no other host');
is($pg->psql('select subject from gatehouse.browser_session'), 'dev-browser-user', 'as dev-browser-user');

# one route: nothing has to be named
my $bare = $flow->browse('GET', $flow->ask(route => '/mcp/one', with => { resource => undef, scope => undef })->{url});
like($bare->header('location'), qr{^\Q$o\E/oauth/setup\?request=}, 'where there is one route, a request need name neither resource nor scope');
is($pg->psql('select resource, operation_id, scope from gatehouse.authorization_request order by created_at desc limit 1'),
	"$o/mcp/one|one|mcp:tools", '... and is for that route and the one scope');

$gw->stop;

# --- a public origin: the project has an error, and the program says so instead of signing anybody in ---

$gw = Gatehouse::Server->new(%common, gateway => { development => JSON::PP::false, publicOrigins => ['https://mcp.example.com'] });
for my $path ('/oauth/dev-login?state=x', '/oauth/authorize') {
	my $r = request('GET', $gw->url($path), { headers => [['Host', 'mcp.example.com']] });
	is($r->{status}, 500, "with a public origin $path is closed");
	like($r->{content}, qr/configuration/, '... and says that it is the configuration');
	ok(!defined $r->header('set-cookie'), '... and signs nobody in');
}

$gw->stop;
done_testing;
