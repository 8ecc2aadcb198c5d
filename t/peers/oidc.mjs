// SPDX-License-Identifier: Apache-2.0
// oidc-provider as the identity provider of a test or of the quickstart.
//
//	node oidc.mjs OPTIONS        a JSON object:
//
//	port, issuer          where it listens (loopback), and what it calls itself
//	client                { id, secret, method, redirect_uris }
//	users                 { login: { claims } }: who may sign in, any password
//	paths                 { authorization, token, jwks, userinfo, end_session }: where they are
//	tls                   { key, cert }: PEM; absent: plain http
//	automatic             a login: signs everybody in as this user, without a page
//	workos                answer as WorkOS does: a user, and a signed access token
//	resource              access tokens are JWTs for this audience
//	idTokenClaims         the scope's claims are in the ID token (default true)
//	accessTokenTTL ...

import crypto from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import { Provider } from 'oidc-provider';

const o = JSON.parse(process.argv[2]);
const users = o.users || {};
const key = { ...crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), kid: 'key-1', use: 'sig', alg: 'RS256' };
const names = [...new Set(Object.values(users).flatMap((u) => Object.keys(u)))].filter((n) => n !== 'sub');
const findAccount = (ctx, id) => users[id] && { accountId: id, claims: () => ({ sub: id, ...users[id] }) };

const configuration = {
	clients: [{
		client_id: o.client.id, client_secret: o.client.secret, redirect_uris: o.client.redirect_uris,
		token_endpoint_auth_method: o.client.method || 'client_secret_basic', grant_types: ['authorization_code', 'refresh_token'],
		response_types: ['code'], ...o.client.more,
	}],
	jwks: { keys: [key] },
	claims: { openid: ['sub', ...names] },
	scopes: ['openid', 'profile', 'email', 'offline_access'],
	conformIdTokenClaims: o.idTokenClaims === false,
	cookies: { keys: [crypto.randomBytes(16).toString('hex')] },
	findAccount,
	pkce: { required: () => false },
	extraParams: ['audience', 'provider'],
	features: {
		devInteractions: { enabled: false },
		rpInitiatedLogout: { enabled: true },
		backchannelLogout: { enabled: true },
		userinfo: { enabled: true },
		resourceIndicators: {
			enabled: !!o.resource, defaultResource: () => o.resource, useGrantedResource: () => true,
			getResourceServerInfo: () => ({ scope: 'openid profile email', audience: o.resource, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } }),
		},
	},
	issueRefreshToken: async (ctx, client, code) => code.scopes.has('offline_access') || !!o.refresh,
	// its own guard against addresses of this machine, where the gateway is, is taken away
	fetch: (url, { dispatcher, ...options }) => fetch(url, options),
	interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
	ttl: { AccessToken: 600, IdToken: 600, Session: 3600, Grant: 3600, Interaction: 600, RefreshToken: 3600 },
	routes: {
		authorization: o.paths?.authorization || '/auth', token: o.paths?.token || '/token', jwks: o.paths?.jwks || '/jwks',
		userinfo: o.paths?.userinfo || '/me', end_session: o.paths?.end_session || '/session/end',
	},
};
const provider = new Provider(o.issuer, configuration);
provider.proxy = true; // the names that browsers use lead here by another way

const escape = (s) => String(s).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
const page = (res, title, body) => {
	res.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' });
	res.end(`<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title>
<body style="font: 1rem/1.5 system-ui; max-width: 26rem; margin: 4rem auto; padding: 0 1rem"><h1>${title}</h1>${body}`);
};

const loginPage = (res) => page(res, 'Sign in (test provider)', `<p>This is not Gatehouse, but the identity provider that it sends you to. Who are you?</p>
<form method="post">${Object.entries(users).map(([login, u]) => `<p><button name="login" value="${escape(login)}" style="font: inherit; padding: .5rem 1rem">${escape(u.name || login)}</button> ${escape(u.email || '')} ${escape((u.roles || []).join(', '))}</p>`).join('')}
<p><button name="cancel" value="1" style="font: inherit">Cancel</button></p></form>`);

