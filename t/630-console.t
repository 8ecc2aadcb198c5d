#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# The operators' pages: who may open them, what stands in the address, what goes to spreadsheets, and what they end.
use strict;
use warnings;
use JSON::PP ();
use Test::More;

use Gatehouse::Calls qw(store sum_up);
use Gatehouse::Flow;
use Gatehouse::Http qw(form_encode request url_encode);
use Gatehouse::Pg;
use Gatehouse::Run qw(read_file wait_until);
use Gatehouse::Server;

my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, programs => [qw(discovery oauth consent console)],
	gateway => { rates => { register => 0, authorize => 0, token => 0 } }, env => { UPSTREAM_KEY => 'canary-of-env', PART => 'x' },
	policies => [
		{ name => 'key', policyType => 'set-upstream-api-key-inbound', handler => { export => 'x', options => { value => '$env(UPSTREAM_KEY)' } } },
		{ name => 'head', policyType => 'set-headers-inbound',
			handler => { export => 'x', options => { headers => [{ name => 'X-Key', value => 'canary-in-file' },
				{ name => 'X-More', value => '$env(PART)canary-beside)' }] } } }],
	routes => { '/mcp/one' => { upstream => 'http://127.0.0.1:9/mcp', summary => 'The <service>', inbound => ['key', 'head'] } });
my $flow = Gatehouse::Flow->new(origin => $gw->origin);
store($pg, n => 1500, from => "now() - interval '20 hours'", hostile => 1, queued => 1);
sum_up($pg);

sub console { return $flow->browse('GET', $gw->url("/console/$_[0]")) }

# ---- who may open them

my $page = request('GET', $gw->url('/console'));
is($page->{status}, 303, '/console leads');
is($page->header('location'), $gw->url('/console/analytics'), 'to the first page');
$page = console('analytics?time=7d&filter=tool:equals:tool-0');
is($page->{status}, 303, 'without a session');
like($page->header('location'), qr{/oauth/sign-in\?return=}, 'the way is to the sign-in');
$page = $flow->open($gw->url('/console/analytics?time=7d&filter=tool:equals:tool-0'));
is($page->{status}, 200, 'from which one comes back');
is($page->{url}, $gw->url('/console/analytics?time=7d&filter=tool:equals:tool-0'), 'to the very page');
like($page->{content}, qr/<h1>Analytics/, 'and sees it');
like($page->header('content-security-policy'), qr/^default-src 'none'; style-src 'sha256-[^;]+'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'$/,
	'it runs no script, loads nothing, and is framed nowhere');
is($page->header('cache-control'), 'no-store', 'it is not stored');
my $marks = $pg->psql('select admin_marks from gatehouse.browser_session');
$pg->psql('update gatehouse.browser_session set admin_marks = null');
$page = console('analytics');
is($page->{status}, 403, 'somebody without the claim is refused');
like($page->{content}, qr{<code>not_admin</code>}, 'and told why');
is(console($_)->{status}, 403, "$_ as well")
    for qw(panel/tools panel/tools.csv panel/tools.json calls calls.csv call?id=request-000001 users user?id=x clients client?id=x upstreams config connect),
	'revoke?kind=user&id=x';
