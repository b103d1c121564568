// From a webhook at the API to its outcome, and every way to be refused.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../emulator/wait";
import { Home, payment, SECRETS, sign } from "./home";

let home: Home;

beforeAll(async () => {
  home = await Home.open();
});

afterAll(() => home?.close());

Home.tellOnFailure(() => home);

describe("a genuine webhook", () => {
  test("is stored, settled at the gateway, and recorded", async () => {
    const reply = await home.send(payment("settled"));
    expect(reply).toMatchObject({ status: 200, outcome: "stored" });
    expect(reply.body).toEqual({
      message: expect.any(String),
      paymentId: "settled",
      timestamp: expect.any(Number),
    });
    const item = await home.becomes("settled", "completed");
    expect(item).toMatchObject({
      paymentId: "settled",
      timestamp: reply.body.timestamp,
      transactionId: "txn-settled",
      processedAt: expect.any(String),
      updatedAt: expect.any(String),
    });
    await home.ends("settled", "SUCCEEDED");
    expect(home.gateway.callsFor("settled")).toHaveLength(1);
  });

  test("a second time gets the first answer again, and starts nothing", async () => {
    const body = payment("twice", { eventId: "event-twice" });
    const first = await home.send(body);
    await home.becomes("twice", "completed");
    const second = await home.send(body);
    expect(second).toMatchObject({ status: 200, outcome: "duplicate", text: first.text });
    expect(await home.payments("twice")).toHaveLength(1);
    // Whatever the pipe had started would be before what it starts for this one.
    await home.send(payment("after-twice"));
    await home.becomes("after-twice", "completed");
    expect(await home.executions("twice")).toHaveLength(1);
    expect(home.gateway.callsFor("twice")).toHaveLength(1);
  });

  test("with other bytes under the same event is a conflict, kept apart, and starts nothing", async () => {
    await home.send(payment("conflict", { eventId: "event-conflict" }));
    await home.becomes("conflict", "completed");
    const other = payment("conflict", { eventId: "event-conflict", amount: 99 });
    expect(await home.send(other)).toMatchObject({ status: 200, outcome: "conflict" });
    const keys = await home.everything("eventKeysTableName");
    const claim = keys.find(({ paymentId }) => paymentId === "conflict");
    const entries = keys.filter(({ eventKey }) => eventKey === claim?.["eventKey"]);
    expect(entries).toHaveLength(2);
    await home.send(payment("after-conflict"));
    await home.becomes("after-conflict", "completed");
    expect(await home.executions("conflict")).toHaveLength(1);
    expect(home.gateway.callsFor("conflict")).toHaveLength(1);
  });

  test("of another source comes in by its path, and signs in its own way", async () => {
    const body = JSON.stringify(payment("shopped"));
    const signature = sign(body, SECRETS["shop"] ?? "", "base64");
    const reply = await home.post("/shop", body, { "x-shop-signature": signature });
    expect(reply).toMatchObject({ status: 200, outcome: "stored" });
    await home.becomes("shopped", "completed");
  });

  test("in more than ASCII keeps every byte", async () => {
    const body = JSON.stringify(payment("snowman", { note: "☃ é 😀" }));
    expect(await home.send(body)).toMatchObject({ status: 200, outcome: "stored" });
    const [item] = await home.payments("snowman");
    expect(item?.["rawPayload"]).toBe(body);
  });
});

describe("Stripe's webhooks", () => {
  const intent = { id: "pi_till", object: "payment_intent", amount: 1250, currency: "eur" };
  const charge = { id: "ch_till", object: "charge", amount: 1250, currency: "eur" };

  test("settle when the money is in, and only then", async () => {
    const created = await home.sendStripe("payment_intent.created", "evt_created", intent);
    expect(created).toMatchObject({ status: 200, outcome: "stored" });
    const captured = await home.sendStripe("payment_intent.succeeded", "evt_captured", intent);
    expect(captured).toMatchObject({ status: 200, outcome: "stored" });
    await home.ends("pi_till", "SUCCEEDED");
    const items = await home.payments("pi_till");
    expect(items.map(({ kind, state, status }) => ({ kind, state, status }))).toEqual([
      { kind: "payment", state: "created", status: expect.any(String) },
      { kind: "payment", state: "captured", status: "completed" },
    ]);
    expect(items[0]?.["status"]).not.toBe("completed");
    expect(items[1]).toMatchObject({ amount: 12.5, currency: "EUR", minorUnits: 1250, exponent: 2 });
    expect(home.gateway.callsFor("pi_till")).toHaveLength(1);
  });

  test("about the same money find it settled, and ask nobody", async () => {
    const told = { ...charge, payment_intent: "pi_till", captured: true, amount_captured: 1250 };
    const reply = await home.sendStripe("charge.succeeded", "evt_charge", told);
    expect(reply).toMatchObject({ status: 200, outcome: "stored" });
    const [first, second] = await eventually("both are completed", 20_000, async () => {
      const items = (await home.payments("pi_till")).filter(({ state }) => state === "captured");
      return items.length === 2 && items.every(({ status }) => status === "completed") && items;
    });
    expect(second?.["transactionId"]).toBe(first?.["transactionId"]);
    expect(home.gateway.callsFor("pi_till")).toHaveLength(1);
  });

  test("that nobody can read are kept, and end at a person", async () => {
    const reply = await home.sendStripe("payment_intent.x", "evt_strange", []);
    expect(reply).toMatchObject({ status: 200, outcome: "stored" });
    await home.becomes(reply.body.paymentId, "failed");
    const [item] = await home.payments(reply.body.paymentId);
    expect(item).toMatchObject({ kind: "unreadable", error: "EventUnreadable" });
  });
});

