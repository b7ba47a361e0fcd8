import { watch } from "vue";
import { createRouter, createWebHistory, type RouteRecordRaw } from "vue-router";

import { recognise, may, me, type Role } from "@/session";

declare module "vue-router" {
  interface RouteMeta {
    title: string;
    open?: boolean;
    role?: Role;
  }
}

const routes: RouteRecordRaw[] = [
  { path: "/sign-in", component: () => import("@/pages/SignIn.vue"), meta: { title: "Sign in", open: true } },
  { path: "/", component: () => import("@/pages/Overview.vue"), meta: { title: "Overview" } },
  {
    path: "/transactions",
    component: () => import("@/pages/Transactions.vue"),
    meta: { title: "Transactions" },
  },
  {
    path: "/transactions/:id",
    component: () => import("@/pages/Checkout.vue"),
    props: true,
    meta: { title: "Checkout" },
  },
  { path: "/routing", redirect: "/routing/countries" },
  {
    path: "/routing/:tab",
    component: () => import("@/pages/Routing.vue"),
    props: true,
    meta: { title: "Routing" },
  },
  { path: "/gateways", component: () => import("@/pages/Gateways.vue"), meta: { title: "Gateways" } },
  { path: "/alerts", component: () => import("@/pages/Alerts.vue"), meta: { title: "Alerts" } },
  { path: "/errors", component: () => import("@/pages/Errors.vue"), meta: { title: "Errors" } },
  {
    path: "/operators",
    component: () => import("@/pages/Operators.vue"),
    meta: { title: "Operators", role: "admin" },
  },
  {
    path: "/:rest(.*)*",
    component: () => import("@/pages/Nowhere.vue"),
    meta: { title: "Not found" },
  },
];

export const router = createRouter({
  history: createWebHistory("/admin/"),
  routes,
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? false : { top: 0 }),
});

router.beforeEach(async (to) => {
  try {
    await recognise();
  } catch {
    if (!to.meta.open) return { path: "/sign-in", query: { next: to.fullPath } };
  }
  if (!to.meta.open && !me.value) return { path: "/sign-in", query: { next: to.fullPath } };
  if (to.meta.role && !may(to.meta.role)) return { path: "/" };
  return true;
});

router.afterEach((to, from, failure) => {
  document.title = `${to.meta.title} · smartpay`;
  if (failure || to.path === from.path || from.matched.length === 0) return;
  // Screen readers and keyboards begin at the new page's heading.
  requestAnimationFrame(() => document.querySelector<HTMLElement>("main h1")?.focus());
});

watch(me, (found) => {
  const here = router.currentRoute.value;
  if (!found && !here.meta.open && here.matched.length > 0) {
    void router.push({ path: "/sign-in", query: { next: here.fullPath } });
  }
});
