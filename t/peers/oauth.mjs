// SPDX-License-Identifier: Apache-2.0
//
// The official MCP SDKs as clients that sign in by themselves: the SDK finds the metadata, registers, makes its PKCE
// pair and redeems the code; a Browser without a screen stands in for the person.
import { Browser, forms } from "./browser.mjs";

/** What the SDK keeps of an authorization, in memory. */
export class Provider {
	redirectUrl = "http://127.0.0.1:33418/callback";
	#state;
	#client;
	#tokens;
	#verifier;
	#discovery;
	authorizationUrl;
	authorizations = 0; // how often the person was sent to the server
	/** DOCUMENT: the address of a client metadata document, which the SDK names instead of registering. */
	constructor(name, document) {
		if (document)
			this.clientMetadataUrl = document;
		this.clientMetadata = {
			client_name: name,
			redirect_uris: [this.redirectUrl],
			grant_types: ["authorization_code", "refresh_token"],
			response_types: ["code"],
			token_endpoint_auth_method: "none",
		};
	}
	state() { return (this.#state = crypto.randomUUID()); }
	get expectedState() { return this.#state; }
	clientInformation() { return this.#client; }
	saveClientInformation(client) { this.#client = client; }
	tokens() { return this.#tokens; }
	saveTokens(tokens) { this.#tokens = tokens; }
	saveCodeVerifier(verifier) { this.#verifier = verifier; }
	codeVerifier() { return this.#verifier; }
	saveDiscoveryState(state) { this.#discovery = state; }
	discoveryState() { return this.#discovery; }
	redirectToAuthorization(url) { this.authorizationUrl = url; this.authorizations++; }
	invalidateCredentials(scope) {
		if (scope === "all" || scope === "tokens") this.#tokens = undefined;
		if (scope === "all" || scope === "client") this.#client = undefined;
		if (scope === "all" || scope === "verifier") this.#verifier = undefined;
		if (scope === "all" || scope === "discovery") this.#discovery = undefined;
	}
}

/** The classes of an SDK generation: 1 is @modelcontextprotocol/sdk, 2 is @modelcontextprotocol/client. */
export async function sdk(generation) {
	if (generation === 1) {
		const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
		const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/sdk/client/streamableHttp.js");
		const { UnauthorizedError } = await import("@modelcontextprotocol/sdk/client/auth.js");
		return { Client, StreamableHTTPClientTransport, UnauthorizedError };
	}
	return import("@modelcontextprotocol/client");
}

/** The person: opens the URL, signs in, reads the page and presses a button. Returns the parameters given back. */
export async function consent(provider, decision = "approve", browser = new Browser()) {
	let page = await browser.open(provider.authorizationUrl, provider.redirectUrl);
	// the identity provider's page (oidc.mjs) asks who it is: the first of its users
	const login = forms(page.html ?? "").flatMap((f) => f.buttons).find((b) => b.name === "login");
	if (login)
		page = await browser.press(page, "login", login.value, provider.redirectUrl);
	const end = page.back ? page : await browser.press(page, "decision", decision, provider.redirectUrl);
	if (!end.back)
		throw new Error(`signing in ended at ${end.url.pathname} with status ${end.status}`);
	const parameters = end.url.searchParams;
	if (parameters.get("state") !== provider.expectedState)
		throw new Error("the answer has another state");
	return parameters;
}

/** A connected client, signed in on the way if the server asks for it. */
export async function connect(url, { generation = 1, name = "Gatehouse peer", document,
	provider = new Provider(name, document), browser,
	options = {} } = {}) {
	const { Client, StreamableHTTPClientTransport, UnauthorizedError } = await sdk(generation);
	for (let attempt = 0; ; attempt++) {
		const client = new Client({ name, version: "1.0.0" }, options);
		const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: provider });
		try {
			await client.connect(transport);
			return { client, transport, provider };
		} catch (error) {
			if (!(error instanceof UnauthorizedError) || attempt > 0)
				throw error;
			const parameters = await consent(provider, "approve", browser);
			if (parameters.has("error"))
				throw new Error(`refused: ${parameters.get("error")} ${parameters.get("error_description") ?? ""}`);
			await (generation === 1 ? transport.finishAuth(parameters.get("code")) : transport.finishAuth(parameters));
			await client.close().catch(() => {});
		}
	}
}
