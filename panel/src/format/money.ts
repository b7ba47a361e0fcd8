import reference from "#generated/reference.json";

const EXPONENTS: Record<string, number> = reference.exponents;

export const CURRENCIES = Object.keys(EXPONENTS);

/** Digits after the decimal point by ISO 4217; browsers' own tables differ for some currencies. */
export function exponent(currency: string): number {
  return EXPONENTS[currency] ?? 2;
}

/** Minor units -> an exact decimal text: (12500, "NGN") -> "125.00", (500, "JPY") -> "500". */
export function toMajor(amount: number, currency: string): string {
  const digits = exponent(currency);
  const sign = amount < 0 ? "-" : "";
  const text = String(Math.abs(amount)).padStart(digits + 1, "0");
  return digits === 0 ? sign + text : `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

/** What a person typed -> minor units, or null where it is no exact amount of this currency. */
export function fromMajor(text: string, currency: string): number | null {
  const digits = exponent(currency);
  const found = /^(\d{1,13})(?:\.(\d*))?$/.exec(text.trim().replaceAll(/[\s,_]/g, ""));
  if (!found) return null;
  const fraction = (found[2] ?? "").replace(/0+$/, "");
  if (fraction.length > digits) return null;
  const amount = Number(found[1] + fraction.padEnd(digits, "0"));
  return Number.isSafeInteger(amount) ? amount : null;
}

/** Minor units as people of the reader's language write them, with the currency's code. */
export function money(amount: number, currency: string): string {
  const digits = exponent(currency);
  const format = new Intl.NumberFormat(undefined, {
    style: "currency",
    currency,
    currencyDisplay: "code",
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  // The exact decimal text, not a float: Intl takes strings of any precision.
  return format.format(toMajor(amount, currency) as unknown as number);
}
