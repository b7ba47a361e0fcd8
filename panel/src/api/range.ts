import { computed, watch } from "vue";
import { useRoute, useRouter } from "vue-router";

import { type Load, useLoad, useRepeat } from "@/api/load";

const RANGES = [
  { value: "1h", name: "1 hour", seconds: 3_600 },
  { value: "24h", name: "24 hours", seconds: 86_400 },
  { value: "7d", name: "7 days", seconds: 7 * 86_400 },
  { value: "30d", name: "30 days", seconds: 30 * 86_400 },
];

/** Something read over the last hours or days, as the address says; read again when that changes, and every
 * so many seconds. Offers the ranges up to the one named `longest`. */
export function useRange<T>(
  read: (query: { since: string; until: string }) => Promise<T>,
  { longest, every }: { longest: string; every: number },
) {
  const route = useRoute();
  const router = useRouter();
  const ranges = RANGES.slice(0, RANGES.findIndex((each) => each.value === longest) + 1);
  const range = computed(() => ranges.find((each) => each.value === route.query.range) ?? ranges[1]!);
  const chosen = computed({
    get: () => range.value.value,
    set: (value: string) => void router.replace({ query: { range: value } }),
  });
  const load: Load<T> = useLoad(() => {
    const now = Date.now();
    return read({
      since: new Date(now - range.value.seconds * 1000).toISOString(),
      until: new Date(now).toISOString(),
    });
  });
  watch(range, () => void load.reload());
  useRepeat(load.reload, every);
  return { ranges, chosen, load };
}
