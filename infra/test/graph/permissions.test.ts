// Least privilege, as tables: who may do what on what, whom each role trusts, and every place
// where AWS leaves no choice but a wildcard. Adding a line to a policy fails here, and so does
// dropping one.

import { describe, expect, test } from "vitest";
import { GRANTS } from "../../src/grants";
import { arn, DEVELOPMENT, FULL, type Graph, graphOf } from "./graph";

const development = await graphOf(DEVELOPMENT);
const full = await graphOf(FULL);

interface Statement {
  readonly Sid?: string;
  readonly Effect: string;
  readonly Principal?: Readonly<Record<string, string>>;
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: object;
}

type Triple = readonly [role: string, action: string, resource: string];

function statementsOf(document: string): readonly Statement[] {
  const { Version, Statement } = JSON.parse(document);
  expect(Version).toBe("2012-10-17");
  return Statement;
}

function list(value: string | readonly string[]): readonly string[] {
  return typeof value === "string" ? [value] : value;
}

/** Everything that any role of the stack may do. */
function triplesOf(graph: Graph): Triple[] {
  return graph.ofType("aws:iam/rolePolicy:RolePolicy").flatMap(({ inputs }) =>
    statementsOf(inputs["policy"]).flatMap((statement) => {
      expect(statement).toMatchObject({ Effect: "Allow" });
      return list(statement.Action).flatMap((action) =>
        list(statement.Resource).map((resource): Triple => [inputs["role"], action, resource]),
      );
    }),
  );
}

function sorted(triples: readonly Triple[]): string[] {
  return triples.map((triple) => triple.join(" ")).sort();
}

const VALIDATOR = "webhook-validator-role-dev-id";
const PROCESSOR = "payment-processor-role-dev-id";
const WORKFLOW = "step-functions-role-dev-id";
const PIPE = "eventbridge-pipe-role-dev-id";
const API_LOGS = "api-gateway-logs-role-dev-id";

const PAYMENTS = arn("dynamodb", "table/payments-dev");
const STREAM = `${PAYMENTS}/stream/2026-01-01T00:00:00.000`;
const EVENT_KEYS = arn("dynamodb", "table/payment-event-keys-dev");
const QUARANTINE = arn("dynamodb", "table/payment-quarantine-dev");
const KEY = arn("kms", "key/payment-kms-dev");
const secret = (name: string) => arn("secretsmanager", `secret:${name}-AbCdEf`);
const logs = (stem: string) => arn("logs", `log-group:/payhook/dev/${stem}:*`);

const ALLOWED: readonly Triple[] = [
  [VALIDATOR, "dynamodb:PutItem", PAYMENTS],
  [VALIDATOR, "dynamodb:Query", PAYMENTS],
  [VALIDATOR, "dynamodb:PutItem", EVENT_KEYS],
  [VALIDATOR, "dynamodb:UpdateItem", EVENT_KEYS],
  [VALIDATOR, "dynamodb:UpdateItem", QUARANTINE],
  [VALIDATOR, "secretsmanager:GetSecretValue", secret("payment-webhook/dev/generic")],
  [VALIDATOR, "secretsmanager:DescribeSecret", secret("payment-webhook/dev/generic")],
  [VALIDATOR, "kms:Decrypt", KEY],
  [VALIDATOR, "logs:CreateLogStream", logs("webhook-validator")],
  [VALIDATOR, "logs:PutLogEvents", logs("webhook-validator")],
  [VALIDATOR, "xray:PutTraceSegments", "*"],
  [VALIDATOR, "xray:PutTelemetryRecords", "*"],
  [PROCESSOR, "dynamodb:GetItem", PAYMENTS],
  [PROCESSOR, "dynamodb:Query", PAYMENTS],
  [PROCESSOR, "dynamodb:UpdateItem", PAYMENTS],
  [PROCESSOR, "kms:Decrypt", KEY],
  [PROCESSOR, "logs:CreateLogStream", logs("payment-processor")],
  [PROCESSOR, "logs:PutLogEvents", logs("payment-processor")],
  [PROCESSOR, "xray:PutTraceSegments", "*"],
  [PROCESSOR, "xray:PutTelemetryRecords", "*"],
  [WORKFLOW, "lambda:InvokeFunction", arn("lambda", "function:payment-processor-dev")],
  [WORKFLOW, "xray:PutTraceSegments", "*"],
  [WORKFLOW, "xray:PutTelemetryRecords", "*"],
  [WORKFLOW, "xray:GetSamplingRules", "*"],
  [WORKFLOW, "xray:GetSamplingTargets", "*"],
  [WORKFLOW, "logs:CreateLogDelivery", "*"],
  [WORKFLOW, "logs:GetLogDelivery", "*"],
  [WORKFLOW, "logs:UpdateLogDelivery", "*"],
  [WORKFLOW, "logs:DeleteLogDelivery", "*"],
  [WORKFLOW, "logs:ListLogDeliveries", "*"],
  [WORKFLOW, "logs:PutResourcePolicy", "*"],
  [WORKFLOW, "logs:DescribeResourcePolicies", "*"],
  [WORKFLOW, "logs:DescribeLogGroups", "*"],
  [PIPE, "dynamodb:DescribeStream", STREAM],
  [PIPE, "dynamodb:GetRecords", STREAM],
  [PIPE, "dynamodb:GetShardIterator", STREAM],
  [PIPE, "dynamodb:ListStreams", "*"],
  [PIPE, "states:StartExecution", arn("states", "stateMachine:payment-processor-dev")],
  [PIPE, "sqs:SendMessage", arn("sqs", "payment-events-dead-letters-dev")],
  [PIPE, "kms:Decrypt", KEY],
  [PIPE, "kms:GenerateDataKey", KEY],
  [API_LOGS, "logs:CreateLogGroup", "*"],
  [API_LOGS, "logs:CreateLogStream", "*"],
  [API_LOGS, "logs:DescribeLogGroups", "*"],
  [API_LOGS, "logs:DescribeLogStreams", "*"],
  [API_LOGS, "logs:PutLogEvents", "*"],
  [API_LOGS, "logs:GetLogEvents", "*"],
  [API_LOGS, "logs:FilterLogEvents", "*"],
];

