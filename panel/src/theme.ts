import { ref, watchEffect } from "vue";

export type Theme = "system" | "light" | "dark";
const KEY = "smartpay.theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

function kept(): Theme {
  const found = localStorage.getItem(KEY);
  return found === "light" || found === "dark" ? found : "system";
}

export const theme = ref<Theme>(kept());
const systemDark = ref(dark.matches);
dark.addEventListener("change", (event) => (systemDark.value = event.matches));

/** Keep the page in the chosen theme from now on. */
export function startTheme(): void {
  watchEffect(() => {
    const isDark = theme.value === "dark" || (theme.value === "system" && systemDark.value);
    document.documentElement.classList.toggle("dark", isDark);
    document.documentElement.classList.toggle("light", !isDark);
    localStorage.setItem(KEY, theme.value);
  });
}
