// Many webhooks at once, every one settled exactly once.

import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../emulator/wait";
import { Home, payment } from "./home";

/** As many at a time as the functions have places for. */
const LANES = 10;
const WEBHOOKS = 200;

let home: Home;

beforeAll(async () => {
  // Retries take their time: two hundred executions wait for the ten places of the function.
  home = await Home.open({ environment: { SFN_WAIT_SCALE: "2" } });
});

afterAll(() => home?.close());

Home.tellOnFailure(() => home);

test(`${WEBHOOKS} webhooks concurrently are each settled exactly once`, async () => {
  const ids = Array.from({ length: WEBHOOKS }, (_, index) => `load-${index}`);
  const waiting = ids.values();
  const lane = async () => {
    for (const id of waiting) {
      expect(await home.send(payment(id))).toMatchObject({ status: 200, outcome: "stored" });
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  const items = await eventually("every payment is settled", 90_000, async () => {
    const all = await home.everything("paymentsTableName");
    return all.every(({ transactionId, error }) => transactionId ?? error) && all;
  });
  expect(items.map(({ paymentId }) => paymentId).sort()).toEqual(ids.sort());
  expect(items.filter(({ status }) => status !== "completed")).toEqual([]);
  const keys = home.gateway.calls.map(({ key }) => key);
  expect(keys).toHaveLength(WEBHOOKS);
  expect(new Set(keys).size).toBe(WEBHOOKS);
});
