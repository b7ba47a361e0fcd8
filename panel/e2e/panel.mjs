// One story through the whole panel in a real browser. Reads from STORY: {api, admin_url, api_key, sandbox, people}.
// Prints a line per scene; the first thing that is not so ends it with status 1.
import { ok as assert, equal } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { launch, signedIn } from "./browser.mjs";

const story = JSON.parse(process.env.STORY);
const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const HOSTILE = `<img src=x onerror="window.struck=1"><script>window.struck=1</script>`;
const HOSTILE_MAIL = "'onload='x&lt@example.com"; // angle brackets are refused there
const HOSTILE_KEY = "<b onclick=window.struck=1>";
const HOSTILE_QUERY = "%3Cscript%3Ewindow.struck%3D1%3C/script%3E";
const PATIENCE = 20_000; // ms that anything may take to come true

const NEWCOMER = `Night shift ${Date.now()}`;
const LIVE = `appears-live-${Date.now()}`;

let count = 0;
async function checkOut(body) {
  const headers = {
    authorization: `Bearer ${story.api_key}`,
    "content-type": "application/json",
    "idempotency-key": `story-${Date.now()}-${(count += 1)}`,
  };
  const answer = await fetch(`${story.api}/v1/checkouts`, { method: "POST", headers, body: JSON.stringify(body) });
  const checkout = await answer.json();
  equal(answer.status, 201, JSON.stringify(checkout));
  return checkout;
}
const ugandan = (reference, more = {}) => ({
  amount: 50_000,
  currency: "UGX",
  reference,
  customer: { email: "customer@example.com", name: "A. Customer", country: "UG" },
  payment_method: {
    type: "card",
    tokens: { stripe: "pm_card_visa", flutterwave: "flw-t1nf-success", paystack: "paystack-tok-success" },
  },
  ...more,
});

const NIGERIA = "currency=NGN&amount=780000&country=NG";
const nigerian = (reference) => ({
  ...ugandan(reference),
  amount: 780_000,
  currency: "NGN",
  customer: { email: "customer@example.com", name: "A. Customer", country: "NG" },
});
/** A checkout whose customer pays on a gateway's own page. */
const hosted = (reference, more = {}) => ({
  amount: 5_000,
  currency: "USD",
  reference,
  customer: { email: "customer@example.com", name: "A. Customer", country: "US" },
  payment_method: { type: "hosted" },
  ...more,
});
const merchant = { authorization: `Bearer ${story.api_key}` };
const planned = async (query) =>
  (await (await fetch(`${story.api}/v1/routing/resolve?${query}`, { headers: merchant })).json()).plan;

/** Asks until there is an answer that counts. */
async function until(what, ask) {
  for (const end = Date.now() + PATIENCE; ; ) {
    const answer = await ask();
    if (answer) return answer;
    assert(Date.now() < end, `not within ${PATIENCE / 1000} s: ${what}`);
    await new Promise((done) => setTimeout(done, 150));
  }
}
const fault = (fault) =>
  fetch(`${story.sandbox}/_/faults`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(fault),
  }).then((answer) => assert(answer.ok, `the sandbox refuses ${JSON.stringify(fault)}`));

const browser = await launch();
const pages = [];
async function as(person) {
  const page = await signedIn(browser, story.admin_url, story.people[person]);
  pages.push(page);
  return page;
}
const to = (page, path) => page.goto(`${story.admin_url}${path}`);
const button = (page, name) => page.getByRole("button", { name, exact: true });
const dialog = (page) => page.getByRole("dialog");

async function confirm(page, name, reason) {
  await dialog(page).getByLabel("Reason").fill(reason);
  await dialog(page).getByRole("button", { name, exact: true }).click();
  await dialog(page).waitFor({ state: "hidden" });
}

const scenes = [];
const scene = (name, play) => scenes.push([name, play]);

let admin, other, operator, viewer, refunded;

scene("an admin signs in with a password and a code", async () => {
  admin = await as("admin");
});

scene("a bad rule is refused with its reason, and discarded", async () => {
  await to(admin, "/routing/rules");
  await button(admin, "Add a rule").click();
  const rule = { name: "broken", when: {}, then: { accounts: ["strpe"] } };
  await admin.getByLabel("The rule, as JSON").fill(JSON.stringify(rule));
  await dialog(admin).getByText("did you mean 'stripe'").waitFor();
  await button(admin, "Take into the draft").click();
  assert(await button(admin, "Save …").isDisabled(), "a wrong policy could be saved");
  await button(admin, "Discard").click();
});

