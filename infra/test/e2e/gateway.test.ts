// What becomes of a payment when the gateway does not simply settle it.

import { afterAll, beforeAll, expect, test } from "vitest";
import { DECLINED, settled, UNAVAILABLE } from "./gateway";
import { Home, payment } from "./home";

let home: Home;

beforeAll(async () => {
  home = await Home.open();
});

afterAll(() => home?.close());

Home.tellOnFailure(() => home);

test("a gateway that fails twice is asked a third time, with the same idempotency key", async () => {
  home.gateway.plan("patient", UNAVAILABLE, UNAVAILABLE, settled("patient"));
  await home.send(payment("patient"));
  const item = await home.becomes("patient", "completed");
  expect(item).toMatchObject({ transactionId: "txn-patient" });
  const keys = home.gateway.callsFor("patient").map(({ key }) => key);
  expect(keys).toHaveLength(3);
  expect(new Set(keys).size).toBe(1);
  await home.ends("patient", "SUCCEEDED");
});

test("when every retry is spent the payment is failed, with error and cause, and so is its execution", async () => {
  home.gateway.plan("hopeless", UNAVAILABLE);
  await home.send(payment("hopeless"));
  const item = await home.becomes("hopeless", "failed");
  expect(item).toMatchObject({ error: "GatewayUnavailable", cause: expect.any(String) });
  expect(item).not.toHaveProperty("transactionId");
  const execution = await home.ends("hopeless", "FAILED");
  expect(execution.error).toBe("PaymentProcessingFailed");
  const keys = home.gateway.callsFor("hopeless").map(({ key }) => key);
  expect(keys).toHaveLength(4);
  expect(new Set(keys).size).toBe(1);
});

test("a declined payment is failed at once", async () => {
  home.gateway.plan("declined", DECLINED);
  await home.send(payment("declined"));
  const item = await home.becomes("declined", "failed");
  expect(item).toMatchObject({ error: "PaymentDeclined" });
  await home.ends("declined", "FAILED");
  expect(home.gateway.callsFor("declined")).toHaveLength(1);
});

test("the gateway is told the whole payment, and its key belongs to the event", async () => {
  await home.send(payment("told", { eventId: "event-told" }));
  await home.becomes("told", "completed");
  const [call] = home.gateway.callsFor("told");
  expect(call?.body).toMatchObject({
    paymentId: "told",
    amount: "12.5",
    amountMinor: 1250,
    currency: "EUR",
    provider: "test",
  });
  const others = home.gateway.calls.filter(({ key }) => key === call?.key);
  expect(others).toHaveLength(1);
});
