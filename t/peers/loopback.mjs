// SPDX-License-Identifier: Apache-2.0
//
// Preloaded (node --import) before servers that would listen on every address: a server
// started for a test or a trial is nobody else's business.
import net from "node:net";

const listen = net.Server.prototype.listen;

net.Server.prototype.listen = function (...args) {
	const port = typeof args[0] === "string" && /^\d+$/.test(args[0]) ? Number(args[0]) : args[0];
	if (typeof port === "number" && typeof args[1] !== "string")
		return listen.call(this, port, "127.0.0.1", ...args.slice(1));
	return listen.apply(this, args);
};
