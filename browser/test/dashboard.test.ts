// What people do when a payment is missing, with the mouse and with the keyboard.

import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { launch, open } from "./browser";
import { PATIENCE_MS, Payhook } from "./payhook";

const SECRET = "whsec-of-the-generic-source";

const CONFIG = `
  [gateway.simulated]
  latency_ms = 50
  failure_percent = 0
  scripts = { unlucky = ["fail", "fail", "fail", "fail", "settle"], broke-1 = ["decline", "settle"], broke-2 = ["decline", "settle"] }
  [sources.generic]
  secrets = [{ value = "${SECRET}", in_clear = true, label = "main" }]
  [sources.stripe]
  provider = "stripe"
  secrets = [{ value = "whsec_stripe", in_clear = true, label = "main" }]
`;

/** Every page, once it is filled. */
const PAGES = [
  "/",
  "/events",
  "/events?payment_id=shop",
  "/events/1",
  "/events/1?clear=true",
  "/payments",
  "/payments?status=captured",
  "/anomalies",
  "/payments/shop",
  "/executions",
  "/executions?status=failed",
  "/executions/1",
  "/executions/1/redrive",
  "/quarantine",
  "/quarantine/1",
  "/quarantine/1/promote",
  "/bulk",
  "/bulk/1",
  "/bulk/new?action=redrive&error=PaymentDeclined",
  "/sources",
  "/endpoints",
  "/audit",
  "/settings",
  "/?span=7d",
  "/find?q=nobody",
];

let payhook: Payhook;
let browser: Browser;

beforeAll(async () => {
  payhook = await Payhook.start(CONFIG);
  await payhook.cli("send", "--payment-id", "shop");
  await payhook.cli("send", "--payment-id", "unlucky");
  await payhook.cli("send", "--payment-id", "forged", "--secret", "another");
  browser = await launch();
});

afterAll(async () => {
  await browser?.close();
  await payhook?.stop();
});

describe("somebody who has signed in", () => {
  let page: Page;
  let faults: string[];

  beforeEach(async () => {
    ({ page, faults } = await open(browser, await payhook.door()));
    return async () => {
      await page.context().close();
      expect(faults).toEqual([]);
    };
  });

  const heading = (name: string | RegExp) => page.getByRole("heading", { level: 1, name });

  test("finds an event by its payment, with the keyboard alone", async () => {
    await page.keyboard.press("/");
    await page.keyboard.type("shop");
    await page.keyboard.press("Enter");
    await heading("Payment shop").waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await heading(/^Event generic\/evt_/).waitFor();
    await page.getByText("proved by the secret main").waitFor();
    await page.getByRole("img", { name: /^State machine/ }).waitFor();
    await page.locator("svg.flow .state.passed", { hasText: "TakeRecord" }).waitFor();
  });

  test("goes past the navigation at once", async () => {
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("content");
  });

  test("sees new events come in without doing anything", async () => {
    await page.getByRole("link", { name: "Events", exact: true }).click();
    await heading("Events").waitFor();
    await payhook.cli("send", "--payment-id", "while-looking");
    const row = page.getByRole("row", { name: /while-looking/ });
    await row.waitFor({ timeout: PATIENCE_MS });
    await row.getByText("succeeded").waitFor({ timeout: PATIENCE_MS });
  });

  test("redrives a failed payment and watches it settle", async () => {
    // Its retries take some seconds; the overview says so when they are spent.
    const spent = page.getByText("1 execution ended badly and waits for a person.");
    await spent.waitFor({ timeout: PATIENCE_MS });
    await page.getByRole("link", { name: "See them" }).first().click();
    await page.getByRole("row", { name: /unlucky/ }).getByRole("link").first().click();
    await page.getByText("GatewayUnavailable").first().waitFor();
    await page.getByRole("link", { name: "Redrive …" }).click();
    await heading("Redrive?").waitFor();
    await page.getByText("goes on from").waitFor();
    await page.getByRole("button", { name: "Redrive" }).click();
    // The browser itself asks for the reason.
    await heading("Redrive?").waitFor();
    await page.getByLabel("Reason").fill("the bank called back");
    await page.getByRole("button", { name: "Redrive" }).click();
    await heading(/^Execution \d+ .*succeeded/).waitFor({ timeout: PATIENCE_MS });
  });

  test("is out once signed out", async () => {
    await page.getByRole("button", { name: "Sign out" }).click();
    await heading("payhook").waitFor();
    await page.goBack();
    await page.reload();
    await page.getByLabel("Token").waitFor();
  });
});