scene("Uganda's gateway is changed, simulated and saved; the next checkout follows it", async () => {
  const before = await checkOut(ugandan("before"));
  const [first, wanted] = before.routing.plan.map((each) => each.account);
  equal(before.attempts[0].account, first);
  await to(admin, "/routing/countries");
  await button(admin, "Change Uganda").click();
  await button(admin, `${wanted} earlier`).click();
  await button(admin, "Take into the draft").click();
  await admin.getByText("It could be saved.").waitFor();
  await admin.getByRole("link", { name: "Simulate" }).last().click();
  await admin.getByRole("main").getByRole("button", { name: "Simulate" }).click();
  await admin.getByRole("heading", { name: "What moves where" }).waitFor();
  await button(admin, "Save …").click();
  await confirm(admin, "Save", "Uganda goes elsewhere");
  await admin.getByText("“Uganda goes elsewhere”").first().waitFor();

  await until("the saved policy is in force at the API", async () => {
    const [next] = await planned("currency=UGX&amount=50000&country=UG");
    return next.account === wanted;
  });
  // The worker follows by itself within two seconds; the next checkout after that is the one that counts.
  const after = await until("the next checkout follows", async () => {
    const checkout = await checkOut(ugandan("after"));
    return checkout.routing.plan[0].account === wanted && checkout;
  });
  equal(after.routing.plan[0].account, wanted);
  equal(after.attempts[0].account, wanted);
});

scene("a route is tried", async () => {
  await to(admin, "/routing/try");
  await button(admin, "Plan it").click();
  await admin.getByText("the list of the payer's country").first().waitFor();
});

scene("the issuer of a card is corrected, and decides", async () => {
  const query = "currency=GHS&amount=50000&bin=53998399";
  const country = async () =>
    (await (await fetch(`${story.api}/v1/routing/resolve?${query}`, { headers: merchant })).json()).country;
  equal(await country(), "NG");
  await to(admin, "/routing/cards");
  await button(admin, "Add first digits").click();
  await dialog(admin).getByLabel("First digits").fill("539983x");
  await dialog(admin).getByText("never a whole card number").waitFor();
  await dialog(admin).getByLabel("First digits").fill("539983");
  await dialog(admin).getByLabel("Issuer's country").click();
  await admin.getByRole("option", { name: "Ghana", exact: true }).click();
  await button(admin, "Take into the draft").click();
  await admin.getByText("It could be saved.").waitFor();
  await button(admin, "Save …").click();
  await confirm(admin, "Save", "our acquirer says so");
  await until("the corrected card is in force", async () => (await country()) === "GH");
});

scene("two admins conflict, and nothing is lost", async () => {
  other = await as("other");
  for (const page of [admin, other]) await to(page, "/routing/countries");
  for (const [page, country] of [
    [admin, "Kenya"],
    [other, "Ghana"],
  ]) {
    await button(page, `Change ${country}`).click();
    await dialog(page).getByRole("button", { name: / later$/ }).first().click();
    await button(page, "Take into the draft").click();
    await page.getByText("It could be saved.").waitFor();
  }
  await button(admin, "Save …").click();
  await button(other, "Save …").click();
  await confirm(admin, "Save", "first");
  await dialog(other).getByLabel("Reason").fill("second");
  const late = dialog(other).getByRole("button", { name: "Save", exact: true });
  if (await late.isEnabled()) await late.click();
  await other.getByText("while you were editing").waitFor();
  await dialog(other).getByRole("button", { name: "Back" }).click();
  other.faults.length = 0; // the browser reports the 412
  await other.getByText("/countries/GH").first().waitFor();
  await other.getByText("/countries/KE").first().waitFor();
  await button(other, "Put mine on top of theirs").click();
  await other.getByText("It could be saved.").waitFor();
  await button(other, "Save …").click();
  await confirm(other, "Save", "second");
  await to(other, "/routing/versions");
  for (const reason of ["first", "second"]) await other.getByText(reason).first().waitFor();
});

scene("a checkout appears live, fails over, and succeeds", async () => {
  operator = await as("operator");
  await to(operator, "/transactions");
  await operator.getByText("Live", { exact: true }).waitFor();
  const [first, second] = (await planned(NIGERIA)).map((each) => each.account);
  await fault({ gateway: first, operation: "charge", fault: "error_before", count: 1 });
  refunded = await checkOut(nigerian(LIVE));
  const row = operator.getByRole("row").filter({ hasText: LIVE });
  await row.getByText("Succeeded").waitFor();
  await row.getByText(`${first} → ${second}`).waitFor();
  await row.getByRole("link").click();
  await operator.getByRole("heading", { name: "What happened" }).waitFor();
  const happened = operator.getByRole("region", { name: "What happened" });
  await happened.getByText(`Looked up at ${first}: not charged. Moving on is safe.`).first().waitFor();
  await happened.getByText(`${second} took the money.`).first().waitFor();
});

