// SPDX-License-Identifier: Apache-2.0
// An identity provider that does and signs what a test says. The code that it is asked to redeem
// names a row and the nonce: "ROW.NONCE". GET /rows lists the rows: [{ name, reason, status }]; the
// reason is null where the sign-in must succeed. GET /counts tells what was asked how often.
//
//	node provider.mjs PORT CLIENT_ID CLIENT_SECRET

import crypto from 'node:crypto';
import http from 'node:http';

const [port, clientId, clientSecret] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const b64 = (x) => Buffer.from(x).toString('base64url');
const json = (x) => b64(JSON.stringify(x));
const now = () => Math.floor(Date.now() / 1000);
const rsa = () => crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = (namedCurve) => crypto.generateKeyPairSync('ec', { namedCurve });

const keys = {
	main: rsa(), twin1: rsa(), twin2: rsa(), enc: rsa(), wrap: rsa(), rs512: rsa(), p256: ec('P-256'), p384: ec('P-384'),
	p521: ec('P-521'), small: crypto.generateKeyPairSync('rsa', { modulusLength: 1024 }),
	ed: crypto.generateKeyPairSync('ed25519'),
};
const evil = rsa();
const evilEc = ec('P-256');
let published = {
	main: { use: 'sig' }, twin1: { kid: 'twin' }, twin2: { kid: 'twin' }, enc: { use: 'enc' }, wrap: { key_ops: ['wrapKey'] },
	rs512: { alg: 'RS512' }, p256: {}, p384: {}, p521: {}, small: {}, ed: {},
};
const counts = { jwks: 0, token: 0, userinfo: 0, discovery: 0 };

const jwks = () => ({
	keys: Object.entries(published).map(([kid, more]) => ({ ...keys[kid].publicKey.export({ format: 'jwk' }), kid, ...more })),
});

const hash = (alg) => `sha${alg.slice(2)}`;

function rawSign(alg, key, text) {
	if (alg === 'EdDSA')
		return crypto.sign(null, Buffer.from(text), key);
	const o = { key };
	if (alg.startsWith('PS'))
		Object.assign(o, { padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: Number(alg.slice(2)) / 8 });
	if (alg.startsWith('ES'))
		o.dsaEncoding = 'ieee-p1363';
	return crypto.sign(hash(alg), Buffer.from(text), o);
}

// A compact JWS. HEADER and PAYLOAD are objects, or the exact text.
function sign(payload, { header = {}, key = keys.main, alg = 'RS256', kid = 'main', by = alg } = {}) {
	const h = typeof header === 'string' ? header : JSON.stringify({ alg, ...(kid === null ? {} : { kid }), ...header });
	const p = typeof payload === 'string' || Buffer.isBuffer(payload) ? payload : JSON.stringify(payload);
	const text = `${b64(h)}.${b64(p)}`;
	return `${text}.${b64(rawSign(by, key.privateKey, text))}`;
}

const claims = (nonce, more = {}) => {
	const c = { iss: issuer, sub: 'user-1', aud: clientId, exp: now() + 300, iat: now(), nonce, name: 'Ada', ...more };
	for (const [name, value] of Object.entries(c))
		if (value === undefined)
			delete c[name];
	return c;
};
const text = (c) => JSON.stringify(c);
const hmac = (header, c, secret) => {
	const t = `${json(header)}.${json(c)}`;
	return `${t}.${crypto.createHmac('sha256', secret).update(t).digest('base64url')}`;
};
const unsigned = (header, c, signature = '') => `${json(header)}.${json(c)}.${signature}`;
const ecToken = (nonce, signature) => {
	const [h, p] = sign(claims(nonce), { key: keys.p256, alg: 'ES256', kid: 'p256' }).split('.');
	return `${h}.${p}.${b64(signature)}`;
};
const leftHalf = (token) => {
	const d = crypto.createHash('sha256').update(token).digest();
	return d.subarray(0, d.length / 2).toString('base64url');
};
const order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex');
const pem = (k) => k.publicKey.export({ type: 'spki', format: 'pem' });
const der = (k) => k.publicKey.export({ type: 'spki', format: 'der' });

