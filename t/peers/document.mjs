// SPDX-License-Identifier: Apache-2.0
//
// The site of a client whose id is a document: https://127.0.0.1:PORT/app. Prints a line for each time it is read.
//
//	document.mjs PORT KEY CERTIFICATE REDIRECT_URI
import { readFileSync } from "node:fs";
import { createServer } from "node:https";

const [port, key, cert, redirect] = process.argv.slice(2);
const body = JSON.stringify({
	client_id: `https://127.0.0.1:${port}/app`,
	client_name: "A client that is a document",
	redirect_uris: [redirect],
	grant_types: ["authorization_code", "refresh_token"],
	response_types: ["code"],
	token_endpoint_auth_method: "none",
});
createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
	console.log(`read ${request.url}`);
	response.writeHead(200, { "content-type": "application/json", "cache-control": "max-age=3600" });
	response.end(body);
}).listen(Number(port), "127.0.0.1", () => console.log("listening"));
