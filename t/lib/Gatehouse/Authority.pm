# SPDX-License-Identifier: Apache-2.0
#
# An OAuth-protected MCP server with an authorization server of its own, both as well-behaved or as hostile as a
# test says, on one port:
#
#	my $as = Gatehouse::Authority->new(expires_in => 3600);
#	$as->url('/mcp');                         # the MCP server; `whoami` tools answer with the user
#	$as->set(user => 'bob', expires_in => 1); # who presses "allow" there, and any knob below, from now on
#	$as->requests('/token');                  # what came to a path, oldest first
#	$as->expire;                              # no access token that was given counts any longer
#	$as->forget;                              # nor any refresh token
#
# Knobs: user, scope, expires_in (undef: not said), rotate (1), refresh (1: gives refresh tokens), iss (1), mcp
# (code), and document overrides prm, asm (hashes merged over what is true; undef members are left out), answers:
# { '/token' => [status, type, body] } in place of what a path would say, hold (the path that is not answered until
# another is set).

package Gatehouse::Authority;

use strict;
use warnings;

use Digest::SHA qw(sha256);
use Fcntl qw(:flock);
use JSON::PP ();
use MIME::Base64 qw(encode_base64url);
use Time::HiRes qw(sleep time);

use Gatehouse::Http qw(form_encode url_decode);
use Gatehouse::Upstream;

my $JSON = JSON::PP->new->canonical->utf8;

sub new {
	my ($class, %knobs) = @_;
	my $self = bless {}, $class;
	my $hook = delete $knobs{mcp};
	$self->{up} = Gatehouse::Upstream->new(sub { $self->_serve($_[0], $_[1], $hook) });
	$self->{dir} = $self->{up}{dir};
	$self->set(user => 'upstream-user', scope => 'read', expires_in => 3600, rotate => 1, refresh => 1, iss => 1, %knobs);
	return $self;
}

sub url    { return $_[0]{up}->url($_[1]) }
sub origin { return $_[0]{up}->url('') }
sub stop   { return $_[0]{up}->stop }

sub requests {
	my ($self, $path) = @_;
	return grep { !defined $path || $_->{path} eq $path } $self->{up}->requests;
}

sub clear { return $_[0]{up}->clear }

sub set {
	my ($self, %change) = @_;
	my $knobs = { %{ $self->_knobs }, %change };
	open my $f, '>', "$self->{dir}/knobs.new" or die $!;
	print $f $JSON->encode($knobs);
	close $f;
	rename "$self->{dir}/knobs.new", "$self->{dir}/knobs" or die $!;
	return;
}

sub _knobs {
	my ($self) = @_;
	open my $f, '<', "$self->{up}{dir}/knobs" or return {};
	return $JSON->decode(join '', <$f>);
}

sub expire { unlink glob "$_[0]{dir}/at-*"; return }
sub forget { unlink glob "$_[0]{dir}/rt-*"; return }

sub random { open my $f, '<:raw', '/dev/urandom' or die $!; sysread $f, my $bytes, 18; return encode_base64url($bytes) }

