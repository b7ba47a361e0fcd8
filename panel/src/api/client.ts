import createClient from "openapi-fetch";

import type { components, paths } from "#generated/schema";
import { refusalFrom } from "@/api/refusal";

export type Schemas = components["schemas"];

const PATIENCE = 20_000; // ms until a call is given up: no spinner turns for ever

let csrfToken: string | null = null;
let onSignedOut: () => void = () => {};

/** What changing calls carry from now on; null: nobody is signed in. */
export function useCsrfToken(token: string | null): void {
  csrfToken = token;
}

/** Called when the session turns out to have ended. */
export function whenSignedOut(handler: () => void): void {
  onSignedOut = handler;
}

export const api = createClient<paths>({
  baseUrl: location.origin,
  credentials: "same-origin",
  fetch: (request: Request) => fetch(request, { signal: AbortSignal.timeout(PATIENCE) }),
});

api.use({
  onRequest({ request }) {
    if (csrfToken && request.method !== "GET") request.headers.set("X-CSRF-Token", csrfToken);
    return request;
  },
});

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The answer's body. Throws Refusal; a lost session also ends the page's. */
export async function ask<T>(call: Promise<Answer<T>>): Promise<T> {
  return (await askWhole(call)).data as T;
}

/** The same with the response, for its headers. */
export async function askWhole<T>(call: Promise<Answer<T>>): Promise<Answer<T>> {
  const answer = await call;
  if (answer.response.ok) return answer;
  const refusal = refusalFrom(answer.response, answer.error);
  if (refusal.status === 401 && csrfToken) onSignedOut();
  throw refusal;
}
