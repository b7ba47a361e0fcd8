import { computed, reactive, readonly } from "vue";

import { api, ask, type Schemas, useCsrfToken } from "@/api/client";
import { Refusal } from "@/api/refusal";

export type Role = Schemas["Role"];
const ROLES: readonly Role[] = ["viewer", "operator", "admin"];

const state = reactive({ me: null as Schemas["Me"] | null, asked: false, why: "" });

/** Who is signed in. `why`: what ended the last session, for the sign-in page. */
export const session = readonly(state);
export const me = computed(() => state.me);

/** Whether the role of whoever is signed in covers this one. The API decides; this only shows or hides. */
export function may(role: Role): boolean {
  return state.me !== null && ROLES.indexOf(state.me.role) >= ROLES.indexOf(role);
}

function take(found: Schemas["Me"] | null): void {
  state.me = found;
  state.asked = true;
  useCsrfToken(found?.csrf_token ?? null);
  watchIdleness(found?.idle_seconds ?? 0);
}

/** Ask the API once who this is. Throws Refusal where it cannot be asked. */
export async function recognise(): Promise<void> {
  if (state.asked) return;
  try {
    take(await ask(api.GET("/v1/admin/me")));
  } catch (error) {
    if (!(error instanceof Refusal) || error.status !== 401) throw error;
    take(null);
  }
}

export async function signIn(name: string, password: string, totp: string): Promise<void> {
  take(await ask(api.POST("/v1/admin/sign-in", { body: { name, password, totp } })));
  state.why = "";
}

export async function signOut(why = ""): Promise<void> {
  try {
    await ask(api.POST("/v1/admin/sign-out"));
  } finally {
    ended(why);
  }
}

/** The session is over. */
export function ended(why: string): void {
  state.why = why;
  take(null);
}

let lastTouched = Date.now();
let watcher: ReturnType<typeof setInterval> | undefined;
for (const kind of ["pointerdown", "keydown", "wheel", "touchstart"]) {
  addEventListener(kind, () => (lastTouched = Date.now()), { passive: true });
}

/** The page itself goes on asking the API: without this, a desk that was left would stay signed in. */
function watchIdleness(seconds: number): void {
  clearInterval(watcher);
  lastTouched = Date.now();
  if (!seconds) return;
  watcher = setInterval(() => {
    if (Date.now() - lastTouched < seconds * 1000) return;
    const minutes = Math.round(seconds / 60);
    signOut(`You were signed out after ${minutes} minutes without activity.`).catch(() => {});
  }, 5000);
}