scene("it is refunded in part", async () => {
  await button(operator, "Refund").click();
  await operator.getByLabel("Amount in NGN").fill("9000");
  await operator.getByText("At most").waitFor();
  await operator.getByLabel("Amount in NGN").fill("2000");
  await confirm(operator, "Refund", "one of two pieces came back");
  const facts = operator.getByRole("region", { name: "Payment" });
  await facts.getByText("2,000.00").waitFor();
  await operator.getByRole("region", { name: "Refunds" }).getByText("Succeeded").waitFor();
});

scene("the next gateway is chosen by hand, and taken", async () => {
  const open = await checkOut(hosted("by-hand"));
  const first = open.attempts[0].account;
  await to(operator, `/transactions/${open.id}`);
  await button(operator, "Choose the next gateway").click();
  const choices = dialog(operator).getByRole("radio");
  const others = await choices.evaluateAll(
    (all, taken) => all.filter((each) => !each.disabled && each.value !== taken).map((each) => each.value),
    first,
  );
  assert(others.length > 0, "no other gateway to choose");
  await dialog(operator).locator(`input[value="${others[0]}"]`).check();
  await dialog(operator).getByRole("checkbox").check();
  await confirm(operator, "Ask this one next", "the page is broken");
  await operator.getByRole("region", { name: "Attempts" }).getByText(`2. ${others[0]}`).waitFor({ timeout: 30_000 });
});

scene("a viewer looks, and cannot intervene", async () => {
  viewer = await as("viewer");
  await to(viewer, `/transactions/${refunded.id}`);
  await viewer.getByRole("heading", { name: "What happened" }).waitFor();
  equal(await button(viewer, "Refund").count(), 0);
  const status = await viewer.evaluate(async (id) => {
    const me = await (await fetch("/v1/admin/me")).json();
    const answer = await fetch(`/v1/admin/checkouts/${id}/refunds`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "x-csrf-token": me.csrf_token,
        "idempotency-key": "a-viewer-tries",
      },
      body: JSON.stringify({ amount: 1, reason: "none of my business" }),
    });
    return answer.status;
  }, refunded.id);
  equal(status, 403);
  viewer.faults.length = 0; // the browser reports that very 403
  await to(viewer, "/operators");
  await viewer.getByRole("heading", { name: "Overview" }).waitFor();
});

scene("one customer pays on the gateway's page, another declines, and the panel shows both", async () => {
  const [paying, declining] = [`pays-${Date.now()}`, `declines-${Date.now()}`];
  const customers = await browser.newContext();
  await to(operator, "/transactions");
  await operator.getByText("Live", { exact: true }).waitFor();

  const paid = await checkOut(hosted(paying));
  const shop = await customers.newPage();
  await shop.goto(paid.next_action.url);
  const row = (reference) => operator.getByRole("row").filter({ hasText: reference });
  await row(paying).getByText("Waits for the customer").waitFor();
  await button(shop, "Pay").click();
  await row(paying).getByText("Succeeded").waitFor();

  const challenged = await checkOut(
    hosted(declining, {
      payment_method: { type: "card", tokens: { stripe: "pm_card_threeDSecure2Required" } },
      allow_redirect: false, // or the next page would open, for another card
    }),
  );
  await shop.goto(challenged.next_action.url);
  await row(declining).getByText("Waits for the customer").waitFor();
  await button(shop, "Fail").click();
  await row(declining).getByText("Failed", { exact: true }).waitFor();

  await row(declining).getByRole("link").click();
  await operator.getByText("stripe declined", { exact: false }).first().waitFor();
  await customers.close();
});

scene("a stopped switch raises an alert, which is acknowledged", async () => {
  await to(operator, "/gateways");
  await button(operator, "Stop Compensation").click();
  await confirm(operator, "Stop", "a drill");
  await operator.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: /Alerts/ }).click();
  const row = operator.getByRole("row").filter({ hasText: "Switch frozen" });
  await row.getByRole("button", { name: /Acknowledge/ }).click();
  await row.waitFor({ state: "hidden" });
  await to(operator, "/gateways");
  await button(operator, "Let it run Compensation").click();
  await confirm(operator, "Let it run", "the drill is over");
});

