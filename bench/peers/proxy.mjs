// SPDX-License-Identifier: Apache-2.0
//
// node proxy.mjs PORT UPSTREAM: the MCP SDK's bearer check in front of a proxy, as its documentation would have one build
// it. The check finds every token good, without asking anybody: the least that it can cost.
import http from 'node:http';
import express from 'express';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import { createProxyMiddleware } from 'http-proxy-middleware';

const [port, upstream] = process.argv.slice(2);
const verifier = {
	verifyAccessToken: async (token) => ({ token, clientId: 'bench', scopes: ['mcp:tools'], expiresAt: Date.now() / 1000 + 900 }),
};
const app = express();

app.disable('x-powered-by');
app.use(requireBearerAuth({ verifier, requiredScopes: ['mcp:tools'] }));
app.use(createProxyMiddleware({ target: upstream, changeOrigin: true,
	agent: new http.Agent({ keepAlive: true, maxSockets: 256 }) }));
app.listen(Number(port), '127.0.0.1', () => console.log('listening'));
