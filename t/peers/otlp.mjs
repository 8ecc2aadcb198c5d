// SPDX-License-Identifier: Apache-2.0
//
// What OpenTelemetry's own definitions make of OTLP bodies. One JSON text a line on stdin, { path, body }; for each a line on
// stdout: { path, faults: ["why"...], decoded }, with bytes as hex digits and 64-bit integers as texts.
//
// A body is read by the published messages, written as protobuf, and read again: every member must be in it with the same value, so
// that one of another name, place or type is a fault. Names of attributes and metrics must be those of the published conventions,
// or begin with "gatehouse.".

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import * as conventions from '@opentelemetry/semantic-conventions/incubating';

const root = createRequire(import.meta.url)('@opentelemetry/otlp-transformer/build/src/generated/root.js');
const { trace, logs, metrics } = root.opentelemetry.proto.collector;
const kinds = {
	'/v1/traces': trace.v1.ExportTraceServiceRequest,
	'/v1/logs': logs.v1.ExportLogsServiceRequest,
	'/v1/metrics': metrics.v1.ExportMetricsServiceRequest,
};
const published = new Set(Object.values(conventions).filter((v) => typeof v === 'string'));
// OTLP's one departure from protobuf's JSON: these are hex digits, of so many bytes
const ids = { traceId: 16, spanId: 8, parentSpanId: 8 };

function map(value, change, key) {
	if (Buffer.isBuffer(value) || value instanceof Uint8Array || value === null || typeof value !== 'object') return change(key, value);
	if (Array.isArray(value)) return value.map((v) => map(v, change, key));
	return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, map(v, change, k)]));
}

function differences(a, b, at) {
	if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object' || Array.isArray(a) !== Array.isArray(b)) {
		return a === b ? [] : [`${at}: sent ${JSON.stringify(a)}, understood ${JSON.stringify(b)}`];
	}
	return [...new Set([...Object.keys(a), ...Object.keys(b)])].flatMap((k) => differences(a[k] ?? null, b[k] ?? null, `${at}.${k}`));
}

function look({ path, body }) {
	const kind = kinds[path];
	const faults = [];
	const sent = JSON.parse(body);
	const binary = map(sent, (key, v) => {
		if (!ids[key]) return v;
		if (typeof v !== 'string' || !/^[0-9a-f]+$/.test(v) || v.length !== 2 * ids[key]) faults.push(`${key}: ${v}`);
		return Buffer.from(String(v), 'hex');
	});
	const message = kind.decode(kind.encode(kind.fromObject(binary)).finish());
	const refused = kind.verify(message);
	const decoded = map(kind.toObject(message, { longs: String, enums: Number, bytes: Buffer }),
		(key, v) => (v instanceof Uint8Array ? Buffer.from(v).toString('hex') : v));

	if (refused) faults.push(refused);
	faults.push(...differences(sent, decoded, ''));
	map(sent, (key, v) => {
		if (key === 'key' && !published.has(v) && !v.startsWith('gatehouse.')) faults.push(`attribute ${v} is not published`);
	});
	for (const m of (sent.resourceMetrics ?? []).flatMap((r) => r.scopeMetrics).flatMap((s) => s.metrics)) {
		if (!published.has(m.name)) faults.push(`metric ${m.name} is not published`);
	}
	return { path, faults, decoded };
}

for await (const line of createInterface({ input: process.stdin })) {
	let told;
	try {
		told = look(JSON.parse(line));
	} catch (e) {
		told = { faults: [String(e)] };
	}
	console.log(JSON.stringify(told));
}