sub _form {
	my ($text) = @_;
	return { map { my ($n, $v) = split /=/, $_, 2; url_decode($n) => url_decode($v // '') } split /&/, $text // '' };
}

sub _document {
	my ($truth, $override) = @_;
	my %doc = (%$truth, %{ $override || {} });
	delete $doc{$_} for grep { !defined $doc{$_} } keys %doc;
	return \%doc;
}

sub _serve {
	my ($self, $c, $r, $hook) = @_;
	$self->{up} = $c->{upstream};    # this process began before new() had it
	$self->{dir} = $self->{up}{dir};
	my $k = $self->_knobs;
	my $o = $self->origin;
	my $path = $r->{path};
	sleep 0.1 while ($self->_knobs->{hold} // '') eq $path;
	if (my $answer = $k->{answers}{$path}) {
		return $c->reply($answer->[0], [['Content-Type', $answer->[1]], @{ $answer->[3] || [] }], $answer->[2]);
	}
	return $self->_mcp($c, $r, $k, $hook) if $path =~ m{^/mcp};
	return $c->json(200, _document({ resource => "$o/mcp", authorization_servers => [$o], scopes_supported => ['read'] }, $k->{prm}))
	  if $path eq '/.well-known/oauth-protected-resource/mcp';
	return $c->json(200, _document({ issuer => $o, authorization_endpoint => "$o/authorize", token_endpoint => "$o/token",
		registration_endpoint => "$o/register", revocation_endpoint => "$o/revoke", response_types_supported => ['code'],
		code_challenge_methods_supported => ['S256'], token_endpoint_auth_methods_supported => ['client_secret_post'],
		authorization_response_iss_parameter_supported => JSON::PP::true }, $k->{asm}))
	  if $path eq '/.well-known/oauth-authorization-server';
	return $self->_register($c, $r) if $path eq '/register';
	return $self->_authorize($c, $r, $k) if $path eq '/authorize';
	return $self->_token($c, $r, $k) if $path eq '/token';
	return $self->_revoke($c, $r) if $path eq '/revoke';
	return $c->json(404, { error => 'not_found' });
}

sub _mcp {
	my ($self, $c, $r, $k, $hook) = @_;
	my ($token) = ($r->{header}{authorization} // '') =~ /^Bearer (at-[-\w]+)$/;
	my $file = defined $token && "$self->{dir}/$token";
	if (!$file || !-e $file) {
		return $c->json(401, { error => 'invalid_token' }, ['WWW-Authenticate', $k->{challenge} //
			qq(Bearer error="invalid_token", resource_metadata="@{[$self->origin]}/.well-known/oauth-protected-resource/mcp")]);
	}
	open my $f, '<', $file or die $!;
	chomp(my $user = <$f>);
	return $hook->($c, $r, $user, $token) if $hook;
	return $c->reply(202, [], '') if $r->{content} !~ /"id"/;
	return $c->result($r, { content => [{ type => 'text', text => "hello $user" }] });
}

sub _register {
	my ($self, $c, $r) = @_;
	my $doc = eval { $JSON->decode($r->{content}) } or return $c->json(400, { error => 'invalid_client_metadata' });
	return $c->json(201, { %$doc, client_id => 'client-' . random(), client_secret => 'secret-' . random(),
		client_secret_expires_at => 0 });
}

# "Allow" is pressed at once.
sub _authorize {
	my ($self, $c, $r, $k) = @_;
	my $q = _form($r->{query});
	my $code = 'code-' . random();
	$self->_keep($code, join "\n", $k->{user}, $q->{code_challenge}, $q->{client_id}, $q->{scope} // '');
	my $to = $q->{redirect_uri} . '?' . form_encode(code => $code, state => $q->{state},
		iss => $k->{iss} ? $k->{iss} eq '1' ? $self->origin : $k->{iss} : undef);
	return $c->reply(302, [['Location', $to]], '');
}

sub _keep {
	my ($self, $name, $text) = @_;
	open my $f, '>', "$self->{dir}/$name" or die $!;
	print $f "$text\n";
	return close $f;
}

# The first to take a name gets its lines.
sub _take {
	my ($self, $name) = @_;
	return if ($name // '') !~ /^[-\w]+$/ || !rename "$self->{dir}/$name", "$self->{dir}/used-$name";
	open my $f, '<', "$self->{dir}/used-$name" or die $!;
	chomp(my @lines = <$f>);
	return @lines;
}

sub _token {
	my ($self, $c, $r, $k) = @_;
	my $p = _form($r->{content});
	my ($user, @rest);
	sleep $k->{delay} if $k->{delay};
	if ($p->{grant_type} eq 'authorization_code') {
		($user, @rest) = $self->_take($p->{code});
		return $c->json(400, { error => 'invalid_grant' })
		  if !defined $user || encode_base64url(sha256($p->{code_verifier})) ne $rest[0];
	} else {
		($user) = $self->_take($p->{refresh_token});
		return $c->json(400, { error => 'invalid_grant' }) if !defined $user;
		$self->_keep($p->{refresh_token}, $user) if !$k->{rotate};
	}
	my %answer = (token_type => 'Bearer', access_token => 'at-' . random(), expires_in => $k->{expires_in}, scope => $k->{scope});
	$self->_keep($answer{access_token}, $user);
	if ($k->{refresh} && ($p->{grant_type} eq 'authorization_code' || $k->{rotate})) {
		$answer{refresh_token} = 'rt-' . random();
		$self->_keep($answer{refresh_token}, $user);
	}
	return $c->json(200, _document(\%answer, $k->{tokens}));
}

sub _revoke {
	my ($self, $c, $r) = @_;
	$self->_take(_form($r->{content})->{token});
	return $c->reply(200, [], '');
}

1;
