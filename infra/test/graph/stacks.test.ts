// What differs between a stack for trials and one that money goes through, and what a setting
// changes.

import { describe, expect, test } from "vitest";
import { DEVELOPMENT, FULL, type Graph, graphOf, PRODUCTION } from "./graph";

const development = await graphOf(DEVELOPMENT);
const production = await graphOf(PRODUCTION);

const TABLES = [
  "payments-table-dev",
  "payment-event-keys-table-dev",
  "payment-quarantine-table-dev",
];

describe("what must not be lost", () => {
  test.each([...TABLES, "payment-kms-dev"])("%s is kept in production alone", (name) => {
    const kept = { protect: true, retainOnDelete: true };
    expect(production.named(name).options).toMatchObject(kept);
    const free = { protect: false, retainOnDelete: false };
    expect(development.named(name).options).toMatchObject(free);
  });

  test.each(TABLES)("%s refuses deletion in production alone", (name) => {
    expect(production.named(name).inputs["deletionProtectionEnabled"]).toBe(true);
    expect(development.named(name).inputs["deletionProtectionEnabled"]).toBe(false);
  });

  test("a deleted secret can be fetched back in production alone", () => {
    const days = (graph: Graph) =>
      graph.named("webhook-secret-generic-dev").inputs["recoveryWindowInDays"];
    expect(days(production)).toBe(30);
    expect(days(development)).toBe(0);
  });

  test("nothing else is protected", () => {
    const kept = production.resources.filter(({ options }) => options.protect);
    expect(kept.map(({ name }) => name).sort()).toEqual([...TABLES, "payment-kms-dev"].sort());
  });
});

describe("the firewall", () => {
  test("stands in production alone", () => {
    expect(development.ofType("aws:wafv2/webAcl:WebAcl")).toEqual([]);
    expect(production.ofType("aws:wafv2/webAcl:WebAcl")).toHaveLength(1);
  });

  test("answers 413 to a body that is longer than allowed, and to one too long to look at", () => {
    const { inputs } = production.named("webhook-firewall-dev");
    expect(inputs).toMatchObject({ scope: "REGIONAL", defaultAction: { allow: {} } });
    expect(inputs["associationConfig"]).toEqual({
      requestBodies: [{ apiGateway: { defaultSizeInspectionLimit: "KB_64" } }],
    });
    expect(inputs["rules"]).toHaveLength(1);
    expect(inputs["rules"][0]).toMatchObject({
      action: { block: { customResponse: { responseCode: 413 } } },
      statement: {
        sizeConstraintStatement: {
          fieldToMatch: { body: { oversizeHandling: "MATCH" } },
          comparisonOperator: "GT",
          size: 65_536,
        },
      },
    });
  });

  test("stands before the stage", () => {
    expect(production.named("webhook-firewall-association-dev").inputs).toEqual({
      resourceArn: production.named("api-stage-dev").inputs["arn"] ?? "arn:of:api-stage-dev",
      webAclArn: "arn:of:webhook-firewall-dev",
    });
  });

  test("follows a shorter limit", async () => {
    const graph = await graphOf({ requestSizeFirewall: "true", bodyBytesMax: "1024" });
    const [rule] = graph.named("webhook-firewall-dev").inputs["rules"];
    expect(rule.statement.sizeConstraintStatement.size).toBe(1024);
  });
});

describe("the account's role for API logs", () => {
  test("is left alone when the stack is told so", async () => {
    const graph = await graphOf({ apiGatewayAccountRole: "false" });
    expect(graph.ofType("aws:apigateway/account:Account")).toEqual([]);
    expect(graph.resources.filter(({ name }) => name.startsWith("api-gateway"))).toEqual([]);
  });
});

describe("payments' data in logs", () => {
  test("is there only by request", async () => {
    const graph = await graphOf({ logPayloads: "true" });
    expect(graph.named("payment-processor-sfn-dev").inputs["loggingConfiguration"]).toMatchObject({
      level: "ALL",
      includeExecutionData: true,
    });
    expect(graph.named("payment-events-pipe-dev").inputs["logConfiguration"]).toMatchObject({
      includeExecutionDatas: ["ALL"],
    });
  });
});

