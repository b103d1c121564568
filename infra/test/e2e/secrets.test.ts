// Signing secrets: before there are any, and while one is being rotated.

import { afterAll, beforeAll, expect, test } from "vitest";
import { Home, payment, SECRETS } from "./home";

let home: Home;

beforeAll(async () => {
  home = await Home.open({ secrets: false });
});

afterAll(() => home?.close());

Home.tellOnFailure(() => home);

test("until an operator has put a secret in, the answer is 503, and then it is not", async () => {
  const refused = await home.send(payment("early"));
  expect(refused).toMatchObject({ status: 503, body: { code: "secrets_unavailable" } });
  await home.putSecret("generic", SECRETS["generic"] ?? "");
  const taken = await home.send(payment("early"));
  expect(taken).toMatchObject({ status: 200, outcome: "stored" });
  await home.becomes("early", "completed");
});

test("a rotated secret signs at once, the one before it still does, and no other", async () => {
  const before = SECRETS["generic"] ?? "";
  expect(await home.send(payment("before"), before)).toMatchObject({ status: 200 });
  await home.putSecret("generic", "the-next-secret");
  expect(await home.send(payment("next"), "the-next-secret")).toMatchObject({ status: 200 });
  expect(await home.send(payment("grace"), before)).toMatchObject({ status: 200 });
  expect(await home.send(payment("wrong"), "no-secret-of-ours")).toMatchObject({ status: 401 });
  for (const id of ["before", "next", "grace"]) {
    await home.becomes(id, "completed");
  }
  expect(await home.payments("wrong")).toEqual([]);
});

test("after another rotation the oldest secret signs no more", async () => {
  await home.putSecret("generic", "the-third-secret");
  expect(await home.send(payment("third"), "the-third-secret")).toMatchObject({ status: 200 });
  expect(await home.send(payment("second"), "the-next-secret")).toMatchObject({ status: 200 });
  const oldest = await home.send(payment("first"), SECRETS["generic"]);
  expect(oldest).toMatchObject({ status: 401 });
});
