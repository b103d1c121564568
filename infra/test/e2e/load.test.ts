// Many webhooks at once, every one settled exactly once.

import { PutFunctionConcurrencyCommand } from "@aws-sdk/client-lambda";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../emulator/wait";
import { Home, payment } from "./home";

/** As many at a time as the functions have places for. */
const LANES = 10;
const WEBHOOKS = 200;

let home: Home;

beforeAll(async () => {
  // Retries take their time, as on AWS: the executions wait for a place of the function.
  home = await Home.open({ environment: { SFN_WAIT_SCALE: "1" } });
  // The emulator tells the workflow of a throttled function under another name than AWS does,
  // under which it is not tried again for as long. A few places more, and that is never needed.
  await home.lambda.send(
    new PutFunctionConcurrencyCommand({
      FunctionName: home.outputs["paymentProcessorFunctionName"],
      ReservedConcurrentExecutions: 20,
    }),
  );
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
  // The gateway is here, and can be looked at for nothing.
  const settled = () => new Set(home.gateway.calls.map(({ key }) => key)).size;
  await eventually("the gateway has seen every payment", 90_000, async () => {
    return settled() === WEBHOOKS;
  });
  const items = await eventually("every payment is recorded", 30_000, async () => {
    const all = await home.everything("paymentsTableName");
    return all.every(({ transactionId }) => transactionId) && all;
  });
  expect(items.map(({ paymentId }) => paymentId).sort()).toEqual(ids.sort());
  expect(items.filter(({ status }) => status !== "completed")).toEqual([]);
  const keys = home.gateway.calls.map(({ key }) => key);
  expect(keys).toHaveLength(WEBHOOKS);
  expect(new Set(keys).size).toBe(WEBHOOKS);
});
