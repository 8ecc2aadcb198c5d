// SPDX-License-Identifier: Apache-2.0
// A real MCP server behind a real authorization server, on one port: oidc-provider, with registration, rotation,
// revocation, introspection and resource indicators, before server-everything, behind the SDK's check of bearer tokens.
// With "client" (as registered there) nobody else can register.
//
// Without "user" people say who they are there.
//
//	node protected.mjs '{ "port": 1, "upstream": "http://127.0.0.1:2/mcp", "user": "ada", "accessTokenTTL": 60 }'
import crypto from 'node:crypto';
import http from 'node:http';
import express from 'express';
import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import { Provider } from 'oidc-provider';

const o = JSON.parse(process.argv[2]);
const origin = `http://127.0.0.1:${o.port}`;
const resource = `${origin}/mcp`;
const server = { scope: 'mcp:use', audience: resource, accessTokenFormat: 'opaque', accessTokenTTL: o.accessTokenTTL };
const provider = new Provider(origin, {
	// the resource server, which asks about tokens; and the gateway, where it is to be known beforehand
	clients: [{ client_id: 'resource', client_secret: 'resource-secret', redirect_uris: [], response_types: [], grant_types: [] }, ...(o.client ? [o.client] : [])],
	cookies: { keys: [crypto.randomBytes(16).toString('hex')] },
	scopes: ['openid', 'offline_access', 'mcp:use'],
	findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
	pkce: { required: () => true },
	rotateRefreshToken: true,
	issueRefreshToken: async () => true,
	interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
	features: {
		devInteractions: { enabled: false },
		registration: { enabled: !o.client },
		introspection: { enabled: true },
		revocation: { enabled: true },
		resourceIndicators: { enabled: true, useGrantedResource: () => true, getResourceServerInfo: (ctx, asked) => {
			if (asked !== resource)
				throw new Error(`unknown resource ${asked}`);
			return server;
		} },
	},
});
provider.on('grant.error', (ctx, e) => console.log('grant refused:', e.error, e.error_detail));
provider.on('authorization.error', (ctx, e) => console.log('authorization refused:', e.error, e.error_description));

for (const kind of ['access_token', 'refresh_token'])
	provider.on(`${kind}.destroyed`, () => console.log('revoked', kind));

// Everybody who comes is the user, or who they say they are where there is none, and agrees.
async function interaction(req, res) {
	const { prompt, params, session } = await provider.interactionDetails(req, res);
	if (prompt.name === 'login' && !o.user && req.method === 'GET') {
		res.writeHead(200, { 'Content-Type': 'text/html', 'Cache-Control': 'no-store' });
		return res.end('<!doctype html><title>Upstream</title><form method="post"><input name="login"><button name="allow" value="1">Allow</button></form>');
	}
	if (prompt.name === 'login') {
		let form = '';
		for await (const part of req)
			form += part;
		return provider.interactionFinished(req, res, { login: { accountId: o.user || new URLSearchParams(form).get('login') } }, { mergeWithLastSubmission: false });
	}
	const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
	grant.addOIDCScope('openid offline_access mcp:use');
	grant.addResourceScope(resource, server.scope);
	return provider.interactionFinished(req, res, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
}

// What the SDK asks about a token, it asks of the server that gave it (RFC 7662).
const verifier = {
	async verifyAccessToken(token) {
		const answer = await fetch(`${origin}/token/introspection`, { method: 'POST', body: new URLSearchParams({ token }),
			headers: { Authorization: `Basic ${Buffer.from('resource:resource-secret').toString('base64')}` } });
		const said = await answer.json();
		if (!said.active)
			throw new InvalidTokenError('not active');
		return { token, clientId: said.client_id, scopes: (said.scope || '').split(' '), expiresAt: said.exp, resource: new URL(said.aud), extra: { user: said.sub } };
	},
};

async function mcp(req, res) {
	const parts = [];
	for await (const part of req)
		parts.push(part);
	const body = Buffer.concat(parts);
	const said = body.length ? JSON.parse(body).params?.arguments?.message : undefined;
	console.log('call of', req.auth.extra.user, ...(said ? ['saying', said] : []));
	const up = http.request(o.upstream, { method: req.method, headers: { ...req.headers, host: new URL(o.upstream).host } }, (answer) => {
		res.writeHead(answer.statusCode, answer.headers);
		answer.pipe(res);
	});
	up.removeHeader('authorization');
	up.end(body);
}

const app = express();
app.all('/mcp', requireBearerAuth({ verifier, requiredScopes: ['mcp:use'], expectedResource: new URL(resource),
	resourceMetadataUrl: `${origin}/.well-known/oauth-protected-resource/mcp` }), (req, res, next) => mcp(req, res).catch(next));
app.get('/.well-known/oauth-protected-resource/mcp', (req, res) => res.json({ resource, authorization_servers: [origin], scopes_supported: ['mcp:use'] }));
app.use('/interaction/', (req, res, next) => {
	req.url = req.originalUrl;
	interaction(req, res).catch(next);
});
app.use(provider.callback());
app.use((e, req, res, next) => { console.log(e.stack); res.status(500).end(); }); // eslint-disable-line no-unused-vars
http.createServer(app).listen(o.port, '127.0.0.1', () => console.log('listening'));
