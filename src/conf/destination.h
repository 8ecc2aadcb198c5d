/* SPDX-License-Identifier: Apache-2.0 */
/* Where events and alerts are sent (gatehouse-config(5): events.forward, alerts). */
#ifndef GATEHOUSE_CONF_DESTINATION_H
#define GATEHOUSE_CONF_DESTINATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DESTINATIONS_MAX = 8, DESTINATION_NAME_MAX = 32, ALERT_TO_MAX = 8 };

enum destination_type { DESTINATION_FILE = 0, DESTINATION_SYSLOG, DESTINATION_WEBHOOK, DESTINATION_OTLP };
enum event_form { FORM_GATEHOUSE = 0, FORM_ECS, FORM_OCSF, FORM_CEF };
enum syslog_transport { SYSLOG_UDP = 0, SYSLOG_TCP, SYSLOG_TLS };
enum { TELL_CALLS = 1, TELL_AUTH = 2, TELL_POLICIES = 4, TELL_AUDIT = 8, TELL_ANCHORS = 16 };
enum { SIGNAL_TRACES = 1, SIGNAL_LOGS = 2, SIGNAL_METRICS = 4 };

struct destination {
	const char *name; /* [a-z0-9-]+; the guard knows it by this */
	enum destination_type type;
	enum event_form form;
	unsigned families; /* TELL_* */
	const char *path;  /* file: absolute, or "stderr" */
	const char *host;  /* syslog */
	int port, facility;
	enum syslog_transport transport;
	const char *url;                        /* webhook, otlp */
	const char *secret_file, *headers_file; /* absolute; NULL: none */
	unsigned signals;                       /* SIGNAL_* */
	bool conventions;                       /* otlp: attributes of the MCP conventions */
	int batch, interval_ms, retry_ms;
	int64_t spool;
};

struct alert_to {
	bool mail;
	const char *url, *secret_file; /* webhook */
	const char *address;           /* mail */
};

struct alert_conf {
	struct alert_to to[ALERT_TO_MAX];
	size_t to_n;
	const char *sendmail;
	double error_rate;                  /* 0: not judged */
	int p95_ms, min_calls, expiry_days; /* p95_ms, expiry_days 0: not judged */
};

#endif
