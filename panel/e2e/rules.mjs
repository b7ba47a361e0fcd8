// What the panel works out by itself: amounts, differences, merging, places in a document.
import { deepEqual, equal } from "node:assert/strict";
import { fileURLToPath } from "node:url";

import { createServer } from "vite";

const server = await createServer({
  root: fileURLToPath(new URL("..", import.meta.url)),
  server: { middlewareMode: true, hmr: false, watch: null },
  optimizeDeps: { noDiscovery: true },
  appType: "custom",
  logLevel: "error",
});
const load = (path) => server.ssrLoadModule(path);
const { money, toMajor, fromMajor } = await load("/src/format/money.ts");
const { diff, merge } = await load("/src/routing/diff.ts");
const { placeOf, lineOf } = await load("/src/routing/pointer.ts");

// Exponents are those of ISO 4217, which browsers' tables differ from for some.
for (const [minor, currency, major] of [
  [12500, "NGN", "125.00"],
  [500, "JPY", "500"],
  [5, "KWD", "0.005"],
  [50000, "UGX", "50000"],
  [1050, "IQD", "1.050"],
  [0, "USD", "0.00"],
]) {
  equal(toMajor(minor, currency), major);
  equal(fromMajor(major, currency), minor);
}
equal(fromMajor("12.345", "USD"), null);
equal(fromMajor("12.3400", "USD"), 1234);
equal(fromMajor("1.5", "JPY"), null);
equal(fromMajor("-1", "USD"), null);
equal(fromMajor("1,250.5", "USD"), 125050);
equal(fromMajor("", "USD"), null);
equal(money(999_999_999_999, "USD").replace(/[^0-9]/g, ""), "999999999999");

const base = { default: ["a"], countries: { UG: ["a", "b"], KE: ["a"] }, rules: [{ name: "x", then: { accounts: ["a"] } }] };
const change = (changes) => ({ ...structuredClone(base), ...changes });
deepEqual(diff(base, base), []);
deepEqual(diff(base, change({ countries: { UG: ["b", "a"] } })), [
  { path: "/countries/KE", before: ["a"] },
  { path: "/countries/UG", before: ["a", "b"], after: ["b", "a"] },
]);
deepEqual(diff({ default: ["a"], "a/b~c": 1 }, { default: ["a"] }), [{ path: "/a~1b~0c", before: 1 }]);
equal(diff(base, change({ rules: [{ name: "y", then: {} }, ...base.rules] })).length, 1);

// Changes at different places are both kept; at the same place mine is, and it is named.
const mine = change({ countries: { UG: ["b", "a"], KE: ["a"] }, rules: [...base.rules, { name: "mine", then: {} }] });
const theirs = change({ countries: { UG: ["a", "b"] }, rules: [{ name: "theirs", then: {} }, ...base.rules] });
deepEqual(merge(base, mine, theirs), {
  policy: {
    default: ["a"],
    countries: { UG: ["b", "a"] },
    rules: [{ name: "theirs", then: {} }, ...base.rules, { name: "mine", then: {} }],
  },
  clashes: [],
});
const clash = merge(base, change({ default: ["b"] }), change({ default: ["c"] }));
deepEqual([clash.policy.default, clash.clashes], [["b"], ["/default"]]);
deepEqual(merge(base, change({ rules: [] }), structuredClone(base)).policy.rules, undefined);
deepEqual(merge(base, structuredClone(base), change({ rules: [] })).policy.rules, undefined);

const text = '{\n "a": "x: {[",\n "rules": [\n  {"name": "one"},\n  {"name": "t\\"wo",\n   "then": 1}\n ]\n}';
const line = (pointer) => lineOf(text, placeOf(text, pointer));
deepEqual(["", "/a", "/rules/0", "/rules/1/name", "/rules/1/then", "/rules/9", "/none"].map(line), [1, 2, 4, 5, 6, 3, 1]);

await server.close();
