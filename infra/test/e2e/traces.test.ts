// Traces: what each function does hangs under the segment that Lambda makes for it, and the
// processing of a payment is tied to its webhook, though nothing carries a trace through the
// table's stream.

import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../emulator/wait";
import { archives, Home, payment, SECRETS, sign, WAIT_MS } from "./home";
import { invokeOnce } from "./runtime-api";
import { Daemon, type Segment } from "./xray";

let daemon: Daemon;
let home: Home;

beforeAll(async () => {
  daemon = await Daemon.open();
  home = await Home.open({ environment: { AWS_XRAY_DAEMON_ADDRESS: daemon.address } });
});

afterAll(async () => {
  await home?.close();
  await daemon?.close();
});

Home.tellOnFailure(() => home);

/** A trace id of W3C's kind, as X-Ray writes it. */
function xrayId(traceId: string): string {
  return `1-${traceId.slice(0, 8)}-${traceId.slice(8)}`;
}

function spans(name: string, of: (segment: Segment) => boolean): Segment[] {
  return daemon.segments.filter((segment) => segment.name === name && of(segment));
}

describe("one webhook", () => {
  test("is received within the trace of its invocation, and processed with its name on it", async () => {
    await home.send(payment("traced"));
    const { traceId } = await home.becomes("traced", "completed");
    const webhook = (segment: Segment) => segment.trace_id === xrayId(traceId);
    const named = (segment: Segment) => segment.annotations?.["webhook_trace_id"] === traceId;
    // Claimed and processed: two invocations, two traces.
    await eventually("every span has ended", WAIT_MS, async () => {
      return spans("receive", webhook).length === 1 && spans("task", named).length === 2;
    });
    const [receive] = spans("receive", webhook);
    expect(receive).toMatchObject({ type: "subsegment", parent_id: expect.any(String) });
    for (const name of ["verify", "append"]) {
      expect(spans(name, webhook)).toMatchObject([{ parent_id: receive?.id }]);
    }
    const tasks = spans("task", named);
    for (const task of tasks) {
      expect(task).toMatchObject({ type: "subsegment", parent_id: expect.any(String) });
      expect(task.trace_id).not.toBe(receive?.trace_id);
    }
    const parents = tasks.map(({ id }) => id);
    const calls = spans("gateway", (call) => parents.includes(call.parent_id ?? ""));
    expect(calls).toHaveLength(1);
  });

  test("says nothing else to the daemon", () => {
    expect(daemon.strange).toEqual([]);
    const names = new Set(daemon.segments.map(({ name }) => name));
    expect([...names].sort()).toEqual(["append", "gateway", "receive", "task", "verify"]);
    // The segments themselves are the service's.
    expect(daemon.segments.filter(({ type }) => type !== "subsegment")).toEqual([]);
  });
});

/** A header of an invocation, with a trace of now: X-Ray takes none that is older than a month. */
function invocationHeader(sampled: boolean): { readonly root: string; readonly text: string } {
  const seconds = Math.floor(Date.now() / 1000).toString(16);
  const rest = Math.random().toString(16).slice(2, 14).padEnd(24, "0");
  const root = `1-${seconds}-${rest}`;
  return { root, text: `Root=${root};Parent=53995c3f42cd8ad8;Sampled=${sampled ? 1 : 0}` };
}

/** The validator by itself, with the home's secrets and tables, and one webhook in. */
async function receiveOnce(name: string, traceHeader: string) {
  const { endpoint, region, credentials } = home.emulator.client;
  const body = JSON.stringify(payment(name));
  const headers = { "x-webhook-signature": [sign(body, SECRETS["generic"] ?? "", "hex")] };
  const event = {
    resource: "/webhooks",
    path: "/webhooks",
    httpMethod: "POST",
    multiValueHeaders: headers,
    requestContext: { resourcePath: "/webhooks", stage: "prod", httpMethod: "POST" },
    body: Buffer.from(body).toString("base64"),
    isBase64Encoded: true,
  };
  const secretId = home.outputs["signingSecretNames"]["generic"];
  const environment = {
    TABLE_NAME: home.outputs["paymentsTableName"],
    EVENT_KEYS_TABLE_NAME: home.outputs["eventKeysTableName"],
    QUARANTINE_TABLE_NAME: home.outputs["quarantineTableName"],
    PAYHOOK_SOURCES: JSON.stringify({ generic: { secretId } }),
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_XRAY_DAEMON_ADDRESS: daemon.address,
  };
  const archive = path.join(archives(), "webhook-validator", "bootstrap.zip");
  const answer = await invokeOnce(archive, environment, { event, traceHeader });
  expect(answer.path).toMatch(/\/response$/);
  expect(answer.body).toMatchObject({ statusCode: 200 });
}

test("a webhook's parent is the one in the header of its invocation", async () => {
  const { root, text } = invocationHeader(true);
  await receiveOnce("by-its-header", text);
  const [receive] = await eventually("the webhook's span", WAIT_MS, async () => {
    const seen = spans("receive", ({ trace_id }) => trace_id === root);
    return seen.length > 0 && seen;
  });
  expect(receive).toMatchObject({ type: "subsegment", parent_id: "53995c3f42cd8ad8" });
});

test("a webhook that is not sampled is kept, and sends nothing", async () => {
  const { root, text } = invocationHeader(false);
  await receiveOnce("unsampled", text);
  const item = await home.becomes("unsampled", "completed");
  expect(xrayId(item["traceId"])).toBe(root);
  expect(item).not.toHaveProperty("traceparent");
  expect(daemon.segments.filter(({ trace_id }) => trace_id === root)).toEqual([]);
});

test("a task's parent is the one in the header of its invocation", async () => {
  const archive = path.join(archives(), "payment-processor", "bootstrap.zip");
  const environment = {
    TABLE_NAME: "payments",
    PAYHOOK_GATEWAY: "simulated",
    AWS_XRAY_DAEMON_ADDRESS: daemon.address,
  };
  const { root, text } = invocationHeader(true);
  const answer = await invokeOnce(archive, environment, { event: {}, traceHeader: text });
  expect(answer.path).toMatch(/\/error$/);
  expect(answer.body).toMatchObject({ errorType: "InvalidEvent" });
  const [task] = await eventually("the task's span", WAIT_MS, async () => {
    const seen = spans("task", ({ trace_id }) => trace_id === root);
    return seen.length > 0 && seen;
  });
  expect(task).toMatchObject({ type: "subsegment", parent_id: "53995c3f42cd8ad8" });
});
