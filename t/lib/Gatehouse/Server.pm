# SPDX-License-Identifier: Apache-2.0
#
# A whole gateway: a project directory, keys, a migrated database, standing programs on Unix
# sockets (several processes each) and lighttpd on a free loopback port, all in a private folder
# and as an unprivileged user, with the configuration of etc/lighttpd as operators get it.
#
#	my $gw = Gatehouse::Server->new(
#		pg       => $pg,                                 # Gatehouse::Pg; its database is migrated
#		routes   => { '/mcp/echo' => { upstream => "http://127.0.0.1:$port/mcp" } },
#		policies => [ { name => 'x', policyType => 'set-headers-inbound', handler => {...} } ],
#		gateway  => { limits => {...} },                 # merged over the defaults
#		env      => { TOKEN => 'secret' },               # .env of the project
#		single_role => 'tenant',                         # all programs log in as this one
#		web      => 'lighttpd',                          # or another of Gatehouse::Web; GATEHOUSE_TEST_WEB names the default
#		node_of  => $gw,                                 # a second node of that gateway: its public origin, its keys
#		programs => [qw(discovery oauth consent connect console mcp)], processes => { mcp => 2 });
#	$gw->origin; $gw->url('/mcp/echo'); $gw->log; $gw->pids('mcp'); $gw->stop;
#
# A route is { upstream, operationId, inbound => [policy names after the OAuth policy], outbound, options,
# summary, public, corsPolicy, ... }, or a whole path item of OpenAPI. Unless the test declares an OAuth policy itself
# (policies => ..., oauth => NAME) the policy "dev-oauth" signs users in by the dev-login.

package Gatehouse::Server;

use strict;
use warnings;

use Carp qw(croak);
use JSON::PP ();

use Gatehouse::Http;
use Gatehouse::Run qw(bin_path children find_program free_port wait_until);
use Gatehouse::Web;

my $JSON = JSON::PP->new->utf8->canonical->pretty;

sub new {
	my ($class, %o) = @_;
	my $self = bless {
		pg => $o{pg}, o => \%o, run => Gatehouse::Run->new('gw'), supervisors => {},
	}, $class;
	$self->{programs} = $o{programs} || [qw(discovery oauth consent connect console mcp)];
	$self->{project} = $self->{run}->make_dir('project');
	$self->{run}->make_dir($_) for qw(project/config state);
	$self->{web} = Gatehouse::Web->new($o{web} || $ENV{GATEHOUSE_TEST_WEB} || 'lighttpd', $self->{run}, $self->{project});
	$self->_start_web;
	if ($self->{web}->is_standing) {
		$self->start_program($_) for @{ $self->{programs} };
	}
	return $self;
}

sub origin  { return $_[0]{origin} }
sub public_origin { return $_[0]{o}{node_of} ? $_[0]{o}{node_of}->public_origin : $_[0]{origin} }
sub address { return "127.0.0.1:$_[0]{port}" }
sub port    { return $_[0]{port} }
sub project { return $_[0]{project} }
sub run     { return $_[0]{run} }
sub url     { return $_[0]{origin} . $_[1] }

# The log lines of all programs (or of one), as text.
sub log {
	my ($self, $program) = @_;
	return $self->{run}->log_text if !$self->{web}->is_standing;    # the web server's and theirs
	return join '', map { $self->{run}->log_text($_) } $program || @{ $self->{programs} };
}

# The log lines of all programs as parsed objects; other output is left out.
sub log_lines {
	my ($self, $program) = @_;
	return grep { ref $_ } map { eval { JSON::PP->new->utf8->decode($_) } } split /\n/, $self->log($program);
}

# The processes of a program: the children of its supervisor.
sub pids {
	my ($self, $program) = @_;
	my $supervisor = $self->{supervisors}{$program} or return ();
	my @pids = sort { $a <=> $b } children($supervisor);    # sort alone has no scalar value
	return @pids;
}

sub web { return $_[0]{web} }

# gatehousectl ARGUMENTS on this project: (exit status, output).
sub ctl {
	my ($self, @arguments) = @_;
	return $self->{run}->command({ env => $self->_environment }, $self->{run}->install(bin_path('gatehousectl')),
		@arguments);
}

# (Re)writes the project's files; changed members of new() may be given.
sub write_project {
	my ($self, %change) = @_;
	my $o = { %{ $self->{o} }, %change };
	$self->{o} = $o;
	my %gateway = (
		version => 1,
		compatibilityDate => '2026-03-01',
		development => JSON::PP::true,
		publicOrigins => [$self->public_origin],
		stateDir => "$self->{run}{dir}/state",
		keyring => "$self->{project}/keys",
		($self->{pg} ? (database => $self->_single_role || $self->{pg}->conninfo) : ()),
		%{ $o->{gateway} || {} },
	);
	my @policies = @{ $o->{policies} || [] };
	push @policies, $self->_dev_oauth if !$o->{oauth};
	my %paths = map { $_ => $self->_path_item($_, $o->{routes}{$_}) } keys %{ $o->{routes} || {} };
	my $env = $o->{env} || {};
	$self->write_file('gateway.jsonc', $JSON->encode(\%gateway));
	$self->write_file('config/policies.json', $JSON->encode({ policies => \@policies }));
	$self->write_file('config/routes.oas.json', $JSON->encode({ openapi => '3.1.0',
		info => { title => 'test', version => '1.0.0' }, paths => \%paths }));
	$self->write_file('.env', join '', map { "$_='$env->{$_}'\n" } sort keys %$env);
	return;
}