// [name, reason or null, nonce => id_token, or { reply fields }]
const rows = [];
const good = (name, make) => rows.push({ name, reason: null, make });
const bad = (reason, name, make, status = 502) => rows.push({ name, reason, make, status });
const claim = (reason, name, more) => bad(reason, name, (n) => sign(claims(n, typeof more === 'function' ? more(n) : more)));

good('RS256', (n) => sign(claims(n)));
good('a key that is newer than the copy', (n) => {
	keys.next = rsa();
	published = { next: {}, ...published };
	return sign(claims(n), { key: keys.next, kid: 'next' });
});
good('RS512 by the key', (n) => sign(claims(n), { alg: 'RS512' }));
good('PS256', (n) => sign(claims(n), { alg: 'PS256' }));
good('ES256', (n) => sign(claims(n), { key: keys.p256, alg: 'ES256', kid: 'p256' }));
good('ES384', (n) => sign(claims(n), { key: keys.p384, alg: 'ES384', kid: 'p384' }));
good('ES512', (n) => sign(claims(n), { key: keys.p521, alg: 'ES512', kid: 'p521' }));
good('a signature without kid', (n) => sign(claims(n), { kid: null }));
good('the second of two keys with one kid', (n) => sign(claims(n), { key: keys.twin2, kid: 'twin' }));
good('a session id', (n) => ({ id_token: sign(claims(n, { sub: 'user-4', sid: 'session-1' })), access_token: 'gone', refresh_token: 'refresh-4' }));
good('groups that are too many (Entra)', (n) => ({ id_token: sign(claims(n, { sub: 'user-5', _claim_names: { groups: 'src1' } })), access_token: 'gone' }));
for (const how of ['ok', 'gone', '500', 'other', 'silent'])
	good(`a refresh token: ${how}`, (n) => ({ id_token: sign(claims(n, { sub: `user-${how}` })), access_token: 'gone', refresh_token: `renew-${how}` }));
good('typ JWT', (n) => sign(claims(n), { header: { typ: 'JWT' } }));
good('aud as a list of one', (n) => sign(claims(n, { aud: [clientId] })));
good('two audiences and azp', (n) => sign(claims(n, { aud: ['other', clientId], azp: clientId })));
good('the right at_hash', (n) => sign(claims(n, { at_hash: leftHalf('opaque') })));
good('a clock that is 30 s off', (n) => sign(claims(n, { iat: now() + 30 })));
good('fractions of seconds', (n) => sign(claims(n, { exp: now() + 300.5 })));
good('three hundred groups', (n) => sign(claims(n, { groups: Array.from({ length: 300 }, () => crypto.randomUUID()) })));

// --- algorithms ---
for (const alg of ['none', 'None', 'NONE', 'nOnE'])
	bad('jws_algorithm', `alg ${alg}`, (n) => unsigned({ alg }, claims(n)));
bad('jws_algorithm', 'alg none with a signature', (n) => unsigned({ alg: 'none' }, claims(n), b64('x'.repeat(256))));
bad('jws_algorithm', 'no alg', (n) => unsigned({ kid: 'main' }, claims(n), b64('x'.repeat(256))));
bad('jws_algorithm', 'alg as a number', (n) => sign(claims(n), { header: { alg: 256 } }));
bad('jws_algorithm', 'alg as a list', (n) => sign(claims(n), { header: { alg: ['RS256'] } }));
bad('jws_algorithm', 'alg in small letters', (n) => sign(claims(n), { header: { alg: 'rs256' } }));
bad('jws_algorithm', 'HMAC with the public key as secret (PEM)', (n) => hmac({ alg: 'HS256', kid: 'main' }, claims(n), pem(keys.main)));
bad('jws_algorithm', 'HMAC with the public key as secret (DER)', (n) => hmac({ alg: 'HS256', kid: 'main' }, claims(n), der(keys.main)));
bad('jws_algorithm', 'HMAC with the client secret', (n) => hmac({ alg: 'HS256' }, claims(n), clientSecret));
bad('jws_algorithm', 'EdDSA, which is not served', (n) => sign(claims(n), { key: keys.ed, alg: 'EdDSA', kid: 'ed' }));
bad('jws_malformed', 'alg twice', (n) => sign(claims(n), { header: '{"alg":"RS256","kid":"main","alg":"none"}' }));
bad('jws_signature', 'PS256 said to be RS256', (n) => sign(claims(n), { by: 'PS256' }));
bad('jws_signature', 'RS512 said to be RS256', (n) => sign(claims(n), { by: 'RS512' }));

