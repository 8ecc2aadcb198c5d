// SPDX-License-Identifier: Apache-2.0
//
// The pages in a real browser: Chromium, driven by Playwright, as a person and as an attacker's page use them.
// Takes JSON: { origin, chromium, shots, client, ports: [client's, evil's] }; prints a line "ok|not ok - sentence" per check.

import { createServer } from "node:http";
import { createHash, randomBytes } from "node:crypto";
import { chromium } from "playwright-core";

const options = JSON.parse(process.argv[2]);
const { origin, shots } = options;

function ok(good, name, why) {
	console.log(`${good ? "ok" : "not ok"} - ${name}`);
	if (!good && why !== undefined)
		console.log(`# ${typeof why === "string" ? why : JSON.stringify(why)}`.replaceAll("\n", "\n# "));
}

function listen(host, handler) {
	return new Promise((resolve) => {
		const server = createServer(handler).listen(0, host, () => resolve([server, server.address().port]));
	});
}

/** The client's end: remembers what came to its redirect URI. */
const arrived = [];
const client = (request, response) => {
	if (request.url.startsWith("/cb"))
		arrived.push({ url: new URL(request.url, "http://client"), referer: request.headers.referer });
	response.setHeader("content-type", "text/html");
	response.end("<title>client</title><p>You may go back to your app.");
};
const [server4, port4] = await listen("127.0.0.1", client);
const [server6, port6] = await listen("::1", client);

/** An attacker's site. Its page is set by each test. */
let evilPage = "";
const [evil, evilPort] = await listen("127.0.0.1", (request, response) => {
	response.setHeader("content-type", "text/html");
	response.end(evilPage);
});
const evilOrigin = `http://localhost:${evilPort}`;

async function register(redirect, name = "Chromium's client") {
	const response = await fetch(`${origin}/oauth/register`, { method: "POST",
		headers: { "content-type": "application/json" },
		body: JSON.stringify({ client_name: name, redirect_uris: [redirect], token_endpoint_auth_method: "none" }) });
	return (await response.json()).client_id;
}

async function authorizeUrl(redirect, name) {
	const verifier = randomBytes(32).toString("base64url");
	return `${origin}/oauth/authorize?` + new URLSearchParams({ response_type: "code", redirect_uri: redirect,
		client_id: await register(redirect, name), state: "st", resource: `${origin}/mcp/one`, code_challenge_method: "S256",
		code_challenge: createHash("sha256").update(verifier).digest("base64url") });
}

