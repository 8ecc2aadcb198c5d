#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Sign-in against a provider that signs and answers whatever a row says (t/peers/provider.mjs): of what
# is wrong nothing signs anybody in, and an event has the reason.

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use Gatehouse::Flow;
use Gatehouse::Http qw(request url_encode);
use Gatehouse::Peers;
use Gatehouse::Pg;
use Gatehouse::Run qw(free_port wait_until);
use Gatehouse::Server;

my $pg = Gatehouse::Pg->new;
my $port = free_port();
my $issuer = "http://127.0.0.1:$port";
my $gw = Gatehouse::Server->new(pg => $pg, programs => [qw(discovery oauth consent)], oauth => 'idp',
	gateway => { rates => { register => 0, authorize => 0, token => 0 } },
	policies => [{ name => 'idp', policyType => 'mcp-oauth-inbound', handler => { export => 'x', options => {
		oidc => { issuer => $issuer, discovery => JSON::PP::true },
		browserLogin => { clientId => 'gateway', clientSecret => 'secret', remoteTimeoutMs => 1500 } } } }],
	routes => { '/mcp/one' => { upstream => 'http://127.0.0.1:9/mcp' } });
my $scripts = Gatehouse::Peers->scripts($gw->run);
$gw->run->spawn('provider', {}, Gatehouse::Peers->node, "$scripts/provider.mjs", $port, 'gateway', 'secret');
wait_until(10, sub { $gw->run->log_text('provider') =~ /ready/ }) or die $gw->run->log_text('provider');

sub provider { return request('GET', "$issuer$_[0]") }

my $client = Gatehouse::Flow->new(origin => $gw->origin)->register;

# A browser that was sent to the provider: (the Flow, the parameters that it was sent with).
sub sent {
	my $flow = Gatehouse::Flow->new(origin => $gw->origin, client => $client);
	my $r = $flow->browse('GET', $flow->ask(route => '/mcp/one')->{url});
	die "no sign-in begins: $r->{status}\n" . $gw->log . $r->{content} if $r->{status} != 303;
	return ($flow, $flow->answer($r), $r->header('location'));
}

sub come_back {
	my ($flow, %p) = @_;
	return $flow->browse('GET', $gw->url('/oauth/callback?' . join '&', map { "$_=" . url_encode($p{$_}) } sort keys %p));
}

# --- the way there ---

my ($flow, $p, $to) = sent();
like($to, qr{^\Q$issuer\E/authorize\?}, 'the browser goes where the discovery document says');
is($p->{client_id}, 'gateway', '... as our client');
is($p->{response_type}, 'code', '... for a code');
is($p->{redirect_uri}, $gw->url('/oauth/callback'), '... and back to the callback');
is($p->{scope}, 'openid profile email', '... with the usual scope');
is($p->{code_challenge_method}, 'S256', '... with PKCE');
like($p->{nonce}, qr/^[\w-]{43}$/, '... and a nonce');
isnt($p->{nonce}, (sent())[1]{nonce}, 'no two have the same nonce');

# --- the rows ---

my (%want, %name);
my @rows = @{ provider('/rows')->json };
my $sessions = 0;
for my $i (0 .. $#rows) {
	my $row = $rows[$i];
	my ($browser, $q) = sent();
	my $r = come_back($browser, state => $q->{state}, code => "$i.$q->{nonce}");
	my $id = $r->header('x-request-id');
	my $cookie = grep { /^gatehouse_session=./ } @{ $r->{header}{'set-cookie'} || [] };
	$want{$id} = $row->{reason};
	$name{$id} = $row->{name};
	if (defined $row->{reason}) {
		subtest "$row->{name}: nobody is signed in" => sub {
			is($r->{status}, $row->{status}, "status $row->{status}");
			ok(!$cookie, 'no session cookie');
			like($r->{content}, qr/<code>\Q$row->{reason}\E</, "the page has the reason $row->{reason}");
			like($r->{content}, qr/<code>\Q$id\E</, '... and the request id');
			like($r->{content}, qr/Identity provider (?:response|setup)/, '... and whose side it is on');
		};
	} else {
		$sessions++;
		subtest "$row->{name}: the user is signed in" => sub {
			is($r->{status}, 303, 'goes on') or diag($r->{content});
			ok($cookie, 'with a session');
		};
	}
}
is($pg->psql('select count(*) from gatehouse.browser_session'), $sessions, 'there are sessions of the good ones only');
is($pg->psql(q{select count(*) from gatehouse.login where claims_at is not null}), $sessions, 'and sign-ins');
cmp_ok(scalar(grep { defined $_->{reason} } @rows), '>=', 50, 'there are fifty bad ones at least');