// --- keys ---
bad('jws_signature', 'another key under a known kid', (n) => sign(claims(n), { key: evil }));
bad('jws_signature', 'another key without kid', (n) => sign(claims(n), { key: evil, kid: null }));
bad('jws_no_key', 'an unknown kid', (n) => sign(claims(n), { key: evil, kid: 'evil' }));
bad('jws_no_key', 'a kid in another case', (n) => sign(claims(n), { kid: 'MAIN' }));
bad('jws_no_key', 'an empty kid', (n) => sign(claims(n), { kid: '' }));
bad('jws_no_key', 'a kid that is a path', (n) => sign(claims(n), { key: evil, kid: '../../../../dev/null' }));
bad('jws_no_key', 'a kid that is an address', (n) => sign(claims(n), { key: evil, kid: `${issuer}/evil` }));
bad('jws_no_key', 'a kid that is SQL', (n) => sign(claims(n), { key: evil, kid: "x' or '1'='1" }));
bad('jws_malformed', 'a kid that is a number', (n) => sign(claims(n), { header: { kid: 1 } }));
bad('jws_malformed', 'a kid of 300 bytes', (n) => sign(claims(n), { kid: 'k'.repeat(300) }));
bad('jws_signature', 'a key in the header (jwk)', (n) => sign(claims(n), { key: evil, kid: null, header: { jwk: evil.publicKey.export({ format: 'jwk' }) } }));
bad('jws_no_key', 'a key in the header under a kid of its own', (n) => sign(claims(n), { key: evil, kid: 'mine', header: { jwk: { ...evil.publicKey.export({ format: 'jwk' }), kid: 'mine' } } }));
bad('jws_no_key', 'an address of keys (jku)', (n) => sign(claims(n), { key: evil, kid: 'evil', header: { jku: `${issuer}/evil` } }));
bad('jws_no_key', 'an address of certificates (x5u)', (n) => sign(claims(n), { key: evil, kid: 'evil', header: { x5u: `${issuer}/evil` } }));
bad('jws_signature', 'a certificate (x5c)', (n) => sign(claims(n), { key: evil, header: { x5c: [der(evil).toString('base64')] } }));
bad('jws_malformed', 'a critical header', (n) => sign(claims(n), { header: { crit: ['exp'] } }));
bad('jws_malformed', 'an unencoded payload (b64)', (n) => sign(claims(n), { header: { b64: false } }));
bad('jws_no_key', 'a key for encryption (use)', (n) => sign(claims(n), { key: keys.enc, kid: 'enc' }));
bad('jws_no_key', 'a key for wrapping (key_ops)', (n) => sign(claims(n), { key: keys.wrap, kid: 'wrap' }));
bad('jws_no_key', 'a key for another algorithm', (n) => sign(claims(n), { key: keys.rs512, kid: 'rs512' }));
bad('jws_no_key', 'an RSA key that is too short', (n) => sign(claims(n), { key: keys.small, kid: 'small' }));
bad('jws_signature', 'a third key under a kid that two have', (n) => sign(claims(n), { key: evil, kid: 'twin' }));
bad('jws_no_key', 'an RSA signature under the kid of an EC key', (n) => sign(claims(n), { kid: 'p256' }));
bad('jws_no_key', 'ES256 under the kid of an RSA key', (n) => sign(claims(n), { key: evilEc, alg: 'ES256', kid: 'main' }));
bad('jws_no_key', 'ES256 by a key on P-384', (n) => sign(claims(n), { key: keys.p384, header: { alg: 'ES256' }, alg: 'ES384', kid: 'p384' }));

