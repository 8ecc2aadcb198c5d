-- compatible-from: 0003
--
-- What happened: one row per call, one per auth event. Both tables are split by day (UTC), so
-- that an old day goes by dropping a table. events_step() makes the days; there is no default
-- partition, which would have to be searched for each new one. Rows arrive in batches, after the
-- answer: they may be lost with a crash. What must not be lost is in `audit`.

create table gatehouse.event_call (
	at                 timestamptz not null, -- the start, by the clock of the machine
	program            text not null,
	severity           text not null,
	request_id         text,
	operation_id       text,
	upstream_id        text,
	subject_id         text,
	client_id          text,
	client_name        text,
	auth_profile_id    text,
	upstream_auth_mode text,
	http_method        text,
	transport          text,
	mcp_method         text,
	capability_type    text,
	capability_name    text,
	outcome            text,
	failure_origin     text,
	mcp_status         bigint,
	jsonrpc_error_code bigint,
	error_type         text,
	reason_code        text,
	latency_us         bigint,
	gateway_us         bigint,
	upstream_us        bigint,
	bytes_in           bigint,
	bytes_out          bigint,
	client_ip          text,
	protocol_version   text,
	session_digest     text,
	grant_id           text,
	err_name           text,
	err_message        text,
	cause_message      text
) partition by range (at);
create index event_call_at on gatehouse.event_call using brin (at);
create index event_call_subject on gatehouse.event_call (subject_id, at);

create table gatehouse.event_auth (
	at                 timestamptz not null,
	program            text not null,
	severity           text not null,
	name               text,                 -- "mcp_auth_consent_approved"
	request_id         text,
	operation_id       text,
	upstream_id        text,
	subject_id         text,
	client_id          text,
	client_name        text,
	auth_profile_id    text,
	upstream_auth_mode text,
	http_method        text,
	outcome            text,
	failure_origin     text,
	mcp_status         bigint,
	error_type         text,
	reason_code        text,
	latency_us         bigint,
	client_ip          text,
	redirect_host      text,
	grant_id           text,
	err_name           text,
	err_message        text,
	cause_message      text
) partition by range (at);
create index event_auth_at on gatehouse.event_auth using brin (at);
create index event_auth_subject on gatehouse.event_auth (subject_id, at);

-- The batches of the last hour: one that was sent again because its commit was in doubt is known
-- again. A crash may forget them: the worst is a row twice.
create unlogged table gatehouse.event_batch (
	batch_id uuid primary key,
	at       timestamptz not null default now()
);
create index event_batch_at on gatehouse.event_batch (at);

-- The families, by the names of the log lines.

create view gatehouse.mcp_request as
select
	at as "time",
	case when upstream_us is null and outcome <> 'success' then 'mcp_request_rejected'
		else 'mcp_request_accepted' end as event,
	request_id as "requestId",
	operation_id as "operationId",
	operation_id as "virtualServerName",
	subject_id as "subjectId",
	client_id as "clientId",
	client_name as "clientName",
	auth_profile_id as "authProfileId",
	http_method as "httpMethod",
	transport,
	mcp_method as "mcpMethod",
	outcome,
	failure_origin as "failureOrigin",
	mcp_status as "mcpStatus",
	reason_code as "reasonCode",
	latency_us / 1000.0 as "latencyMs",
	bytes_in as "bytesIn",
	bytes_out as "bytesOut"
from gatehouse.event_call;

create view gatehouse.capability_invocation as
select
	e.at + case when v.completed then coalesce(e.latency_us, 0) else 0 end
		* interval '1 microsecond' as "time",
	case when v.completed then 'mcp_capability_completed' else 'mcp_capability_invoked' end
		as event,
	e.request_id as "requestId",
	e.operation_id as "operationId",
	e.operation_id as "virtualServerName",
	e.subject_id as "subjectId",
	e.client_id as "clientId",
	e.mcp_method as "mcpMethod",
	e.capability_type as "capabilityType",
	e.capability_name as "capabilityName",
	case when v.completed then e.outcome end as outcome,
	case when v.completed then e.failure_origin end as "failureOrigin",
	case when v.completed then e.jsonrpc_error_code end as "jsonrpcErrorCode",
	case when v.completed then e.error_type end as "errorType",
	case when v.completed then e.reason_code end as "reasonCode",
	case when v.completed then e.latency_us / 1000.0 end as "latencyMs"
from gatehouse.event_call e
cross join (values (false), (true)) v (completed)
where e.capability_name is not null;

create view gatehouse.upstream_hop as
select
	at as "time",
	request_id as "requestId",
	operation_id as "operationId",
	upstream_id as "upstreamServerId",
	upstream_id as "upstreamServerName",
	upstream_auth_mode as "upstreamAuthMode",
	subject_id as "subjectId",
	mcp_method as "mcpMethod",
	capability_name as "capabilityName",
	outcome,
	failure_origin as "failureOrigin",
	upstream_us / 1000.0 as "latencyUpstreamMs",
	bytes_in as "bytesIn",
	bytes_out as "bytesOut"
from gatehouse.event_call
where upstream_us is not null;

create view gatehouse.auth_event as
select
	at as "time",
	name as event,
	request_id as "requestId",
	operation_id as "operationId",
	upstream_id as "upstreamServerId",
	subject_id as "subjectId",
	client_id as "clientId",
	client_name as "clientName",
	auth_profile_id as "authProfileId",
	outcome,
	failure_origin as "failureOrigin",
	reason_code as "reasonCode",
	redirect_host as "redirectHost",
	client_ip as "clientIp",
	err_name as "errName",
	err_message as "errMessage",
	cause_message as "causeMessage"
from gatehouse.event_auth;
