// The same traces by OTLP, where the stack says so: a real collector gets the spans of one
// webhook, and its processing links back to it across the stream.

import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../emulator/wait";
import { Collector } from "./collector";
import { Home, payment, WAIT_MS } from "./home";

let collector: Collector;
let home: Home;

beforeAll(async () => {
  collector = await Collector.open();
  home = await Home.open({ config: { otlpEndpoint: collector.endpoint } });
});

afterAll(async () => {
  await home?.close();
  await collector?.close();
});

Home.tellOnFailure(() => home);

test("the processing of a webhook links back to the span that received it", async () => {
  await home.send(payment("collected"));
  const { traceId } = await home.becomes("collected", "completed");
  const spans = await eventually("the spans of both functions", WAIT_MS, async () => {
    const seen = collector.spans();
    const tasks = seen.filter(({ name }) => name === "task");
    return tasks.length === 2 && seen.some(({ name }) => name === "receive") && seen;
  });
  const named = (name: string) => spans.filter((span) => span.name === name);
  const [receive] = named("receive");
  expect(receive).toMatchObject({ service: "webhook-validator", trace: traceId });
  for (const name of ["verify", "append"]) {
    expect(named(name)).toMatchObject([{ trace: traceId, parent: receive?.id }]);
  }
  for (const task of named("task")) {
    expect(task).toMatchObject({
      service: "payment-processor",
      links: [{ trace: traceId, id: receive?.id }],
    });
    expect(task.trace).not.toBe(traceId);
  }
  const parents = named("task").map(({ id }) => id);
  expect(named("gateway").map(({ parent }) => parents.includes(parent))).toEqual([true]);
});