test("of ten equal webhooks at once one is stored, and the others get its answer", async () => {
  const body = payment("raced", { eventId: "event-raced" });
  const replies = await Promise.all(Array.from({ length: 10 }, () => home.send(body)));
  const outcomes = replies.map(({ outcome }) => outcome).sort();
  expect(outcomes).toEqual([...Array<string>(9).fill("duplicate"), "stored"]);
  expect(new Set(replies.map(({ text }) => text)).size).toBe(1);
  await home.becomes("raced", "completed");
  expect(home.gateway.callsFor("raced")).toHaveLength(1);
});

interface Refusal {
  readonly what: string;
  readonly path?: string;
  readonly body: string;
  readonly headers: Record<string, string>;
  readonly status: number;
  readonly code: string;
}

const GENERIC = SECRETS["generic"] ?? "";

function signed(body: string): Record<string, string> {
  return { "x-webhook-signature": sign(body, GENERIC, "hex") };
}

const FINE = JSON.stringify(payment("refused"));

const REFUSALS: readonly Refusal[] = [
  { what: "no signature", body: FINE, headers: {}, status: 400, code: "signature_missing" },
  {
    what: "another's signature",
    body: FINE,
    headers: { "x-webhook-signature": sign(FINE, "another", "hex") },
    status: 401,
    code: "signature_invalid",
  },
  {
    what: "one flipped byte",
    body: FINE.replace("12.5", "12.6"),
    headers: signed(FINE),
    status: 401,
    code: "signature_invalid",
  },
  { what: "no JSON", body: "{", headers: signed("{"), status: 400, code: "malformed_json" },
  {
    what: "no payment",
    body: '{"amount": 1}',
    headers: signed('{"amount": 1}'),
    status: 400,
    code: "missing_field",
  },
  {
    what: "an amount that is none",
    body: JSON.stringify(payment("refused", { amount: "much" })),
    headers: signed(JSON.stringify(payment("refused", { amount: "much" }))),
    status: 422,
    code: "invalid_value",
  },
  {
    what: "an unknown source",
    path: "/nobody",
    body: FINE,
    headers: signed(FINE),
    status: 404,
    code: "unknown_source",
  },
  {
    what: "a body that is too long",
    body: "x".repeat(65_537),
    headers: signed("x".repeat(65_537)),
    status: 413,
    code: "body_too_large",
  },
];

describe("refused", () => {
  test.each(REFUSALS)("$what", async (refusal) => {
    const reply = await home.post(refusal.path ?? "", refusal.body, refusal.headers);
    expect(reply.status).toBe(refusal.status);
    expect(reply.body).toEqual({ error: expect.any(String), code: refusal.code });
    expect(await home.payments("refused")).toEqual([]);
  });

  test("bytes that are no text are verified as they are, and then make no sense", async () => {
    const body = new Uint8Array([0x7b, 0xff, 0xfe, 0x00, 0x7d]);
    const headers = { "x-webhook-signature": sign(body, GENERIC, "hex") };
    const reply = await home.post("", body, headers);
    expect(reply).toMatchObject({ status: 400, body: { code: "malformed_json" } });
  });

  test("a body of just the allowed length is let in", async () => {
    const short = JSON.stringify(payment("long", { note: "" }));
    const body = JSON.stringify(payment("long", { note: "x".repeat(65_536 - short.length) }));
    expect(body).toHaveLength(65_536);
    expect(await home.send(body)).toMatchObject({ status: 200, outcome: "stored" });
    await home.becomes("long", "completed");
  });

  test("a forged delivery is kept in quarantine once, and nowhere else", async () => {
    const body = JSON.stringify(payment("forged"));
    const forge = () => home.post("", body, { "x-webhook-signature": sign(body, "x", "hex") });
    expect((await forge()).status).toBe(401);
    expect((await forge()).status).toBe(401);
    const kept = await home.everything("quarantineTableName");
    const same = kept.filter(({ body: bytes }) => Buffer.from(bytes).toString("utf8") === body);
    expect(same).toHaveLength(1);
    expect(same[0]).toMatchObject({ deliveries: 2 });
    expect(await home.payments("forged")).toEqual([]);
    const keys = await home.everything("eventKeysTableName");
    expect(keys.filter(({ paymentId }) => paymentId === "forged")).toEqual([]);
  });
});
