// SPDX-License-Identifier: Apache-2.0
//
// Cross-App Access at its two other ends: oidc-provider as the identity provider, which exchanges its ID tokens for
// identity assertions (RFC 8693, ID-JAG), and an MCP server whose authorization server takes them (RFC 7523).
// Both verify signatures, clients and times as the specifications say; a control path lets a test change what they do.
//
//	node cross-app.mjs OPTIONS     a JSON object:
//
//	port                  of both: the provider is at /idp, the other at the root
//	user                  who signs in, without a page
//	login                 the client of the sign-in: { id, secret, redirect_uris }
//	idp_clients           clients that may exchange: [{ id, secret | jwk, method }]
//	as_clients            clients of the other server: [{ id, secret | jwk, method, of }], `of`: its name at the provider
//
//	POST /control         knobs, merged: idTokenTTL, tokenTTL, refresh, exchange (an error), exchangeStatus, redeem
//	                      (an error), refuse401, refreshError, delay
//	GET /log              what came, oldest first: { what, ... }
import crypto from "node:crypto";
import http from "node:http";
import { importJWK, jwtVerify, SignJWT } from "jose";
import { Provider } from "oidc-provider";

const o = JSON.parse(process.argv[2]);
const origin = `http://127.0.0.1:${o.port}`;
const issuer = `${origin}/idp`;
const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const JAG = "urn:ietf:params:oauth:token-type:id-jag";
const knobs = { idTokenTTL: 600, tokenTTL: 3600, refresh: true };
const log = [];
const note = (what, more = {}) => log.push({ what, ...more });

