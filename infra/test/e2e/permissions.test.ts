// Least privilege by mutation: with IAM enforced, each single action of the functions' roles is
// dropped in turn, and the scenario that needs it fails; with all of them it passes.
//
// The emulator enforces what a function calls with its role's credentials: DynamoDB and Secrets
// Manager. kms:Decrypt, the logs and the traces are used by the services on the role's behalf,
// which it does not check; that these are there, and nothing else, is held by the exact table
// in test/graph/permissions.test.ts.

import { GetRolePolicyCommand, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import { PipesClient, StopPipeCommand } from "@aws-sdk/client-pipes";
import { PutSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GRANTS } from "../../src/grants";
import { Home, payment, SECRETS, sign } from "./home";

let home: Home;

beforeAll(async () => {
  home = await Home.open({ config: { gatewayHeadersSecret: "true" } });
  // Otherwise the workflow would claim what a scenario is about to.
  await new PipesClient(home.emulator.client).send(
    new StopPipeCommand({ Name: "payment-events-pipe-e2e" }),
  );
  await home.secrets.send(
    new PutSecretValueCommand({
      SecretId: home.outputs["gatewaySecretName"],
      SecretString: JSON.stringify({ authorization: "Bearer of-the-gateway" }),
    }),
  );
});

afterAll(() => home?.close());

Home.tellOnFailure(() => home);

/** Something that needs a permission: it passes with it, and fails without it. */
type Scenario = (name: string) => Promise<void>;

async function aWebhookIsStored(name: string): Promise<void> {
  expect(await home.send(payment(name))).toMatchObject({ status: 200, outcome: "stored" });
}

/** The shop's secret is read for its first webhook, and known from then on. */
async function aSourceIsHeardOfFirst(name: string): Promise<void> {
  const body = JSON.stringify(payment(name));
  const signature = sign(body, SECRETS["shop"] ?? "", "base64");
  const reply = await home.post("/shop", body, { "x-shop-signature": signature });
  expect(reply).toMatchObject({ status: 200, outcome: "stored" });
}

async function aConflictIsKept(name: string): Promise<void> {
  const first = payment(name, { eventId: name });
  const { outcome } = await home.send(first);
  expect(["stored", "duplicate"]).toContain(outcome);
  const other = payment(name, { eventId: name, amount: 99 });
  expect(await home.send(other)).toMatchObject({ status: 200, outcome: "conflict" });
}

async function aForgeryIsKept(name: string): Promise<void> {
  const body = JSON.stringify(payment(name));
  const before = await home.everything("quarantineTableName");
  await home.send(body, "no-secret-of-ours");
  const after = await home.everything("quarantineTableName");
  expect(after).toHaveLength(before.length + 1);
}

/** Called directly, so that no retry hides a failure. */
async function aPaymentIsClaimed(name: string): Promise<void> {
  const records = await recordsOf(name);
  const { error, answer } = await home.process({ task: "claim_payment", execution: "e", records });
  expect(error).toBeUndefined();
  expect(answer).toMatchObject({ claimed: expect.any(Boolean) });
}

async function aFreshPaymentIsClaimed(name: string): Promise<void> {
  const records = await recordsOf(name);
  const claim = { task: "claim_payment", execution: "e", records };
  const { error, answer } = await home.process(claim);
  expect(error).toBeUndefined();
  expect(answer).toEqual({ claimed: true, status: "processing" });
}

async function theGatewayKnowsUs(name: string): Promise<void> {
  const records = await recordsOf(name);
  const { error } = await home.process({ task: "process_payment", execution: "e", records });
  expect(error).toBeUndefined();
  const [call] = home.gateway.callsFor(name);
  expect(call?.headers["authorization"]).toBe("Bearer of-the-gateway");
}

/** Where an event tells a state of its payment, others about the same are looked for first. */
async function aCaptureIsSettled(name: string): Promise<void> {
  const intent = { id: name, object: "payment_intent", amount: 1250, currency: "eur" };
  await home.sendStripe("payment_intent.succeeded", `evt_${name}`, intent);
  const records = await recordsOf(name);
  const { error } = await home.process({ task: "process_payment", execution: "e", records });
  expect(error).toBeUndefined();
}

/** What a workflow hands to every task for a new payment. */
async function recordsOf(name: string): Promise<object[]> {
  const [known] = await home.payments(name);
  const timestamp = known?.["timestamp"] ?? (await home.send(payment(name))).body.timestamp;
  return [{ paymentId: { S: name }, timestamp: { N: String(timestamp) } }];
}

type Line = readonly [
  role: "validator" | "processor",
  sid: string,
  action: string,
  scenario: Scenario,
];

/** What is read once for each source or function stands first, before anything else has it read. */
const MUTATIONS: readonly Line[] = [
  ["validator", "Secrets", "secretsmanager:GetSecretValue", aSourceIsHeardOfFirst],
  ["validator", "Secrets", "secretsmanager:DescribeSecret", aWebhookIsStored],
  ["processor", "Secrets", "secretsmanager:GetSecretValue", theGatewayKnowsUs],
  ["validator", "Payments", "dynamodb:PutItem", aWebhookIsStored],
  ["validator", "Payments", "dynamodb:Query", aWebhookIsStored],
  ["validator", "EventKeys", "dynamodb:PutItem", aWebhookIsStored],
  ["validator", "EventKeys", "dynamodb:UpdateItem", aConflictIsKept],
  ["validator", "Quarantine", "dynamodb:UpdateItem", aForgeryIsKept],
  ["processor", "Payments", "dynamodb:GetItem", aPaymentIsClaimed],
  ["processor", "Payments", "dynamodb:Query", aCaptureIsSettled],
  ["processor", "Payments", "dynamodb:UpdateItem", aFreshPaymentIsClaimed],
];

const ROLES = { validator: "webhook-validator", processor: "payment-processor" } as const;

/** Puts the role's policy without one action of one statement, and hands back the whole one. */
async function drop(role: Line[0], sid: string, action: string): Promise<() => Promise<void>> {
  const RoleName = `${ROLES[role]}-role-e2e`;
  const PolicyName = `${ROLES[role]}-policy-e2e`;
  const { PolicyDocument } = await home.iam.send(
    new GetRolePolicyCommand({ RoleName, PolicyName }),
  );
  const document = decodeURIComponent(PolicyDocument ?? "");
  const put = async (text: string) => {
    await home.iam.send(new PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument: text }));
  };
  const whole: { Statement: { Sid: string; Action: string[] }[] } = JSON.parse(document);
  const statements = whole.Statement.map((statement) =>
    statement.Sid === sid
      ? { ...statement, Action: statement.Action.filter((one) => one !== action) }
      : statement,
  );
  const changed = statements.filter(({ Action }) => Action.length > 0);
  const count = (all: { Action: string[] }[]) => all.flatMap(({ Action }) => Action).length;
  expect(count(changed)).toBe(count(whole.Statement) - 1);
  await put(JSON.stringify({ ...whole, Statement: changed }));
  return () => put(document);
}

describe("each action is needed", () => {
  test.each(MUTATIONS)("%s %s %s", async (role, sid, action, scenario) => {
    const name = `${role}-${sid}-${action.replace(":", "-")}`;
    const restore = await drop(role, sid, action);
    try {
      await expect(scenario(name)).rejects.toThrow();
    } finally {
      await restore();
    }
    await scenario(`${name}-whole`);
  });

  test("and every one that the emulator can enforce has been dropped", () => {
    const enforced = (["validator", "processor"] as const).flatMap((role) =>
      GRANTS[role].flatMap(({ sid, actions }) =>
        actions
          .filter((action) => /^(dynamodb|secretsmanager):/.test(action))
          .map((action) => `${role} ${sid} ${action}`),
      ),
    );
    const dropped = MUTATIONS.map(([role, sid, action]) => `${role} ${sid} ${action}`);
    expect(dropped.sort()).toEqual(enforced.sort());
  });
});
