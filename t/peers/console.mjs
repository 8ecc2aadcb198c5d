// SPDX-License-Identifier: Apache-2.0
//
// The operators' pages in Chromium, without scripts: how they look, what axe-core finds, whether the keyboard is enough.
// Takes JSON: { origin, chromium, shots, pages: { name: path }, empty }; prints a line "ok|not ok - sentence" per check.

import { mkdirSync } from "node:fs";
import { chromium } from "playwright-core";
import axe from "axe-core";

const options = JSON.parse(process.argv[2]);
const { origin, shots, pages } = options;

function ok(good, name, why) {
	console.log(`${good ? "ok" : "not ok"} - ${name}`);
	if (!good && why !== undefined)
		console.log(`# ${typeof why === "string" ? why : JSON.stringify(why)}`.replaceAll("\n", "\n# "));
}

const browser = await chromium.launch({ executablePath: options.chromium, args: ["--no-sandbox"] });

async function signedIn(settings) {
	const context = await browser.newContext({ javaScriptEnabled: false, ...settings });
	const page = await context.newPage();
	const answer = await page.goto(`${origin}/console/analytics?time=7d`);
	ok(answer.status() === 200 && page.url() === `${origin}/console/analytics?time=7d`,
		"a page opened without a session comes back after the sign-in", page.url());
	return page;
}

/** A second page with the same session: axe wants scripts. The page's own are forbidden by its policy, the ones of the test are not. */
async function inspector(page, colorScheme) {
	const context = await browser.newContext({ bypassCSP: true, colorScheme, viewport: page.viewportSize() });
	await context.addCookies(await page.context().cookies());
	return context.newPage();
}

async function inspect(own, url, name) {
	await own.goto(url);
	await own.evaluate(axe.source);
	const found = await own.evaluate(() => window.axe.run(document, {
		runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
		resultTypes: ["violations"] })); // what is well need not be described
	ok(found.violations.length === 0, `axe-core finds nothing: ${name}`,
		found.violations.map((v) => `${v.id}: ${v.help}\n${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 200)).join("\n")}`).join("\n"));
	const wide = await own.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
	ok(wide <= 0, `nothing sticks out: ${name}`, `${wide} pixels`);
	const tabs = await own.evaluate(() => [...document.querySelectorAll("a, button, input:not([type=hidden])")]
		.filter((e) => e.tabIndex < 0 || !e.getClientRects().length).map((e) => e.outerHTML.slice(0, 100)));
	ok(tabs.length === 0, `every link and control takes the keyboard: ${name}`, tabs.join("\n"));
}

if (shots)
	mkdirSync(shots, { recursive: true });
// both widths and both schemes; all four of them only for the pictures
for (const [size, width] of [["wide", 1280], ["narrow", 320]]) {
	for (const scheme of shots ? ["light", "dark"] : [size === "wide" ? "light" : "dark"]) {
		const page = await signedIn({ viewport: { width, height: 900 }, colorScheme: scheme });
		const own = await inspector(page, scheme);
		for (const [name, path] of Object.entries(pages)) {
			const answer = await page.goto(origin + path);
			ok(answer.status() === 200, `${name} (${size}, ${scheme}) is there`, `${answer.status()}`);
			const bytes = (await answer.body()).length;
			ok(bytes <= 60 * 1024, `${name} is at most 60 kB`, `${bytes} bytes`);
			await inspect(own, page.url(), `${name}, ${size}, ${scheme}`);
			if (shots)
				await page.screenshot({ path: `${shots}/${name}-${size}-${scheme}.png`, fullPage: true });
		}
		await own.context().close();
		await page.context().close();
	}
}

// ---- from a headline number to one call, with the keyboard alone

const page = await signedIn({ viewport: { width: 1280, height: 900 } });
await page.goto(`${origin}/console/analytics?time=7d`);

/** Presses Tab until the link with this text (or attribute) has the focus, then Enter. */
async function follow(selector) {
	for (let i = 0; i < 400; i++) {
		await page.keyboard.press("Tab");
		if (await page.locator(`${selector}:focus`).count()) {
			await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
			return true;
		}
	}
	return false;
}

const steps = [
	[".card.alarm .value a", /filter=outcome:class:failed/, "first the number of failures"],
	[".card a[href*='/console/calls']", /\/console\/calls\?.*filter=outcome:class:failed/, "then the calls"],
	["td a[href*='/console/call?id=']", /\/console\/call\?id=request-/, "then one of them"],
];
for (const [selector, url, what] of steps) {
	const went = await follow(selector);
	ok(went && url.test(page.url()), `the keyboard leads on: ${what}`, page.url());
}
ok((await page.locator("main").innerText()).includes("request-"), "three steps, and there is the request id");
await page.goto(`${origin}/console/analytics?time=7d`);
await page.keyboard.press("Tab");
ok(await page.locator(".skip:focus").count(), "the first stop skips what all pages share");
await browser.close();
console.log("end");
