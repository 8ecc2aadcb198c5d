// SPDX-License-Identifier: Apache-2.0
//
// Sign-in in a real browser, at oidc.mjs: Chromium, driven by Playwright. Takes JSON: { origin, chromium, shots };
// prints a line "ok|not ok - sentence" per check.

import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { chromium } from "playwright-core";

const { origin, chromium: executablePath, shots } = JSON.parse(process.argv[2]);

function ok(good, name, why) {
	console.log(`${good ? "ok" : "not ok"} - ${name}`);
	if (!good && why !== undefined)
		console.log(`# ${typeof why === "string" ? why : JSON.stringify(why)}`.replaceAll("\n", "\n# "));
}

const arrived = [];
const server = createServer((request, response) => {
	if (request.url.startsWith("/cb"))
		arrived.push(new URL(request.url, "http://client").searchParams);
	response.setHeader("content-type", "text/html");
	response.end("<title>client</title><p>You may go back to your app.");
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const redirect = `http://127.0.0.1:${server.address().port}/cb`;

const registered = await fetch(`${origin}/oauth/register`, { method: "POST", headers: { "content-type": "application/json" },
	body: JSON.stringify({ client_name: "Chromium's client", redirect_uris: [redirect], token_endpoint_auth_method: "none" }) });
const { client_id } = await registered.json();
const authorizeUrl = (more = {}) => `${origin}/oauth/authorize?` + new URLSearchParams({ response_type: "code", redirect_uri: redirect,
	client_id, state: "st", resource: `${origin}/mcp/one`, code_challenge_method: "S256",
	code_challenge: createHash("sha256").update(randomBytes(32).toString("base64url")).digest("base64url"), ...more });

const browser = await chromium.launch({ executablePath, headless: true,
	args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-dev-shm-usage"] });
const shoot = async (page, name) => shots && page.screenshot({ path: `${shots}/${name}.png`, fullPage: true });
const text = (page) => page.locator("body").innerText();

async function signIn(page, login, more) {
	await page.goto(authorizeUrl(more));
	if (await page.locator("button[name=login]").count())
		await page.locator(`button[name=login][value="${login}"]`).click();
	await page.waitForLoadState();
}

try {
	let context = await browser.newContext();
	let page = await context.newPage();
	await page.goto(authorizeUrl());
	ok(!page.url().startsWith(origin), "a person without a session comes to the provider's page", page.url());
	await shoot(page, "provider");
	await page.locator("button[value=ada]").click();
	ok(new URL(page.url()).pathname === "/oauth/setup", "after the sign-in there the consent page is shown", page.url());
	ok((await text(page)).includes("Ada"), "it names who signed in", await text(page));
	const cookies = await context.cookies(origin);
	const session = cookies.find((c) => c.name.endsWith("gatehouse_session"));
	ok(session?.httpOnly && session?.sameSite === "Lax", "the session cookie is not for scripts, nor for other sites", cookies);
	ok(!page.url().includes("code="), "the provider's code is not left in the address");
	await shoot(page, "consent-after-sign-in");
	await page.goBack();
	await page.goForward();
	ok((await text(page)).includes("Ada"), "back and forward again shows the consent page");
	await page.locator("button[value=approve]").click();
	await page.waitForURL(`${redirect}**`);
	ok(arrived.at(-1)?.get("code")?.startsWith("ac_") && arrived.at(-1).get("state") === "st", "the client gets its code", String(arrived.at(-1)));

	await signIn(page, "ada");
	ok(new URL(page.url()).pathname === "/oauth/setup", "the next time nobody is asked to sign in", page.url());

	// another user in a second tab
	const tab = await context.newPage();
	await tab.goto(authorizeUrl({ prompt: "login" }));
	ok(await tab.locator("button[name=login]").count() > 0, "prompt=login asks anew, though there is a session at the provider too", tab.url());
	await tab.locator("button[value=tim]").click();
	await tab.waitForLoadState();
	ok((await text(tab)).includes('ünï"x<b>'), "a name that is hard to show is shown as it is", await text(tab));
	ok(await tab.locator("main b b, main bdi b").count() === 0, "... and is no markup");
	await shoot(tab, "hard-name");
	await page.locator("button[value=approve]").click();
	await page.waitForLoadState();
	ok(page.url().startsWith(origin) && arrived.length === 1, "the first tab's answer is not taken as the other user's", page.url());
	await shoot(page, "another-user");

	// the provider says no
	context = await browser.newContext();
	page = await context.newPage();
	await page.goto(authorizeUrl());
	await page.locator("button[name=cancel]").click();
	await page.waitForLoadState();
	ok((await text(page)).includes("You were not signed in"), "cancel at the provider ends on our page", await text(page));
	ok((await text(page)).includes("provider_denied") && /request id/i.test(await text(page)), "... with reason and request id");
	await shoot(page, "provider-denied");

	// denial of consent
	await signIn(page, "grace");
	await page.locator("button[value=cancel]").click();
	await page.waitForURL(`${redirect}**`);
	ok(arrived.at(-1)?.get("error") === "access_denied", "who cancels the consent sends an error to the client", String(arrived.at(-1)));

	// sign-out, here and there
	await page.goto(`${origin}/oauth/grants`);
	await shoot(page, "grants");
	await page.locator("button[name=logout]").click();
	await page.waitForLoadState();
	ok((await text(page)).includes("You are signed out"), "the page of grants has a sign-out", await text(page));
	await shoot(page, "signed-out");
	await page.waitForURL((url) => url.origin !== origin, { timeout: 8000 });
	ok(page.url().includes("/session/end"), "the browser goes on to the provider's sign-out", page.url());
	await page.goto(`${origin}/oauth/grants`);
	ok((await text(page)).includes("not signed in") || (await text(page)).includes("nobody") || (await text(page)).includes("Nobody"),
		"nobody is signed in any more", await text(page));

	// an expired session: its cookie is gone
	context = await browser.newContext();
	page = await context.newPage();
	await signIn(page, "grace");
	await context.clearCookies({ name: /gatehouse_session/ });
	await page.locator("button[value=approve]").click();
	await page.waitForLoadState();
	ok((await text(page)).includes("You are not signed in"), "with an ended session an answer is refused, and says why", await text(page));
	await signIn(page, "grace");
	ok(new URL(page.url()).pathname === "/oauth/setup", "a new attempt signs in again", page.url());
	console.log("end");
} catch (error) {
	ok(false, "no step failed", error.stack);
} finally {
	await browser.close();
	server.close();
}
process.exit();
