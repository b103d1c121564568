// Many webhooks at once, every one settled exactly once.

import { PutFunctionConcurrencyCommand } from "@aws-sdk/client-lambda";
import { afterAll, beforeAll, expect, test } from "vitest";
import { setTimeout as pause } from "node:timers/promises";
import { eventually } from "../emulator/wait";
import { Home, payment } from "./home";

/** All at once, over the validator's ten places. */
const WEBHOOKS = 200;

/** How often a sender repeats what was not answered 200, a little later each time. */
const REPEATS_MAX = 40;

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
  const send = async (id: string) => {
    for (let repeat = 0; repeat < REPEATS_MAX; repeat += 1) {
      const { status, outcome } = await home.send(payment(id));
      if (status === 200) {
        return outcome;
      }
      // The function has no free place: providers repeat what was answered 5xx.
      expect(status).toBeGreaterThanOrEqual(429);
      await pause(50 * (repeat + 1) * (0.5 + Math.random()));
    }
    throw new Error(`${id} was never taken`);
  };
  const outcomes = await Promise.all(ids.map(send));
  expect(new Set(outcomes)).toEqual(new Set(["stored"]));
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
