# SPDX-License-Identifier: Apache-2.0
#
# An HTTP/1.1 client that sends exactly the bytes a test asks for: duplicate headers, broken
# framing, half requests. Nothing is followed, retried, decompressed or kept alive.
#
#	use Gatehouse::Http qw(request stream parallel raw);
#	my $r = request('POST', $url, { headers => [['content-type', 'application/json']], content => '{}' });
#	is($r->{status}, 200, '...');
#	$r->{headers}             [[name, value], ...] as they came
#	$r->{header}{'location'}  [value, ...] by lower-case name
#	$r->header('Location')    the first value, or undef
#	$r->{content}, $r->json, $r->{error} (a sentence, when there was no whole answer)
#
# Every function may also be called as a class method (Gatehouse::Http->request(...)).

package Gatehouse::Http;

use strict;
use warnings;

use Carp qw(croak);
use Errno qw(EAGAIN EINPROGRESS EINTR);
use Exporter qw(import);
use IO::Select;
use IO::Socket::IP;
use Time::HiRes qw(time);

our @EXPORT_OK = qw(request stream parallel raw url_encode url_decode form_encode);

# Where connections really go, as a load balancer does it: code that gives "HOST:PORT". What is sent stays as it is.
our $via;

my $TIMEOUT = 30;

# request(METHOD, URL, { headers => [[n, v]...], content => bytes, timeout => seconds, bare => 1 })
#
# Host, Connection: close and (with content) Content-Length are added unless headers name them;
# `bare` adds nothing at all.
sub request {
	my ($method, $url, $o) = _args(@_);
	return (parallel([$method, $url, $o]))[0];
}

# As request(); each piece of the decoded body goes to on_chunk->(BYTES, TIME, RESPONSE) as it arrives, and
# on_head->(RESPONSE) is called once the head is there. A false answer of either ends the exchange
# by closing the connection. The response also has chunks = [[TIME, BYTES], ...].
sub stream {
	my ($method, $url, $o) = _args(@_);
	return (parallel([$method, $url, { %{ $o || {} }, keep_chunks => 1 }]))[0];
}

# parallel([METHOD, URL, OPTIONS], ...): all at once; the responses in the order of the requests.
# Every connection is open before the first byte is sent on any.
sub parallel {
	my (@requests) = _args(@_);
	my @exchanges = map { Gatehouse::Http::Exchange->new(@$_) } @requests;
	Gatehouse::Http::Exchange::run(@exchanges);
	return map { $_->{response} } @exchanges;
}

# raw(URL, BYTES, { timeout, half_close }): sends BYTES and parses what comes back as one answer.
sub raw {
	my ($url, $bytes, $o) = _args(@_);
	return (parallel(['RAW', $url, { %{ $o || {} }, raw => $bytes }]))[0];
}

sub url_encode {
	my ($text) = _args(@_);
	utf8::encode($text) if utf8::is_utf8($text);
	$text =~ s/([^A-Za-z0-9\-._~])/sprintf '%%%02X', ord $1/ge;
	return $text;
}

sub url_decode {
	my ($text) = _args(@_);
	$text =~ tr/+/ /;
	$text =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge;
	return $text;
}

# form_encode(name => value, ...): in this order; undefined values are left out.
sub form_encode {
	my (@pairs) = _args(@_);
	my @out;
	while (my ($name, $value) = splice @pairs, 0, 2) {
		push @out, url_encode($name) . '=' . url_encode($value) if defined $value;
	}
	return join '&', @out;
}

sub _args {
	shift @_ if @_ && !ref $_[0] && defined $_[0] && $_[0] eq __PACKAGE__;
	return @_;
}

package Gatehouse::Http::Response;

use strict;
use warnings;

use JSON::PP ();

sub header {
	my ($self, $name) = @_;
	my $values = $self->{header}{ lc $name };
	return $values ? $values->[0] : undef;
}

sub json {
	my ($self) = @_;
	return eval { JSON::PP->new->utf8->allow_nonref->decode($self->{content}) };
}

