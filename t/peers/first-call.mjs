// SPDX-License-Identifier: Apache-2.0
//
// The first call of ./quickstart: the official SDK client signs in by itself at an MCP URL, lists the tools and
// calls one. Prints what a person wants to see.
//
//	first-call.mjs URL
import { connect } from "./oauth.mjs";

const url = process.argv[2];

/** A tool that may be called without asking anybody: echo, else one that only reads and needs nothing. */
function harmless(tools) {
	const echo = tools.find((t) => t.name === "echo" && t.inputSchema?.properties?.message);
	if (echo)
		return { name: echo.name, arguments: { message: "hello through the gateway" } };
	const reader = tools.find((t) => t.annotations?.readOnlyHint === true && !t.inputSchema?.required?.length);
	return reader && { name: reader.name, arguments: {} };
}

function show(result) {
	return (result.content ?? []).map((c) => (c.type === "text" ? c.text : `[${c.type}]`)).join("\n").slice(0, 1000);
}

try {
	const { client, transport, provider } = await connect(url, { name: "Gatehouse quickstart" });
	const server = client.getServerVersion();
	console.log(`Signed in with the official SDK client (client ${provider.clientInformation().client_id}).`);
	console.log(`Server: ${server?.name ?? "unnamed"} ${server?.version ?? ""}`.trimEnd());
	const { tools } = await client.listTools();
	console.log(`Tools (${tools.length}): ${tools.map((t) => t.name).join(", ")}`);
	const call = harmless(tools);
	if (call) {
		const result = await client.callTool(call);
		console.log(`Called ${call.name}: ${show(result)}`);
		if (result.isError)
			process.exitCode = 1;
	} else {
		console.log("Called no tool: none says that it only reads and needs no arguments.");
	}
	await transport.terminateSession().catch(() => {});
	await client.close();
} catch (error) {
	const causes = [];
	for (let e = error; e && causes.length < 4; e = e.cause)
		causes.push(e.message ?? String(e));
	console.error(`The first call failed: ${causes.join(": ")}`);
	process.exitCode = 1;
}
// an open stream of the SDK would keep the process
process.exit();
