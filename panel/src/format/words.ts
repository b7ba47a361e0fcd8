import type { Schemas } from "@/api/client";

/** How a state is coloured. */
export type Tone = "good" | "bad" | "warn" | "busy" | "plain";

const STATUSES: Record<Schemas["CheckoutStatus"], [string, Tone]> = {
  processing: ["Processing", "busy"],
  requires_action: ["Waits for the customer", "busy"],
  requires_capture: ["Authorized", "busy"],
  in_review: ["In review", "warn"],
  succeeded: ["Succeeded", "good"],
  failed: ["Failed", "bad"],
  canceled: ["Canceled", "plain"],
  expired: ["Expired", "plain"],
};

const ATTEMPTS: Record<Schemas["AttemptStatus"], [string, Tone]> = {
  started: ["Started", "busy"],
  requires_action: ["Waits for the customer", "busy"],
  pending: ["Pending", "busy"],
  unknown: ["Outcome unknown", "warn"],
  authorized: ["Authorized", "good"],
  captured: ["Captured", "good"],
  declined: ["Declined", "bad"],
  not_sent: ["Not sent", "bad"],
  not_found: ["Not found there", "plain"],
  canceled: ["Canceled", "plain"],
  voided: ["Released", "plain"],
  refunded: ["Refunded", "plain"],
};

const OTHERS: Record<string, [string, Tone]> = {
  closed: ["Healthy", "good"],
  open: ["Circuit open", "bad"],
  half_open: ["Being probed", "warn"],
  auto: ["Automatic", "plain"],
  drain: ["Draining", "warn"],
  disable: ["Disabled", "bad"],
  force: ["Forced on", "warn"],
};

export const STATUS_NAMES = Object.entries(STATUSES).map(([value, [name]]) => ({ value, name }));

export function stateWords(state: string): [string, Tone] {
  return (
    STATUSES[state as Schemas["CheckoutStatus"]] ??
    ATTEMPTS[state as Schemas["AttemptStatus"]] ??
    OTHERS[state] ?? [sentence(state), "plain"]
  );
}

/** "insufficient_funds" -> "Insufficient funds". */
export function sentence(code: string): string {
  const text = code.replaceAll(/[_.]/g, " ").trim();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const REVIEWS: Record<Schemas["ReviewReason"], string> = {
  risk: "The risk screening asks for a person's decision.",
  unresolved_outcome:
    "The gateway has not said whether it took the money. Ask the gateway, then decide. It goes on being looked up meanwhile.",
  mismatch: "The gateway charged another amount or currency than asked. Ask the gateway, then decide.",
};
export const reviewWords = (reason: Schemas["ReviewReason"]) => REVIEWS[reason];

const REASONS: Record<string, string> = {
  merchant_choice: "the merchant asked for it",
  operator_choice: "operators send everything there",
  country_override: "a country override",
  country_map: "the list of the payer's country",
  default: "the default list",
};

/** Why an account is in the plan. */
export function reasonWords(reason: string): string {
  return reason.startsWith("rule:") ? `the rule “${reason.slice(5)}”` : (REASONS[reason] ?? sentence(reason));
}

const EXCLUSIONS: Record<string, string> = {
  disabled: "switched off by an operator",
  frozen: "charges are frozen for it",
  currency_unsupported: "does not charge in this currency",
  method_unsupported: "does not take this way of paying",
  capture_unsupported: "cannot authorize now and capture later",
  challenge_unsupported: "cannot ask for 3-D Secure",
  customer_data_missing: "needs something of the customer that is missing",
  no_credentials: "its credentials are missing",
  no_token: "no card token for it, and no page allowed",
  circuit_open: "failing now: its circuit is open",
  amount_out_of_range: "the amount is outside its limits",
  blocked_by_rule: "a rule refuses this checkout",
  customer_data: "needs something of the customer that is missing",
};
export const exclusionWords = (code: string) => EXCLUSIONS[code] ?? sentence(code);

const SOURCES: Record<string, string> = {
  bin: "the card's issuer",
  ip: "the IP address",
  billing: "the billing address",
  default: "nothing known",
};
export const sourceWords = (code: string) => SOURCES[code] ?? code;

const METHODS: Record<Schemas["MethodType"], string> = {
  card: "Card",
  hosted: "Gateway's page",
  mobile_money: "Mobile money",
};
export const methodWords = (method: Schemas["MethodType"]) => METHODS[method];

export const METHOD_NAMES = Object.entries(METHODS).map(([value, name]) => ({ value, name }));

/** 0.886 -> "88.6 %". */
export function percent(rate: number | null): string {
  if (rate === null) return "—";
  return new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 1 }).format(rate);
}

export const count = (value: number) => new Intl.NumberFormat().format(value);

const ERRORS: Record<string, string> = {
  "attempt.declined": "Declined",
  "attempt.not_sent": "Gateway not reached",
  "attempt.unknown": "No clear answer",
  "attempt.mismatch": "An answer that does not fit",
  "attempt.late_success": "Money taken after it had been left",
  "capture.failed": "A capture that the bank did not pay",
  "capture.refused": "Capture refused",
  "refund.failed": "Refund failed",
  "notification.undeliverable": "Merchant not told",
};

export const errorWords = (kind: string): string => ERRORS[kind] ?? sentence(kind);
