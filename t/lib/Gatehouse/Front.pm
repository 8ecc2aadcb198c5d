# SPDX-License-Identifier: Apache-2.0
#
# A web server in front of a gateway, set up as people set them up: wrongly. It passes requests on as they
# came, but for one fault at a time.
#
#	my $front = Gatehouse::Front->new($port);          # then the gateway, with $front->origin among its publicOrigins
#	$front->behind($gw->port);
#	$front->fault('drop-authorization');               # '' for none
#	$front->stop;
#
# It comes to the gateway from 127.0.0.9, so that a test can make it, and nobody else, a trusted proxy.

package Gatehouse::Front;

use strict;
use warnings;

use Carp qw(croak);
use File::Temp ();
use IO::Socket::IP;
use POSIX ();

use Gatehouse::Run qw(free_port read_file write_file);

# What a fault does to the head of a request ($_[0]: { method, path, query, headers => [[n, v]...] }); a returned status
# is the answer.
my %REQUEST = (
	'drop-authorization' => sub { _drop($_[0], 'authorization') },
	'drop-origin' => sub { _drop($_[0], 'origin') },
	'drop-query' => sub { $_[0]{query} = undef; return },
	'own-host' => sub { _set($_[0], Host => $_[1]{host}); return },
	'inner-host' => sub { _set($_[0], Host => "127.0.0.1:$_[1]{inner}"); return },
	'other-host' => sub { _set($_[0], Host => 'other.example'); return },
	'few-methods' => sub { return $_[0]{method} =~ /^(?:GET|HEAD|POST|OPTIONS)$/ ? () : 403 },
	'no-options' => sub { return $_[0]{method} eq 'OPTIONS' ? 405 : () },
	'small-bodies' => sub { return _length($_[0]) > 131072 ? 413 : () },
	'large-bodies-break' => sub { return _length($_[0]) > 1024 * 1024 ? 500 : () },
	'slash-404' => sub { return $_[0]{path} =~ /%2F/i ? 404 : () },
	'normalise' => sub {
		my ($r) = @_;
		$r->{path} =~ s/%2e/./gi;
		1 while $r->{path} =~ s{/\.?/}{/} || $r->{path} =~ s{/[^/]+/\.\./}{/};
		return;
	},
	'no-well-known' => sub { return $_[0]{path} =~ m{^/\.well-known} ? 404 : () },
	'strange-documents' => sub { return $_[0]{path} =~ m{^/\.well-known/openid} ? 200 : () },
	'files' => sub { return [read_file("$_[1]{files}$_[0]{path}")] if -f "$_[1]{files}$_[0]{path}"; return },
);

