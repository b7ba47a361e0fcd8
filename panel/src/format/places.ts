import reference from "#generated/reference.json";

const NAMES = new Intl.DisplayNames(undefined, { type: "region" });

export const COUNTRIES: string[] = reference.countries;

/** "UG" -> "Uganda" in the reader's language. */
export function countryName(code: string): string {
  try {
    return NAMES.of(code) ?? code;
  } catch {
    return code;
  }
}
