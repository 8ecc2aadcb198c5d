// SPDX-License-Identifier: Apache-2.0
//
// Calls over one connection of HTTP/2, in clear text, all at once: http2.mjs JSON, of { origin, calls: [{ path, token, id, gives_up }] }.
// A line of JSON for whatever happens to each: { id, status, challenge }, { id, text } for each piece of the answer, { id, end: 'whole' or
// 'given up' }, { id, error }. One that gives up does so when it has seen a piece.
import http2 from 'node:http2';

const { origin, calls } = JSON.parse(process.argv[2]);
const session = http2.connect(origin);
const say = (line) => process.stdout.write(JSON.stringify(line) + '\n');

session.on('error', (error) => say({ error: error.message }));

// With the body's length, as fetch() sends it: lighttpd before 1.4.78 wants it of each POST.
function call({ path, token, id, gives_up }) {
	const body = JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 't' } });
	const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/json', 'content-length': body.length,
		accept: 'application/json, text/event-stream', ...(token ? { authorization: `Bearer ${token}` } : {}) });
	stream.setEncoding('utf8');
	stream.on('response', (headers) => say({ id, status: headers[':status'], challenge: headers['www-authenticate'] }));
	stream.on('data', (text) => {
		say({ id, text });
		if (gives_up)
			stream.close(http2.constants.NGHTTP2_CANCEL);
	});
	stream.on('error', (error) => say({ id, error: error.message }));
	stream.end(body);
	return new Promise((resolve) => stream.on('close', () => {
		say({ id, end: stream.rstCode ? 'given up' : 'whole' });
		resolve();
	}));
}

await Promise.all(calls.map(call));
session.close();