$pg->psql("update gatehouse.browser_session set admin_marks = array['" . 'A' x 43 . "', 'roles=mcp-admin', 'true']");
is(console('analytics')->{status}, 403, 'a mark that is written into the row makes no administrator');
$pg->psql("update gatehouse.browser_session set admin_marks = '$marks'");
is(console('analytics')->{status}, 200, 'the right one does');
$gw->write_project(gateway => { rates => { register => 0, authorize => 0, token => 0 }, console => { adminValues => ['other'] } });
is(($gw->ctl('reload'))[0], 0, 'when the value is taken out of the configuration');
my $status;
for (1 .. 40) {
	last if ($status = console('analytics')->{status}) == 403;
	select undef, undef, undef, 0.1;
}
is($status, 403, 'the session that has it opens nothing any more');
$gw->write_project(gateway => { rates => { register => 0, authorize => 0, token => 0 } });
$gw->ctl('reload');
for (1 .. 40) {
	last if ($status = console('analytics')->{status}) == 200;
	select undef, undef, undef, 0.1;
}
is($status, 200, 'and does when it is back');
for my $id ('https%3A%2F%2Fidp.example%7Cada', 'https://idp.example%7C.ada', 'https:%2f/idp.example%2F.x') {
	my $back = Gatehouse::Flow->new(origin => $gw->origin)->open($gw->url("/console/user?id=$id"));
	is($back->{status}, 200, "from the page of a person who is $id one goes to the sign-in and comes back");
	like($back->{content}, qr{https://idp\.example}, '... to that person');
}
for my $bad ('https://evil.example/', '//evil.example', '/console/../oauth/grants', '/consolex', '/mcp/one', "/console/a\\b", '/console//x') {
	is($flow->browse('GET', $gw->url('/oauth/sign-in?return=' . url_encode($bad)))->{status}, 400, "the sign-in leads not to $bad");
}

# ---- what stands in the address

sub numbers {
	my ($path) = @_;
	my $answer = console($path);
	is($answer->{status}, 200, "$path is there");
	return JSON::PP->new->utf8->decode($answer->{content})->{rows};
}

my $where = "where at >= (select from_at from gatehouse.analytics_range(now() - interval '24 hours', now()))";
my $rows = numbers('panel/tools.json');
is("$rows->[0]{tool} $rows->[0]{calls} $rows->[0]{failed}", $pg->psql("select capability_name || ' ' || count(*) || ' ' || count(*) filter (where outcome <> 'success')
	from gatehouse.event_call $where and capability_name is not null group by capability_name, capability_type order by count(*) desc, 1 limit 1"),
	'the first row of a panel is what SQL says');
$rows = numbers('panel/users.json?filter=outcome:class:failed&filter=client:equals:Claude');
my %got = map { $_->{user} => $_->{calls} } @$rows;
my %want = map { /(.*)\|(\d+)$/ ? ($1, $2) : () } split /\n/, $pg->psql("select coalesce(subject_id, ''), count(*) from gatehouse.event_call $where
	and outcome <> 'success' and client_name = 'Claude' and coalesce(subject_id, '') !~ '[^ -~]' group by 1");
is_deeply({ map { $_ => $got{$_} } keys %want }, \%want, 'so are all of one with filters');
my $over = numbers('panel/time.json');
my $total = 0;
$total += $_->{succeeded} + $_->{other} + $_->{failed} for @$over;
is($total, $pg->psql("select count(*) from gatehouse.event_call $where"), 'the bars hold every call');

$page = console('analytics?filter=tool:equals:tool-0');
like($page->{content}, qr{aria-label="Take away the filter Capability: tool-0"}, 'a filter is named');
my ($link) = $page->{content} =~ m{<li><a href="([^"]*)" aria-label="Take away the filter Capability: tool-0"};
unlike($link // 'none', qr/tool-0/, 'with a link that takes it away');
my ($row) = $page->{content} =~ m{<a href="([^"]*)" aria-current="true"><bdi>tool-0</bdi>};
is($row, '/console/analytics', 'so does its row');
($row) = console('analytics')->{content} =~ m{<a href="([^"]*)"><bdi>tool-0</bdi>};
is($row, '?filter=tool:equals:tool-0', 'which else adds it');

for my $bad ('filter=tool', 'filter=x:equals:y', 'filter=tool:near:y', 'filter=tool:class:z', 'filter=tool:contains:', 'time=2h',
	'start=yesterday', 'start=2026-02-30', 'filter=outcome:class:4xx', 'filter=tool:equals:' . 'x' x 1100) {
	my $answer = console("analytics?$bad");
	is($answer->{status}, 200, substr($bad, 0, 40) . ' is no error');
	like($answer->{content}, qr/Left out: (?:Filter|Range) &quot;/, 'and is named as left out');
}
$pg->psql("insert into gatehouse.alert (kind, subject, text, remedy) values ('x', 'y', 'the <upstream> is lost', 'connect it again')");
like(console('analytics')->{content}, qr/class="note alarm">the &lt;upstream&gt; is lost: connect it again</, 'an alert that is open stands above all');
$pg->psql('update gatehouse.alert set over_at = now()');
unlike(console('analytics')->{content}, qr/is lost/, 'and goes when it is over');
like(console('analytics?filter=tool:equals:nobody')->{content}, qr/No call fits these filters/, 'an empty page says so');
is(console('analytics?filter=tool:equals:%27%3B%20drop%20table%20x%3B--')->{status}, 200, 'a value is never SQL');
is(console('nothing')->{status}, 404, 'what is not there is 404');
is(console('panel/nothing')->{status}, 404, 'a panel too');

# ---- hostile names

my @pages = map { console("$_")->{content} } qw(analytics calls panel/tools panel/users panel/clients panel/tool-errors);
is(scalar(grep { /<script|<img|onerror=(?!.*&gt;)/i } map { s/&lt;.*?&gt;//gr } @pages), 0, 'no name becomes markup');
is(scalar(grep { /\x{e2}\x{80}\x{ae}|\x{e2}\x{80}\x{8b}/ } @pages), 0, 'or turns the text around');
like(join('', @pages), qr{<bdi>&lt;script&gt;alert\(1\)&lt;/script&gt;</bdi>}, 'they are shown, escaped and by themselves');
my $csv = join '', map { console($_)->{content} } qw(panel/tools.csv panel/users.csv panel/clients.csv calls.csv);
is(scalar(grep { /(?:^|,)"?[=+\-@\t]/ && !/(?:^|,)-?\d+(?:,|$)/ } map { s/"(?:[^"]|"")*"/q/gr } split /\r\n/, $csv), 0, 'no bare cell of a file begins a formula');
like($csv, qr/"'=HYPERLINK\(""http:/, 'a formula has an apostrophe before it');
like($csv, qr/"'\@SUM\(1\)"/, 'every kind of it');
$pg->psql("update gatehouse.event_call set client_name = E'split;=1+1\\t\@x\\n-y\\r+z;plain=a;-b' where request_id = (select request_id from gatehouse.event_call $where order by at desc limit 1)");
like(console('calls.csv')->{content}, qr/"split;'=1\+1\t'\@x\n'-y\r'\+z;plain=a;'-b"/,
	'so has each part that a spreadsheet may split off, and nothing else');
my $file = console('panel/tools.csv');
like($file->header('content-type'), qr{^text/csv}, 'a file is CSV');
like($file->header('content-disposition'), qr/^attachment; filename="gatehouse-tools\.csv"$/, 'to be kept');

# ---- one call

my ($id, $at, $cause) = split /\|/, $pg->psql("select request_id, extract(epoch from at)::bigint, reason_code from gatehouse.event_call
	where outcome = 'failure' and capability_name is not null limit 1");
$page = console("call?id=$id&at=$at");
like($page->{content}, qr{Request</h2>.*Credential</h2>.*Upstream</h2>.*Answer</h2>}s, 'a call has its whole story');
like($page->{content}, qr/\Q$cause\E/, 'with the reason');
is(console("call?id=$id")->{content} =~ /Answer<\/h2>/ ? 1 : 0, 1, 'it is found without its time too');
like(console('call?q=no-such-request')->{content}, qr/Nothing is known/, 'or not, which is said');
my ($exit, $text) = $gw->ctl('trace', $id);
is($exit, 0, 'gatehousectl trace') or diag $text;
like($text, qr/^Request  .*^Credential\n.*^Upstream\n.*^Answer  .*Reason +\Q$cause\E/ms, 'prints the same');
is(($gw->ctl('trace', 'no-such-request'))[0], 1, 'and fails for what is not there');

# Steps of a call as "title: name=value ..." lines, from the page and from what gatehousectl prints. Times are written differently.
sub page_steps {
	my ($html) = @_;
	my %plain = ('&lt;' => '<', '&gt;' => '>', '&amp;' => '&', '&quot;' => '"', '&#39;' => "'");
	return map { my ($title, $rest) = /(.*?)<\/h2>(.*)/s; join ' ', "$title:", map { s/(&(?:lt|gt|amp|quot|#39);)/$plain{$1}/gr } map { "$_->[0]=$_->[1]" } facts_of($rest) }
	    $html =~ m{<section class="step[^"]*">\s*<h2>(.*?)</section>}gs;
}
sub facts_of {
	my @both = $_[0] =~ m{<dt>(.*?)</dt><dd><bdi>(.*?)</bdi></dd>}gs;
	return map { [@both[2 * $_, 2 * $_ + 1]] } 0 .. @both / 2 - 1;
}
sub text_steps {
	my @steps;
	for (split /\n/, $_[0]) {
		if (/^  (\S.*?)  +(.*)/ || /^  (.{20}) (.*)/) {
			$steps[-1] .= " $1=$2";
		} else {
			push @steps, s/  \d.*//r . ':';
		}
	}
	return @steps;
}
my ($same, $said, $told) = (0, 0, 0);
my @some = split /\n/, $pg->psql("select concat_ws('|', request_id, operation_id, coalesce(mcp_method, '-'), outcome, coalesce(mcp_status::text, '-'), coalesce(reason_code, '-'), to_char(bytes_in, 'FM999,999,999'), to_char(bytes_out, 'FM999,999,999'),
		tokens_in || ' of arguments, ' || tokens_out || ' of the result')
	from (select *, row_number() over (partition by reason_code, outcome order by random()) as nth from gatehouse.event_call $where
		and coalesce(capability_name, '') ~ '^[a-z0-9-]*\$' and client_name ~ '^[A-Za-z0-9 ]{1,20}\$' and subject_id ~ '^https://[a-z0-9.|\@]*\$') e
	where nth <= 3");
for (@some) {
	my ($request, @values) = split /\|/;
	my @page = page_steps(console("call?id=$request")->{content});
	my @text = text_steps(($gw->ctl('trace', $request))[1]);
	"@page" eq "@text" ? $same++ : diag "page: @page\ntext: @text";
	my @missing = grep { $_ ne '-' && "@page" !~ /=\Q$_\E(?: |$)/ } @values;
	@missing ? diag "missing: @missing in @page" : $told++;
	$said += () = "@page" =~ /=/g;
}
is("$same $told", @some . ' ' . @some, 'page and gatehousectl trace say the same of each call, fact by fact, and it is what was stored');
cmp_ok($said, '>=', 8 * @some, '... which is much');

# older calls, page by page: each once
my (%seen, $next);
$next = 'calls';
while ($next) {
	my $answer = console($next);
	$seen{$_}++ for $answer->{content} =~ /call\?id=(request-\d+)/g;
	($next) = $answer->{content} =~ m{href="/console/(calls[^"]*before=[^"]*)"};
	$next =~ s/&amp;/&/g if $next;
}
is(keys %seen, $pg->psql("select count(*) from gatehouse.event_call $where"), 'the calls can be paged through to the last');
is(scalar(grep { $_ > 1 } values %seen), 0, 'each comes once');

# ---- ending

my $client = $flow->register(client_name => '<b>Client</b>');
$flow->sign_in(route => '/mcp/one', client => $client);
my $grant = $pg->psql("select grant_id from gatehouse.grants where client_id = '$client->{client_id}'");
my $subject = $pg->psql("select subject from gatehouse.grants limit 1");
like(console('users')->{content}, qr/\Q$subject\E/, 'whoever has a grant is among the users');
like(console('users?q=' . url_encode(uc substr $subject, 0, 8))->{content}, qr/\Q$subject\E/, 'and is found by a part of the name');
unlike(console('users?q=nobody-of-this-name')->{content}, qr{<td><a[^>]*><bdi>}, 'a search for somebody else finds nobody');
my $sessions = console('sessions')->{content};
like($sessions, qr{href="/console/user\?id=[^"]*"[^>]*><bdi>\Q$subject\E}, 'who signed in has a session, of a user');
like($sessions, qr{href="/console/revoke\?kind=sessions&amp;id=\Q@{[url_encode($subject)]}\E"}, 'which can be ended');
like(console('sessions?q=' . url_encode(uc substr $subject, 0, 8))->{content}, qr/kind=sessions&amp;id=\Q@{[url_encode($subject)]}\E"/, 'and is found by a part of the name');
unlike(console('sessions?q=nobody-of-this-name')->{content}, qr{kind=sessions}, '... and not by another');
$pg->psql("insert into gatehouse.browser_session (session_hash, pepper_id, subject, name, created_at, expires_at)
	select sha256(n::text::bytea), 'p', 'paged-' || n, '<i>Paged</i>', date_trunc('second', now()) - n / 60 * interval '1 minute', now() + case when n = 7 then -interval '1 s' else interval '1 h' end
	from generate_series(1, 130) n");
{
	my (%session, $pages);
	for (my $next = 'sessions?q=paged-'; $next; $pages++) {
		my $content = console($next)->{content};
		$session{$_}++ for $content =~ /kind=sessions&amp;id=(paged-\d+)"/g;
		($next) = $content =~ m{href="/console/(sessions\?[^"]*after=[^"]*)"};
		$next =~ s/&amp;/&/g if $next;
	}
	is(keys %session, 129, 'sessions can be paged through to the last, but for those that are over');
	is(scalar(grep { $_ > 1 } values %session), 0, '... each once');
	cmp_ok($pages, '>', 1, '... in pages');
	unlike(console('sessions?q=paged-')->{content}, qr/<i>/, '... with their names as text');
	is(console("sessions?after=x'y")->{status}, 200, 'a place that is none is the beginning');
}
$pg->psql("delete from gatehouse.browser_session where subject like 'paged-%'");
like(console('user?id=' . url_encode($subject))->{content}, qr{&lt;b&gt;Client&lt;/b&gt;}, 'with the clients that may act for them');
my $day = qr/20\d\d-\d\d-\d\d/;
my $person = console('user?id=' . url_encode($subject))->{content};
like($person, qr{<td[^>]*>$day \d\d:\d\d</td>\s*<td[^>]*>$day \d\d:\d\d</td>}, 'and when they came and last acted');
like($person, qr{Begun \(UTC\).*$day \d\d:\d\d.*$day \d\d:\d\d}s, '... and the times of the sessions');
unlike($person, qr/${day}T/, '... each for people to read');
like(console('clients')->{content}, qr{&lt;b&gt;Client&lt;/b&gt;}, 'the client is among the clients');
# lists within a page: row by row to the last, each once
$pg->psql("insert into gatehouse.grants (grant_id, client_id, subject, resource, operation_id, scope, generation, expires_at)
	select gen_random_uuid(), '$client->{client_id}', 'many', 'r', 'one', 'mcp:tools', 1, now() + interval '1 day' from generate_series(1, 120)");
$pg->psql("insert into gatehouse.connection (connection_id, upstream_id, subject, issuer, resource, token_endpoint, client_kind, client_id,
	requested_scope, scope, access_token) select gen_random_uuid(), 'up' || n, 'many', 'https://as.example', 'r', 'x', 'manual', 'c', '', '', 'x'
	from generate_series(1, 110) n");
for (['grants', 'user?id=many', 'grant', 120], ['connections', 'user?id=many', 'connection', 110], ['grants', "client?id=$client->{client_id}", 'grant', 121]) {
	my ($list, $next, $kind, $n) = @$_;
	my (%seen, $pages);
	while ($next) {
		my $content = console($next)->{content};
		$pages++;
		$seen{$_}++ for $content =~ /revoke\?kind=$kind&amp;id=([0-9a-f-]{36})/g;
		($next) = $content =~ m{href="/console/([^"]*&amp;$list=[^"#]*)};
		$next =~ s/&amp;/&/g if $next;
	}
	is(join(' ', $pages, scalar(keys %seen), scalar(grep { $_ > 1 } values %seen)), "3 $n 0", "$list can be paged through, each comes once");
}
is(console("user?id=many&grants=" . url_encode($_))->{status}, 200, "that $_ is no place in the list is no error") for 'x', "1' or true", '-' x 36, 'a' x 36;
$pg->psql("delete from gatehouse.grants where subject = 'many'");
$pg->psql("delete from gatehouse.connection where subject = 'many'");
$page = console("revoke?kind=grant&id=$grant");
like($page->{content}, qr/Revoke the grant/, 'what ends something asks first');
is($pg->psql('select count(*) from gatehouse.grants where revoked_at is null'), 1, 'and ends nothing by being looked at');
my ($csrf) = $page->{content} =~ /name="csrf" value="([^"]+)"/;

sub end_it {
	my (%o) = (csrf => $csrf, kind => 'grant', id => $grant, origin => $gw->origin, @_);
	my $origin = delete $o{origin};
	return $flow->browse('POST', $gw->url('/console/revoke'), headers => [['Content-Type', 'application/x-www-form-urlencoded'], ['Origin', $origin]],
		content => form_encode(map { $_ => $o{$_} } sort keys %o));
}
is(end_it(csrf => 'A' x 43)->{status}, 403, 'an invented token: 403');
is(end_it(origin => 'https://evil.example')->{status}, 403, 'from another site: 403');
is(end_it(kind => 'user', id => $subject)->{status}, 403, 'the token of another form: 403');
is(end_it(id => 'x')->{status}, 404, 'no such grant: 404');
is($pg->psql('select count(*) from gatehouse.grants where revoked_at is null'), 1, 'nothing of this ended it');
is(end_it()->{status}, 303, 'the form itself does');
is($pg->psql('select count(*) from gatehouse.grants where revoked_at is null'), 0, 'at once');
is($pg->psql("select actor from gatehouse.audit where action = 'grant_revoked' order by audit_id desc limit 1"), 'dev-browser-user',
	'the audit trail has who did it');
$pg->psql("insert into gatehouse.connection (connection_id, upstream_id, subject, issuer, resource, token_endpoint, client_kind, client_id,
	requested_scope, scope, access_token) values ('7d3c6f0e-7d25-4a0e-8d4e-2f3f0a0c1d11', 'one', 'somebody', 'https://as.example', 'r', 'x', 'manual', 'c', '', '', 'x')");
like(console('upstreams?id=one')->{content}, qr/somebody/, 'an upstream has its connections');
my ($kind, $what) = ('connection', '7d3c6f0e-7d25-4a0e-8d4e-2f3f0a0c1d11');
($csrf) = console("revoke?kind=$kind&id=$what")->{content} =~ /name="csrf" value="([^"]+)"/;
is(end_it(csrf => $csrf, kind => $kind, id => $what)->{status}, 303, 'a connection is ended');
is($pg->psql('select count(*) from gatehouse.connection'), 0, 'is gone');
is($pg->psql("select detail->'before'->>'subject' || ' ' || (detail->'before'->>'upstream') from gatehouse.audit where action = 'connection_ended'"),
	'somebody one', 'and what it was stands in the trail');
($csrf) = console("revoke?kind=client&id=$client->{client_id}")->{content} =~ /name="csrf" value="([^"]+)"/;
is(end_it(csrf => $csrf, kind => 'client', id => $client->{client_id})->{status}, 303, 'a client is ended');
is($pg->psql("select count(*) from gatehouse.client where client_id = '$client->{client_id}'"), 0, 'is gone');

# ---- configuration, instructions

{
	# what nobody is to read: a password, and addresses that let whoever knows them write there
	my %gateway = (rates => { register => 0, authorize => 0, token => 0 }, databaseListen => $pg->conninfo . ' password=canary-of-listen',
		database => $pg->conninfo . ' password=canary-of-database', events => { forward => [{ name => 'siem', type => 'webhook', url => 'https://hooks.example:8443/T0/canary-of-forward' }] },
		alerts => { to => [{ type => 'webhook', url => 'https://chat.example/hooks/canary-of-alert?key=canary' }] });
	$gw->write_file('gateway.jsonc', JSON::PP->new->encode({ %{ JSON::PP->new->relaxed->decode(read_file($gw->project . '/gateway.jsonc')) }, %gateway }));
}
is(($gw->ctl('reload'))[0], 0, 'a project with secrets of its own is served') or diag(($gw->ctl('check'))[1]);
for (1 .. 60) {
	last if ($page = console('config'))->{content} =~ m{hooks\.example};
	select undef, undef, undef, 0.1;
}
like($page->{content}, qr{https://hooks\.example:8443/\.\.\.}, 'of an address that events go to one sees where it leads');
like($page->{content}, qr{https://chat\.example/\.\.\.}, 'of one that alerts go to as well');
like($page->{content}, qr/&quot;database&quot;: ?&quot;\*{8}&quot;/, 'the connection to the database is masked');
like($page->{content}, qr/\$env\(UPSTREAM_KEY\)/, 'a reference to the environment is shown as it is written');
unlike($page->{content}, qr/canary/, 'and no secret');
my $connect = console('connect')->{content};
like($connect, qr{\Q@{[$gw->url('/mcp/one')]}\E}, 'the instructions have the address');
like($connect, qr/$_/, "for $_") for 'Claude', 'ChatGPT', 'Cursor', 'VS Code', 'claude mcp add --transport http';
like($connect, qr/The &lt;service&gt;/, 'names are escaped');

# ---- what takes the database too long

my $lock = $gw->run->spawn('lock', { env => {} }, 'psql', '-Xq', '-d', $pg->superuser_conninfo,
	'-c', 'begin; lock table gatehouse.rollup_end; select pg_sleep(300)');
wait_until(20, sub { $pg->psql("select count(*) from pg_locks where mode = 'AccessExclusiveLock' and granted
	and relation = 'gatehouse.rollup_end'::regclass") });
$page = console('analytics?time=7d');
is($page->{status}, 200, 'analytics come though some of the sums are locked');
like($page->{content}, qr/How far calls are counted was not to be found out in time/, 'they say that they do not know how far these go');
like($page->{content}, qr/<p role="status" class="note alarm">Too much to count in time/, 'that the cards are missing');
like($page->{content}, qr{id="$_"(?:(?!</section>).)*<p class="empty">Too much to count in time}s, "and $_") for 'clients', 'transports', 'reasons';
like($page->{content}, qr{id="tools"(?:(?!</section>).)*<tbody>\s*<tr>}s, 'what can be counted is there');
unlike($page->{content}, qr/Nothing in this time|No calls? /, 'and say of nothing that there is none');
$pg->psql("select pg_terminate_backend(pid) from pg_locks where mode = 'AccessExclusiveLock' and granted
	and relation = 'gatehouse.rollup_end'::regclass");
unlike(console('analytics?time=7d')->{content}, qr/Too much to count/, 'later all is there again');

# ---- the last

($csrf) = console('revoke?kind=user&id=' . url_encode($subject))->{content} =~ /name="csrf" value="([^"]+)"/;
is(end_it(csrf => $csrf, kind => 'user', id => $subject)->{status}, 303, 'a user may be ended, oneself too');
is(console('analytics')->{status}, 303, 'who then has to sign in again');

$gw->stop;
$pg->stop;
done_testing();