const cb4 = `http://127.0.0.1:${port4}/cb`;
const browser = await chromium.launch({ executablePath: options.chromium, headless: true,
	args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync"] });

/** A person's browser, whose complaints and requests are kept. */
async function person(settings = {}) {
	const context = await browser.newContext(settings);
	const page = await context.newPage();
	const complaints = [], requests = [];
	page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
	page.on("pageerror", (error) => complaints.push(String(error)));
	page.on("request", (request) => requests.push(request.resourceType()));
	return { context, page, complaints, requests };
}

async function shot(page, name) {
	if (shots)
		await page.screenshot({ path: `${shots}/${name}.png`, fullPage: true });
}

// A person approves, by keyboard, and presses "back".
{
	const { context, page, complaints, requests } = await person();
	await page.goto(await authorizeUrl(cb4));
	ok(/Let Chromium's client use The service\?/.test(await page.locator("h1").innerText()), "the consent page asks the question");
	ok(complaints.length === 0, "the browser complains of nothing", complaints);
	ok(requests.every((type) => type === "document"), "it loads nothing but the page", requests);
	ok((await page.locator("header").evaluate((e) => getComputedStyle(e).display)) === "flex", "the style is in force");

	await page.keyboard.press("Tab");
	const focus = await page.evaluate(() => ({ text: document.activeElement.innerText,
		outline: getComputedStyle(document.activeElement).outlineStyle }));
	ok(focus.text === "Authorize", "the first stop of the keyboard is the button to authorize", focus);
	ok(focus.outline === "solid", "focus can be seen", focus);
	await shot(page, "consent-focus");
	await page.keyboard.press("Enter");
	await page.waitForURL(/\/cb/);
	const answer = arrived.at(-1);
	ok(/^ac_/.test(answer.url.searchParams.get("code")), "Authorize leads to the client, with a code");
	ok(answer.url.searchParams.get("state") === "st" && answer.url.searchParams.get("iss") === origin, "with state and iss");
	ok(answer.referer === undefined, "and the client does not learn where from", answer.referer);

	await page.goBack();
	ok((await page.title()) === "You have already answered", "back leads to a page that says that it was answered", await page.title());
	await shot(page, "answered");

	await page.goto(`${origin}/oauth/grants`);
	ok(/No app may use/.test(await page.locator("main").innerText()), "the page of grants opens from there");
	await context.close();
}

// Two tabs of one request; one decides.
{
	const { context, page } = await person();
	await page.goto(await authorizeUrl(cb4));
	const second = await context.newPage();
	await second.goto(page.url());
	const before = arrived.length;
	await page.getByRole("button", { name: "Cancel" }).click();
	await page.waitForURL(/\/cb/);
	ok(arrived.at(-1).url.searchParams.get("error") === "access_denied", "Cancel leads to the client, with access_denied");
	await second.getByRole("button", { name: "Authorize" }).click();
	await second.waitForLoadState();
	ok((await second.title()) === "You have already answered", "Authorize in another tab comes too late", await second.title());
	ok(arrived.length === before + 1, "and sends nothing to the client");
	await context.close();
}

// Where answers may go.
for (const [redirect, what] of [[`http://localhost:${port4}/cb`, "localhost"], [`http://[::1]:${port6}/cb`, "an IPv6 address"]]) {
	const { context, page, complaints } = await person();
	await page.goto(await authorizeUrl(redirect));
	await page.getByRole("button", { name: "Authorize" }).click();
	await page.waitForURL(/\/cb/, { timeout: 5000 }).catch(() => {});
	ok(page.url().startsWith(redirect), `the answer reaches a client at ${what}`, [page.url(), ...complaints]);
	await context.close();
}

// An attacker's page.
{
	const { context, page } = await person();
	await page.goto(await authorizeUrl(cb4));
	const setup = page.url();
	const form = await page.evaluate(() => Object.fromEntries(new FormData(document.querySelector("form"))));
	const before = arrived.length;

	evilPage = `<iframe src="${setup}" width=600 height=600></iframe>`;
	await page.goto(evilOrigin);
	await page.waitForTimeout(500);
	const inside = await page.frames()[1].locator("button").count().catch(() => 0);
	ok(inside === 0, "A21: the page does not show in a frame", inside);

	evilPage = `<form method=post action="${origin}/oauth/setup"><input name=request value="${form.request}">` +
		`<input name=csrf value="${form.csrf}"><input name=decision value=approve><button>win</button></form>`;
	await page.goto(evilOrigin);
	const [response] = await Promise.all([page.waitForResponse((r) => r.url() === `${origin}/oauth/setup`),
		page.locator("button").click()]);
	ok(response.status() === 403, "A20: another site's form is refused, even with the token", response.status());
	ok(arrived.length === before, "and nothing is sent to the client");
	await page.goto(setup);
	ok((await page.getByRole("button", { name: "Authorize" }).count()) === 1, "the page itself is still good");
	await context.close();
}

// How pages look.
for (const [width, colorScheme] of [[320, "light"], [375, "dark"], [1280, "light"], [1280, "dark"]]) {
	const { context, page } = await person({ viewport: { width, height: 800 }, colorScheme });
	await page.goto(await authorizeUrl("https://accounts.claude.ai.login.secure-authentication-service.attacker.example:8443/cb",
		"The \u202eExtraordinarily Long-Winded Assistant of the Donaudampfschifffahrtsgesellschaftskapit\u00e4n \u05e9\u05dc\u05d5\u05dd"));
	const seen = await page.evaluate(() => ({ over: document.documentElement.scrollWidth - innerWidth,
		small: [...document.querySelectorAll("button")].filter((b) => b.getBoundingClientRect().height < 24).length,
		target: parseFloat(getComputedStyle(document.querySelector(".target")).fontSize),
		text: parseFloat(getComputedStyle(document.body).fontSize) }));
	ok(seen.over <= 0, `at ${width} pixels, ${colorScheme}, nothing is wider than the window`, seen);
	ok(seen.small === 0, `at ${width} pixels buttons are at least 24 pixels high`, seen);
	ok(seen.target >= 1.4 * seen.text, "and the host that gets access is in large type", seen);
	await shot(page, `consent-${width}-${colorScheme}`);
	await page.goto(`${origin}/oauth/setup?request=none`);
	await shot(page, `error-${width}-${colorScheme}`);
	await context.close();
}
{
	const { context, page } = await person({ viewport: { width: 640, height: 800 } });
	await page.goto(await authorizeUrl(cb4));
	await page.evaluate(() => { document.documentElement.style.fontSize = "200%"; });
	ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "text twice the size still fits");
	await shot(page, "consent-200-percent");
	await context.close();
}

await browser.close();
for (const server of [server4, server6, evil])
	server.close();
console.log("end");
