# SPDX-License-Identifier: Apache-2.0
#
# The web servers that Gatehouse runs under, each with the configuration that operators get from
# `gatehousectl webconfig`:
#
#	lighttpd        lighttpd, standing programs          (the default of Gatehouse::Server)
#	lighttpd-spawn  lighttpd, which starts the programs
#	apache-proxy    Apache mod_proxy_fcgi, standing programs
#	apache-fcgid    Apache mod_fcgid, which starts them
#	htaccess        Apache, plain CGI by .htaccess, nothing else
#	nginx           nginx, standing programs

package Gatehouse::Web;

use strict;
use warnings;

use Carp qw(croak);
use IO::Socket::IP;

use Gatehouse::Run qw(bin_path find_program read_file top_srcdir wait_until);

my $MODULES = '/usr/lib/apache2/modules';

my %KINDS = (
	lighttpd         => { standing => 1, start => \&_lighttpd, file => 'lighttpd/gatehouse-standing.conf' },
	'lighttpd-spawn' => { standing => 0, start => \&_lighttpd, file => 'lighttpd/gatehouse-spawned.conf' },
	'apache-proxy'   => { standing => 1, start => \&_apache, file => 'apache/gatehouse-proxy.conf' },
	'apache-fcgid'   => { standing => 0, start => \&_apache, file => 'apache/gatehouse-fcgid.conf' },
	htaccess         => { standing => 0, start => \&_cgi, file => 'cgi/htaccess' },
	nginx            => { standing => 1, start => \&_nginx },
);

sub kinds { return qw(lighttpd lighttpd-spawn apache-proxy apache-fcgid htaccess nginx) }

# Gatehouse::Web->new(KIND, RUN, PROJECT_DIR)
sub new {
	my ($class, $kind, $run, $project) = @_;
	my $row = $KINDS{$kind} or croak "no web server '$kind'";
	my $self = bless { %$row, kind => $kind, run => $run, dir => $run->dir, project => $project }, $class;
	$run->make_dir($_) for qw(www sock);
	return $self;
}

# Whether the programs stand by themselves, or are started by the web server.
sub is_standing { return $_[0]{standing} }

# Whether events pass as they are sent, and one call's process serves others too.
sub streams { return $_[0]{kind} ne 'htaccess' }

sub pid { return $_[0]{pid} }

# Starts it on a port. False: the port is taken.
sub start {
	my ($self, $port) = @_;
	$self->{port} = $port;
	my @command = $self->{start}->($self);
	my $pid = $self->{run}->spawn('web', {}, @command);
	my $up = wait_until(10, sub {
		return 'dead' if !-e "/proc/$pid/stat" || read_file("/proc/$pid/stat") =~ /^\d+ \(.*\) Z/;
		return IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $port) ? 'up' : '';
	});
	if ($up eq 'up') {
		$self->{pid} = $pid;
		return 1;
	}
	$self->{run}->end($pid);
	return 0;
}

our $EDIT;    # local: what a test changes in the text, in $_
our $HTTP2;   # local: nginx speaks nothing else (lighttpd speaks both)

