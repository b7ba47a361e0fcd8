/** Where in a JSON text a JSON Pointer (RFC 6901) leads: the place of its value, or of the nearest one above. */
export function placeOf(text: string, pointer: string): number {
  const steps = pointer
    .split("/")
    .slice(1)
    .map((each) => each.replaceAll("~1", "/").replaceAll("~0", "~"));
  let at = 0;
  const space = () => {
    while (/[\s,:]/.test(text[at] ?? "")) at += 1;
  };
  const string = (): string => {
    const start = at;
    at += 1;
    while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
    at += 1;
    try {
      return JSON.parse(text.slice(start, at)) as string;
    } catch {
      return "";
    }
  };
  const skip = () => {
    space();
    if (text[at] === '"') {
      string();
      return;
    }
    if (text[at] !== "{" && text[at] !== "[") {
      while (at < text.length && !/[\s,\]}]/.test(text[at]!)) at += 1;
      return;
    }
    for (let depth = 0; at < text.length; ) {
      const sign = text[at]!;
      if (sign === '"') {
        string();
        continue;
      }
      if (sign === "{" || sign === "[") depth += 1;
      if (sign === "}" || sign === "]") depth -= 1;
      at += 1;
      if (depth === 0) return;
    }
  };

  space();
  let place = at;
  for (const wanted of steps) {
    space();
    const isList = text[at] === "[";
    if (!isList && text[at] !== "{") return place;
    at += 1;
    let found = false;
    for (let index = 0; at < text.length; index += 1) {
      space();
      if (text[at] === "}" || text[at] === "]") break;
      const keyAt = at;
      const key = isList ? String(index) : string();
      space();
      if (key === wanted) {
        place = isList ? at : keyAt;
        found = true;
        break;
      }
      skip();
    }
    if (!found) return place;
  }
  return place;
}

/** 1 for the first line. */
export const lineOf = (text: string, place: number) => text.slice(0, place).split("\n").length;
