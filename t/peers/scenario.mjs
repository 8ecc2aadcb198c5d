// SPDX-License-Identifier: Apache-2.0
//
// What the whole-system tests let peers do. Prints "RESULT " and JSON; the test judges.
//
//	scenario.mjs NAME OPTIONS
//
// Common options: url of the route, generation of the SDK (1 or 2).
import { sign } from "node:crypto";
import { Browser } from "./browser.mjs";
import { connect, consent, Provider, sdk } from "./oauth.mjs";

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const text = (result) => (result.content ?? []).map((c) => c.text ?? `[${c.type}]`).join("\n");

/** Counts the requests that wait for an answer. */
let waiting = 0;
const plain = globalThis.fetch;
globalThis.fetch = (...request) => {
	waiting++;
	return plain(...request).finally(() => waiting--);
};

const scenarios = {
	/** Signs in, lists, calls. */
	async first({ url, generation }) {
		const { client, transport, provider } = await connect(url, { generation });
		const server = client.getServerVersion();
		const { tools } = await client.listTools();
		const echo = await client.callTool({ name: "echo", arguments: { message: "grüße ☃" } });
		const session = transport.sessionId;
		await transport.terminateSession().catch(() => {});
		await client.close();
		return { server, tools: tools.map((t) => t.name), echo: text(echo), session,
			token: provider.tokens(), client: provider.clientInformation() };
	},

	/** A long call: when each progress notification arrives, in ms since the call. */
	async progress({ url, generation, seconds = 1, steps = 5 }) {
		const { client } = await connect(url, { generation });
		const begin = performance.now();
		const seen = [];
		const result = await client.callTool(
			{ name: "trigger-long-running-operation", arguments: { duration: seconds, steps } },
			...(generation === 1 ? [undefined] : []), // the result's schema
			{ onprogress: (p) => seen.push({ progress: p.progress, at: performance.now() - begin }) },
		);
		const end = performance.now() - begin;
		await client.close();
		return { seen, end, text: text(result) };
	},

	/** Calls, waits until the access token has expired, and calls again. */
	async refresh({ url, generation, wait_ms, document }) {
		const { client, provider } = await connect(url, { generation, document });
		const first = provider.tokens();
		const echo = [text(await client.callTool({ name: "echo", arguments: { message: "one" } }))];
		await sleep(wait_ms);
		echo.push(text(await client.callTool({ name: "echo", arguments: { message: "two" } })));
		await client.close();
		return { echo, first, second: provider.tokens(), authorizations: provider.authorizations,
			client_id: provider.clientInformation().client_id };
	},

	/** The client revokes what it holds, and calls again. */
	async revoked({ url, generation, document }) {
		const { UnauthorizedError } = await sdk(generation);
		const { client, provider } = await connect(url, { generation, document });
		// the SDK asks for a stream beside what it is told to do, and would sign in again for that, too
		await client.callTool({ name: "echo", arguments: { message: "early" } });
		while (waiting)
			await sleep(20);
		const { status } = await fetch(new URL("/oauth/revoke", url), { method: "POST", body: new URLSearchParams(
			{ token: provider.tokens().refresh_token, client_id: provider.clientInformation().client_id }) });
		try {
			// the notification takes its way to the process that answers: milliseconds, more under load
			for (let i = 0; i < 100; i++) {
				await client.callTool({ name: "echo", arguments: { message: "late" } });
				await new Promise((done) => setTimeout(done, 50));
			}
			return { status, called: true };
		} catch (error) {
			return { status, unauthorized: error instanceof UnauthorizedError, error: String(error),
				authorizations: provider.authorizations };
		}
	},

	/** The person says no. */
	async deny({ url, generation, document }) {
		const { Client, StreamableHTTPClientTransport, UnauthorizedError } = await sdk(generation);
		const provider = new Provider("Denied client", document);
		const client = new Client({ name: "denied", version: "1" }, {});
		try {
			await client.connect(new StreamableHTTPClientTransport(new URL(url), { authProvider: provider }));
			return { connected: true };
		} catch (error) {
			if (!(error instanceof UnauthorizedError))
				throw error;
		}
		return Object.fromEntries(await consent(provider, "cancel"));
	},

	/** Comes with an identity assertion, which we sign for the identity provider, instead of a person. */
	async assertion({ url, client: { id, secret }, idp, key, kid, sub }) {
		const { Client, StreamableHTTPClientTransport, CrossAppAccessProvider } = await sdk(2);
		let asked;
		const provider = new CrossAppAccessProvider({ clientId: id, clientSecret: secret, expectedIssuer: new URL(url).href,
			assertion: async ({ authorizationServerUrl, resourceUrl, scope }) => {
				asked = { audience: authorizationServerUrl, resource: resourceUrl, scope };
				const now = Math.floor(Date.now() / 1000);
				const text = [{ alg: "ES256", kid, typ: "oauth-id-jag+jwt" }, { iss: idp, sub, aud: authorizationServerUrl, client_id: id,
					resource: resourceUrl, scope, jti: crypto.randomUUID(), iat: now, exp: now + 300 }]
					.map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
				return `${text}.${sign("sha256", text, { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
			} });
		const client = new Client({ name: "assistant", version: "1" }, {});
		await client.connect(new StreamableHTTPClientTransport(new URL(url), { authProvider: provider }));
		const echo = text(await client.callTool({ name: "echo", arguments: { message: "hello" } }));
		await client.close();
		return { echo, asked };
	},

	/**
	 * One client after the other, MODES of both generations, at each of URLS: what each finds there, or why it does not. PAGE is
	 * what a tool asks the user to open.
	 */
	async eras({ urls, page }) {
		const modes = [["sdk 1", 1], ["sdk 2 legacy", 2, { mode: "legacy" }], ["sdk 2 auto", 2, { mode: "auto" }],
			["sdk 2 pinned", 2, { mode: { pin: "2026-07-28" } }]];
		const visit = async (url, generation, versionNegotiation) => {
			const { Client, StreamableHTTPClientTransport } = await sdk(generation);
			const { ElicitRequestSchema } = await import("@modelcontextprotocol/sdk/types.js");
			const client = new Client({ name: "eras", version: "1" }, { capabilities: { elicitation: { url: {} } }, ...(versionNegotiation && { versionNegotiation }) });
			const pages = [];
			client.setRequestHandler(generation === 1 ? ElicitRequestSchema : "elicitation/create", ({ params }) => {
				pages.push(params.url);
				return { action: "accept" };
			});
			await client.connect(new StreamableHTTPClientTransport(new URL(url)));
			const seen = [];
			const first = async (call) => { try { return await call(); } catch (error) { return { error: String(error.code ?? error) , data: error.data }; } };
			const { tools } = await client.listTools();
			const { prompts } = await client.listPrompts();
			const { resources } = await client.listResources();
			const echo = text(await client.callTool({ name: "echo", arguments: { message: "grüße ☃" } }));
			await client.callTool({ name: "test_tool_with_progress", arguments: {} }, ...(generation === 1 ? [undefined] : []),
				{ onprogress: (p) => seen.push(p.progress) });
			const prompt = (await client.getPrompt({ name: "test_prompt_with_arguments", arguments: { arg1: "a", arg2: "b" } })).messages[0].content.text;
			const resource = (await client.readResource({ uri: "test://static-text" })).contents[0].text;
			const missing = await first(() => client.readResource({ uri: "test://none" }));
			const completion = await client.complete({ ref: { type: "ref/prompt", name: "test_prompt_with_arguments" }, argument: { name: "arg1", value: "p" } });
			const marked = await first(async () => text(await client.callTool({ name: "test_custom_headers",
				arguments: { region: "h\u00e9", priority: 42, verbose: false, odd: "=?base64?x?=" } })));
			const paged = await first(async () => text(await client.callTool({ name: "test_elicit_page", arguments: { page } })));
			const streamed = await first(async () => text(await client.callTool({ name: "test_page_in_stream", arguments: { page } })));
			const key = `${url} ${generation} ${JSON.stringify(versionNegotiation)}`;
			const becomes = async (state) => {
				for (let n = 0; n < 200; n++) {
					if (text(await client.callTool({ name: "test_hanging", arguments: { key } })) === state)
						return state;
					await new Promise((done) => setTimeout(done, 50));
				}
				return "not " + state;
			};
			const leave = new AbortController();
			const hangs = client.callTool({ name: "test_hang", arguments: { key } }, ...(generation === 1 ? [undefined] : []), { signal: leave.signal }).catch(() => "left");
			const cancelled = [await becomes("hanging")];
			leave.abort();
			cancelled.push(await hangs, await becomes("aborted"));
			const version = generation === 1 ? client.transport.protocolVersion ?? client.transport._protocolVersion : client.getNegotiatedProtocolVersion();
			const result = { version, server: client.getServerVersion()?.name, instructions: client.getInstructions(), tools: tools.length,
				prompts: prompts.length, resources: resources.length, echo, seen, prompt, resource, missing: missing.error,
				completion: completion.completion.values.length, marked, paged, pages, streamed, cancelled };
			await client.close();
			return result;
		};
		const found = {};
		for (const [where, url] of Object.entries(urls))
			for (const [name, generation, mode] of modes)
				found[`${name} at ${where}`] = await visit(url, generation, mode).catch((error) => ({ error: String(error?.message ?? error).slice(0, 300) }));
		return found;
	},

	/** Many clients at once, each a person of its own, each saying something else. */
	async parallel({ url, clients, calls = 3 }) {
		const one = async (i) => {
			const generation = 1 + (i % 2);
			const { client } = await connect(url, { generation, name: `Client ${i}`, browser: new Browser() });
			const wrong = [];
			for (let n = 0; n < calls; n++) {
				const message = `client ${i} call ${n}`;
				const answer = text(await client.callTool({ name: "echo", arguments: { message } }));
				if (answer !== `Echo: ${message}`)
					wrong.push({ message, answer });
			}
			await client.close();
			return wrong;
		};
		const done = await Promise.allSettled(Array.from({ length: clients }, (_, i) => one(i)));
		return {
			fulfilled: done.filter((d) => d.status === "fulfilled").length,
			wrong: done.flatMap((d) => d.value ?? []),
			errors: [...new Set(done.filter((d) => d.reason)
				.map(({ reason }) => `${reason.stack ?? reason}\n${reason.cause ? `caused by ${reason.cause.code ?? ""} ${reason.cause}` : ""}`))].slice(0, 5),
		};
	},
};

const [name, options] = process.argv.slice(2);
const result = await scenarios[name](JSON.parse(options));
console.log("RESULT " + JSON.stringify(result));
process.exit(0);
