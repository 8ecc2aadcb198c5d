#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# The clock of the machine that a program runs on decides nothing: with one that is a year ahead, and one that is a
# year behind, everything that the database's clock judges goes as ever.

use strict;
use warnings;

use File::Temp ();
use Test::More;
use Time::HiRes qw(time);

use Gatehouse::Documents;
use Gatehouse::Flow;
use Gatehouse::Pg;
use Gatehouse::Run qw(bin_path find_program read_file top_srcdir);
use Gatehouse::Server;
use Gatehouse::Upstream;

plan skip_all => 'a sanitizer wants to be loaded first' if read_file(bin_path('oauth.fcgi')) =~ /__[at]san_init/;
my $dir = File::Temp::tempdir('gh-clock-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $library = "$dir/shift.so";
chmod 0755, $dir;
is(system(find_program('cc'), '-shared', '-fPIC', '-o', $library, top_srcdir() . '/t/lib/clock-shift.c', '-ldl'), 0,
	'a shifted clock is made');
my $up = Gatehouse::Upstream->new(sub { my ($c, $r) = @_; return $c->result($r, {}, ['Mcp-Session-Id', 's-1']) });
my $list = { jsonrpc => '2.0', id => 2, method => 'tools/list', params => {} };

for my $days (400, -400) {
	my $pg = Gatehouse::Pg->new;
	my $host = Gatehouse::Documents->new;
	my $gw = Gatehouse::Server->new(pg => $pg, programs => [qw(oauth consent mcp)], routes => { '/mcp/one' => { upstream => $up->url('/mcp') } },
		process_env => { LD_PRELOAD => $library, CLOCK_SHIFT => $days * 86400 },
		gateway => { rates => { register => 0, authorize => 0, token => 0, refresh => 0 } });
	my $flow = Gatehouse::Flow->new(origin => $gw->origin);
	my $r = $flow->register_request;
	my $client = $r->json;
	cmp_ok(abs($client->{client_id_issued_at} - time), '<', 60, "$days days: a registration is dated by the database");
	my $tok = $flow->sign_in(route => '/mcp/one', client => $client);
	my ($year) = $gw->log('oauth') =~ /"time":"(\d{4})-/;
	isnt($year, 1900 + (gmtime)[5], '... though the clock of the program is elsewhere: its log says so');
	cmp_ok($tok->{expires_in}, '>=', 898, '... an access token lives its 15 minutes');
	cmp_ok($tok->{expires_in}, '<=', 900, '... and no longer');
	is($flow->call('/mcp/one', $tok, $list)->{status}, 200, '... a call passes');
	is($flow->call('/mcp/one', $tok, $list)->{status}, 200, '... from memory too');
	my $pair = $flow->refresh($tok);
	is($pair->{status}, 200, '... a refresh');
	is($flow->refresh($tok)->json->{access_token}, $pair->json->{access_token}, '... its repetition within the time of grace gets the same pair');
	is($flow->browse('GET', $gw->url('/oauth/grants'))->{status}, 200, '... the browser stays signed in');
	my %next = (%$tok, %{ $pair->json });
	$pg->psql("update gatehouse.access_token set expires_at = now() - interval '1 s'");
	is($flow->call('/mcp/one', \%next, $list)->{status}, 401, '... what has expired by the database is refused');
	is($flow->refresh(\%next)->{status}, 200, '... and refreshed');

	my $id = $host->client('/app', redirect_uris => ['http://127.0.0.1:9/callback']);
	my $page = $flow->open($flow->ask(route => '/mcp/one', client => { client_id => $id }, redirect_uri => 'http://127.0.0.1:9/callback')->{url});
	ok($flow->form($page), '... a client document is read') or diag($page->{content});
	$flow->open($flow->ask(route => '/mcp/one', client => { client_id => $id }, redirect_uri => 'http://127.0.0.1:9/callback')->{url});
	is($host->count('/app'), 1, '... and kept for its time');
	my $ask = $flow->ask(route => '/mcp/one', client => $client);
	my $code = $flow->answer($flow->decide($flow->open($ask->{url}), 'approve'))->{code};
	$pg->psql("update gatehouse.code set expires_at = now() - interval '1 s' where used_at is null");
	is($flow->redeem($ask, $code)->json->{error}, 'invalid_grant', '... a code expires by the database');
	$gw->stop;
}
done_testing;