# The file of etc/ (or another than the kind's only one) with its folders changed to ours.
sub _configuration {
	my ($self, $file) = @_;
	my $text = read_file(top_srcdir() . '/etc/' . ($file // $self->{file}));
	$EDIT->() for $EDIT ? $text : ();
	$text =~ s{/run/gatehouse}{$self->{dir}/sock}g;
	$text =~ s{/usr/libexec/gatehouse}{$self->{dir}/bin}g;
	$text =~ s{"/etc/gatehouse"}{"$self->{project}"}g;
	return $text;
}

sub _write {
	my ($self, $name, $text) = @_;
	my $path = "$self->{dir}/$name";
	Gatehouse::Run::write_file($path, $text);
	$self->{run}->give($path);
	return $path;
}

# Connections are kept for a minute: clients that get no processor for the usual five seconds would use one that is closed.
sub _lighttpd {
	my ($self) = @_;
	my $conf = $self->_write('lighttpd.conf', <<"END" . $self->_configuration);
server.bind = "127.0.0.1"
server.port = $self->{port}
server.document-root = "$self->{dir}/www"
server.errorlog = "$self->{dir}/log/lighttpd-error.log"
server.max-keep-alive-idle = 60
END
	return (find_program('lighttpd'), '-D', '-f', $conf);
}

sub _apache_conf {
	my ($self, $rest, @modules) = @_;
	my $dir = $self->{dir};
	my $load = join '', map { "LoadModule ${_}_module $MODULES/mod_$_.so\n" } qw(mpm_event authz_core), @modules;
	my $conf = $self->_write('apache.conf', <<"END" . $rest);
ServerName 127.0.0.1
ServerRoot "$dir"
DefaultRuntimeDir "$dir"
PidFile "$dir/apache.pid"
Listen 127.0.0.1:$self->{port}
$load
ErrorLog "$dir/log/apache-error.log"
LogLevel warn
DocumentRoot "$dir/www"
ServerLimit 4
ThreadsPerChild 64
MaxRequestWorkers 256
KeepAliveTimeout 60
END
	return (find_program('apache2'), '-D', 'FOREGROUND', '-f', $conf);
}

sub _apache {
	my ($self) = @_;
	my $own = $self->{standing} ? '' : <<"END";
FcgidIPCDir "$self->{dir}/fcgid"
FcgidProcessTableFile "$self->{dir}/fcgid.shm"
END
	return $self->_apache_conf($own . $self->_configuration,
		$self->{standing} ? qw(proxy proxy_fcgi) : qw(alias fcgid));
}

# What `make install` puts into somebody's home folder: the folder of the programs.
sub _installed_at_home {
	my ($self) = @_;
	my $home = $self->{run}->make_dir('home');
	my @make = ('make', '-s', '-C', $ENV{top_builddir} || '.', 'install', "prefix=$home");
	open my $out, '-|', "@make 2>&1" or croak "make: $!";
	my @said = <$out>;
	close $out or croak "@make failed:\n@said";
	return "$home/libexec/gatehouse";
}

# A host that gives a document root and CGI, and no more: everything else is .htaccess.
sub _cgi {
	my ($self) = @_;
	my ($dir, $run) = ($self->{dir}, $self->{run});
	$run->make_dir('www/cgi-bin');
	my $programs = $self->_installed_at_home;
	for my $program (qw(discovery oauth consent connect console mcp)) {
		my $from = "$programs/$program.fcgi";
		my $to = "$dir/www/cgi-bin/$program.cgi";
		link $from, $to or -e $to or croak "$to: $!";
	}
	# the installation is not where it was configured to be; programs look for their library beside themselves first
	for my $library (glob(($programs =~ s{/libexec/}{/lib/}r) . '/*.so')) {
		my $to = "$dir/www/cgi-bin/" . ($library =~ m{([^/]+)$})[0];
		link $library, $to or -e $to or croak "$to: $!";
	}
	$self->_write('www/cgi-bin/gatehouse.path', "$self->{project}\n");
	$self->_write('www/.htaccess', $self->_configuration);
	return $self->_apache_conf(<<"END", qw(cgid mime rewrite));
TypesConfig /dev/null
ScriptSock "$dir/cgisock"
AllowEncodedSlashes NoDecode
<Directory "$dir/www">
	AllowOverride All
	Options FollowSymLinks
	Require all granted
</Directory>
END
}

# As Debian's nginx has it: conf.d for what stands above servers, snippets for what they include; and as gatehouse(7) advises. Two workers,
# since each keeps connections of its own.
sub _nginx {
	my ($self) = @_;
	my $dir = $self->{dir};
	$self->{run}->make_dir($_) for qw(conf.d snippets tmp);
	$self->_write('conf.d/gatehouse.conf', $self->_configuration('nginx/gatehouse-http.conf'));
	$self->_write('snippets/gatehouse-fastcgi.conf', $self->_configuration('nginx/gatehouse-fastcgi.conf'));
	$self->_write('snippets/gatehouse.conf', $self->_configuration('nginx/gatehouse.conf'));
	my $temporary = join '', map { "\t${_}_temp_path $dir/tmp/$_;\n" } qw(client_body proxy fastcgi uwsgi scgi);
	my $conf = $self->_write('nginx.conf', <<"END");
daemon off;
worker_processes 2;
worker_cpu_affinity auto;
worker_rlimit_nofile 8192;
pid $dir/nginx.pid;
error_log $dir/log/nginx-error.log;
events { worker_connections 4096; }
http {
	access_log off;
	gzip on;
$temporary
	include conf.d/*.conf;
	server {
		listen 127.0.0.1:$self->{port} backlog=4096 reuseport@{[$HTTP2 ? ' http2' : '']};
		client_header_buffer_size 4k;
		root $dir/www;
		include snippets/gatehouse.conf;
	}
}
END
	return (find_program('nginx'), '-e', 'stderr', '-p', $dir, '-c', $conf);
}

1;