# The messages of a text/event-stream: [{ event, id, data }, ...].
sub events {
	my ($self) = @_;
	my @events;
	for my $block (split /\r?\n\r?\n/, $self->{content}) {
		my %event;
		for my $line (split /\r?\n/, $block) {
			next unless $line =~ /^(\w+):[ ]?(.*)$/;
			$event{$1} = defined $event{$1} && $1 eq 'data' ? "$event{$1}\n$2" : $2;
		}
		push @events, \%event if %event;
	}
	return @events;
}

# One request and its answer on a non-blocking socket.
package Gatehouse::Http::Exchange;

use strict;
use warnings;

use Carp qw(croak);
use Errno qw(EAGAIN EINPROGRESS EINTR);
use IO::Poll qw(POLLIN POLLOUT POLLERR POLLHUP);
use IO::Socket::IP;
use Time::HiRes qw(time);

sub new {
	my ($class, $method, $url, $o) = @_;
	$o ||= {};
	my ($host, $port, $target) = $url =~ m{^http://(\[[^\]]+\]|[^/:?#]+)(?::(\d+))?([^#]*)}
	  or croak "not an http URL: $url";
	$port ||= 80;
	my $self = bless {
		method => $method, o => $o, in => '', state => 'head', framing => '', left => 0, sent => 0,
		response => bless({ status => 0, headers => [], header => {}, content => '', chunks => [] },
			'Gatehouse::Http::Response'),
	}, $class;
	$self->{out} = $o->{raw} // _bytes($method, $host, $port, $target, $o);
	(my $peer = $host) =~ s/^\[(.*)\]$/$1/;
	$peer = $o->{connect} if defined $o->{connect};
	($peer, $port) = split /:/, $via->() if $via;
	$self->{socket} = IO::Socket::IP->new(PeerHost => $peer, PeerPort => $port, Timeout => 10);
	if (!$self->{socket}) {
		$self->{response}{error} = "cannot connect to $peer:$port: $@";
		$self->{done} = 1;
		return $self;
	}
	$self->{socket}->blocking(0);
	return $self;
}

sub _bytes {
	my ($method, $host, $port, $target, $o) = @_;
	my @headers = @{ $o->{headers} || [] };
	my %has = map { lc $_->[0] => 1 } @headers;
	my $content = $o->{content};
	$target = "/$target" if $target !~ m{^/};
	utf8::encode($content) if defined $content && utf8::is_utf8($content);
	if (!$o->{bare}) {
		unshift @headers, ['Host', $port == 80 ? $host : "$host:$port"] unless $has{host};
		push @headers, ['Connection', 'close'] unless $has{connection};
		push @headers, ['Content-Length', length $content]
		  if defined $content && !$has{'content-length'} && !$has{'transfer-encoding'};
	}
	return join '', "$method $target HTTP/1.1\r\n", (map { "$_->[0]: $_->[1]\r\n" } @headers), "\r\n",
	  $content // '';
}

# Runs all to their ends.
sub run {
	my @all = @_;
	my $start = time;
	$_->{deadline} = $start + ($_->{o}{timeout} || $TIMEOUT) for @all;
	while (my @open = grep { !$_->{done} } @all) {
		my $poll = IO::Poll->new;
		my $first = (sort { $a <=> $b } map { $_->{deadline} } @open)[0];
		$poll->mask($_->{socket} => POLLIN | ($_->{sent} < length $_->{out} ? POLLOUT : 0)) for @open;
		my $wait = $first - time;
		$poll->poll($wait > 0 ? $wait : 0);
		for my $x (@open) {
			my $events = $poll->events($x->{socket}) || 0;
			$x->_write if $events & POLLOUT;
			$x->_read if $events & (POLLIN | POLLERR | POLLHUP);
			$x->_end('no whole answer in time') if !$x->{done} && time >= $x->{deadline};
		}
	}
	return;
}

sub _write {
	my ($self) = @_;
	local $SIG{PIPE} = 'IGNORE';
	my $n = syswrite $self->{socket}, $self->{out}, 65536, $self->{sent};
	if (!defined $n) {
		return if $! == EAGAIN || $! == EINTR;
		$self->{sent} = length $self->{out}; # the answer may be there all the same
		return;
	}
	$self->{sent} += $n;
	shutdown $self->{socket}, 1 if $self->{o}{half_close} && $self->{sent} == length $self->{out};
	return;
}

sub _read {
	my ($self) = @_;
	my $n = sysread $self->{socket}, my $bytes, 65536;
	if (!defined $n) {
		return if $! == EAGAIN || $! == EINTR;
		return $self->_end("connection broke: $!");
	}
	if ($n == 0) {
		my $whole = $self->{state} eq 'body' && $self->{framing} eq 'close';
		return $self->_end($whole ? undef : 'connection closed before the end of the answer');
	}
	$self->{in} .= $bytes;
	$self->_parse;
	return;
}

sub _parse {
	my ($self) = @_;
	while (!$self->{done}) {
		if ($self->{state} eq 'head') {
			return unless $self->{in} =~ s/^(.*?)\r?\n\r?\n//s;
			$self->_head($1);
		} elsif ($self->{framing} eq 'chunked') {
			if ($self->{left} > 0) {
				return if $self->{in} eq '';
				$self->_take;
				next if $self->{left} > 0;
				$self->{after} = 1;
			}
			if ($self->{after}) {
				return unless $self->{in} =~ s/^\r\n//;
				$self->{after} = 0;
			}
			if ($self->{trailer}) {
				return unless $self->{in} =~ s/^((?:[^\r\n]+\r\n)*)\r\n//;
				return $self->_end;
			}
			return unless $self->{in} =~ s/^([0-9A-Fa-f]+)[^\r\n]*\r\n//;
			$self->{left} = hex $1;
			$self->{trailer} = 1 if $self->{left} == 0;
		} elsif ($self->{framing} eq 'length') {
			return $self->_end if $self->{left} == 0;
			return if $self->{in} eq '';
			$self->_take;
		} else {
			return if $self->{in} eq '';
			$self->{left} = length $self->{in};
			$self->_take;
		}
	}
	return;
}

sub _head {
	my ($self, $head) = @_;
	my $r = $self->{response};
	my ($first, @lines) = split /\r?\n/, $head;
	if ($first !~ m{^HTTP/1\.[01] (\d{3})(?: (.*))?$}) {
		return $self->_end("not an HTTP answer: $first");
	}
	return if $1 == 100; # the real head follows
	@$r{qw(status reason head_time)} = ($1 + 0, $2, time);
	for my $line (@lines) {
		my ($name, $value) = $line =~ /^([^:]+):\s*(.*?)\s*$/ or next;
		push @{ $r->{headers} }, [$name, $value];
		push @{ $r->{header}{ lc $name } }, $value;
	}
	$self->{state} = 'body';
	if ($self->{method} eq 'HEAD' || $r->{status} == 204 || $r->{status} == 304) {
		@$self{qw(framing left)} = ('length', 0);
	} elsif (($r->header('transfer-encoding') // '') =~ /chunked/i) {
		$self->{framing} = 'chunked';
	} elsif (defined $r->header('content-length')) {
		@$self{qw(framing left)} = ('length', $r->header('content-length'));
	} else {
		$self->{framing} = 'close';
	}
	my $on_head = $self->{o}{on_head};
	$self->_end('ended by the test') if $on_head && !$on_head->($r);
	return;
}

sub _take {
	my ($self) = @_;
	my $r = $self->{response};
	my $bytes = substr $self->{in}, 0, $self->{left}, '';
	$self->{left} -= length $bytes;
	$r->{content} .= $bytes unless $self->{o}{discard};
	$r->{bytes} += length $bytes;
	push @{ $r->{chunks} }, [time, $bytes] if $self->{o}{keep_chunks} && !$self->{o}{discard};
	my $on_chunk = $self->{o}{on_chunk};
	$self->_end('ended by the test') if $on_chunk && !$on_chunk->($bytes, time, $r);
	return;
}

sub _end {
	my ($self, $error) = @_;
	return if $self->{done};
	$self->{done} = 1;
	$self->{response}{error} = $error if defined $error;
	$self->{response}{end_time} = time;
	close $self->{socket};
	return;
}

1;
