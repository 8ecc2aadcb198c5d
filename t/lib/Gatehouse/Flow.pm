# SPDX-License-Identifier: Apache-2.0
#
# An OAuth client with its user's browser, step by step: discovery, registration, PKCE, authorize,
# dev-login, the real consent form, token, refresh. Each step can be taken alone, and wrongly.
#
#	my $flow = Gatehouse::Flow->new(origin => $gw->origin);
#	my $tok = $flow->sign_in(route => '/mcp/x');     # { access_token, refresh_token, client_id, ... }; dies on failure
#	my $r = $flow->call('/mcp/x', $tok, { jsonrpc => '2.0', id => 1, method => 'tools/list' });
#	my $new = $flow->refresh($tok);                  # the response; ->json has the pair
#
#	my $client = $flow->register(...);               # the response's JSON
#	my $ask = $flow->ask(route => '/mcp/x', client => $client, state => 's');   # verifier, url
#	my $page = $flow->open($ask->{url});             # follows redirects: the consent page's response, with {url}
#	my $back = $flow->decide($page, 'approve');      # the response that leads back to the client
#	my $res = $flow->redeem($ask, $flow->answer($back)->{code});
#
# One Flow is one browser: it keeps cookies.

package Gatehouse::Flow;

use strict;
use warnings;

use Carp qw(croak);
use Digest::SHA qw(sha256);
use JSON::PP ();
use MIME::Base64 qw(encode_base64url);

use Gatehouse::Http qw(request url_encode url_decode form_encode);

sub new {
	my ($class, %o) = @_;
	return bless { redirect_uri => 'http://127.0.0.1:9/callback', cookies => {}, %o }, $class;
}

# --- the whole way ---

