// SPDX-License-Identifier: Apache-2.0
//
// An MCP server made with the SDK, which has what the conformance suites ask of a server:
//
//	server.mjs PORT ERA      ERA: legacy (sessions, streams that resume), modern (2026-07-28 alone), dual
//
// Prints "listening" when it is there. It refuses foreign Hosts and Origins, as a local server should.
import { createHmac, randomUUID, timingSafeEqual } from "node:crypto";
import http from "node:http";
import { Readable } from "node:stream";
import { createMcpHandler, fromJsonSchema, hostHeaderValidationResponse, inputRequired, isLegacyRequest, localhostAllowedHostnames,
	localhostAllowedOrigins, McpServer, MissingRequiredClientCapabilityError, originValidationResponse, ResourceTemplate,
	UrlElicitationRequiredError, WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/server";

const [port, era] = process.argv.slice(2);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const text = (...lines) => ({ content: lines.map((line) => ({ type: "text", text: line })) });
const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
const SILENCE = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=";

// ---- state that a client carries, and must not change
const KEY = randomUUID();
const mac = (state) => createHmac("sha256", KEY).update(state).digest("base64url");
const seal = (state) => `${Buffer.from(state).toString("base64url")}.${mac(state)}`;
function open(sealed) {
	const [state, tag] = String(sealed).split(".");
	const clear = Buffer.from(state ?? "", "base64url").toString();
	const [a, b] = [Buffer.from(tag ?? ""), Buffer.from(mac(clear))];
	if (a.length !== b.length || !timingSafeEqual(a, b))
		throw new Error("Invalid requestState");
	return clear;
}

const object = (properties = {}, required = []) => ({ type: "object", properties, required });
const string = (description) => ({ type: "string", ...(description && { description }) });
const form = (message, properties, required = Object.keys(properties)) => ({ mode: "form", message, requestedSchema: object(properties, required) });
const ask = { // what a modern server asks of its client
	form: (message, name, type = "string") => inputRequired.elicit(form(message, { [name]: { type } })),
	sample: (prompt, maxTokens = 100) => inputRequired.createMessage({ messages: [{ role: "user", content: { type: "text", text: prompt } }], maxTokens }),
	roots: () => inputRequired.listRoots(),
};
const given = (ctx, key) => ctx.mcpReq.inputResponses?.[key];
const accepted = (ctx, key, name) => {
	const answer = given(ctx, key);
	return answer?.action === "accept" && typeof answer.content?.[name] === "string" ? answer.content[name] : undefined;
};
const carried = (ctx) => ctx.mcpReq.requestState(); // what open() made of it
const capabilities = (ctx) => ctx.mcpReq.envelope?.["io.modelcontextprotocol/clientCapabilities"] ?? {};

// What a legacy server asks of its client, in the stream of the call: elsewhere there may be none yet.
const request = (ctx, method, params) => ctx.mcpReq.send({ method, params });

// ---- tools: name, description, what it takes, what it does. Those without a schema take nothing.
const elicit = async (ctx, message, properties, required) => {
	const answer = await request(ctx, "elicitation/create", form(message, properties, required));
	return text(`Elicitation completed: action=${answer.action}, content=${JSON.stringify(answer.content ?? {})}`);
};
const titled = (kind, ...titles) => titles.map((title, i) => ({ const: `${kind}${i + 1}`, title }));

const hanging = new Set(), aborted = new Set();
const tools = {
	echo: ["Says what it was told", object({ message: string() }, ["message"]), ({ message }) => text(`Echo: ${message}`)],
	test_simple_text: ["Returns text", , () => text("This is a simple text response for testing.")],
	test_image_content: ["Returns an image", , () => ({ content: [{ type: "image", data: PIXEL, mimeType: "image/png" }] })],
	test_audio_content: ["Returns a sound", , () => ({ content: [{ type: "audio", data: SILENCE, mimeType: "audio/wav" }] })],
	test_embedded_resource: ["Returns a resource", , () => ({ content: [{ type: "resource", resource: { uri: "test://embedded-resource",
		mimeType: "text/plain", text: "This is an embedded resource content." } }] })],
	test_multiple_content_types: ["Returns three kinds of content", , () => ({ content: [{ type: "text", text: "Multiple content types test:" },
		{ type: "image", data: PIXEL, mimeType: "image/png" }, { type: "resource", resource: { uri: "test://mixed-content-resource",
			mimeType: "application/json", text: JSON.stringify({ test: "data", value: 123 }) } }] })],
	test_tool_with_logging: ["Logs as it goes", , async (_, ctx) => {
		for (const message of ["Tool execution started", "Tool processing data", "Tool execution completed"]) {
			await ctx.mcpReq.log("info", message);
			await sleep(50);
		}
		return text("Logged three times");
	}],
	test_logging_tool: ["Logs, where that is wanted", , async (_, ctx) => {
		if (ctx.mcpReq.envelope?.["io.modelcontextprotocol/logLevel"])
			await ctx.mcpReq.log("info", "wanted");
		return text("done");
	}],
	test_tool_with_progress: ["Tells of its progress", , async (_, ctx) => {
		const progressToken = ctx.mcpReq._meta?.progressToken;
		for (const progress of [0, 50, 100]) {
			if (progressToken !== undefined)
				await ctx.mcpReq.notify({ method: "notifications/progress", params: { progressToken, progress, total: 100 } });
			await sleep(50);
		}
		return text(String(progressToken));
	}],
	test_error_handling: ["Always fails", , () => ({ isError: true, ...text("This tool intentionally returns an error for testing") })],
	test_reconnection: ["Closes its stream, and answers on the next", , async (_, ctx) => {
		ctx.http?.closeSSE?.();
		await sleep(100);
		return text("Reconnected");
	}],
	test_sampling: ["Asks the client's model", object({ prompt: string() }, ["prompt"]), async ({ prompt }, ctx) => {
		const answer = await request(ctx, "sampling/createMessage", { messages: [{ role: "user", content: { type: "text", text: prompt } }], maxTokens: 100 });
		return text(`LLM response: ${answer.content.text ?? JSON.stringify(answer.content)}`);
	}],
	test_elicitation: ["Asks the user", object({ message: string() }, ["message"]), async ({ message }, ctx) => {
		const answer = await request(ctx, "elicitation/create", form(message, { username: string("User's response"), email: string("User's email address") }));
		return text(`User response: action: ${answer.action}, content: ${JSON.stringify(answer.content ?? {})}`);
	}],
	test_elicitation_sep1034_defaults: ["Asks the user, with defaults", , (_, ctx) => elicit(ctx, "Defaults", {
		name: { type: "string", default: "John Doe" }, age: { type: "integer", default: 30 }, score: { type: "number", default: 95.5 },
		status: { type: "string", enum: ["active", "inactive", "pending"], default: "active" }, verified: { type: "boolean", default: true } }, [])],
	test_elicitation_sep1330_enums: ["Asks the user to choose", , (_, ctx) => elicit(ctx, "Choices", {
		untitledSingle: { type: "string", enum: ["option1", "option2", "option3"] },
		titledSingle: { type: "string", oneOf: titled("value", "First Option", "Second Option", "Third Option") },
		legacyEnum: { type: "string", enum: ["opt1", "opt2", "opt3"], enumNames: ["Option One", "Option Two", "Option Three"] },
		untitledMulti: { type: "array", items: { type: "string", enum: ["option1", "option2", "option3"] } },
		titledMulti: { type: "array", items: { anyOf: titled("value", "First Choice", "Second Choice", "Third Choice") } } }, [])],
	test_elicit_page: ["Wants a page to be opened first", object({ page: string() }, ["page"]), ({ page }, ctx) => {
		if (served(ctx) === "modern")
			return given(ctx, "open")?.action === "accept" ? text("opened") :
				inputRequired({ inputRequests: { open: inputRequired.elicitUrl({ message: "Please open this page", url: page }) } });
		throw new UrlElicitationRequiredError([{ mode: "url", elicitationId: "page-1", url: page, message: "Please open this page" }]);
	}],
	test_page_in_stream: ["Wants a page to be opened, and waits for it where it can", object({ page: string() }, ["page"]), async ({ page }, ctx) => {
		if (served(ctx) === "modern")
			return given(ctx, "open")?.action === "accept" ? text("accept") :
				inputRequired({ inputRequests: { open: inputRequired.elicitUrl({ message: "Please open this page", url: page }) } });
		const answer = await request(ctx, "elicitation/create", { mode: "url", elicitationId: "page-2", url: page, message: "Please open this page" });
		return text(answer.action);
	}],
	test_hang: ["Never answers", object({ key: string() }, ["key"]), ({ key }, ctx) => new Promise((_, reject) => {
		hanging.add(key);
		ctx.mcpReq.signal.addEventListener("abort", () => (aborted.add(key), reject(new Error("aborted"))));
	})],
	test_hanging: ["What became of a call that never answers", object({ key: string() }, ["key"]), ({ key }) =>
		text(aborted.has(key) ? "aborted" : hanging.has(key) ? "hanging" : "unknown")],
	json_schema_2020_12_tool: ["Takes what JSON Schema 2020-12 can say", {
		$schema: "https://json-schema.org/draft/2020-12/schema", type: "object",
		$defs: { address: { $anchor: "addressDef", type: "object", properties: { street: string(), city: string() } } },
		properties: { name: string(), address: { $ref: "#/$defs/address" }, contactMethod: { type: "string", enum: ["phone", "email"] },
			phone: string(), email: string() },
		allOf: [{ anyOf: [{ required: ["phone"] }, { required: ["email"] }] }],
		if: { properties: { contactMethod: { const: "phone" } }, required: ["contactMethod"] }, then: { required: ["phone"] }, else: { required: ["email"] },
		additionalProperties: false }, (args) => text(JSON.stringify(args))],
	test_custom_headers: ["Has parameters that headers repeat", object({
		region: { type: "string", "x-mcp-header": "Region" }, priority: { type: "integer", "x-mcp-header": "Priority" },
		verbose: { type: "boolean", "x-mcp-header": "Verbose" }, odd: { type: "string", "x-mcp-header": "odd_name.x" }, query: string() }),
		(args, ctx) => text(JSON.stringify(Object.fromEntries([...(ctx.http?.req?.headers ?? [])].filter(([n]) => n.startsWith("mcp-param-")))))],
	test_trigger_tool_change: ["Says that the tools have changed", , () => (changed("tools"), text("changed"))],
	test_trigger_prompt_change: ["Says that the prompts have changed", , () => (changed("prompts"), text("changed"))],
	test_missing_capability: ["Needs sampling", , (_, ctx) => {
		if (!capabilities(ctx).sampling)
			throw new MissingRequiredClientCapabilityError({ requiredCapabilities: { sampling: {} } });
		return text("there");
	}],
	test_streaming_elicitation: ["Asks on a stream", , async (_, ctx) => given(ctx, "user_name") ? text("done") :
		inputRequired({ inputRequests: { user_name: ask.form("What is your name?", "name") } })],
	test_input_required_result_elicitation: ["Asks the user's name", , (_, ctx) => {
		const name = accepted(ctx, "user_name", "name");
		return name !== undefined ? text(`Hello, ${name}!`) : inputRequired({ inputRequests: { user_name: ask.form("What is your name?", "name") } });
	}],
	test_input_required_result_sampling: ["Asks the client's model", , (_, ctx) => given(ctx, "capital_question") ?
		text(JSON.stringify(given(ctx, "capital_question"))) :
		inputRequired({ inputRequests: { capital_question: ask.sample("What is the capital of France?") } })],
	test_input_required_result_list_roots: ["Asks for the client's roots", , (_, ctx) => given(ctx, "client_roots") ?
		text(JSON.stringify(given(ctx, "client_roots"))) : inputRequired({ inputRequests: { client_roots: ask.roots() } })],
	test_input_required_result_request_state: ["Has the client carry state", , (_, ctx) => given(ctx, "confirm") && carried(ctx) ?
		text(`state-ok: ${carried(ctx)}`) :
		inputRequired({ inputRequests: { confirm: ask.form("Please confirm", "ok", "boolean") }, requestState: seal("confirm") })],
	test_input_required_result_multiple_inputs: ["Asks for three things", , (_, ctx) => {
		if (["user_name", "greeting", "client_roots"].every((key) => given(ctx, key)))
			return text(`all there: ${carried(ctx)}`);
		return inputRequired({ requestState: seal("multiple"), inputRequests: { user_name: ask.form("What is your name?", "name"),
			greeting: ask.sample("Generate a greeting", 50), client_roots: ask.roots() } });
	}],
	test_input_required_result_multi_round: ["Asks twice", , (_, ctx) => {
		const state = carried(ctx);
		if (state === "2" && given(ctx, "step2"))
			return text("both steps done");
		return state === "1" && given(ctx, "step1") ?
			inputRequired({ inputRequests: { step2: ask.form("Step 2: What is your favorite color?", "color") }, requestState: seal("2") }) :
			inputRequired({ inputRequests: { step1: ask.form("Step 1: What is your name?", "name") }, requestState: seal("1") });
	}],
	test_input_required_result_tampered_state: ["Believes its own state alone", , (_, ctx) => {
		if (carried(ctx) === undefined)
			return inputRequired({ inputRequests: { confirm: ask.form("Please confirm", "ok", "boolean") }, requestState: seal("tamper") });
		return text(`state-ok: ${carried(ctx)}`);
	}],
	test_input_required_result_capabilities: ["Asks for what the client can", , (_, ctx) => {
		const can = capabilities(ctx), inputRequests = {};
		if (can.sampling)
			inputRequests.sample = ask.sample("Say something");
		if (can.elicitation)
			inputRequests.name = ask.form("What is your name?", "name");
		const answered = Object.keys(ctx.mcpReq.inputResponses ?? {}).length > 0;
		return answered || !Object.keys(inputRequests).length ? text("enough") : inputRequired({ inputRequests });
	}],
};

const prompt = (...contents) => ({ messages: contents.map((content) => ({ role: "user", content: typeof content === "string" ? { type: "text", text: content } : content })) });
const prompts = {
	test_simple_prompt: ["A prompt", , () => prompt("This is a simple prompt for testing.")],
	test_prompt_with_arguments: ["A prompt with arguments", object({ arg1: string("First test argument"), arg2: string("Second test argument") }, ["arg1", "arg2"]),
		({ arg1, arg2 }) => prompt(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)],
	test_prompt_with_embedded_resource: ["A prompt with a resource", object({ resourceUri: string("URI of the resource to embed") }, ["resourceUri"]),
		({ resourceUri }) => prompt({ type: "resource", resource: { uri: resourceUri, mimeType: "text/plain", text: "Embedded resource content for testing." } },
			"Please process the embedded resource above.")],
	test_prompt_with_image: ["A prompt with an image", , () => prompt({ type: "image", data: PIXEL, mimeType: "image/png" }, "Please analyze the image above.")],
	test_input_required_result_prompt: ["A prompt that asks", object(), (_, ctx) => given(ctx, "user_context") ? prompt(JSON.stringify(given(ctx, "user_context"))) :
		inputRequired({ inputRequests: { user_context: ask.form("What context should the prompt use?", "context") } })],
};

// ---- one server per exchange (modern) or session (legacy)
const served = (ctx) => (ctx.mcpReq.envelope ? "modern" : "legacy");
const subscriptions = new Set();
const sessions = new Map();
let handler;

function changed(what) {
	handler.notify[what === "tools" ? "toolsChanged" : "promptsChanged"]?.();
	for (const { server } of sessions.values())
		what === "tools" ? server.sendToolListChanged() : server.sendPromptListChanged();
}

function make() {
	const server = new McpServer({ name: "gatehouse-peer", version: "1.0.0" }, {
		capabilities: { tools: { listChanged: true }, prompts: { listChanged: true }, resources: { subscribe: true, listChanged: true }, logging: {}, completions: {} },
		instructions: "Try everything.", requestState: { verify: async (state) => open(state) },
		cacheHints: { "tools/list": { ttlMs: 60000, cacheScope: "public" } } });
	for (const [name, [description, schema, run]] of Object.entries(tools))
		server.registerTool(name, { description, inputSchema: fromJsonSchema(schema ?? object()) }, run);
	for (const [name, [description, schema, run]] of Object.entries(prompts))
		server.registerPrompt(name, { description, ...(schema && { argsSchema: fromJsonSchema(schema) }) }, schema ? run : (ctx) => run({}, ctx));
	const read = (content) => async (uri) => ({ contents: [{ uri: uri.href, ...content(uri.href) }] });
	server.registerResource("static-text", "test://static-text", { description: "Text", mimeType: "text/plain" },
		read(() => ({ mimeType: "text/plain", text: "This is the content of the static text resource." })));
	server.registerResource("static-binary", "test://static-binary", { description: "An image", mimeType: "image/png" },
		read(() => ({ mimeType: "image/png", blob: PIXEL })));
	server.registerResource("watched", "test://watched-resource", { description: "May change", mimeType: "text/plain" },
		read(() => ({ mimeType: "text/plain", text: "watched" })));
	server.registerResource("template", new ResourceTemplate("test://template/{id}/data", { list: undefined }), { description: "By id", mimeType: "application/json" },
		read((uri) => ({ mimeType: "application/json", text: JSON.stringify({ id: uri.split("/")[3], templateTest: true, data: `Data for ID: ${uri.split("/")[3]}` }) })));
	server.server.setRequestHandler("completion/complete", () => ({ completion: { values: ["paris", "park", "party"], total: 150, hasMore: false } }));
	server.server.setRequestHandler("resources/subscribe", ({ params }) => (subscriptions.add(params.uri), {}));
	server.server.setRequestHandler("resources/unsubscribe", ({ params }) => (subscriptions.delete(params.uri), {}));
	return server;
}

handler = createMcpHandler(make, { legacy: "reject" });

// ---- legacy sessions, with streams that can be resumed
class Events {
	#all = [];
	async storeEvent(stream, message) { return `${stream}_${this.#all.push({ stream, message }) - 1}`; }
	async getStreamIdForEventId(id) { return id.slice(0, id.lastIndexOf("_")); }
	async replayEventsAfter(id, { send }) {
		const stream = id.slice(0, id.lastIndexOf("_"));
		for (let n = Number(id.slice(id.lastIndexOf("_") + 1)) + 1; n < this.#all.length; n++)
			if (this.#all[n].stream === stream && this.#all[n].message.jsonrpc)
				await send(`${stream}_${n}`, this.#all[n].message);
		return stream;
	}
}

async function legacy(request) {
	const id = request.headers.get("mcp-session-id");
	if (id && !sessions.has(id))
		return Response.json({ jsonrpc: "2.0", id: null, error: { code: -32001, message: "Session not found" } }, { status: 404 });
	if (id)
		return sessions.get(id).transport.handleRequest(request);
	const server = make();
	const transport = new WebStandardStreamableHTTPServerTransport({ sessionIdGenerator: randomUUID, eventStore: new Events(), retryInterval: 100,
		onsessioninitialized: (sid) => void sessions.set(sid, { transport, server }), onsessionclosed: (sid) => void sessions.delete(sid) });
	await server.connect(transport);
	return transport.handleRequest(request);
}

async function answer(request) {
	const refused = hostHeaderValidationResponse(request, localhostAllowedHostnames()) ?? originValidationResponse(request, localhostAllowedOrigins());
	if (refused)
		return refused;
	if (era === "legacy" || (era === "dual" && await isLegacyRequest(request)))
		return legacy(request);
	return handler.fetch(request);
}

http.createServer(async (req, res) => {
	const left = new AbortController();
	res.on("close", () => left.abort());
	try {
		const headers = new Headers();
		for (let i = 0; i < req.rawHeaders.length; i += 2)
			headers.append(req.rawHeaders[i], req.rawHeaders[i + 1]);
		const chunks = [];
		for await (const chunk of req)
			chunks.push(chunk);
		const body = ["GET", "HEAD"].includes(req.method) ? undefined : Buffer.concat(chunks);
		const response = await answer(new Request(`http://${req.headers.host}${req.url}`, { method: req.method, headers, body, signal: left.signal }));
		res.writeHead(response.status, Object.fromEntries(response.headers));
		res.flushHeaders();
		if (response.body)
			Readable.fromWeb(response.body).on("error", () => res.destroy()).pipe(res);
		else
			res.end();
	} catch (error) {
		console.error(error);
		res.headersSent ? res.destroy() : res.writeHead(500).end();
	}
}).listen(Number(port), "127.0.0.1", () => console.log("listening"));