// --- signatures ---
bad('jws_signature', 'ECDSA of zeros', (n) => ecToken(n, Buffer.alloc(64)));
bad('jws_signature', 'ECDSA with r = 0', (n) => ecToken(n, Buffer.concat([Buffer.alloc(32), crypto.randomBytes(32)])));
bad('jws_signature', 'ECDSA with s = 0', (n) => ecToken(n, Buffer.concat([crypto.randomBytes(32), Buffer.alloc(32)])));
bad('jws_signature', 'ECDSA with r and s the order', (n) => ecToken(n, Buffer.concat([order, order])));
bad('jws_signature', 'ECDSA in DER', (n) => {
	const t = sign(claims(n), { key: keys.p256, alg: 'ES256', kid: 'p256' }).split('.').slice(0, 2).join('.');
	return `${t}.${b64(crypto.sign('sha256', Buffer.from(t), keys.p256.privateKey))}`;
});
bad('jws_no_key', 'no signature', (n) => sign(claims(n)).replace(/[^.]*$/, ''));
bad('jws_no_key', 'half a signature', (n) => { const t = sign(claims(n)).split('.'); return `${t[0]}.${t[1]}.${b64(Buffer.from(t[2], 'base64url').subarray(0, 128))}`; });
bad('jws_signature', 'one bit of the signature', (n) => { const t = sign(claims(n)).split('.'); const s = Buffer.from(t[2], 'base64url'); s[9] ^= 1; return `${t[0]}.${t[1]}.${b64(s)}`; });
bad('jws_signature', 'other claims under a good signature', (n) => { const t = sign(claims(n)).split('.'); return `${t[0]}.${json(claims(n, { sub: 'admin' }))}.${t[2]}`; });
bad('jws_malformed', 'two parts', (n) => sign(claims(n)).split('.').slice(0, 2).join('.'));
bad('jws_malformed', 'four parts', (n) => `${sign(claims(n))}.x`);
bad('jws_malformed', 'five parts (JWE)', (n) => `${json({ alg: 'RSA-OAEP', enc: 'A256GCM' })}.a.b.${b64(n)}.d`);
bad('jws_malformed', 'padding', (n) => `${sign(claims(n))}==`);
bad('jws_malformed', 'the other alphabet', (n) => sign(claims(n)).replace(/[^.]*$/, '+/+/'));
bad('provider_reply', '40 KB', (n) => sign(claims(n, { x: 'x'.repeat(40000) })));

// --- what is signed ---
bad('jws_malformed', 'a member twice', (n) => sign(text(claims(n)).replace(/^\{/, '{"sub":"admin",')));
bad('jws_malformed', 'a member twice, spelled otherwise', (n) => sign(text(claims(n)).replace(/^\{/, '{"\\u0073ub":"admin",')));
bad('jws_malformed', 'claims that are a list', () => sign('[]'));
bad('jws_malformed', 'claims that are no JSON', () => sign('hello'));
bad('jws_malformed', 'claims and something after them', (n) => sign(`${text(claims(n))} {}`));
bad('jws_malformed', 'claims after a byte order mark', (n) => sign(`\ufeff${text(claims(n))}`));
bad('jws_malformed', 'claims that are not UTF-8', (n) => sign(Buffer.concat([Buffer.from(text(claims(n)).replace(/\}$/, ',"x":"')), Buffer.from([0xff]), Buffer.from('"}')])));
bad('jws_malformed', 'claims too deep', (n) => sign(text(claims(n)).replace(/\}$/, `,"x":${'['.repeat(100)}${']'.repeat(100)}}`)));
bad('jws_malformed', 'a NUL in a name', (n) => sign(text(claims(n)).replace(/\}$/, ',"a\\u0000b":1}')));

