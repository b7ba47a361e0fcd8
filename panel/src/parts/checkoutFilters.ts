import type { LocationQuery } from "vue-router";

/** The filters of the list, as they stand in the address; empty: not set. */
export interface Filters {
  q: string;
  status: string[];
  gateway: string;
  account: string;
  country: string;
  currency: string;
  amount_min: string;
  amount_max: string;
  created_from: string;
  created_to: string;
}

const one = (value: LocationQuery[string] | undefined) =>
  (Array.isArray(value) ? (value[0] ?? "") : (value ?? "")) as string;

export function filtersFrom(query: LocationQuery): Filters {
  const status = query.status;
  return {
    q: one(query.q),
    status: (Array.isArray(status) ? status : [status]).filter((each): each is string => !!each),
    gateway: one(query.gateway),
    account: one(query.account),
    country: one(query.country),
    currency: one(query.currency),
    amount_min: one(query.amount_min),
    amount_max: one(query.amount_max),
    created_from: one(query.created_from),
    created_to: one(query.created_to),
  };
}

/** For the address and for the API: only what is set. */
export function queryOf(filters: Filters): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(filters).filter(([, value]) => (Array.isArray(value) ? value.length > 0 : !!value)),
  ) as Record<string, string | string[]>;
}
