import { isObject, type Policy, type Rule, same } from "@/routing/policy";

/** One place that differs; without `before` it was added, without `after` removed. */
export interface Change {
  path: string;
  before?: unknown;
  after?: unknown;
}

const step = (key: string) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;

/** What differs, by JSON Pointer; rules are told apart by name, and their order is one place. */
export function diff(before: Policy, after: Policy): Change[] {
  const [old, now] = [byName(before.rules), byName(after.rules)];
  const changes = [...members("", rest(before), rest(after)), ...members("/rules", old, now)];
  const stayed = Object.keys(old).filter((name) => name in now);
  if (!same(stayed, Object.keys(now).filter((name) => name in old))) {
    changes.push({ path: "/rules", before: Object.keys(old), after: Object.keys(now) });
  }
  return changes;
}

function members(path: string, before: Record<string, unknown>, after: Record<string, unknown>): Change[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return keys.flatMap((key): Change[] => {
    const [one, two] = [before[key], after[key]];
    const place = path + step(key);
    if (same(one, two)) return [];
    if (isObject(one) && isObject(two)) return members(place, one, two);
    return [{ path: place, ...(one === undefined ? {} : { before: one }), ...(two === undefined ? {} : { after: two }) }];
  });
}

function byName(rules: Rule[] | undefined): Record<string, Rule> {
  return Object.fromEntries((Array.isArray(rules) ? rules : []).map((rule) => [rule.name, rule]));
}

function rest(policy: Policy): Record<string, unknown> {
  return Object.fromEntries(Object.entries(policy).filter(([key]) => key !== "rules"));
}

export interface Merged {
  policy: Policy;
  /** Places that both changed to something different: there, mine was taken. */
  clashes: string[];
}

/** Both people's changes to the same document; where they meet, mine. */
export function merge(base: Policy, mine: Policy, theirs: Policy): Merged {
  const clashes: string[] = [];

  function value(path: string, was: unknown, my: unknown, their: unknown): unknown {
    if (same(my, was)) return their;
    if (same(their, was) || same(my, their)) return my;
    if (isObject(my) && isObject(their)) return object(path, isObject(was) ? was : {}, my, their);
    clashes.push(path);
    return my;
  }

  function object(
    path: string,
    was: Record<string, unknown>,
    my: Record<string, unknown>,
    their: Record<string, unknown>,
  ): Record<string, unknown> {
    const merged: Record<string, unknown> = {};
    for (const key of new Set([...Object.keys(their), ...Object.keys(my)])) {
      const found = value(path + step(key), was[key], my[key], their[key]);
      if (found !== undefined) merged[key] = found;
    }
    return merged;
  }

  const policy = object("", rest(base), rest(mine), rest(theirs)) as Policy;
  const rules = object("/rules", byName(base.rules), byName(mine.rules), byName(theirs.rules));
  const order = mergedOrder(base, mine, theirs).filter((name) => name in rules);
  if (order.length) policy.rules = order.map((name) => rules[name] as Rule);
  return { policy, clashes };
}

/** Whose order counts: theirs where I have only added and removed, else mine. The rest follows. */
function mergedOrder(base: Policy, mine: Policy, theirs: Policy): string[] {
  const [was, my, their] = [base, mine, theirs].map((each) => Object.keys(byName(each.rules)));
  const kept = (list: string[], others: string[]) => list.filter((name) => others.includes(name));
  const moved = !same(kept(my!, was!), kept(was!, my!));
  const [first, second] = moved ? [my!, their!] : [their!, my!];
  return [...new Set([...first, ...second])];
}