# What it does to the head of an answer, a text of lines.
my %ANSWER = (
	'drop-cors' => sub { $_[0] =~ s/^access-control-[^\n]*\n//mgi },
	'drop-request-id' => sub { $_[0] =~ s/^x-request-id:[^\n]*\n//mi },
);

sub new {
	my ($class) = @_;
	my $port = free_port();
	my $dir = File::Temp->newdir('gh-front-XXXXXX', TMPDIR => 1);
	my $self = bless { port => $port, dir => $dir, owner => $$ }, $class;
	$self->{listener} = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => $port, Listen => 64, ReuseAddr => 1)
	  or croak "port $port: $@";
	return $self;
}

sub port { return $_[0]{port} }
sub origin { return "http://127.0.0.1:$_[0]{port}" }

sub fault {
	my ($self, $fault) = @_;
	croak "no fault '$fault'" if $fault ne '' && !$REQUEST{$fault} && !$ANSWER{$fault} &&
	  $fault !~ /^(?:hold|believe|pass-request-id)$/;
	write_file("$self->{dir}/fault", $fault);
	return $self;
}

# FILES: the folder that the fault 'files' serves.
sub behind {
	my ($self, $port, $files) = @_;
	$self->fault('');
	@$self{qw(inner files)} = ($port, $files);
	my $pid = fork // croak "fork: $!";
	if ($pid == 0) {
		$SIG{CHLD} = 'IGNORE';
		$SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
		while (1) {
			my $client = $self->{listener}->accept or next;
			my $child = fork;
			if (!$child) {
				eval { $self->_serve($client) };
				POSIX::_exit(0);
			}
			close $client;
		}
	}
	close $self->{listener};
	$self->{pid} = $pid;
	return $self;
}

sub stop {
	my ($self) = @_;
	return if !$self->{pid} || $self->{owner} != $$;
	kill TERM => $self->{pid};
	local $?;
	waitpid delete $self->{pid}, 0;
	return;
}

sub DESTROY { $_[0]->stop }

sub _drop {
	my ($r, $name) = @_;
	@{ $r->{headers} } = grep { lc $_->[0] ne $name } @{ $r->{headers} };
	return;
}

sub _set {
	my ($r, $name, $value) = @_;
	_drop($r, lc $name);
	push @{ $r->{headers} }, [$name, $value];
	return;
}

sub _length {
	my ($r) = @_;
	my ($length) = map { $_->[1] } grep { lc $_->[0] eq 'content-length' } @{ $r->{headers} };
	return $length || 0;
}

sub _read_request {
	my ($client) = @_;
	my $in = '';
	while ($in !~ /\r\n\r\n/) {
		sysread($client, $in, 65536, length $in) or return;
	}
	my ($head, $body) = split /\r\n\r\n/, $in, 2;
	my ($first, @lines) = split /\r\n/, $head;
	my ($method, $target) = split / /, $first;
	my ($path, $query) = split /\?/, $target, 2;
	my $r = { method => $method, path => $path, query => $query, headers => [map { [split /:\s*/, $_, 2] } @lines] };
	while (length $body < _length($r)) {
		sysread($client, $body, 65536, length $body) or last;
	}
	$r->{body} = $body;
	return $r;
}

sub _answer {
	my ($client, $status, $content) = @_;
	$content //= 'no';
	print {$client} "HTTP/1.1 $status X\r\nContent-Length: ", length $content, "\r\nConnection: close\r\n\r\n", $content;
	return;
}

sub _serve {
	my ($self, $client) = @_;
	my $fault = read_file("$self->{dir}/fault");
	my $r = _read_request($client) or return;
	my $own = { host => "127.0.0.1:$self->{port}", inner => $self->{inner}, files => $self->{files} };
	my $answer = $REQUEST{$fault} ? $REQUEST{$fault}->($r, $own) : undef;
	return _answer($client, ref $answer ? (200, @$answer) : $answer) if $answer;
	$self->_say_who($r, $fault, $client->peerhost);
	my $server = IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $self->{inner}, LocalHost => '127.0.0.9')
	  or return _answer($client, 502);
	_set($r, Connection => 'close');
	print {$server} "$r->{method} $r->{path}", (defined $r->{query} ? "?$r->{query}" : ''), " HTTP/1.1\r\n",
	  (map { "$_->[0]: $_->[1]\r\n" } @{ $r->{headers} }), "\r\n", $r->{body};
	$server->flush;
	return $self->_pass_back($server, $client, $fault);
}

# A proxy's own words in place of the client's; believing the client is a fault.
sub _say_who {
	my ($self, $r, $fault, $peer) = @_;
	_drop($r, 'x-request-id') if $fault ne 'pass-request-id';
	return if $fault eq 'believe';
	_drop($r, lc $_) for qw(X-Forwarded-Host X-Forwarded-Proto);
	_set($r, 'X-Forwarded-For' => $peer);
	return;
}

sub _pass_back {
	my ($self, $server, $client, $fault) = @_;
	my ($in, $held, $head_done) = ('', '', 0);
	while (sysread $server, my $bytes, 65536) {
		$in .= $bytes;
		if (!$head_done) {
			next unless $in =~ s/^(.*?\r\n)\r\n//s;
			my $head = $1;
			$ANSWER{$fault}->($head) if $ANSWER{$fault};
			$head_done = 1;
			$in = "$head\r\n$in";
		}
		$held .= $in if $fault eq 'hold';
		syswrite $client, $in if $fault ne 'hold';
		$in = '';
	}
	syswrite $client, $held;
	return;
}

1;