bad('token_type', 'an access token (typ)', (n) => sign(claims(n), { header: { typ: 'at+jwt' } }));
bad('token_type', 'a logout token (typ)', (n) => sign(claims(n), { header: { typ: 'logout+jwt' } }));
claim('token_type', 'a logout token (events)', { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } });
claim('token_issuer', 'no iss', { iss: undefined });
claim('token_issuer', 'another iss', { iss: 'https://evil.example.com' });
claim('token_issuer', 'iss with a slash more', { iss: `${issuer}/` });
claim('token_issuer', 'iss in another case', { iss: issuer.toUpperCase() });
claim('token_issuer', 'iss as a list', { iss: [issuer] });
claim('token_subject', 'no sub', { sub: undefined });
claim('token_subject', 'an empty sub', { sub: '' });
claim('token_subject', 'a number as sub', { sub: 1 });
claim('token_subject', 'an object as sub', { sub: { a: 1 } });
claim('token_subject', 'a sub of 256 bytes', { sub: 's'.repeat(256) });
claim('token_subject', 'a line feed in sub', { sub: 'a\nb' });
claim('token_subject', 'a NUL in sub', { sub: 'user-1\0x' });
claim('token_audience', 'no aud', { aud: undefined });
claim('token_audience', 'another aud', { aud: 'other' });
claim('token_audience', 'aud that begins with ours', { aud: `${clientId}2` });
claim('token_audience', 'an empty list as aud', { aud: [] });
claim('token_audience', 'a list of others as aud', { aud: ['a', 'b'] });
claim('token_audience', 'a list with a number as aud', { aud: [clientId, 1] });
claim('token_audience', 'an object as aud', { aud: { [clientId]: 1 } });
claim('token_audience', 'two audiences without azp', { aud: [clientId, 'other'] });
claim('token_audience', 'azp of another client', { azp: 'other' });
claim('token_audience', 'azp as a list', { azp: [clientId] });
claim('token_times', 'no exp', { exp: undefined });
claim('token_times', 'exp two minutes ago', () => ({ exp: now() - 120, iat: now() - 300 }));
claim('token_times', 'exp as text', () => ({ exp: String(now() + 300) }));
claim('token_times', 'exp below zero', { exp: -1 });
bad('token_times', 'exp with an exponent', (n) => sign(text(claims(n)).replace(/"exp":\d+/, '"exp":1e99')));
claim('token_times', 'exp that is null', { exp: null });
claim('token_times', 'no iat', { iat: undefined });
claim('token_times', 'iat in the future', () => ({ iat: now() + 120 }));
claim('token_times', 'iat as text', () => ({ iat: String(now()) }));
claim('token_times', 'exp before iat', () => ({ exp: now() - 30, iat: now() }));
claim('token_times', 'nbf in the future', () => ({ nbf: now() + 120 }));
claim('token_times', 'nbf as text', { nbf: 'now' });
claim('token_nonce', 'no nonce', { nonce: undefined });
claim('token_nonce', 'another nonce', { nonce: 'n' });
claim('token_nonce', 'an empty nonce', { nonce: '' });
claim('token_nonce', 'nonce as a list', (n) => ({ nonce: [n] }));
claim('token_nonce', 'a nonce that goes on', (n) => ({ nonce: `${n}x` }));
claim('token_nonce', 'a nonce in another case', (n) => ({ nonce: n.toLowerCase() === n ? n.toUpperCase() : n.toLowerCase() }));
claim('token_hash', 'at_hash of another token', { at_hash: leftHalf('other') });
claim('token_hash', 'at_hash as a number', { at_hash: 1 });
claim('token_hash', 'an empty at_hash', { at_hash: '' });