scene("an outage raises an alert, people are told, and it is acknowledged", async () => {
  const [first] = (await planned(NIGERIA)).map((each) => each.account);
  await fault({ gateway: first, operation: "*", fault: "refuse", seconds: 600 });
  await until("its circuit is open", async () => {
    const checkout = await checkOut(nigerian("outage"));
    return checkout.routing.excluded.some((each) => each.account === first && each.reason === "circuit_open");
  });
  const row = operator.getByRole("row").filter({ hasText: "Account circuit open" }).filter({ hasText: first });
  await until("people are told", async () => {
    await to(operator, "/alerts");
    await row.waitFor();
    return row.getByText(/^Told json-/).isVisible();
  });
  await row.getByRole("button", { name: /Acknowledge/ }).click();
  await row.waitFor({ state: "hidden" });
  await to(operator, "/gateways");
  await operator.getByText("Circuit open").first().waitFor();
  await to(operator, "/errors");
  const group = operator.getByRole("row").filter({ hasText: "Gateway not reached" }).filter({ hasText: first }).first();
  await group.getByRole("link").first().click();
  await operator.getByText(`${first} was not reached`).first().waitFor();
});

scene("an operator is added, and sees the credentials once", async () => {
  await to(admin, "/operators");
  await button(admin, "Add an operator").click();
  await admin.getByLabel("Name").fill(NEWCOMER);
  await confirm(admin, "Add", "joins the night shift");
  await admin.getByRole("img", { name: /QR code/ }).waitFor();
  await button(admin, "I have handed it over").click();
  await admin.getByRole("row").filter({ hasText: NEWCOMER }).getByText("Active").waitFor();
});

scene("markup in whatever customers and merchants supply shows as text", async () => {
  const reference = `markup ${Date.now()}`;
  const checkout = await checkOut(
    ugandan(`${reference} ${HOSTILE}`, {
      customer: { email: HOSTILE_MAIL, name: HOSTILE, phone: "+256700000000", country: "UG" },
      metadata: { note: HOSTILE, [HOSTILE_KEY]: "key" },
      return_url: `https://shop.example/return?${HOSTILE_QUERY}`,
    }),
  );
  for (const [path, shown] of [
    [`/transactions?q=${encodeURIComponent(reference)}`, [HOSTILE]],
    [`/transactions/${checkout.id}`, [HOSTILE, HOSTILE_MAIL, HOSTILE_KEY]],
  ]) {
    await to(operator, path);
    for (const text of shown) await operator.getByText(text).first().waitFor();
    equal(await operator.locator("main script, main img[src='x']").count(), 0);
  }
  equal(await operator.evaluate(() => window.struck), undefined);
});

scene("no page has a serious fault of accessibility", async () => {
  const paths = [
    "/",
    "/transactions",
    `/transactions/${refunded.id}`,
    "/routing/countries",
    "/routing/rules",
    "/routing/document",
    "/routing/versions",
    "/routing/try",
    "/routing/simulate",
    "/gateways",
    "/alerts?show=all",
    "/errors",
    "/operators",
  ];
  // In the dark only colours differ.
  for (const [colorScheme, rules] of [
    ["light", {}],
    ["dark", { runOnly: ["color-contrast"] }],
  ]) {
    await admin.emulateMedia({ colorScheme });
    for (const path of paths) {
      await to(admin, path);
      await admin.locator("main h1").first().waitFor();
      await admin.locator("[aria-busy=true]").waitFor({ state: "detached" });
      await admin.evaluate(axeSource);
      const { violations } = await admin.evaluate((how) => globalThis.axe.run(how), rules);
      const serious = violations
        .filter((each) => each.impact === "serious" || each.impact === "critical")
        .map((each) => `${path} ${colorScheme} ${each.id}: ${each.nodes.map((node) => node.html).slice(0, 3).join(" | ")}`);
      equal(serious.join("\n"), "");
    }
  }
});

scene("signing out ends the session", async () => {
  await button(viewer, "Sign out").click();
  await viewer.getByRole("heading", { name: "Sign in" }).waitFor();
  await to(viewer, "/transactions");
  await viewer.getByRole("heading", { name: "Sign in" }).waitFor();
  viewer.faults.length = 0; // the 401 that this is about
});

scene("the browser has complained of nothing", async () => {
  equal(pages.flatMap((page) => page.faults).join("\n"), "");
});

let current = "";
try {
  for (const [name, play] of scenes) {
    current = name;
    const began = Date.now();
    await play();
    console.log(`so it is: ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
  }
} catch (error) {
  console.error(`not so: ${current}\n${error.stack}`);
  for (const [index, page] of pages.entries()) {
    console.error(`page ${index}: ${page.url()}\n${page.faults.join("\n")}`);
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/page-${index}.png`, fullPage: true });
  }
  process.exitCode = 1;
} finally {
  await browser.close();
}