# A file of the project.
sub write_file {
	my ($self, $name, $text) = @_;
	my $path = "$self->{project}/$name";
	Gatehouse::Run::write_file($path, $text);
	chmod 0600, $path;
	$self->{run}->give($path);
	return;
}

sub _dev_oauth {
	my ($self) = @_;
	my $origin = $self->public_origin;
	return { name => 'dev-oauth', policyType => 'mcp-oauth-inbound', handler => {
		export => 'McpOAuthInboundPolicy',
		options => {
			oidc => { issuer => "$origin/", jwksUrl => "$origin/.well-known/jwks.json" },
			browserLogin => { url => "$origin/oauth/dev-login", %{ $self->{o}{browser_login} || {} } },
			($self->{o}{oauth_gateway} ? (gateway => $self->{o}{oauth_gateway}) : ()),
		},
	} };
}

sub _path_item {
	my ($self, $path, $r) = @_;
	return $r if grep { ref $r->{$_} eq 'HASH' && $r->{$_}{operationId} } keys %$r;
	(my $id = $path) =~ s{^/(?:mcp/)?}{};
	$id =~ s{/}{-}g;
	my @oauth = $r->{public} ? () : $self->{o}{oauth} || 'dev-oauth';
	return { 'get,post' => {
		operationId => $r->{operationId} || $id,
		summary => $r->{summary} || "The $id server",
		'x-gatehouse-route' => {
			corsPolicy => $r->{corsPolicy} || 'none',
			($r->{public} ? (public => JSON::PP::true) : ()),
			handler => { export => 'McpProxyHandler',
				options => { rewritePattern => $r->{upstream}, %{ $r->{options} || {} } } },
			policies => { inbound => [@oauth, @{ $r->{inbound} || [] }], outbound => $r->{outbound} || [] },
		},
	} };
}

sub _environment {
	my ($self) = @_;
	return { GATEHOUSE_PROJECT => $self->{project}, %{ $self->{o}{process_env} || {} } };
}

sub _prepare {
	my ($self) = @_;
	return $self->_copy_keys($self->{o}{node_of}) if $self->{o}{node_of};
	my @steps = (['keys', 'init']);
	push @steps, ['migrate', '--database', $self->_single_role || $self->{pg}->superuser_conninfo,
		$self->{o}{single_role} ? '--single-role' : ()] if $self->{pg};
	for my $step (@steps) {
		my ($status, $output) = $self->ctl(@$step);
		croak "gatehousectl @$step: exit $status\n$output" if $status != 0;
	}
	return;
}

# A host that gives its customer one role and one database: the connection string of `single_role`.
sub _single_role {
	my ($self) = @_;
	my $role = $self->{o}{single_role} or return;
	my $pg = $self->{pg};
	$pg->psql("do \$\$ begin create role $role login; exception when duplicate_object then null; end \$\$");
	$pg->psql("grant create on database $pg->{database} to $role");
	(my $conninfo = $pg->superuser_conninfo) =~ s/user=\S+/user=$role/;
	return $conninfo;
}

# Keys reach another machine by hand; the database is there already.
sub _copy_keys {
	my ($self, $other) = @_;
	my $to = $self->{run}->make_dir('project/keys');
	for my $from (glob $other->project . '/keys/*') {
		my ($name) = $from =~ m{([^/]+)$};
		Gatehouse::Run::write_file("$to/$name", Gatehouse::Run::read_file($from));
		chmod 0400, "$to/$name";
		$self->{run}->give("$to/$name");
	}
	return;
}

# The port is chosen before the project is written, since it is part of the public origin; a port
# that is taken in between means another project file.
sub _start_web {
	my ($self) = @_;
	for my $attempt (1 .. 5) {
		$self->{port} = free_port();
		$self->{origin} = "http://127.0.0.1:$self->{port}";
		$self->write_project;
		$self->_prepare unless $self->{o}{unprepared} || $self->{prepared}++;
		$self->{run}->install(bin_path("$_.fcgi")) for @{ $self->{programs} };
		return if $self->{web}->start($self->{port});
	}
	croak "the web server does not start:\n" . $self->{run}->log_text;
}

# Starts a program's processes on its socket, under multiwatch, and waits until all are there.
sub start_program {
	my ($self, $program) = @_;
	my $run = $self->{run};
	my $path = "$run->{dir}/sock/$program.sock";
	my $binary = $run->install(bin_path("$program.fcgi"));
	my $n = $self->{o}{processes}{$program} || 1;
	unlink $path;
	my $listener = $run->listen_unix($path);
	$self->{supervisors}{$program} = $run->spawn($program, { env => $self->_environment, stdin => $listener },
		find_program('multiwatch'), '-f', $n, '-r', 1000, '-t', 1, '--', $binary, '-c', $self->{project});
	close $listener;
	wait_until(10, sub { (() = $self->pids($program)) >= $n })
	  or croak "$program does not start:\n" . $self->log($program);
	return;
}

# Ends a program gently; its wait status.
sub stop_program {
	my ($self, $program) = @_;
	my $pid = delete $self->{supervisors}{$program} or return;
	return $self->{run}->end($pid);
}

sub restart_program {
	my ($self, $program) = @_;
	$self->stop_program($program);
	return $self->start_program($program);
}

sub stop {
	my ($self) = @_;
	return $self->{run}->stop;
}

1;
