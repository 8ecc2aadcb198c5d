// SPDX-License-Identifier: Apache-2.0
//
// A browser without a screen: cookies, redirects, and the forms that pages really contain. It knows no
// way to a token but the one that a person takes.

const entities = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function unescape(text) {
	return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (all, dec, hex, name) =>
		dec ? String.fromCodePoint(Number(dec))
			: hex ? String.fromCodePoint(parseInt(hex, 16)) : entities[name] ?? all);
}

function attributes(text) {
	const found = {};
	for (const [, name, a, b, c] of text.matchAll(/([a-z][-\w:]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+)))?/gi))
		found[name.toLowerCase()] = unescape(a ?? b ?? c ?? "");
	return found;
}

/** The forms of a page: [{ action, method, fields: Map, buttons: [{ name, value, disabled }] }]. */
export function forms(html) {
	return [...html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)].map(([, head, inside]) => {
		const form = { ...attributes(head), fields: new Map(), buttons: [] };
		for (const [, element, text] of inside.matchAll(/<(input|button)\b([^>]*)>/gi)) {
			const a = attributes(text);
			if ((a.type ?? (element.toLowerCase() === "button" ? "submit" : "text")) === "submit")
				form.buttons.push({ name: a.name, value: a.value ?? "", disabled: "disabled" in a });
			else if (a.name)
				form.fields.set(a.name, a.value ?? "");
		}
		return form;
	});
}

export class Browser {
	#cookies = new Map(); // by host, then name: cookies know no ports

	async #request(url, init = {}) {
		const jar = this.#cookies.get(url.hostname) ?? new Map();
		const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
		const response = await fetch(url, {
			...init,
			redirect: "manual",
			headers: { accept: "text/html", ...(cookie && { cookie }), ...init.headers },
		});
		for (const line of response.headers.getSetCookie()) {
			const [, name, value, rest] = /^([^=;]+)=([^;]*)(.*)$/.exec(line);
			if (/;\s*max-age=(0|-\d+)\b/i.test(rest))
				jar.delete(name);
			else
				jar.set(name, value);
		}
		this.#cookies.set(url.hostname, jar);
		return response;
	}

	/** Follows redirects until there is a page, or until one leads to a URL that starts with `stop`. */
	async open(target, stop, init) {
		let url = new URL(target);
		let response = await this.#request(url, init);
		for (let hop = 0; hop < 10; hop++) {
			const location = response.headers.get("location");
			if (!location || response.status < 300 || response.status > 399)
				return { url, status: response.status, html: await response.text() };
			url = new URL(location, url);
			if (stop && url.href.startsWith(stop))
				return { url, status: response.status, back: true };
			response = await this.#request(url);
		}
		throw new Error(`more than ten redirects, the last to ${url.origin}${url.pathname}`);
	}

	/** Presses the button with this name and value on a page that open() returned. */
	async press(page, name, value, stop) {
		const form = forms(page.html ?? "").find((f) => f.buttons.some((b) => b.name === name && b.value === value));
		if (!form)
			throw new Error(`no button ${name}=${value} at ${page.url.pathname} (status ${page.status}): ` +
				(page.html ?? "").replace(/<style[\s\S]*?<\/style>|<[^>]*>/g, " ").replace(/\s+/g, " ").slice(0, 300));
		if (form.buttons.some((b) => b.name === name && b.value === value && b.disabled))
			throw new Error(`the button ${name}=${value} is disabled`);
		const body = new URLSearchParams([...form.fields, [name, value]]);
		return this.open(new URL(form.action || page.url, page.url), stop, {
			method: (form.method || "get").toUpperCase(),
			body,
			headers: { origin: page.url.origin },
		});
	}
}
