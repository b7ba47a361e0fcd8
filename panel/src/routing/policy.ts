/** The routing policy's document, as far as this page edits it; docs/routing-policy.md has every key. */
export interface Override {
  enabled?: boolean;
  accounts?: string[];
  only?: boolean;
}
export interface Rule {
  name: string;
  enabled?: boolean;
  when?: { all?: Condition[]; any?: Condition[] };
  then?: {
    accounts?: string[];
    split?: { percent: number; accounts: string[] }[];
    block?: boolean;
    only?: boolean;
    order?: string;
  };
}
export interface BinOverride {
  country: string;
  network?: string;
}
export const NETWORKS = ["visa", "mastercard", "amex", "discover", "diners", "jcb", "unionpay", "verve", "maestro"];
export type Condition = Record<string, unknown>;
export interface Policy {
  default: string[];
  countries?: Record<string, string[]>;
  overrides?: Record<string, Override>;
  override_default?: string[];
  operator_choice?: string[];
  rules?: Rule[];
  bin_overrides?: Record<string, BinOverride>;
  [key: string]: unknown;
}

/** A list of one account may be written as its name alone. */
export function names(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? value.filter((each): each is string => typeof each === "string") : [];
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

/** Equal as documents: the order of keys does not count. */
export function same(one: unknown, two: unknown): boolean {
  if (Array.isArray(one) && Array.isArray(two)) {
    return one.length === two.length && one.every((each, index) => same(each, two[index]));
  }
  if (isObject(one) && isObject(two)) {
    const keys = new Set([...Object.keys(one), ...Object.keys(two)]);
    return [...keys].every((key) => same(one[key], two[key]));
  }
  return one === two;
}

/** "all of country NG, GH; currency NGN". */
export function conditionWords(rule: Rule): string {
  const part = (conditions: Condition[] | undefined, word: string) =>
    conditions?.length ? `${word} ${conditions.map(oneCondition).join("; ")}` : "";
  const parts = [part(rule.when?.all, "all of"), part(rule.when?.any, "any of")].filter(Boolean);
  return parts.length ? parts.join(", and ") : "always";
}

function oneCondition(condition: Condition): string {
  return Object.entries(condition)
    .map(([key, value]) => {
      const name = key.replaceAll("_", " ");
      if (Array.isArray(value)) return `${name} ${value.join(", ")}`;
      return isObject(value) ? `${name} ${JSON.stringify(value)}` : `${name} ${String(value)}`;
    })
    .join(", ");
}

export function actionWords(rule: Rule): string {
  const then = rule.then;
  if (!then) return "—";
  if (then.block) return "refuse the checkout";
  if (then.split) return then.split.map((each) => `${each.percent} % ${names(each.accounts).join(", ")}`).join(" · ");
  return `${names(then.accounts).join(" → ")}${then.only ? ", nobody else" : ""}`;
}