/** What a second source and a gateway with headers add. */
const ALLOWED_BESIDES: readonly Triple[] = [
  [VALIDATOR, "secretsmanager:GetSecretValue", secret("payment-webhook/dev/shop")],
  [VALIDATOR, "secretsmanager:DescribeSecret", secret("payment-webhook/dev/shop")],
  [PROCESSOR, "secretsmanager:GetSecretValue", secret("payment-gateway/dev/headers")],
];

describe("permissions", () => {
  test("are these and no others", () => {
    expect(sorted(triplesOf(development))).toEqual(sorted(ALLOWED));
  });

  test("grow only by the secrets that a stack has besides", () => {
    expect(sorted(triplesOf(full))).toEqual(sorted([...ALLOWED, ...ALLOWED_BESIDES]));
  });

  test("name every action in full", () => {
    const actions = triplesOf(full).map(([, action]) => action);
    expect(actions.filter((action) => action.includes("*"))).toEqual([]);
  });

  test("come from nowhere but the roles' own policies", () => {
    const other = /^aws:iam\//;
    const own = ["aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy"];
    const types = full.resources.map(({ type }) => type).filter((type) => other.test(type));
    expect([...new Set(types)].sort()).toEqual(own);
    for (const { inputs } of full.ofType("aws:iam/role:Role")) {
      expect(Object.keys(inputs).sort()).toEqual(["assumeRolePolicy", "name", "tags"]);
    }
  });
});

/** Every grant on everything: whose it is, and what it is called. */
const EVERYWHERE = [
  "apiLogs Logs",
  "pipe Streams",
  "processor Traces",
  "validator Traces",
  "workflow LogDelivery",
  "workflow Traces",
];

describe("wildcard resources", () => {
  test("are these, and each says why", () => {
    const found = Object.entries(GRANTS).flatMap(([role, grants]) =>
      grants.flatMap((grant) => {
        if (!("everywhere" in grant)) {
          return [];
        }
        expect(grant.everywhere.length).toBeGreaterThan(20);
        return [`${role} ${grant.sid}`];
      }),
    );
    expect(found.sort()).toEqual(EVERYWHERE);
  });

  test("besides, a star ends only the streams of a function's own log group", () => {
    const stars = triplesOf(full).filter(([, , on]) => on.includes("*") && on !== "*");
    expect(new Set(stars.map(([, , on]) => on))).toEqual(
      new Set([logs("webhook-validator"), logs("payment-processor")]),
    );
  });
});

/** Role, the service it trusts, and on whose behalf alone. */
const TRUST: readonly [role: string, service: string, source?: string][] = [
  ["webhook-validator-role-dev", "lambda.amazonaws.com"],
  ["payment-processor-role-dev", "lambda.amazonaws.com"],
  [
    "step-functions-role-dev",
    "states.amazonaws.com",
    arn("states", "stateMachine:payment-processor-dev"),
  ],
  [
    "eventbridge-pipe-role-dev",
    "pipes.amazonaws.com",
    arn("pipes", "pipe/payment-events-pipe-dev"),
  ],
  ["api-gateway-logs-role-dev", "apigateway.amazonaws.com"],
];

describe("trust", () => {
  test.each(TRUST)("%s is taken by %s alone", (name: string, service: string, source?: string) => {
    const statement = {
      Effect: "Allow",
      Action: "sts:AssumeRole",
      Principal: { Service: service },
      ...(source !== undefined && {
        Condition: {
          StringEquals: { "aws:SourceAccount": "111122223333" },
          ArnLike: { "aws:SourceArn": source },
        },
      }),
    };
    const document = development.named(name).inputs["assumeRolePolicy"];
    expect(statementsOf(document)).toEqual([statement]);
  });

  test("there is no other role", () => {
    const roles = full.ofType("aws:iam/role:Role").map(({ name }) => name);
    expect(roles.sort()).toEqual(TRUST.map(([name]) => name).sort());
  });
});

