// Every page, light and dark, at the width of a desk and of a phone, into the folder that OUT names.
// Finds the running installation by its demo.json (DEMO).
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { launch, signedIn } from "./browser.mjs";

const demo = JSON.parse(readFileSync(process.env.DEMO, "utf8"));
const out = process.env.OUT ?? "screenshots";
mkdirSync(out, { recursive: true });

const headers = { authorization: `Bearer ${demo.operator_token}` };
const list = await (await fetch(`${demo.api}/v1/admin/checkouts?limit=100`, { headers })).json();
const failedOver = list.data.find((row) => row.status === "succeeded" && row.attempts.length > 1) ?? list.data[0];

// Something to be seen on the pages about alerts and switches, and taken back at the end.
const frozen = (state) =>
  fetch(`${demo.api}/v1/admin/switches/refunds/adyen`, {
    method: "PUT",
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify({ frozen: state, reason: "for the pictures" }),
  });
await frozen(true);

const PAGES = [
  ["overview", "/"],
  ["transactions", "/transactions"],
  ["checkout", `/transactions/${failedOver.id}`],
  ["routing-countries", "/routing/countries"],
  ["routing-rules", "/routing/rules"],
  ["routing-cards", "/routing/cards"],
  ["routing-document", "/routing/document"],
  ["routing-versions", "/routing/versions"],
  ["routing-try", "/routing/try"],
  ["routing-simulate", "/routing/simulate"],
  ["gateways", "/gateways"],
  ["alerts", "/alerts?show=all"],
  ["errors", "/errors"],
  ["operators", "/operators"],
];
const PRESS = { "routing-try": "Plan it", "routing-simulate": "Simulate" };

const browser = await launch();
const page = await signedIn(browser, demo.admin.url, demo.admin);
const only = process.argv.slice(2);
for (const [size, viewport] of Object.entries({
  desk: { width: 1320, height: 900 },
  phone: { width: 390, height: 844 },
})) {
  await page.setViewportSize(viewport);
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    for (const [name, path] of PAGES) {
      if (only.length && !only.includes(name)) continue;
      await page.goto(`${demo.admin.url}${path}`);
      await page.locator("main h1").first().waitFor();
      if (PRESS[name]) await page.getByRole("main").getByRole("button", { name: PRESS[name], exact: true }).click();
      await page.waitForTimeout(900); // charts and fades
      await page.screenshot({ path: join(out, `${name}-${size}-${colorScheme}.png`), fullPage: true });
    }
  }
}
console.log(page.faults.length ? page.faults.join("\n") : "no complaint of the browser");
await frozen(false);
await browser.close();
