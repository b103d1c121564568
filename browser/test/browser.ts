// Headless Chromium, closed to everything but this machine.

import { type Browser, type BrowserContextOptions, type Page, chromium } from "playwright-core";

const QUIET = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts the browser that `PAYHOOK_CHROMIUM` names. */
export async function launch(): Promise<Browser> {
  const executablePath = process.env["PAYHOOK_CHROMIUM"];
  if (executablePath === undefined) {
    throw new Error("PAYHOOK_CHROMIUM names the browser; `cargo xtask test --suite browser` sets it");
  }
  // Chromium's own sandbox takes rights that root in a container has not.
  const sandbox = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath, args: [...QUIET, ...sandbox] });
}

/** A page of its own, and everything that went wrong on it. */
export async function open(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<{ page: Page; faults: string[] }> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" && !message.text().includes("ERR_INCOMPLETE_CHUNKED_ENCODING")) {
      faults.push(`console: ${message.text()}`);
    }
  });
  const own = new URL(url).origin;
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== own) {
      faults.push(`request to ${request.url()}`);
    }
  });
  await page.goto(url);
  return { page, faults };
}