describe("the key's policy", () => {
  const statements = statementsOf(development.named("payment-kms-dev").inputs["policy"]);
  const use = [
    "kms:Decrypt",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
  ];
  const owner = { AWS: "arn:aws:iam::111122223333:root" };
  const throughServices = {
    "kms:CallerAccount": "111122223333",
    "kms:ViaService": ["dynamodb", "lambda", "secretsmanager", "sns", "sqs"].map(
      (service) => `${service}.eu-west-1.amazonaws.com`,
    ),
  };

  test.each([
    ["UseThroughServicesAsIamSays", owner, use, { StringEquals: throughServices }],
    [
      "LendToServicesAsIamSays",
      owner,
      ["kms:CreateGrant"],
      { StringEquals: throughServices, Bool: { "kms:GrantIsForAWSResource": "true" } },
    ],
    [
      "EncryptLogs",
      { Service: "logs.eu-west-1.amazonaws.com" },
      use,
      {
        StringEquals: {
          "kms:EncryptionContext:aws:logs:arn": [
            arn("logs", "log-group:/payhook/dev/webhook-validator"),
            arn("logs", "log-group:/payhook/dev/payment-processor"),
            arn("logs", "log-group:/payhook/dev/api-access"),
            arn("logs", "log-group:/aws/vendedlogs/states/payment-processor-dev"),
            arn("logs", "log-group:/aws/vendedlogs/pipes/payment-events-pipe-dev"),
          ],
        },
      },
    ],
    [
      "TellOfAlarms",
      { Service: "cloudwatch.amazonaws.com" },
      ["kms:Decrypt", "kms:GenerateDataKey"],
      {
        StringEquals: { "aws:SourceAccount": "111122223333" },
        ArnLike: { "aws:SourceArn": arn("cloudwatch", "alarm:*-dev") },
      },
    ],
  ])("%s", (Sid, Principal, Action, Condition) => {
    const found = statements.find((statement) => statement.Sid === Sid);
    expect(found).toEqual({ Sid, Effect: "Allow", Principal, Action, Resource: "*", Condition });
  });

  test("says no more than that and who looks after the key", () => {
    expect(statements.map(({ Sid }) => Sid)).toEqual([
      "AdministerAsIamSays",
      "UseThroughServicesAsIamSays",
      "LendToServicesAsIamSays",
      "EncryptLogs",
      "TellOfAlarms",
    ]);
  });

  test("lets nobody who looks after the key use it, and keeps it within reach", () => {
    const [administer] = statements;
    const actions = list(administer?.Action ?? []);
    expect(administer?.Principal).toEqual(owner);
    expect(actions).toContain("kms:PutKeyPolicy");
    expect(actions.filter((action) => use.includes(action))).toEqual([]);
    expect(actions.filter((action) => action.includes("*"))).toEqual([]);
    expect(actions).not.toContain("kms:CreateGrant");
  });
});

describe("resource policies", () => {
  test("only this stack's alarms publish to its topic", () => {
    const policy = development.named("payment-alarms-policy-dev").inputs["policy"];
    expect(statementsOf(policy)).toEqual([
      {
        Sid: "TellOfAlarms",
        Effect: "Allow",
        Principal: { Service: "cloudwatch.amazonaws.com" },
        Action: "sns:Publish",
        Resource: arn("sns", "payment-alarms-dev"),
        Condition: {
          StringEquals: { "aws:SourceAccount": "111122223333" },
          ArnLike: { "aws:SourceArn": arn("cloudwatch", "alarm:*-dev") },
        },
      },
    ]);
  });

  test.each([
    ["payment-processor-sfn-logs", "/aws/vendedlogs/states/payment-processor-dev"],
    ["payment-events-pipe-logs", "/aws/vendedlogs/pipes/payment-events-pipe-dev"],
  ])("%s is written by the delivery of this account alone", (stem, group) => {
    const { inputs } = development.named(`${stem}-policy-dev`);
    const groupArn = arn("logs", `log-group:${group}`);
    expect(inputs["resourceArn"]).toBe(groupArn);
    expect(statementsOf(inputs["policyDocument"])).toEqual([
      {
        Sid: "DeliverLogs",
        Effect: "Allow",
        Principal: { Service: "delivery.logs.amazonaws.com" },
        Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
        Resource: `${groupArn}:log-stream:*`,
        Condition: {
          StringEquals: { "aws:SourceAccount": "111122223333" },
          ArnLike: { "aws:SourceArn": arn("logs", "*") },
        },
      },
    ]);
  });
});
