// SPDX-License-Identifier: Apache-2.0
//
// Calls without end, as fast as they are answered: soak.mjs URL TOKEN CALLS AT_ONCE. Prints how many were not what they should be.
import http from "node:http";

const [url, token, calls, at_once] = process.argv.slice(2);
const agent = new http.Agent({ keepAlive: true, maxSockets: Number(at_once) });
const wrong = {};
let next = 0;

function call(id) {
	return new Promise((done) => {
		const body = JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params: { name: "t", arguments: { n: id } } });
		const request = http.request(url, { method: "POST", agent, headers: { authorization: `Bearer ${token}`, "content-type": "application/json",
			accept: "application/json, text/event-stream", "content-length": Buffer.byteLength(body) } }, (answer) => {
			answer.resume().on("end", () => done(answer.statusCode === 200 ? "" : `status ${answer.statusCode}`)).on("error", (error) => done(String(error)));
		});
		request.on("error", (error) => done(String(error)));
		request.end(body);
	});
}

await Promise.all(Array.from({ length: Number(at_once) }, async () => {
	while (next < Number(calls)) {
		const why = await call(++next);
		if (why)
			wrong[why] = (wrong[why] ?? 0) + 1;
	}
}));
console.log("WRONG " + JSON.stringify(wrong));
agent.destroy();
