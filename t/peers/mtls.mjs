// SPDX-License-Identifier: Apache-2.0
// An MCP server that speaks to nobody without a client certificate, and tells whose it was.
// PORT, DIR (server.pem, server.key, ca.pem)
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';

const file = (name) => readFileSync(`${process.env.DIR}/${name}`);

createServer({ cert: file('server.pem'), key: file('server.key'), ca: file('ca.pem'), requestCert: true,
  rejectUnauthorized: true }, (request, response) => {
  request.resume();
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify({ jsonrpc: '2.0', id: 1,
    result: { subject: request.socket.getPeerCertificate().subject.CN } }));
}).listen(Number(process.env.PORT), '127.0.0.1', () => console.log('listening'));