describe("figures by request", () => {
  test("reach what they are for", async () => {
    const graph = await graphOf({
      environmentSuffix: "live",
      throttleRate: "7",
      throttleBurst: "9",
      validatorConcurrency: "30",
      processorConcurrency: "40",
      logRetentionDays: "365",
      pipeParallelizationFactor: "10",
      quarantineWriteUnitsMax: "5",
    });
    const places = (stem: string) =>
      graph.named(`${stem}-live`).inputs["reservedConcurrentExecutions"];
    expect(["webhook-validator", "payment-processor"].map(places)).toEqual([30, 40]);
    const { inputs } = graph.named("api-limits-live");
    expect(inputs["settings"]).toMatchObject({ throttlingRateLimit: 7, throttlingBurstLimit: 9 });
    expect(graph.named("api-access-logs-live").inputs["retentionInDays"]).toBe(365);
    const { sourceParameters } = graph.named("payment-events-pipe-live").inputs;
    expect(sourceParameters.dynamodbStreamParameters.parallelizationFactor).toBe(10);
    const quarantine = graph.named("payment-quarantine-table-live").inputs;
    expect(quarantine["onDemandThroughput"]).toEqual({ maxWriteRequestUnits: 5 });
  });
});

describe("the deployment", () => {
  const trigger = (graph: Graph, suffix: string): string =>
    graph.named(`api-deployment-${suffix}`).inputs["triggers"].shape;

  test("stays as long as the API does", async () => {
    expect(trigger(await graphOf({ throttleRate: "5" }), "dev")).toBe(trigger(development, "dev"));
  });

  test("is taken anew when what the API calls is another function", async () => {
    const other = await graphOf({ environmentSuffix: "live" });
    expect(trigger(other, "live")).not.toBe(trigger(development, "dev"));
  });
});

describe("secrets", () => {
  test("have no value: an operator puts it in", async () => {
    const full = await graphOf(FULL);
    expect(full.ofType("aws:secretsmanager/secretVersion:SecretVersion")).toEqual([]);
    const names = full
      .ofType("aws:secretsmanager/secret:Secret")
      .map(({ inputs }) => inputs["name"]);
    expect(names.sort()).toEqual([
      "payment-gateway/dev/headers",
      "payment-webhook/dev/generic",
      "payment-webhook/dev/shop",
    ]);
  });

  test("nothing in any input looks like one", async () => {
    const full = await graphOf(FULL);
    const suspicious = full.resources.flatMap(({ name, inputs }) =>
      walk(inputs, name).filter(({ where, value }) => looksSecret(where, value)),
    );
    expect(suspicious).toEqual([]);
  });

  test("something that looks like one is seen", () => {
    const inputs = { variables: { SIGNING_SECRET: "whsec_c2lnbmluZw", PLAIN: "info" } };
    const seen = walk(inputs, "function").filter(({ where, value }) => looksSecret(where, value));
    expect(seen.map(({ where }) => where)).toEqual(["function.variables.SIGNING_SECRET"]);
  });
});

interface Leaf {
  readonly where: string;
  readonly value: string;
}

/** Every text in something, and where it stands; texts that are JSON are opened. */
function walk(value: unknown, where: string): Leaf[] {
  if (typeof value === "string") {
    return [{ where, value }, ...walk(opened(value), where)];
  }
  if (typeof value !== "object" || value === null) {
    return [];
  }
  return Object.entries(value).flatMap(([key, inner]) => walk(inner, `${where}.${key}`));
}

function opened(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

/** A place for a secret that holds anything but a reference to one or a figure about them. */
function looksSecret(where: string, value: string): boolean {
  if (/^(whsec_|sk_|AKIA|ASIA|-----BEGIN)/.test(value)) {
    return true;
  }
  const place = /secret|password|passwd|credential|private_?key|api_?key/i.test(
    where.split(".").at(-1) ?? "",
  );
  const harmless = /^arn:aws:secretsmanager:|^\d+$/.test(value);
  return place && !harmless;
}
