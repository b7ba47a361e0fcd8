import { onScopeDispose, type Ref, ref, shallowRef } from "vue";

import { asRefusal, type Refusal } from "@/api/refusal";

export interface Load<T> {
  data: Readonly<Ref<T | null>>;
  error: Readonly<Ref<Refusal | null>>;
  loading: Readonly<Ref<boolean>>;
  reload: () => Promise<void>;
  set: (value: T) => void;
}

/** Something read from the API: what was read stays while it is read again; the last call wins. */
export function useLoad<T>(read: () => Promise<T>, immediate = true): Load<T> {
  const data = shallowRef<T | null>(null) as Ref<T | null>;
  const error = shallowRef<Refusal | null>(null);
  const loading = ref(false);
  let turn = 0;
  onScopeDispose(() => (turn = -1));

  async function reload(): Promise<void> {
    if (turn < 0) return;
    const mine = ++turn;
    loading.value = true;
    try {
      const found = await read();
      if (mine !== turn) return;
      data.value = found;
      error.value = null;
    } catch (thrown) {
      if (mine === turn) error.value = asRefusal(thrown);
    } finally {
      if (mine === turn) loading.value = false;
    }
  }

  function set(value: T): void {
    turn += 1; // an answer on its way is older than this
    loading.value = false;
    data.value = value;
    error.value = null;
  }

  if (immediate) void reload();
  return { data, error, loading, reload, set };
}

/** Again and again while the page is looked at. Seconds. */
export function useRepeat(action: () => void, every: number): void {
  const timer = setInterval(() => {
    if (document.visibilityState === "visible") action();
  }, every * 1000);
  onScopeDispose(() => clearInterval(timer));
}
