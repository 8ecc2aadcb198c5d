# SPDX-License-Identifier: Apache-2.0
#
# A host of small documents (client metadata, key sets), which a test changes while it is up.
#
#	my $host = Gatehouse::Documents->new;
#	my $id = $host->client('/app');                      # a valid metadata document; returns its URL
#	$host->client('/app', redirect_uris => [...]);       # the same with other members (undef: left out)
#	$host->put('/keys', { keys => [...] }, headers => ['Cache-Control: max-age=60'], status => '200 OK');
#	$host->raw('/odd', "HTTP/1.1 ...", drip => 0.1);     # exactly these bytes, seconds between two of them
#	$host->hold(1);                                      # answers wait until hold(0)
#	$host->fetches('/app');                              # the requests for it, oldest first; clear forgets them

package Gatehouse::Documents;

use strict;
use warnings;

use Carp qw(croak);
use File::Temp ();
use JSON::PP ();
use Time::HiRes qw(sleep);

use Gatehouse::Http qw(url_encode);
use Gatehouse::Upstream;

my $JSON = JSON::PP->new->utf8->canonical;

sub new {
	my ($class) = @_;
	my $dir = File::Temp::tempdir('gh-doc-XXXXXX', TMPDIR => 1, CLEANUP => 1);
	my $up = Gatehouse::Upstream->new(sub {
		my ($c, $request) = @_;
		open my $f, '<:raw', "$dir/" . url_encode($request->{target})
		  or do { $c->write("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"); return 0 };
		sleep 0.1 while -e "$dir/hold";
		my ($drip, $bytes) = split /\n/, do { local $/; <$f> }, 2;
		my ($tag) = $bytes =~ /^ETag: (.*?)\r$/m;
		$bytes = "HTTP/1.1 304 Not Modified\r\nCache-Control: max-age=120\r\nETag: $tag\r\n\r\n"
		  if defined $tag && ($request->{header}{'if-none-match'} // '') =~ /\Q$tag\E/;
		if ($drip > 0) {
			for my $byte (split //, $bytes) {
				$c->write($byte);
				sleep $drip;
			}
		} else {
			$c->write($bytes);
		}
		return 0;
	});
	return bless { up => $up, dir => $dir }, $class;
}

sub url  { return $_[0]{up}->url($_[1]) }
sub port { return $_[0]{up}->port }
sub clear { return $_[0]{up}->clear }
sub fetches { my ($self, $path) = @_; return grep { $_->{target} eq $path } $self->{up}->requests }
sub count { my ($self, $path) = @_; my @fetches = $self->fetches($path); return scalar @fetches }

sub raw {
	my ($self, $path, $bytes, %o) = @_;
	my $file = "$self->{dir}/" . url_encode($path);
	open my $f, '>:raw', "$file.new" or croak "$file: $!";
	print {$f} ($o{drip} || 0) . "\n$bytes";
	close $f or croak $!;
	rename "$file.new", $file or croak $!;
	return $self->url($path);
}

sub put {
	my ($self, $path, $document, %o) = @_;
	my $body = ref $document ? $JSON->encode($document) : $document;
	my @headers = ('Content-Type: ' . ($o{type} // 'application/json'), 'Content-Length: ' . length $body, @{ $o{headers} || [] });
	return $self->raw($path, join("\r\n", 'HTTP/1.1 ' . ($o{status} || '200 OK'), @headers, '', $body), %o);
}

# Whether nothing is answered for now.
sub hold {
	my ($self, $on) = @_;
	my $file = "$self->{dir}/hold";
	return $on ? open(my $f, '>', $file) : unlink $file;
}

sub remove {
	my ($self, $path) = @_;
	unlink "$self->{dir}/" . url_encode($path) or croak $!;
	return;
}

# The document of a client at PATH; `http` goes to put().
sub client {
	my ($self, $path, %member) = @_;
	my $http = delete $member{http} || {};
	my %document = (client_id => $self->url($path), client_name => 'Document app',
		redirect_uris => ['http://127.0.0.1/callback'], token_endpoint_auth_method => 'none', %member);
	delete $document{$_} for grep { !defined $document{$_} } keys %document;
	return $self->put($path, \%document, %$http);
}

1;
