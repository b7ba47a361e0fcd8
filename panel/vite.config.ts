import { fileURLToPath } from "node:url";

import vue from "@vitejs/plugin-vue";
import { ElementPlusResolver } from "unplugin-vue-components/resolvers";
import Components from "unplugin-vue-components/vite";
import { defineConfig } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// The API serves the result under /admin/ with a Content-Security-Policy that allows no inline script or
// style and nothing from elsewhere: hence no data: URLs and no inlined files.
export default defineConfig({
  base: "/admin/",
  plugins: [vue(), Components({ dts: false, dirs: [], resolvers: [ElementPlusResolver()] })],
  resolve: { alias: { "@": here("./src"), "#generated": here("./generated") } },
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  server: { proxy: { "/v1": process.env.API ?? "http://127.0.0.1:8000" } },
});
