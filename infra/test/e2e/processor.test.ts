// The processor as others call it: the pipe that repeats itself, the forms of the original
// program, and events that make no sense.

import { PutItemCommand } from "@aws-sdk/client-dynamodb";
import { StartExecutionCommand } from "@aws-sdk/client-sfn";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../emulator/wait";
import { Home, payment, WAIT_MS } from "./home";

let home: Home;

beforeAll(async () => {
  home = await Home.open();
});

afterAll(() => home?.close());

Home.tellOnFailure(() => home);

test("a batch that the pipe repeats finds its payment settled, and asks the gateway nothing", async () => {
  await home.send(payment("repeated"));
  await home.becomes("repeated", "completed");
  const { input } = await home.ends("repeated", "SUCCEEDED");
  const { stateMachineArn } = home.outputs;
  await home.sfn.send(new StartExecutionCommand({ stateMachineArn, input }));
  const outputs = await eventually("both executions have ended", WAIT_MS, async () => {
    const executions = await home.executions("repeated");
    const ended = executions.filter(({ status }) => status === "SUCCEEDED");
    return ended.length === 2 && ended.map(({ output }) => JSON.parse(output ?? "{}"));
  });
  expect(outputs).toContainEqual({ claimed: false, status: "completed" });
  expect(home.gateway.callsFor("repeated")).toHaveLength(1);
});

describe("an item of the original program", () => {
  /** Exactly what its validator wrote: no event key, no trace, numbers as numbers. */
  async function put(paymentId: string, timestamp: number): Promise<void> {
    const body = { paymentId, amount: 99.99, currency: "USD", status: "pending", provider: "acme" };
    await home.dynamodb.send(
      new PutItemCommand({
        TableName: home.outputs["paymentsTableName"],
        Item: {
          paymentId: { S: paymentId },
          timestamp: { N: String(timestamp) },
          amount: { N: "99.99" },
          currency: { S: "USD" },
          status: { S: "pending" },
          provider: { S: "acme" },
          receivedAt: { S: new Date(timestamp).toISOString() },
          rawPayload: { S: JSON.stringify(body) },
        },
      }),
    );
  }

  test("is processed like any other", async () => {
    await put("old", 1_700_000_000_123);
    const item = await home.becomes("old", "completed");
    expect(item).toMatchObject({ amount: 99.99, provider: "acme", transactionId: "txn-old" });
    await home.ends("old", "SUCCEEDED");
    expect(home.gateway.callsFor("old")).toHaveLength(1);
  });

  test("is left as it is once the original has completed it", async () => {
    await put("done", 1_700_000_000_456);
    const first = await home.becomes("done", "completed");
    const again = await home.process({ paymentId: "done", timestamp: 1_700_000_000_456 });
    expect(again.error).toBeUndefined();
    expect(await home.payments("done")).toEqual([first]);
    expect(home.gateway.callsFor("done")).toHaveLength(1);
  });
});

test("the direct form of the original settles a payment, and answers as it did", async () => {
  await home.send(payment("direct"));
  const { timestamp } = await home.becomes("direct", "completed");
  const { error, answer } = await home.process({ paymentId: "direct", timestamp });
  expect(error).toBeUndefined();
  expect(answer).toMatchObject({
    success: true,
    paymentId: "direct",
    transactionId: "txn-direct",
    status: "completed",
  });
  expect(home.gateway.callsFor("direct")).toHaveLength(1);
});

/** A record of a stream, as far as the processor looks. */
function record(paymentId: string): object {
  const key = { paymentId: { S: paymentId }, timestamp: { N: "1" } };
  return { eventName: "INSERT", dynamodb: { Keys: key, NewImage: key } };
}

const MALFORMED: readonly [what: string, event: unknown, error: string][] = [
  ["nothing", {}, "InvalidEvent"],
  ["null", null, "InvalidEvent"],
  ["a text", "payment", "InvalidEvent"],
  ["an empty array", [], "InvalidEvent"],
  ["a payment without its time", { paymentId: "nobody" }, "InvalidEvent"],
  ["a time that is a text", { paymentId: "nobody", timestamp: "soon" }, "InvalidEvent"],
  ["a record without keys", [{ eventName: "INSERT", dynamodb: {} }], "InvalidEvent"],
  ["an unknown task", { task: "refund", records: [] }, "InvalidEvent"],
  ["a payment that there is not", { paymentId: "nobody", timestamp: 1 }, "PaymentNotFound"],
  ["a record of none, in the pipe's array", [record("nobody")], "PaymentNotFound"],
  ["a bare record of none", record("nobody"), "PaymentNotFound"],
];

test.each(MALFORMED)("%s ends with its own name", async (_what, event, error) => {
  expect(await home.process(event)).toMatchObject({ error });
});