test("a forged delivery says why, and is let in once the secret is mended", async () => {
  const forged = await open(browser, await payhook.door());
  const { page } = forged;
  await page.getByRole("link", { name: "Quarantine", exact: true }).click();
  await page.getByRole("row", { name: /signature_mismatch/ }).getByRole("link").first().click();
  await page.getByRole("heading", { name: "Why it was refused" }).waitFor();
  await page.getByText(/None of \d+ secrets/).waitFor();
  expect(forged.faults).toEqual([]);
  await page.context().close();

  const mended = `[{ value = "${SECRET}", in_clear = true, label = "main" },
    { value = "another", in_clear = true, label = "mended" }]`;
  payhook.configure(CONFIG.replace(/\[\{ value = "whsec-of.*\]/, mended));
  await payhook.restart();

  const again = await open(browser, await payhook.door());
  await again.page.goto(new URL("/quarantine/1", again.page.url()).href);
  await again.page.getByText("With the secrets of now its signature is right").waitFor();
  await again.page.getByRole("link", { name: "Verify again …" }).click();
  await again.page.getByLabel("Reason").fill("the secret was the old one");
  await again.page.getByRole("button", { name: "Verify again" }).click();
  await again.page.getByRole("heading", { level: 1, name: "Payment forged" }).waitFor();
  await again.page.getByText("succeeded").waitFor({ timeout: PATIENCE_MS });
  expect(again.faults).toEqual([]);
  await again.page.context().close();
  // Another for those who come after.
  await payhook.cli("send", "--payment-id", "forged-too", "--secret", "nobody's");
});

test("what has failed is counted, and then redriven all at once", async () => {
  await payhook.cli("send", "--payment-id", "broke-1");
  await payhook.cli("send", "--payment-id", "broke-2");
  const { page, faults } = await open(browser, await payhook.door());
  await page.getByText("2 executions ended badly").waitFor({ timeout: PATIENCE_MS });
  await page.getByRole("link", { name: "Events", exact: true }).click();
  await page.getByLabel("Error").fill("PaymentDeclined");
  await page.getByRole("button", { name: "Redrive all…" }).click();
  await page.getByRole("heading", { level: 1, name: "Redrive many?" }).waitFor();
  await page.getByLabel("Reason").fill("they have topped up");
  await page.getByRole("button", { name: "Dry run" }).click();
  await page.getByRole("heading", { level: 1, name: "Redrive many: dry run" }).waitFor();
  await page.getByRole("heading", { name: "Do it?" }).waitFor({ timeout: PATIENCE_MS });
  await page.getByText(/^generic\/evt_/).nth(1).waitFor();
  expect(await page.getByRole("definition").first().textContent()).toBe("2");
  await page.getByLabel("Reason").fill("they have topped up");
  await page.getByRole("button", { name: "Redrive many" }).click();
  await page.locator(".badge", { hasText: "done" }).waitFor({ timeout: PATIENCE_MS });
  await page.getByRole("link", { name: "Payments", exact: true }).waitFor();
  await page.goto(new URL("/events?payment_id=broke-2", page.url()).href);
  await page.getByText("completed").waitFor({ timeout: PATIENCE_MS });
  expect(faults).toEqual([]);
  await page.context().close();
});

describe("every page", () => {
  const looks = [
    { name: "light", colorScheme: "light", viewport: { width: 1280, height: 900 } },
    { name: "dark", colorScheme: "dark", viewport: { width: 1280, height: 900 } },
    { name: "narrow", colorScheme: "light", viewport: { width: 360, height: 740 } },
  ] as const;

  for (const { name, ...look } of looks) {
    test(`can be used by everybody (${name})`, async () => {
      const { page, faults } = await open(browser, await payhook.door(), look);
      const origin = new URL(page.url()).origin;
      const found: string[] = [];
      for (const path of PAGES) {
        const path_now = path.replace("/quarantine/1", "/quarantine/2");
        const answer = await page.goto(origin + path_now);
        expect(answer?.status(), path_now).toBe(200);
        const { violations } = await new AxeBuilder({ page }).analyze();
        for (const each of violations) {
          const where = each.nodes.map((node) => node.target.join(" ")).slice(0, 3);
          found.push(`${path_now} ${each.impact} ${each.id}: ${where.join(", ")}`);
        }
        const isWide = await page.evaluate(
          () => document.documentElement.scrollWidth > document.documentElement.clientWidth,
        );
        if (isWide) {
          found.push(`${path_now}: wider than the window`);
        }
      }
      await page.goto(`${origin}/sign-in`);
      const { violations } = await new AxeBuilder({ page }).analyze();
      found.push(...violations.map((each) => `/sign-in ${each.impact} ${each.id}`));
      expect(found).toEqual([]);
      expect(faults).toEqual([]);
      await page.context().close();
    });
  }
});
