import { onScopeDispose, ref, type Ref } from "vue";

import { api, ask, type Schemas } from "@/api/client";

type Row = Schemas["CheckoutRow"];

/** What changes among the checkouts, as it happens. `connected`: whether it is heard just now. */
export function useLive(onRow: (row: Row) => void, onReload: () => void): Readonly<Ref<boolean>> {
  const connected = ref(false);
  const source = new EventSource("/v1/admin/stream");
  let lost = false;
  source.onopen = () => {
    connected.value = true;
    if (lost) onReload(); // what happened in between was not heard
    lost = false;
  };
  source.onerror = () => {
    connected.value = false;
    lost = true;
    // A browser does not tell why: an ended session shows at the next call.
    if (source.readyState === EventSource.CLOSED) ask(api.GET("/v1/admin/me")).catch(() => {});
  };
  source.addEventListener("checkout", (event: MessageEvent<string>) => onRow(JSON.parse(event.data) as Row));
  source.addEventListener("reload", onReload);
  onScopeDispose(() => source.close());
  return connected;
}

/** The action at most once in so many milliseconds, the last call included. */
export function useCalm(action: () => void, pause: number): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  onScopeDispose(() => clearTimeout(timer));
  return () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      action();
    }, pause);
  };
}
