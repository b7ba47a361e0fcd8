import type { components } from "#generated/schema";

type Problem = components["schemas"]["ProblemDocument"];
export type FieldError = components["schemas"]["FieldError"];

/** The API said no, or could not be reached. `message` is for people. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly errors: readonly FieldError[] = [],
    readonly requestId: string | null = null,
  ) {
    super(message);
    this.name = "Refusal";
  }

  /** Whether it is unknown if the request took effect. */
  get unclear(): boolean {
    return this.status === 0 || this.status >= 500;
  }
}

export function refusalFrom(response: Response, body: unknown): Refusal {
  const problem = (typeof body === "object" && body !== null ? body : {}) as Partial<Problem>;
  return new Refusal(
    response.status,
    problem.code ?? `http_${response.status}`,
    problem.detail ?? `The server answered ${response.status} without saying why.`,
    problem.errors ?? [],
    problem.request_id ?? response.headers.get("X-Request-Id"),
  );
}

/** Whatever was thrown, as a refusal. */
export function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof DOMException && (error.name === "TimeoutError" || error.name === "AbortError")) {
    return new Refusal(0, "timeout", "The server has not answered in time.");
  }
  if (error instanceof TypeError) {
    return new Refusal(0, "unreachable", "The server cannot be reached. Check your connection.");
  }
  return new Refusal(0, "failed", error instanceof Error ? error.message : String(error));
}
