// SPDX-License-Identifier: Apache-2.0
//
// Two persons, each with a browser and the SDKs' clients, and two upstreams with a sign-in of their own: Chromium, driven by
// Playwright, beside @modelcontextprotocol/sdk and @modelcontextprotocol/client. Takes JSON: { origin, chromium, persons, upstreams };
// prints a line "ok|not ok - sentence" per check. At an upstream a person has the name PERSON-at-UPSTREAM.
import { chromium } from "playwright-core";
import { Provider, sdk } from "./oauth.mjs";

const { origin, chromium: executablePath, persons, upstreams, shots } = JSON.parse(process.argv[2]);

function ok(good, name, why) {
	console.log(`${good ? "ok" : "not ok"} - ${name}`);
	if (!good && why !== undefined)
		console.log(`# ${typeof why === "string" ? why : JSON.stringify(why)}`.replaceAll("\n", "\n# "));
}

const browser = await chromium.launch({ executablePath, headless: true,
	args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-dev-shm-usage"] });
const text = (page) => page.locator("body").innerText();
const shoot = async (page, name) => shots && page.screenshot({ path: `${shots}/${name}.png`, fullPage: true });

/** At the upstream's own sign-in: who one is there, and that the gateway may. */
async function allow(page, name) {
	await page.locator("input[name=login]").fill(name);
	await page.locator("button[name=allow]").click();
	await page.waitForLoadState();
}

class Person {
	constructor(name) { this.name = name; this.clients = {}; }

	async open() {
		this.context = await browser.newContext();
		this.page = await this.context.newPage();
		// the client's own address: its answer is what came there
		await this.context.route("http://127.0.0.1:33418/**", (route) => {
			this.answer = new URL(route.request().url()).searchParams;
			return route.fulfill({ status: 200, contentType: "text/html", body: "<title>client</title>" });
		});
	}

	/** From the client's address to its answer: sign-in, Connect, the upstream's sign-in, Authorize. */
	async consent(url, upstream) {
		const page = this.page;
		await page.goto(String(url));
		const login = page.locator(`button[name=login][value="${this.name}"]`);
		if (await login.count())
			await login.click();
		const disabled = await page.getByRole("button", { name: "Authorize" }).isDisabled();
		await shoot(page, `${this.name}-${upstream}-consent`);
		await page.getByRole("button", { name: /^Connect/ }).click();
		await page.locator("input[name=login]").waitFor();
		await allow(page, `${this.name}-at-${upstream}`);
		ok(disabled && new URL(page.url()).pathname === "/oauth/setup" && await page.getByRole("button", { name: "Authorize" }).isEnabled(),
			`${this.name} connects ${upstream} from the consent page, and may authorize then`, page.url());
		await page.getByRole("button", { name: "Authorize" }).click();
		await page.waitForURL(/33418/);
		return this.answer;
	}

	async use(upstream, generation) {
		const { Client, StreamableHTTPClientTransport, UnauthorizedError } = await sdk(generation);
		const provider = new Provider(`${this.name}'s client of generation ${generation}`);
		for (let attempt = 0; ; attempt++) {
			const client = new Client({ name: "connections", version: "1" }, { capabilities: { elicitation: { url: {} } } });
			const transport = new StreamableHTTPClientTransport(new URL(`${origin}/mcp/${upstream}`), { authProvider: provider });
			try {
				await client.connect(transport);
				this.clients[upstream] = client;
				return;
			} catch (error) {
				if (!(error instanceof UnauthorizedError) || attempt)
					throw error;
				const answer = await this.consent(provider.authorizationUrl, upstream);
				await (generation === 1 ? transport.finishAuth(answer.get("code")) : transport.finishAuth(answer));
			}
		}
	}

	/** What a tool answers; or the error. */
	async call(upstream, message) {
		try {
			const result = await this.clients[upstream].callTool({ name: "echo", arguments: { message } });
			return result.content[0].text;
		} catch (error) {
			return error;
		}
	}
}

try {
	const people = persons.map((name) => new Person(name));
	for (const [i, person] of people.entries()) {
		await person.open();
		for (const [k, upstream] of upstreams.entries())
			await person.use(upstream, 1 + (i + k) % 2);
	}
	for (const person of people)
		for (const upstream of upstreams) {
			const said = `${person.name} to ${upstream}`;
			ok(await person.call(upstream, said) === `Echo: ${said}`, `${said}: a call`);
		}

	// one disconnects from one
	const [one, other] = people, [first, second] = upstreams;
	await one.page.goto(`${origin}/oauth/grants`);
	ok((await text(one.page)).includes(first) && (await text(one.page)).includes(second), "the page of grants shows both connections", await text(one.page));
	await shoot(one.page, "grants");
	await one.page.getByRole("button", { name: new RegExp(`Disconnect.*${first}`, "i") }).click();
	await one.page.waitForLoadState();
	ok((await one.page.getByRole("button", { name: /Disconnect/ }).count()) === 1, "one button ends one of them", await text(one.page));
	const error = await one.call(first, "gone");
	ok(error?.code === -32042, `${one.name}'s client is told that ${first} has to be connected`, String(error?.stack ?? error));
	const url = error?.data?.elicitations?.[0]?.url;
	ok(url?.startsWith(`${origin}/auth/connections/${first}/connect?`), "with an address to open", url);
	ok(await one.call(second, "still") === "Echo: still", `${second} goes on`);
	ok(await other.call(first, "too") === "Echo: too", `and so does ${other.name}'s ${first}`);

	// somebody else opens the address
	await other.page.goto(url);
	ok(/made for somebody else/.test(await text(other.page)), `${other.name} cannot use the address`, await text(other.page));

	// and the right one, in a browser where nobody is signed in
	const page = await (await browser.newContext()).newPage();
	await page.goto(url);
	await page.locator(`button[name=login][value="${one.name}"]`).click();
	await page.locator("input[name=login]").waitFor();
	await allow(page, `${one.name}-at-${first}`);
	ok(/is connected/.test(await text(page)), `${one.name} signs in on the way, and connects again`, await text(page));
	await shoot(page, "connected");
	ok(await one.call(first, "again") === "Echo: again", "and calls go on, without the client's doing");
} catch (error) {
	ok(false, "the scenario came to its end", String(error?.stack ?? error));
}
await browser.close();
console.log("end");
process.exit(0);
