// SPDX-License-Identifier: Apache-2.0
//
// Preloaded (node --import) into a program that knows nothing of tokens: whatever it asks of TOKEN_ORIGIN carries
// TOKEN, by fetch, undici and node:http.
import http from "node:http";
import { realpathSync } from "node:fs";
import { createRequire } from "node:module";

const { TOKEN: token, TOKEN_ORIGIN: origin } = process.env;
const value = `Bearer ${token}`;
const is_ours = (url) => URL.canParse(String(url)) && new URL(String(url)).origin === origin;

/** HEADERS as undici and node:http take them: an object, or a list of names and values. */
function add(headers = {}) {
	if (Array.isArray(headers))
		return [...headers, "authorization", value];
	return { ...headers, authorization: value };
}

function with_token(fetch, Headers) {
	return (input, init) => {
		const url = typeof input === "string" || input instanceof URL ? input : input.url;
		if (!is_ours(url))
			return fetch(input, init);
		const headers = new Headers(init?.headers ?? input.headers);
		headers.set("authorization", value);
		return fetch(input, { ...init, headers });
	};
}

if (token) {
	globalThis.fetch = with_token(globalThis.fetch, Headers);
	try {
		const undici = createRequire(realpathSync(process.argv[1]))("undici");
		const { request } = undici;
		undici.request = (url, options = {}, ...more) => request(url, is_ours(url) ? { ...options, headers: add(options.headers) } : options, ...more);
		undici.fetch = with_token(undici.fetch, undici.Headers);
	} catch (error) {
		if (error.code !== "MODULE_NOT_FOUND")
			throw error;
	}
	const { request } = http;
	http.request = (first, ...rest) => {
		const url = typeof first === "string" || first instanceof URL ? String(first) : `http://${first.hostname ?? first.host}:${first.port}`;
		const sent = request(first, ...rest);
		if (is_ours(url))
			sent.setHeader("authorization", value);
		return sent;
	};
	http.get = (...all) => { const sent = http.request(...all); sent.end(); return sent; };
}
