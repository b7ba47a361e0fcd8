import { computed, reactive, ref, shallowRef, watch } from "vue";

import { api, ask, askWhole, type Schemas } from "@/api/client";
import { asRefusal, Refusal } from "@/api/refusal";
import { type Change, diff, merge } from "@/routing/diff";
import { copy, type Policy } from "@/routing/policy";
import { me } from "@/session";

type Version = Schemas["PolicyView"];
type Finding = Schemas["Finding"];

const KEY = "smartpay.policy-draft";
const PAUSE = 350; // ms after the last key until the API is asked what is wrong

/** The version that the draft began from, and the draft. One for the whole page: leaving a tab loses nothing. */
const base = shallowRef<Version | null>(null);
const draft = ref<Policy | null>(null);
const error = shallowRef<Refusal | null>(null);
const findings = ref<Finding[]>([]);
const checking = ref(false);
/** Somebody saved in between: their version, which the draft does not build on. */
const theirs = shallowRef<Version | null>(null);

const changes = computed<Change[]>(() =>
  base.value && draft.value ? diff(base.value.policy as Policy, draft.value) : [],
);
const errors = computed(() => findings.value.filter((each) => each.severity === "error"));
const dirty = computed(() => changes.value.length > 0);

async function read(): Promise<Version> {
  return ask(api.GET("/v1/admin/routing/policy"));
}

async function load(): Promise<void> {
  try {
    const found = await read();
    error.value = null;
    if (!base.value || !draft.value) begin(found, kept());
    else if (found.version !== base.value.version) {
      if (dirty.value) theirs.value = found;
      else begin(found, null);
    }
  } catch (thrown) {
    error.value = asRefusal(thrown);
  }
}

interface Kept {
  base: Version;
  draft: Policy;
}

function begin(found: Version, earlier: Kept | null): void {
  theirs.value = null;
  findings.value = [];
  if (!earlier) {
    base.value = found;
    draft.value = copy(found.policy) as Policy;
    return;
  }
  base.value = earlier.base;
  draft.value = earlier.draft;
  if (earlier.base.version !== found.version) theirs.value = found;
}

function kept(): Kept | null {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "null") as Kept | null;
  } catch {
    return null;
  }
}

function discard(): void {
  if (theirs.value) begin(theirs.value, null);
  else if (base.value) begin(base.value, null);
}

/** Put the draft's changes on top of what the other person saved. Answers where both changed the same. */
function onTop(): string[] {
  if (!base.value || !draft.value || !theirs.value) return [];
  const merged = merge(base.value.policy as Policy, draft.value, theirs.value.policy as Policy);
  base.value = theirs.value;
  draft.value = merged.policy;
  theirs.value = null;
  return merged.clashes;
}

/** Throws Refusal. Where somebody else has saved, nothing is lost: `theirs` has their version. */
async function save(reason: string): Promise<void> {
  if (!base.value || !draft.value) return;
  await change(() =>
    askWhole(
      api.PUT("/v1/admin/routing/policy", {
        params: { header: { "If-Match": `"${base.value!.version}"` } },
        body: { policy: draft.value as Record<string, unknown>, reason },
      }),
    ),
  );
}

async function rollBack(version: number, reason: string): Promise<void> {
  if (!base.value) return;
  await change(() =>
    askWhole(
      api.POST("/v1/admin/routing/policy/rollback", {
        params: { header: { "If-Match": `"${base.value!.version}"` } },
        body: { version, reason },
      }),
    ),
  );
}

async function change(call: () => Promise<{ data?: Version }>): Promise<void> {
  try {
    const saved = await call();
    begin(saved.data!, null);
  } catch (thrown) {
    const refusal = asRefusal(thrown);
    if (refusal.status === 412) theirs.value = await read();
    throw refusal;
  }
}

let turn = 0;
async function check(): Promise<void> {
  const mine = ++turn;
  if (!draft.value) return;
  try {
    const body = { policy: draft.value as Record<string, unknown> };
    const verdict = await ask(api.POST("/v1/admin/routing/policy/validate", { body }));
    if (mine === turn) findings.value = [...verdict.errors, ...verdict.warnings];
  } catch (thrown) {
    const message = asRefusal(thrown).message;
    if (mine === turn) findings.value = [{ path: "", code: "unchecked", message, severity: "error" }];
  } finally {
    if (mine === turn) checking.value = false;
  }
}

let timer: ReturnType<typeof setTimeout> | undefined;
watch(
  draft,
  () => {
    clearTimeout(timer);
    turn += 1;
    if (!dirty.value) {
      findings.value = [];
      checking.value = false;
      sessionStorage.removeItem(KEY);
      return;
    }
    checking.value = true;
    timer = setTimeout(() => void check(), PAUSE);
    sessionStorage.setItem(KEY, JSON.stringify({ base: base.value, draft: draft.value }));
  },
  { deep: true },
);
// Somebody else at the same screen does not go on with this draft.
let whose = me.value?.id;
watch(me, (now) => {
  if (now && whose && now.id !== whose) {
    base.value = draft.value = theirs.value = null;
    findings.value = [];
    sessionStorage.removeItem(KEY);
  }
  whose = now?.id ?? whose;
});

addEventListener("beforeunload", (event) => {
  if (dirty.value) event.preventDefault();
});

export const policy = reactive({
  base,
  draft,
  error,
  findings,
  errors,
  checking,
  changes,
  dirty,
  theirs,
  load,
  discard,
  onTop,
  save,
  rollBack,
});