async function finish(req, res, login) {
	const { prompt, params, session } = await provider.interactionDetails(req, res);
	if (prompt.name === 'login')
		return provider.interactionFinished(req, res, { login: { accountId: login } }, { mergeWithLastSubmission: false });
	const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
	grant.addOIDCScope(params.scope);
	if (o.resource)
		grant.addResourceScope(o.resource, 'openid profile email');
	return provider.interactionFinished(req, res, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
}

async function interaction(req, res) {
	const { prompt } = await provider.interactionDetails(req, res);
	if (prompt.name !== 'login') // consent is asked by the gateway
		return finish(req, res);
	if (o.automatic)
		return finish(req, res, o.automatic);
	if (req.method === 'GET')
		return loginPage(res);
	let body = '';
	for await (const part of req)
		body += part;
	const form = new URLSearchParams(body);
	if (form.get('cancel'))
		return provider.interactionFinished(req, res, { error: 'access_denied', error_description: 'the user pressed "cancel"' }, { mergeWithLastSubmission: false });
	return users[form.get('login')] ? finish(req, res, form.get('login')) : loginPage(res);
}

// WorkOS has no ID token: what oidc-provider answers is told anew in its way.
const sign = (payload) => {
	const t = [{ alg: 'RS256', kid: key.kid, typ: 'JWT' }, payload].map((x) => Buffer.from(JSON.stringify(x)).toString('base64url')).join('.');
	return `${t}.${crypto.sign('sha256', Buffer.from(t), crypto.createPrivateKey({ key, format: 'jwk' })).toString('base64url')}`;
};
function workosReply(text) {
	const reply = JSON.parse(text);
	if (!reply.id_token)
		return text;
	const id = JSON.parse(Buffer.from(reply.id_token.split('.')[1], 'base64url'));
	const now = Math.floor(Date.now() / 1000);
	const [first_name, last_name] = (id.name || '').split(' ');
	return JSON.stringify({
		user: { object: 'user', id: id.sub, email: id.email, first_name, last_name, email_verified: true },
		organization_id: 'org_1', authentication_method: 'SSO', refresh_token: reply.refresh_token || 'r',
		access_token: sign({ iss: o.issuer, sub: id.sub, sid: 'session_1', org_id: 'org_1', role: id.role, permissions: id.permissions || [], jti: crypto.randomUUID(), iat: now, exp: now + 300 }),
	});
}

const callback = provider.callback();
function handle(req, res) {
	req.headers['x-forwarded-host'] = new URL(o.issuer).host;
	req.headers['x-forwarded-proto'] = new URL(o.issuer).protocol.slice(0, -1);
	if (req.url.startsWith('/interaction/'))
		return void interaction(req, res).catch((e) => { console.error(e.message); page(res, 'This sign-in is over', '<p>Start again from your app.'); });
	if (o.workos && req.url === configuration.routes.token) {
		const { writeHead, end } = res;
		const parts = [];
		res.write = (p) => parts.push(Buffer.from(p));
		res.end = (p) => {
			if (p)
				parts.push(Buffer.from(p));
			const text = res.statusCode === 200 ? workosReply(Buffer.concat(parts).toString()) : Buffer.concat(parts);
			res.removeHeader('Content-Length');
			res.writeHead = writeHead;
			return end.call(res, text);
		};
	}
	// the documents lie below the issuer's path, as routes do not
	const path = new URL(o.issuer).pathname.replace(/\/$/, '');
	if (path && req.url === `${path}/.well-known/openid-configuration`)
		req.url = '/.well-known/openid-configuration';
	callback(req, res);
}

provider.on('server_error', (ctx, e) => console.error('server_error', e));
for (const name of ['authorization.error', 'grant.error'])
	provider.on(name, (ctx, e) => console.error(name, e.message, e.error_detail || e.error_description || ''));
// a minute goes by for its copy of the client's keys
process.on('SIGUSR2', async () => { (await provider.Client.find(o.client.id)).asymmetricKeyStore.freshUntil = 0; });
(o.tls ? https.createServer(o.tls, handle) : http.createServer(handle)).listen(o.port, '127.0.0.1', () => console.log('listening'));