const key = { ...crypto.generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" }), kid: "idp-1", use: "sig", alg: "RS256" };
const signer = await importJWK(key, "RS256");
const verifier = await importJWK({ kty: key.kty, n: key.n, e: key.e }, "RS256");

// ---- the identity provider

const provider = new Provider(issuer, {
	clients: [
		{ client_id: o.login.id, client_secret: o.login.secret, redirect_uris: o.login.redirect_uris,
			grant_types: ["authorization_code", "refresh_token"], response_types: ["code"] },
		...o.idp_clients.map((c) => ({ client_id: c.id, client_secret: c.secret, token_endpoint_auth_method: c.method,
			jwks: c.jwk && { keys: [c.jwk] }, token_endpoint_auth_signing_alg: c.jwk?.alg, redirect_uris: [], response_types: [], grant_types: [EXCHANGE] })),
	],
	jwks: { keys: [key] },
	scopes: ["openid", "profile", "offline_access"],
	findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
	cookies: { keys: [crypto.randomBytes(16).toString("hex")] },
	pkce: { required: () => false },
	rotateRefreshToken: true,
	issueRefreshToken: async () => knobs.refresh,
	interactions: { url: (ctx, interaction) => `/idp/interaction/${interaction.uid}` },
	features: { devInteractions: { enabled: false }, userinfo: { enabled: false } },
	ttl: { AccessToken: 600, IdToken: () => knobs.idTokenTTL, Session: 3600, Grant: 3600, Interaction: 600, RefreshToken: 3600 },
	enabledJWA: { clientAuthSigningAlgValues: ["RS256", "RS512", "ES256", "ES384"] },
});
provider.proxy = true;
provider.on("grant.error", (ctx, e) => console.log("provider refused:", e.error, e.error_detail || e.error_description || ""));
provider.on("server_error", (ctx, e) => console.log("server_error", e));

provider.registerGrantType(EXCHANGE, async (ctx) => {
	const p = ctx.oidc.params;
	note("exchange", { client: ctx.oidc.client.clientId, ...p, subject_token: undefined });
	if (knobs.exchange) {
		ctx.status = knobs.exchangeStatus || 400;
		ctx.body = { error: knobs.exchange };
		return;
	}
	let subject;
	try {
		({ payload: subject } = await jwtVerify(p.subject_token, verifier, { issuer, audience: o.login.id }));
	} catch (e) {
		note("refused", { why: e.code });
		ctx.status = 400;
		ctx.body = { error: "invalid_grant" };
		return;
	}
	const known = o.as_clients.find((c) => c.of === ctx.oidc.client.clientId);
	const token = await new SignJWT({ client_id: known.id, resource: p.resource, scope: p.scope, sub: subject.sub, jti: crypto.randomUUID() })
		.setProtectedHeader({ alg: "RS256", kid: key.kid, typ: "oauth-id-jag+jwt" }).setIssuer(issuer).setAudience(p.audience)
		.setIssuedAt().setExpirationTime("60s").sign(signer);
	ctx.body = knobs.exchangeBody ?? { issued_token_type: JAG, access_token: token, token_type: "N_A", expires_in: 60, scope: p.scope };
}, ["requested_token_type", "audience", "resource", "scope", "subject_token", "subject_token_type"]);

async function interaction(req, res) {
	const { prompt, params, session } = await provider.interactionDetails(req, res);
	if (prompt.name === "login")
		return provider.interactionFinished(req, res, { login: { accountId: o.user } }, { mergeWithLastSubmission: false });
	const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
	grant.addOIDCScope(params.scope);
	return provider.interactionFinished(req, res, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
}

// ---- the resource's authorization server

const seen = new Set(), tokens = new Map();
const json = (res, status, body) => res.writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store" }).end(JSON.stringify(body));

/** The client, by the one way that it is registered with; undefined: it did not prove itself. */
async function authenticate(req, form) {
	const [, basic] = (req.headers.authorization || "").match(/^Basic (.*)$/) || [];
	const [id, secret] = basic ? Buffer.from(basic, "base64").toString().split(":").map(decodeURIComponent)
		: [form.get("client_id"), form.get("client_secret")];
	const client = o.as_clients.find((c) => c.id === id);
	if (!client)
		return undefined;
	if (client.method !== "private_key_jwt")
		return client.secret === secret && (client.method === "client_secret_basic") === !!basic ? client : undefined;
	try {
		const { payload, protectedHeader } = await jwtVerify(form.get("client_assertion"), await importJWK(client.jwk, client.jwk.alg),
			{ issuer: id, subject: id, audience: client.audience || `${origin}/token`, algorithms: [client.jwk.alg] });
		note("client_assertion", { kid: protectedHeader.kid, alg: protectedHeader.alg, life: payload.exp - payload.iat, type: form.get("client_assertion_type") });
		if (seen.has(payload.jti))
			return undefined;
		seen.add(payload.jti);
		return client;
	} catch (e) {
		note("refused", { why: `client assertion: ${e.message}` });
		return undefined;
	}
}

async function token(req, res, form) {
	const client = await authenticate(req, form);
	note("redeem", { client: client?.id, grant_type: form.get("grant_type"), scope: form.get("scope"), resource: form.get("resource") });
	if (!client)
		return json(res, 401, { error: "invalid_client" });
	if (knobs.redeem)
		return json(res, 400, { error: knobs.redeem });
	try {
		const { payload, protectedHeader } = await jwtVerify(form.get("assertion"), verifier, { issuer, audience: origin, typ: "oauth-id-jag+jwt" });
		if (payload.client_id !== client.id || seen.has(payload.jti) || payload.resource !== `${origin}/mcp` || form.get("grant_type") !== BEARER)
			throw new Error(`claims ${JSON.stringify({ ...payload, typ: protectedHeader.typ })}`);
		seen.add(payload.jti);
		const text = `at-${crypto.randomBytes(18).toString("base64url")}`;
		tokens.set(text, { user: payload.sub, until: Date.now() + knobs.tokenTTL * 1000 });
		json(res, 200, { access_token: text, token_type: "Bearer", expires_in: knobs.tokenTTL, scope: payload.scope });
	} catch (e) {
		note("refused", { why: e.message });
		json(res, 400, { error: "invalid_grant" });
	}
}

function mcp(req, res, text) {
	const bearer = (req.headers.authorization || "").replace(/^Bearer /, "");
	const who = tokens.get(bearer);
	note("call", { user: who?.user, known: !!who });
	if (knobs.refuse401 || !who || who.until < Date.now())
		return void res.writeHead(401, { "WWW-Authenticate": 'Bearer error="invalid_token"' }).end();
	const message = JSON.parse(text);
	json(res, 200, { jsonrpc: "2.0", id: message.id, result: { content: [{ type: "text", text: `hello ${who.user}` }] } });
}

async function handle(req, res) {
	const path = new URL(req.url, origin).pathname;
	if (path === "/log")
		return json(res, 200, log.splice(0));
	if (path.startsWith("/idp/interaction/"))
		return interaction(req, res);
	if (path.startsWith("/idp")) {
		if (knobs.refreshError && path === "/idp/token")
			return json(res, knobs.refreshError === "server_error" ? 503 : 400, { error: knobs.refreshError });
		req.headers["x-forwarded-host"] = `127.0.0.1:${o.port}`;
		req.originalUrl = req.url;
		req.url = req.url.slice(4) || "/";
		return provider.callback()(req, res);
	}
	const parts = [];
	for await (const part of req)
		parts.push(part);
	const text = Buffer.concat(parts).toString();
	if (knobs.delay)
		await new Promise((done) => setTimeout(done, knobs.delay));
	if (path === "/control") {
		Object.assign(knobs, JSON.parse(text));
		if (knobs.forget)
			tokens.clear();
		return json(res, 200, {});
	}
	if (path === "/token")
		return token(req, res, new URLSearchParams(text));
	return path === "/mcp" ? mcp(req, res, text) : json(res, 404, {});
}

http.createServer((req, res) => handle(req, res).catch((e) => { console.log(e); res.destroy(); }))
	.listen(o.port, "127.0.0.1", () => console.log("listening"));
