// What those say who know AWS better than we do: parliament of every policy, asl-validator of
// the workflow, cfn-lint of every figure and enumeration. Each is also shown to find a mistake.

import * as path from "node:path";
import validate from "asl-validator";
import { describe, expect, test } from "vitest";
import { runTool } from "../tools";
import { FULL, type Graph, graphOf } from "./graph";
import { TRANSLATED, templateOf } from "./template";

const full = await graphOf(FULL);

type Finding = readonly [issue: string, detail: string];

function lintPolicies(documents: readonly string[]): Finding[][] {
  const script = path.join(__dirname, "lint-policies.py");
  const { code, stdout, stderr } = runTool("python", [script], JSON.stringify(documents));
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return JSON.parse(stdout);
}

/**
 * Every policy of the graph, by the resource that has it. Not whom a role trusts: parliament
 * takes a policy without a resource for a broken one. The colons in the time that names a stream
 * it takes for those of the ARN, so they are not shown to it.
 */
function policiesOf(graph: Graph): [name: string, document: string][] {
  return graph.resources.flatMap(({ name, inputs }): [string, string][] => {
    const document = inputs["policy"] ?? inputs["policyDocument"];
    return typeof document === "string"
      ? [[name, document.replaceAll("T00:00:00.000", "T00-00-00.000")]]
      : [];
  });
}

/**
 * Where a star stands though AWS knows something narrower: API Gateway asks for everything, and
 * in a key's policy it means the key. The other stars are of actions without a resource.
 */
const STARS = ["api-gateway-logs-policy-dev", "payment-kms-dev"];

describe("parliament", () => {
  test("finds nothing but the stars that must be", () => {
    const policies = policiesOf(full);
    const findings = lintPolicies(policies.map(([, document]) => document));
    const issues = policies.flatMap(([name], index) =>
      (findings[index] ?? []).map(([issue, detail]) => ({ name, issue, detail })),
    );
    expect(issues.filter(({ issue }) => issue !== "RESOURCE_STAR")).toEqual([]);
    expect([...new Set(issues.map(({ name }) => name))].sort()).toEqual(STARS);
  });

  test("has seen every policy there is", () => {
    expect(
      policiesOf(full)
        .map(([name]) => name)
        .sort(),
    ).toEqual([
      "api-gateway-logs-policy-dev",
      "eventbridge-pipe-policy-dev",
      "payment-alarms-policy-dev",
      "payment-events-pipe-logs-policy-dev",
      "payment-kms-dev",
      "payment-processor-policy-dev",
      "payment-processor-sfn-logs-policy-dev",
      "step-functions-policy-dev",
      "webhook-validator-policy-dev",
    ]);
  });

  test("finds an action that there is not, and one on the wrong resource", () => {
    const policy = (action: string, resource: string) =>
      JSON.stringify({
        Version: "2012-10-17",
        Statement: [{ Effect: "Allow", Action: action, Resource: resource }],
      });
    const table = "arn:aws:dynamodb:eu-west-1:111122223333:table/payments-dev";
    const findings = lintPolicies([
      policy("dynamodb:PutItems", table),
      policy("kms:Decrypt", table),
    ]);
    expect(findings.map((of) => of.map(([issue]) => issue))).toEqual([
      ["UNKNOWN_ACTION"],
      ["RESOURCE_MISMATCH"],
    ]);
  });
});

describe("asl-validator", () => {
  const definition = full.named("payment-processor-sfn-dev").inputs["definition"];

  test("finds nothing in the workflow", () => {
    const result = validate(JSON.parse(definition));
    expect(result.errorsText("\n")).toBe("");
    expect(result.isValid).toBe(true);
  });

  test("finds a state that there is not", () => {
    const broken = definition.replace('"Next": "ClaimPayment"', '"Next": "Nowhere"');
    const { errors } = validate(JSON.parse(broken));
    expect(errors.map((error) => error["Error code"])).toContain("MISSING_TRANSITION_TARGET");
  });
});

describe("cfn-lint", () => {
  function lint(template: object): string[] {
    const args = ["--format", "json", "--regions", "us-east-1"];
    const { stdout, stderr } = runTool("cfn-lint", args, JSON.stringify(template));
    expect(stderr).toBe("");
    const found: { Rule: { Id: string }; Message: string }[] = JSON.parse(stdout);
    return found.map(({ Rule, Message }) => `${Rule.Id} ${Message}`).sort();
  }

  test("finds nothing", () => {
    expect(lint(templateOf(full))).toEqual([]);
  });

  test("has seen every type that translates", () => {
    const types = new Set(full.resources.map(({ type }) => type));
    expect(TRANSLATED.filter((type) => !types.has(type))).toEqual([]);
  });

  test("finds a stream's view that there is not, and a pipe without a starting position", () => {
    const broken = structuredClone(templateOf(full)) as any;
    broken.Resources.paymentstabledev.Properties.StreamSpecification.StreamViewType = "NEW";
    const { SourceParameters } = broken.Resources.paymenteventspipedev.Properties;
    delete SourceParameters.DynamoDBStreamParameters.StartingPosition;
    expect(lint(broken)).toHaveLength(2);
  });
});
