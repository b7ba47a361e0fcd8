// A Chromium of the machine, driven without anything from elsewhere, and what every scenario needs.
import { createHmac } from "node:crypto";

import { chromium } from "playwright-core";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM, headless: true, args: FLAGS });

/** RFC 6238 with the defaults of authenticators: SHA-1, 30 seconds, 6 digits. */
export function totp(secret, at = Date.now()) {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  let bits = "";
  for (const letter of secret.replace(/=+$/, "")) bits += alphabet.indexOf(letter).toString(2).padStart(5, "0");
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)));
  const digest = createHmac("sha1", key).update(counter).digest();
  const offset = digest[digest.length - 1] & 15;
  return String((digest.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

/** A page signed in as somebody ({name, password, totp_secret}); `faults` collects what the browser complains of. */
export async function signedIn(browser, url, who, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1320, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") page.faults.push(message.text());
  });
  await page.goto(url);
  await page.getByLabel("Name").fill(who.name ?? who.email);
  await page.getByLabel("Password").fill(who.password);
  await page.getByLabel("Code of your authenticator").fill(totp(who.totp_secret));
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  page.faults.length = 0; // before signing in, /me answers 401, which the browser reports
  return page;
}