// --- what else the token endpoint may answer ---
const reply = (reason, name, fields, status) => bad(reason, name, () => fields, status);
reply('provider_reply', 'no ID token', { id_token: undefined });
reply('provider_reply', 'an ID token that is a number', { id_token: 1 });
reply('provider_reply', 'an ID token with a line feed', { id_token: 'a\nb' });
reply('provider_reply', 'a list', { raw: '[]' });
reply('provider_reply', 'a member twice in the answer', { raw: '{"id_token":"a","id_token":"b"}' });
reply('provider_reply', 'nothing', { raw: '' });
reply('fetch_type', 'HTML', { type: 'text/html', raw: '<h1>welcome</h1>' });
reply('provider_error', 'status 500', { status: 500, raw: 'oops' });
reply('provider_error', 'status 500 in JSON', { status: 500, raw: '{"error":"server_error"}' });
reply('provider_error', 'a redirect', { status: 302, raw: '' });
reply('provider_refused_client', 'invalid_client', { status: 401, raw: '{"error":"invalid_client"}' }, 500);
reply('provider_refused_code', 'invalid_grant', { status: 400, raw: '{"error":"invalid_grant"}' }, 400);
reply('provider_error', 'an error in words that are hard to show', { status: 400, raw: JSON.stringify({ error: 'x\u0007y'.padEnd(300, 'z'),
	error_description: `begin\u202e\u001b[31m\n{"level":"error"}\u2028${'long '.repeat(2000)}end` }) });
{
	const row = rows.length;
	bad('provider_error', 'an error that repeats what was sent', (n) => ({ status: 400, raw: JSON.stringify({ error: 'server_error',
		error_description: `do not know ${row}.${n} of ${clientSecret}` }) }));
}
reply('provider_error', 'an error in plain words', { status: 400, raw: '{"error":"server_error","error_description":"authorization_code of another client"}' });
reply('provider_error', 'an error under status 200', { raw: '{"error":"server_error","id_token":"a.b.c"}' });
reply('fetch_too_large', '10 MB', { raw: `{"x":"${'x'.repeat(10e6)}"}` });
reply('fetch_timeout', 'nothing at all, for ever', { hang: true }, 504);
reply('fetch_timeout', 'a byte at a time, for ever', { drip: true }, 504);
reply('fetch_unreachable', 'an end before the answer', { close: true });
reply('fetch_unreachable', 'an end within the answer', { cut: true });
bad('userinfo_subject', 'userinfo about somebody else', (n) => ({ id_token: sign(claims(n)), access_token: 'somebody-else' }));

good('userinfo that is not there', (n) => ({ id_token: sign(claims(n)), access_token: 'gone' }));
good('userinfo that hangs', (n) => ({ id_token: sign(claims(n)), access_token: 'hang' }));
good('userinfo with more', (n) => ({ id_token: sign(claims(n, { sub: 'user-2', name: undefined })), access_token: 'more' }));
good('a name that is hard to show', (n) => ({ id_token: sign(claims(n, { sub: 'user-3', name: 'ünï"x<b>\u202e' })), access_token: 'gone' }));

// --- the key of the day: GET /rotate makes another one, and takes the old one back ---
let current = 'main';
good('the key of the day', (n) => ({ id_token: sign(claims(n, { sub: 'user-6' }), { key: keys[current], kid: current }), access_token: 'gone' }));
const rotate = () => {
	const kid = `day-${Object.keys(keys).length}`;
	keys[kid] = rsa();
	published = { ...published, [kid]: {} };
	if (current !== 'main')
		delete published[current];
	current = kid;
};

const send = (res, status, body, type = 'application/json') => {
	res.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
	res.end(body);
};

function answerToken(res, made) {
	const m = typeof made === 'string' ? { id_token: made } : made;
	if (m.hang)
		return;
	if (m.close)
		return res.socket.destroy();
	if (m.cut || m.drip) {
		res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': 100000 });
		res.write('{"id_token":');
		if (m.cut)
			return setTimeout(() => res.socket.destroy(), 50);
		const t = setInterval(() => res.write(' '), 100);
		res.on('close', () => clearInterval(t));
		return;
	}
	if (m.raw !== undefined) {
		if (m.status === 302)
			res.setHeader('Location', `${issuer}/elsewhere`);
		return send(res, m.status || 200, m.raw, m.type);
	}
	send(res, 200, JSON.stringify({ access_token: 'opaque', token_type: 'Bearer', expires_in: 60, ...m }));
}

// A renewal of claims, as the refresh token's name says.
function renew(res, name) {
	counts.renew = (counts.renew || 0) + 1;
	const c = (sub) => claims(undefined, { sub, name: 'Ada the Renewed' });
	switch (name) {
	case 'renew-ok': return answerToken(res, { id_token: sign(c('user-ok')), access_token: 'gone', refresh_token: 'renew-ok2' });
	case 'renew-ok2': return answerToken(res, { id_token: sign(c('user-ok')), access_token: 'gone' });
	case 'renew-other': return answerToken(res, { id_token: sign(c('user-9')), access_token: 'gone' });
	case 'renew-silent': return answerToken(res, { access_token: 'gone' });
	case 'renew-500': return send(res, 500, 'oops');
	default: return send(res, 400, '{"error":"invalid_grant"}');
	}
}

