// The table of settings in the README is the one in the program.

import { readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { KEYS } from "../../src/settings";

const README = path.join(__dirname, "..", "..", "README.md");
const BETWEEN = /(<!-- settings.ts writes: -->\n)[^]*(<!-- until here. -->)/;

test("the README's settings are fresh; PAYHOOK_WRITE=1 writes them anew", () => {
  const rows = Object.entries(KEYS).map(([key, text]) => `| \`${key}\` | ${text} |`);
  const table = ["| key | what it does |", "|---|---|", ...rows, ""].join("\n");
  const found = readFileSync(README, "utf8");
  const fresh = found.replace(BETWEEN, `$1${table}$2`);
  if (process.env["PAYHOOK_WRITE"] === "1") {
    writeFileSync(README, fresh);
  }
  expect(readFileSync(README, "utf8")).toBe(fresh);
});
