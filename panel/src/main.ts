import { createApp } from "vue";

import "element-plus/theme-chalk/base.css";
import "element-plus/theme-chalk/dark/css-vars.css";
import "element-plus/theme-chalk/el-message.css";
import "@/styles/theme.css";
import "@/styles/page.css";
import "@/styles/parts.css";
import App from "@/App.vue";
import { whenSignedOut } from "@/api/client";
import { router } from "@/router";
import { ended, session } from "@/session";
import { startTheme } from "@/theme";

startTheme();
whenSignedOut(() => ended(session.why || "Your session has ended. Sign in to go on."));
createApp(App).use(router).mount("#app");