function token(req, res, body) {
	const form = new URLSearchParams(body);
	const basic = Buffer.from((req.headers.authorization || '').replace(/^Basic /, ''), 'base64').toString();
	const [, row, nonce] = /^(\d+)\.(.*)$/.exec(form.get('code') || '') || [];
	counts.token++;
	if (basic !== `${clientId}:${clientSecret}` || form.get('client_secret'))
		return send(res, 401, '{"error":"invalid_client"}');
	if (form.get('grant_type') === 'refresh_token')
		return renew(res, form.get('refresh_token'));
	if (!rows[row] || !/^[\w-]{43}$/.test(form.get('code_verifier') || ''))
		return send(res, 400, '{"error":"invalid_request"}');
	answerToken(res, rows[row].make(nonce));
}

function userinfo(req, res) {
	const who = (req.headers.authorization || '').replace(/^Bearer /, '');
	counts.userinfo++;
	if (who === 'hang')
		return;
	if (who === 'gone')
		return send(res, 404, '{}');
	if (who === 'somebody-else')
		return send(res, 200, JSON.stringify({ sub: 'user-9', email: 'nine@example.com' }));
	if (who === 'more')
		return send(res, 200, JSON.stringify({ sub: 'user-2', name: 'Grace', email: 'grace@example.com', roles: ['editor'] }));
	send(res, 200, JSON.stringify({ sub: 'user-1' }));
}

// The logout tokens that a test posts: GET /logout-token?KIND.
const logoutClaims = (more = {}) => {
	const c = { iss: issuer, aud: clientId, iat: now(), exp: now() + 120, jti: crypto.randomUUID(), sub: 'user-1',
		events: { 'http://schemas.openid.net/event/backchannel-logout': {} }, ...more };
	for (const [name, value] of Object.entries(c))
		if (value === undefined)
			delete c[name];
	return c;
};
const logout = {
	good: () => sign(logoutClaims(), { header: { typ: 'logout+jwt' } }),
	session: () => sign(logoutClaims({ sub: undefined, sid: 'session-1' }), { header: { typ: 'logout+jwt' } }),
	nonce: () => sign(logoutClaims({ nonce: 'x' })),
	event: () => sign(logoutClaims({ events: {} })),
	jti: () => sign(logoutClaims({ jti: undefined })),
	jtis: () => sign(logoutClaims({ jti: ['a'] })),
	old: () => sign(logoutClaims({ iat: now() - 3600 })),
	audience: () => sign(logoutClaims({ aud: 'other' })),
	nobody: () => sign(logoutClaims({ sub: undefined })),
	key: () => sign(logoutClaims(), { key: evil }),
	stranger: () => sign(logoutClaims(), { key: evil, kid: 'stranger' }),
	id_token: () => sign(claims('n')),
};

http.createServer((req, res) => {
	const url = new URL(req.url, issuer);
	let body = '';
	req.on('data', (d) => { body += d; });
	req.on('end', () => {
		switch (url.pathname) {
		case '/rows': return send(res, 200, JSON.stringify(rows.map(({ name, reason, status }) => ({ name, reason, status }))));
		case '/rotate': rotate(); return send(res, 200, '{}');
		case '/counts': return send(res, 200, JSON.stringify(counts));
		case '/logout-token': return send(res, 200, logout[url.search.slice(1)](), 'text/plain');
		case '/.well-known/openid-configuration':
			counts.discovery++;
			return send(res, 200, JSON.stringify({ issuer, authorization_endpoint: `${issuer}/authorize`, token_endpoint: `${issuer}/token`,
				jwks_uri: `${issuer}/jwks`, userinfo_endpoint: `${issuer}/userinfo`, end_session_endpoint: `${issuer}/end`,
				response_types_supported: ['code'], subject_types_supported: ['public'] }));
		case '/other/.well-known/openid-configuration':
			return send(res, 200, JSON.stringify({ issuer, authorization_endpoint: `${issuer}/authorize`, token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/jwks` }));
		case '/jwks': counts.jwks++; return send(res, 200, JSON.stringify(jwks()));
		case '/token': return token(req, res, body);
		case '/userinfo': return userinfo(req, res);
		default: return send(res, 404, '{}');
		}
	});
}).listen(Number(port), '127.0.0.1', () => console.log('ready'));
