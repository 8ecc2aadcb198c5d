// SPDX-License-Identifier: Apache-2.0
// A real MCP server behind a real authorization server, on one port: oidc-provider, with registration, rotation,
// revocation and resource indicators, before server-everything, which has no sign-in of its own.
//
// Without "user" people say who they are there.
//
//	node protected.mjs '{ "port": 1, "upstream": "http://127.0.0.1:2/mcp", "user": "ada", "accessTokenTTL": 60 }'
import crypto from 'node:crypto';
import http from 'node:http';
import { Provider } from 'oidc-provider';

const o = JSON.parse(process.argv[2]);
const origin = `http://127.0.0.1:${o.port}`;
const resource = `${origin}/mcp`;
const server = { scope: 'mcp:use', audience: resource, accessTokenFormat: 'opaque', accessTokenTTL: o.accessTokenTTL };
const provider = new Provider(origin, {
	cookies: { keys: [crypto.randomBytes(16).toString('hex')] },
	scopes: ['openid', 'offline_access', 'mcp:use'],
	findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
	pkce: { required: () => true },
	rotateRefreshToken: true,
	issueRefreshToken: async () => true,
	interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
	features: {
		devInteractions: { enabled: false },
		registration: { enabled: true },
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

async function mcp(req, res) {
	const token = await provider.AccessToken.find((req.headers.authorization || '').replace(/^Bearer /, ''));
	if (!token || token.isExpired || token.aud !== resource) {
		res.writeHead(401, { 'WWW-Authenticate': `Bearer error="invalid_token", scope="mcp:use", resource_metadata="${origin}/.well-known/oauth-protected-resource/mcp"` });
		return res.end();
	}
	const parts = [];
	for await (const part of req)
		parts.push(part);
	const body = Buffer.concat(parts);
	const said = body.length ? JSON.parse(body).params?.arguments?.message : undefined;
	console.log('call of', token.accountId, ...(said ? ['saying', said] : []));
	const up = http.request(o.upstream, { method: req.method, headers: { ...req.headers, host: new URL(o.upstream).host } }, (answer) => {
		res.writeHead(answer.statusCode, answer.headers);
		answer.pipe(res);
	});
	up.removeHeader('authorization');
	up.end(body);
}

http.createServer((req, res) => {
	const path = new URL(req.url, origin).pathname;
	const fail = (e) => { console.log(e.stack); res.writeHead(500).end(); };
	if (path === '/mcp')
		return void mcp(req, res).catch(fail);
	if (path === '/.well-known/oauth-protected-resource/mcp') {
		res.writeHead(200, { 'Content-Type': 'application/json' });
		return void res.end(JSON.stringify({ resource, authorization_servers: [origin] }));
	}
	if (path.startsWith('/interaction/'))
		return void interaction(req, res).catch(fail);
	provider.callback()(req, res);
}).listen(o.port, '127.0.0.1', () => console.log('listening'));