my %event;
wait_until(30, sub {
	%event = map { $_->{requestId} => $_ } grep { ($_->{event} // $_->{name} // '') =~ /^mcp_auth_login_(?:failed|succeeded)$/
		|| ($_->{msg} // '') =~ /^mcp_auth_login/ } $gw->log_lines('oauth');
	return !grep { !$event{$_} } keys %want;
});
my @missing = grep { !$event{$_} } sort keys %want;
is(scalar @missing, 0, 'each has an event') or diag(join ', ', map { $name{$_} } @missing);
my @wrong = grep { $event{$_} && ($event{$_}{reasonCode} // '') ne ($want{$_} // '') } sort keys %want;
is(scalar @wrong, 0, 'with the reason') or diag(join "\n", map { "$name{$_}: $event{$_}{reasonCode}" } @wrong);

# --- subjects and claims ---

is($pg->psql(q{select distinct subject from gatehouse.browser_session where subject like '%user-1'}), "$issuer|user-1",
	'a subject has its issuer');
is($pg->psql(qq{select name || ' ' || email from gatehouse.browser_session where subject = '$issuer|user-2'}),
	'Grace grace@example.com', 'what the ID token lacks is taken from userinfo');
is($pg->psql(qq{select name from gatehouse.browser_session where subject = '$issuer|user-3'}), 'ünï"x<b>',
	'a name is kept as it is, without what turns it around');
is($pg->psql(q{select count(*) from gatehouse.browser_session where claims is null}), 0, 'claims are kept');
is($pg->psql(q{select count(*) from gatehouse.browser_session where position('Ada'::bytea in claims) > 0}), 0, '... sealed');

like($gw->log('oauth'), qr/alg 'EdDSA': only RS, PS and ES with 256, 384 or 512 bits are/, 'EdDSA is refused in words');
my ($hard) = grep { ($_->{detail} // '') =~ /'xyz+\x{2026}'/ } $gw->log_lines('oauth');
ok($hard, "an error's name is logged, cut") or diag($gw->log('oauth') =~ /(.*status 400.*)/);
cmp_ok(length($hard->{detail}), '<', 400, '... and its description');
unlike($hard->{detail}, qr/[\x00-\x1f\x{202e}\x{2028}]/, '... on one line, without what turns text around');
my ($repeated) = grep { ($_->{detail} // '') =~ /left out: it repeats what was sent/ } $gw->log_lines('oauth');
ok($repeated, 'an error that repeats code and secret is not logged in its words');
unlike($gw->log('oauth'), qr/do not know/, '... nowhere');
ok((grep { ($_->{detail} // '') =~ /authorization_code of another client/ } $gw->log_lines('oauth')), '... but what is no secret is');
like($gw->log('oauth'), qr/left the groups of a user out.*_claim_names/, 'groups that are left out are warned of');

# --- the provider's keys ---

my $counts = provider('/counts')->json;
is($counts->{discovery}, 1, 'the discovery document was read once');
cmp_ok($counts->{jwks}, '<=', 4, 'the keys were read at the start and for a kid that was not there, not for each')
  or diag(explain($counts));

$gw->stop;
$pg->stop;
done_testing;
