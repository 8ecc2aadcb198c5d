// SPDX-License-Identifier: Apache-2.0
//
// TLS before a server that has none: https://127.0.0.1:PORT leads to http://127.0.0.1:BACKEND, bytes unchanged.
//
//	tls-front.mjs PORT BACKEND KEY CERTIFICATE
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { createServer } from "node:tls";

const [port, backend, key, cert] = process.argv.slice(2);
createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (client) => {
	const server = connect(Number(backend), "127.0.0.1");
	for (const [from, to] of [[client, server], [server, client]])
		from.on("error", () => to.destroy()).on("close", () => to.end()).pipe(to);
}).listen(Number(port), "127.0.0.1", () => console.log("listening"));