sub sign_in {
	my ($self, %o) = @_;
	my $client = $o{client} || $self->{client} || $self->register;
	my $ask = $self->ask(%o, client => $client);
	my $page = $self->open($ask->{url});
	croak "no consent page: status $page->{status} at $page->{url}, ", $page->header('location') // '', "\n$page->{content}"
	  if !$self->form($page);
	my $back = $self->decide($page, 'approve');
	my $answer = $self->answer($back);
	croak "consent gave no code: status $back->{status} " . ($back->header('location') // $back->{content})
	  if !$answer->{code};
	croak 'consent gave another state' if $answer->{state} ne $ask->{state};
	my $res = $self->redeem($ask, $answer->{code});
	croak "no token: status $res->{status}\n$res->{content}" if $res->{status} != 200;
	return { %{ $res->json }, client_id => $client->{client_id}, client => $client, route => $ask->{route},
		iss => $answer->{iss} };
}

# --- what a client does ---

# The metadata documents that a 401 at the route leads to: { challenge, resource, server }.
sub discover {
	my ($self, $route) = @_;
	my $r = request('POST', $self->{origin} . $route, { headers => [['Content-Type', 'application/json'],
		['Accept', 'application/json, text/event-stream']], content => '{"jsonrpc":"2.0","id":1,"method":"ping"}' });
	my ($url) = ($r->header('www-authenticate') // '') =~ /resource_metadata="([^"]+)"/
	  or croak "no challenge at $route: status $r->{status}";
	my $resource = request('GET', $url)->json or croak "no resource metadata at $url";
	my $issuer = $resource->{authorization_servers}[0];
	(my $well_known = $issuer) =~ s{^(http://[^/]+)(.*)$}{$1/.well-known/oauth-authorization-server$2};
	my $server = request('GET', $well_known)->json or croak "no server metadata at $well_known";
	return { challenge => $r->header('www-authenticate'), resource => $resource, server => $server };
}

# Registers a client: its JSON (croaks unless 201); members may be given or, with undef, left out.
sub register {
	my ($self, %member) = @_;
	my $r = $self->register_request(%member);
	croak "registration refused: status $r->{status}\n$r->{content}" if $r->{status} != 201;
	return $self->{client} = $r->json;
}

sub register_request {
	my ($self, %member) = @_;
	my %body = (client_name => 'Test client', redirect_uris => [$self->{redirect_uri}],
		token_endpoint_auth_method => 'none', grant_types => ['authorization_code', 'refresh_token'],
		response_types => ['code'], %member);
	delete $body{$_} for grep { !defined $body{$_} } keys %body;
	return request('POST', $self->endpoint('/oauth/register'), {
		headers => [['Content-Type', 'application/json']], content => JSON::PP->new->utf8->encode(\%body) });
}

sub endpoint { return $_[0]{origin} . ($_[0]{base_path} // '') . $_[1] }

# An authorization request: { url, verifier, state, route, redirect_uri, client }. Further
# members in `with` replace parameters or, with undef, leave them out.
sub ask {
	my ($self, %o) = @_;
	my $verifier = $o{verifier} || random(32);
	my $client = $o{client} || $self->{client} || $self->register;
	my %ask = (verifier => $verifier, state => $o{state} // random(12), route => $o{route},
		redirect_uri => $o{redirect_uri} || $client->{redirect_uris}[0] || $self->{redirect_uri}, client => $client);
	my %p = (response_type => 'code', client_id => $client->{client_id}, redirect_uri => $ask{redirect_uri},
		code_challenge => encode_base64url(sha256($verifier)), code_challenge_method => 'S256',
		state => $ask{state}, scope => 'mcp:tools', resource => $self->{origin} . $o{route}, %{ $o{with} || {} });
	my $path = '/oauth/authorize' . ($o{by_path} ? $o{route} : '');
	$ask{url} = $self->endpoint($path) . '?' . form_encode(map { $_ => $p{$_} } sort keys %p);
	return \%ask;
}

sub redeem {
	my ($self, $ask, $code, %with) = @_;
	return $self->token($ask->{client}, grant_type => 'authorization_code', code => $code,
		code_verifier => $ask->{verifier}, redirect_uri => $ask->{redirect_uri},
		resource => $self->{origin} . $ask->{route}, %with);
}

sub refresh {
	my ($self, $token, %with) = @_;
	return $self->token($token->{client} || { client_id => $token->{client_id} }, grant_type => 'refresh_token',
		refresh_token => $token->{refresh_token}, %with);
}

sub revoke {
	my ($self, $token, $which) = @_;
	my ($headers, @form) = $self->_authenticate($token->{client} || { client_id => $token->{client_id} },
		token => $token->{ $which || 'refresh_token' });
	return request('POST', $self->endpoint('/oauth/revoke'), { headers => $headers, content => form_encode(@form) });
}

# The token endpoint with these parameters, as this client.
sub token {
	my ($self, $client, %p) = @_;
	return request('POST', $self->endpoint('/oauth/token'), $self->token_request($client, %p));
}

sub token_request {
	my ($self, $client, %p) = @_;
	my ($headers, @form) = $self->_authenticate($client, %p);
	return { headers => $headers, content => form_encode(@form) };
}

sub _authenticate {
	my ($self, $client, %p) = @_;
	my @headers = (['Content-Type', 'application/x-www-form-urlencoded']);
	my $method = $client->{token_endpoint_auth_method} || 'none';
	if ($method eq 'client_secret_basic') {
		push @headers, ['Authorization', 'Basic ' . MIME::Base64::encode_base64(
			url_encode($client->{client_id}) . ':' . url_encode($client->{client_secret}), '')];
	} else {
		%p = (client_id => $client->{client_id}, %p);
		$p{client_secret} //= $client->{client_secret} if $method eq 'client_secret_post';
	}
	return (\@headers, map { $_ => $p{$_} } sort keys %p);
}

# One MCP message at a route.
sub call {
	my ($self, $route, $token, $message, %o) = @_;
	return request('POST', $self->{origin} . $route, $self->call_request($token, $message, %o));
}

sub call_request {
	my ($self, $token, $message, %o) = @_;
	my @headers = (['Content-Type', 'application/json'], ['Accept', 'application/json, text/event-stream'],
		@{ $o{headers} || [] });
	my $bearer = ref $token ? $token->{access_token} : $token;
	push @headers, ['Authorization', "Bearer $bearer"] if defined $bearer;
	return { %o, headers => \@headers, content => ref $message ? JSON::PP->new->utf8->encode($message) : $message };
}

# --- what a browser does ---

# GETs a page of the gateway and follows redirects within its origin: the last response, with its {url}.
sub open {
	my ($self, $url) = @_;
	for (1 .. 10) {
		my $r = $self->browse('GET', $url);
		my $to = $r->header('location');
		return $r if $r->{status} !~ /^30[1237]$/ || !defined $to;
		$to = $self->{origin} . $to if $to =~ m{^/};
		return $r if index($to, "$self->{origin}/") != 0;
		$url = $to;
	}
	croak "more than ten redirects, the last to $url";
}

# One request with the browser's cookies.
sub browse {
	my ($self, $method, $url, %o) = @_;
	my @headers = (['Accept', 'text/html'], @{ $o{headers} || [] });
	my $cookies = join '; ', map { "$_=$self->{cookies}{$_}" } sort keys %{ $self->{cookies} };
	push @headers, ['Cookie', $cookies] if $cookies ne '' && !$o{no_cookies};
	my $r = request($method, $url, { %o, headers => \@headers });
	$self->_keep_cookies($r);
	$r->{url} = $url;
	return $r;
}

sub _keep_cookies {
	my ($self, $r) = @_;
	for my $line (@{ $r->{header}{'set-cookie'} || [] }) {
		my ($pair, @attributes) = split /\s*;\s*/, $line;
		my ($name, $value) = split /=/, $pair, 2;
		if (grep { /^max-age=(?:0|-\d+)$/i } @attributes) {
			delete $self->{cookies}{$name};
		} else {
			$self->{cookies}{$name} = $value;
		}
	}
	return;
}

# The page's form that has a button or field NAME (decision): { action, method, fields => [[n, v]...] without
# its buttons, buttons => [[n, v]...] }; undef if there is none.
sub form {
	my ($self, $page, $name) = @_;
	my $content = $page->{content};    # a copy: a match that is left early remembers where
	$name ||= 'decision';
	while ($content =~ m{<form\b([^>]*)>(.*?)</form>}gis) {
		my ($attributes, $inside) = (_attributes($1), $2);
		my %form = (action => $attributes->{action} // '', method => uc($attributes->{method} || 'GET'),
			fields => [], buttons => []);
		while ($inside =~ m{<(input|button|textarea)\b([^>]*)>}gis) {
			my ($element, $a) = (lc $1, _attributes($2));
			next if !defined $a->{name};
			my $type = lc($a->{type} // ($element eq 'button' ? 'submit' : 'text'));
			push @{ $form{ $type eq 'submit' ? 'buttons' : 'fields' } }, [$a->{name}, $a->{value} // '', $a]
			  unless $type =~ /^(?:checkbox|radio)$/ && !exists $a->{checked};
		}
		return \%form if grep { $_->[0] eq $name } @{ $form{fields} }, @{ $form{buttons} };
	}
	return undef;
}

sub _attributes {
	my ($text) = @_;
	my %a;
	while ($text =~ m{([a-zA-Z][-\w:]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+)))?}g) {
		$a{ lc $1 } = _unescape($2 // $3 // $4 // '');
	}
	return \%a;
}

sub _unescape {
	my ($text) = @_;
	my %entity = (amp => '&', lt => '<', gt => '>', quot => '"', apos => "'");
	$text =~ s/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/defined $1 ? chr $1 : defined $2 ? chr hex $2 : $entity{$3} \/\/ "&$3;"/gie;
	return $text;
}

# Posts the page's form as its button DECISION does. Further pairs replace fields (undef: leave out).
sub decide {
	my ($self, $page, $decision, %with) = @_;
	my $form = $self->form($page) or croak 'the page has no decision form';
	my ($button) = grep { $_->[0] eq 'decision' && $_->[1] eq $decision } @{ $form->{buttons} };
	croak "the page has no button for '$decision'" if !$button && !$with{force};
	delete $with{force};
	my %fields = ((map { $_->[0] => $_->[1] } @{ $form->{fields} }), decision => $decision, %with);
	my $action = $form->{action} eq '' ? $page->{url} : $form->{action};
	$action = $self->{origin} . $action if $action =~ m{^/};
	return $self->browse('POST', $action, headers => [['Content-Type', 'application/x-www-form-urlencoded'],
		['Origin', $self->{origin}]], content => form_encode(map { $_ => $fields{$_} } sort keys %fields));
}

# The parameters of the URL that a response leads to.
sub answer {
	my ($self, $response) = @_;
	my $to = $response->header('location') // '';
	my ($query) = $to =~ /\?([^#]*)/ or return {};
	return { map { my ($n, $v) = split /=/, $_, 2; url_decode($n) => url_decode($v // '') } split /&/, $query };
}

sub random {
	my ($n) = @_;
	CORE::open(my $f, '<:raw', '/dev/urandom') or croak "/dev/urandom: $!";
	sysread($f, my $bytes, $n);
	return encode_base64url($bytes);
}

1;
