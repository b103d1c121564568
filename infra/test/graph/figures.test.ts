// Every figure and property that the stack promises, one line each.

import { describe, expect, test } from "vitest";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { arn, DEVELOPMENT, FULL, type Graph, graphOf, PRODUCTION } from "./graph";

const development = await graphOf(DEVELOPMENT);
const production = await graphOf(PRODUCTION);
const full = await graphOf(FULL);

/** The input at a path such as `a.b.0.c`. */
function at(graph: Graph, name: string, where: string): unknown {
  let value: any = graph.named(name).inputs;
  for (const step of where.split(".")) {
    value = value?.[step];
  }
  return value;
}

const KEY = arn("kms", "key/payment-kms-dev");
const TOPIC = arn("sns", "payment-alarms-dev");

type Line = readonly [name: string, where: string, value: unknown];

const KEY_AND_TABLES: readonly Line[] = [
  ["payment-kms-dev", "enableKeyRotation", true],
  ["payment-kms-dev", "deletionWindowInDays", 30],
  ["payment-kms-alias-dev", "targetKeyId", "payment-kms-dev-id"],
  ...["payments-table-dev", "payment-event-keys-table-dev", "payment-quarantine-table-dev"].flatMap(
    (table): Line[] => [
      [table, "billingMode", "PAY_PER_REQUEST"],
      [table, "pointInTimeRecovery.enabled", true],
      [table, "serverSideEncryption", { enabled: true, kmsKeyArn: KEY }],
    ],
  ),
  ["payments-table-dev", "streamEnabled", true],
  ["payments-table-dev", "streamViewType", "NEW_AND_OLD_IMAGES"],
  ["payments-table-dev", "ttl", undefined],
  ["payment-event-keys-table-dev", "name", "payment-event-keys-dev"],
  ["payment-event-keys-table-dev", "hashKey", "eventKey"],
  ["payment-event-keys-table-dev", "rangeKey", "entry"],
  ["payment-event-keys-table-dev", "streamEnabled", undefined],
  ["payment-event-keys-table-dev", "ttl", { attributeName: "expiresAt", enabled: true }],
  ["payment-quarantine-table-dev", "name", "payment-quarantine-dev"],
  ["payment-quarantine-table-dev", "hashKey", "delivery"],
  ["payment-quarantine-table-dev", "rangeKey", undefined],
  ["payment-quarantine-table-dev", "streamEnabled", undefined],
  ["payment-quarantine-table-dev", "ttl", { attributeName: "expiresAt", enabled: true }],
  ["payment-quarantine-table-dev", "onDemandThroughput", { maxWriteRequestUnits: 200 }],
];

const FUNCTIONS: readonly Line[] = [
  ...(["webhook-validator", "payment-processor"] as const).flatMap((stem): Line[] => [
    [`${stem}-dev`, "runtime", "provided.al2023"],
    [`${stem}-dev`, "handler", "bootstrap"],
    [`${stem}-dev`, "architectures", ["arm64"]],
    [`${stem}-dev`, "reservedConcurrentExecutions", 10],
    [`${stem}-dev`, "kmsKeyArn", KEY],
    [`${stem}-dev`, "tracingConfig.mode", "Active"],
    [`${stem}-dev`, "loggingConfig", { logFormat: "Text", logGroup: `/payhook/dev/${stem}` }],
    [`${stem}-dev`, "role", `arn:aws:iam::111122223333:role/${stem}-role-dev`],
  ]),
  ["webhook-validator-dev", "timeout", 30],
  ["webhook-validator-dev", "memorySize", 512],
  ["payment-processor-dev", "timeout", 60],
  ["payment-processor-dev", "memorySize", 1024],
];

const API: readonly Line[] = [
  ["payment-webhook-api-dev", "binaryMediaTypes", ["*/*"]],
  ["webhooks-resource-dev", "parentId", "root"],
  ["webhooks-source-resource-dev", "pathPart", "{source}"],
  ["webhooks-source-resource-dev", "parentId", "webhooks-resource-dev-id"],
  ...["webhooks", "webhooks-source"].flatMap((stem): Line[] => [
    [`${stem}-post-method-dev`, "httpMethod", "POST"],
    [`${stem}-post-method-dev`, "authorization", "NONE"],
    [`${stem}-post-method-dev`, "resourceId", `${stem}-resource-dev-id`],
    [`${stem}-integration-dev`, "type", "AWS_PROXY"],
    [`${stem}-integration-dev`, "resourceId", `${stem}-resource-dev-id`],
    [`${stem}-integration-dev`, "integrationHttpMethod", "POST"],
  ]),
  ["webhook-lambda-permission-dev", "principal", "apigateway.amazonaws.com"],
  ["webhook-lambda-permission-dev", "action", "lambda:InvokeFunction"],
  ["webhook-lambda-permission-dev", "function", "webhook-validator-dev"],
  ["webhook-lambda-permission-dev", "sourceArn", arn("execute-api", "api1/prod/POST/webhooks")],
  [
    "webhook-source-lambda-permission-dev",
    "sourceArn",
    arn("execute-api", "api1/prod/POST/webhooks/*"),
  ],
  ["api-stage-dev", "xrayTracingEnabled", true],
  [
    "api-stage-dev",
    "accessLogSettings.destinationArn",
    arn("logs", "log-group:/payhook/dev/api-access"),
  ],
  ["api-limits-dev", "methodPath", "*/*"],
  ["api-limits-dev", "settings.throttlingRateLimit", 100],
  ["api-limits-dev", "settings.throttlingBurstLimit", 10],
  ["api-limits-dev", "settings.dataTraceEnabled", false],
  ["api-limits-dev", "settings.loggingLevel", "OFF"],
  [
    "api-gateway-account-dev",
    "cloudwatchRoleArn",
    "arn:aws:iam::111122223333:role/api-gateway-logs-role-dev",
  ],
];

const FLOW: readonly Line[] = [
  ["payment-processor-sfn-dev", "tracingConfiguration.enabled", true],
  ["payment-processor-sfn-dev", "loggingConfiguration.level", "ERROR"],
  ["payment-processor-sfn-dev", "loggingConfiguration.includeExecutionData", false],
  [
    "payment-processor-sfn-dev",
    "loggingConfiguration.logDestination",
    arn("logs", "log-group:/aws/vendedlogs/states/payment-processor-dev:*"),
  ],
  ["payment-events-pipe-dev", "target", arn("states", "stateMachine:payment-processor-dev")],
  [
    "payment-events-pipe-dev",
    "source",
    arn("dynamodb", "table/payments-dev/stream/2026-01-01T00:00:00.000"),
  ],
  [
    "payment-events-pipe-dev",
    "targetParameters",
    { stepFunctionStateMachineParameters: { invocationType: "FIRE_AND_FORGET" } },
  ],
  [
    "payment-events-pipe-dev",
    "sourceParameters.dynamodbStreamParameters",
    {
      startingPosition: "TRIM_HORIZON",
      batchSize: 1,
      parallelizationFactor: 1,
      maximumRetryAttempts: 50,
      maximumRecordAgeInSeconds: 43_200,
      onPartialBatchItemFailure: "AUTOMATIC_BISECT",
      deadLetterConfig: { arn: arn("sqs", "payment-events-dead-letters-dev") },
    },
  ],
  [
    "payment-events-pipe-dev",
    "sourceParameters.filterCriteria",
    // What money is in, what the generic source sends, and what nobody can read.
    {
      filters: [
        {
          pattern: JSON.stringify({
            eventName: ["INSERT"],
            dynamodb: {
              NewImage: {
                kind: { S: [{ exists: false }, "payment", "unreadable"] },
                state: { S: [{ exists: false }, "captured"] },
              },
            },
          }),
        },
      ],
    },
  ],
  ["payment-events-pipe-dev", "logConfiguration.level", "ERROR"],
  ["payment-events-pipe-dev", "logConfiguration.includeExecutionDatas", []],
  [
    "payment-events-pipe-dev",
    "logConfiguration.cloudwatchLogsLogDestination.logGroupArn",
    arn("logs", "log-group:/aws/vendedlogs/pipes/payment-events-pipe-dev"),
  ],
  ["payment-events-dead-letters-dev", "kmsMasterKeyId", KEY],
  ["payment-events-dead-letters-dev", "messageRetentionSeconds", 1_209_600],
  ["payment-alarms-dev", "kmsMasterKeyId", KEY],
];

test.each([...KEY_AND_TABLES, ...FUNCTIONS, ...API, ...FLOW])(
  "%s: %s",
  (name: string, where: string, value: unknown) => {
    expect(at(development, name, where)).toEqual(value);
  },
);

test("every log group is under the key, and forgets", () => {
  const groups = development.ofType("aws:cloudwatch/logGroup:LogGroup");
  expect(groups.map((group) => group.inputs["name"]).sort()).toEqual([
    "/aws/vendedlogs/pipes/payment-events-pipe-dev",
    "/aws/vendedlogs/states/payment-processor-dev",
    "/payhook/dev/api-access",
    "/payhook/dev/payment-processor",
    "/payhook/dev/webhook-validator",
  ]);
  for (const { inputs } of groups) {
    expect(inputs).toMatchObject({ kmsKeyId: KEY, retentionInDays: 30 });
  }
});

test("an access log holds nothing of a body, a header or a query", () => {
  const format = JSON.parse(at(development, "api-stage-dev", "accessLogSettings.format") as string);
  const variables: string[] = Object.values(format);
  expect(variables).toContain("$context.status");
  expect(variables.filter((variable) => !variable.startsWith("$context."))).toEqual([]);
});

const VALIDATOR_ENVIRONMENT = {
  TABLE_NAME: "payments-dev",
  EVENT_KEYS_TABLE_NAME: "payment-event-keys-dev",
  QUARANTINE_TABLE_NAME: "payment-quarantine-dev",
  PAYHOOK_SOURCES: JSON.stringify({
    generic: { secretId: arn("secretsmanager", "secret:payment-webhook/dev/generic-AbCdEf") },
  }),
  PAYHOOK_EVENT_KEY_RETENTION_DAYS: "365",
  PAYHOOK_QUARANTINE_RETENTION_DAYS: "30",
  PAYHOOK_BODY_BYTES_MAX: "65536",
  PAYHOOK_SECRETS_REFRESH_SECONDS: "300",
  PAYHOOK_SECRET_GRACE_HOURS: "24",
  PAYHOOK_LOG: "info",
  OTEL_SERVICE_NAME: "webhook-validator",
};

const PROCESSOR_ENVIRONMENT = {
  TABLE_NAME: "payments-dev",
  PAYHOOK_LOG: "info",
  OTEL_SERVICE_NAME: "payment-processor",
};

const OTLP = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://localhost:4318" };

const ENVIRONMENTS: readonly [what: string, graph: Graph, name: string, variables: object][] = [
  ["the validator", development, "webhook-validator-dev", VALIDATOR_ENVIRONMENT],
  [
    "the validator of a full stack",
    full,
    "webhook-validator-dev",
    {
      ...VALIDATOR_ENVIRONMENT,
      ...OTLP,
      PAYHOOK_SOURCES: JSON.stringify({
        generic: { secretId: arn("secretsmanager", "secret:payment-webhook/dev/generic-AbCdEf") },
        shop: {
          secretId: arn("secretsmanager", "secret:payment-webhook/dev/shop-AbCdEf"),
          header: "X-Shop-Signature",
          encoding: "base64",
        },
      }),
    },
  ],
  [
    "the processor for trials",
    development,
    "payment-processor-dev",
    { ...PROCESSOR_ENVIRONMENT, PAYHOOK_GATEWAY: "simulated" },
  ],
  [
    "the processor of a full stack",
    full,
    "payment-processor-dev",
    {
      ...PROCESSOR_ENVIRONMENT,
      ...OTLP,
      PAYHOOK_GATEWAY: "http",
      PAYHOOK_GATEWAY_URL: "https://gateway.example/settle",
      PAYHOOK_GATEWAY_TIMEOUT_MS: "20000",
      PAYHOOK_GATEWAY_HEADERS_SECRET: arn(
        "secretsmanager",
        "secret:payment-gateway/dev/headers-AbCdEf",
      ),
      PAYHOOK_SECRETS_REFRESH_SECONDS: "300",
    },
  ],
];

test.each(ENVIRONMENTS)("the environment of %s", (_what, graph, name, variables) => {
  expect(at(graph, name, "environment.variables")).toEqual(variables);
});

test("the state machine runs the repository's definition, with the function for the placeholder", () => {
  const file = path.join(__dirname, "..", "..", "..", "workflows", "payment.asl.json");
  const processor = arn("lambda", "function:payment-processor-dev");
  const expected = readFileSync(file, "utf8").replaceAll(
    "arn:aws:lambda:us-east-1:000000000000:function:payment-processor",
    processor,
  );
  expect(at(development, "payment-processor-sfn-dev", "definition")).toBe(expected);
  expect(expected.match(/"Resource"/g)).toHaveLength(expected.split(`"${processor}"`).length - 1);
});

describe("tags", () => {
  const NAME_AND_ENVIRONMENT = [
    "aws:apigateway/restApi:RestApi",
    "aws:apigateway/stage:Stage",
    "aws:cloudwatch/logGroup:LogGroup",
    "aws:cloudwatch/metricAlarm:MetricAlarm",
    "aws:dynamodb/table:Table",
    "aws:iam/role:Role",
    "aws:kms/key:Key",
    "aws:lambda/function:Function",
    "aws:pipes/pipe:Pipe",
    "aws:secretsmanager/secret:Secret",
    "aws:sfn/stateMachine:StateMachine",
    "aws:sns/topic:Topic",
    "aws:sqs/queue:Queue",
    "aws:wafv2/webAcl:WebAcl",
  ];
  test.each(NAME_AND_ENVIRONMENT)("every %s says its name and environment", (type) => {
    const resources = production.ofType(type);
    expect(resources.length).toBeGreaterThan(0);
    for (const { name, inputs } of resources) {
      expect(inputs["tags"]).toEqual({ Name: name, Environment: "dev" });
    }
  });
});

/** Alarm, namespace, metric, dimensions, statistic, threshold. */
const ALARMS: readonly [string, string, string, object, string, number][] = [
  [
    "api-5xx",
    "AWS/ApiGateway",
    "5XXError",
    { ApiName: "payment-webhook-api-dev", Stage: "prod" },
    "Sum",
    1,
  ],
  [
    "webhook-validator-errors",
    "AWS/Lambda",
    "Errors",
    { FunctionName: "webhook-validator-dev" },
    "Sum",
    1,
  ],
  [
    "webhook-validator-throttles",
    "AWS/Lambda",
    "Throttles",
    { FunctionName: "webhook-validator-dev" },
    "Sum",
    1,
  ],
  [
    "payment-processor-errors",
    "AWS/Lambda",
    "Errors",
    { FunctionName: "payment-processor-dev" },
    "Sum",
    5,
  ],
  [
    "payment-processor-throttles",
    "AWS/Lambda",
    "Throttles",
    { FunctionName: "payment-processor-dev" },
    "Sum",
    1,
  ],
  ...(
    [
      ["failed", "ExecutionsFailed"],
      ["timed-out", "ExecutionsTimedOut"],
      ["aborted", "ExecutionsAborted"],
      ["throttled", "ExecutionThrottled"],
    ] as const
  ).map(([stem, metric]): [string, string, string, object, string, number] => [
    `payment-executions-${stem}`,
    "AWS/States",
    metric,
    { StateMachineArn: arn("states", "stateMachine:payment-processor-dev") },
    "Sum",
    1,
  ]),
  ...(
    [
      ["failed", "ExecutionFailed"],
      ["timed-out", "ExecutionTimeout"],
      ["throttled", "ExecutionThrottled"],
    ] as const
  ).map(([stem, metric]): [string, string, string, object, string, number] => [
    `payment-events-pipe-${stem}`,
    "AWS/EventBridge/Pipes",
    metric,
    { PipeName: "payment-events-pipe-dev" },
    "Sum",
    1,
  ]),
  [
    "payment-events-dead-letters-depth",
    "AWS/SQS",
    "ApproximateNumberOfMessagesVisible",
    { QueueName: "payment-events-dead-letters-dev" },
    "Maximum",
    1,
  ],
  ["payment-claim-age", "Payhook/dev", "ClaimAge", {}, "Maximum", 60_000],
  ["webhooks-refused", "Payhook/dev", "Refused", {}, "Sum", 20],
  ["webhooks-in-conflict", "Payhook/dev", "Conflicts", {}, "Sum", 1],
  ["payments-settled-twice", "Payhook/dev", "SettledTwice", {}, "Sum", 1],
];

describe("alarms", () => {
  test.each([
    [
      "payment-claim-age",
      "payment-processor",
      '{ ($.message = "done") && ($.span.task = "claim_payment") }',
      { name: "ClaimAge", value: "$.span.age_ms", unit: "Milliseconds" },
    ],
    [
      "webhooks-refused",
      "webhook-validator",
      '{ $.message = "delivery refused and set apart" }',
      { name: "Refused", value: "1", unit: "Count" },
    ],
    [
      "webhooks-in-conflict",
      "webhook-validator",
      '{ $.message = "an event key came again with other bytes" }',
      { name: "Conflicts", value: "1", unit: "Count" },
    ],
    [
      "payments-settled-twice",
      "payment-processor",
      '{ $.message = "the gateway has settled a payment twice" }',
      { name: "SettledTwice", value: "1", unit: "Count" },
    ],
  ])("%s is read out of the log of %s", (stem, group, pattern, metric) => {
    expect(development.named(`${stem}-dev`).inputs).toMatchObject({
      logGroupName: `/payhook/dev/${group}`,
      pattern,
      metricTransformation: { namespace: "Payhook/dev", ...metric },
    });
  });

  test.each(ALARMS)("%s", (stem, namespace, metricName, dimensions, statistic, threshold) => {
    expect(development.named(`${stem}-alarm-dev`).inputs).toMatchObject({
      name: `${stem}-dev`,
      namespace,
      metricName,
      dimensions,
      statistic,
      threshold,
      period: 300,
      evaluationPeriods: 1,
      comparisonOperator: "GreaterThanOrEqualToThreshold",
    });
  });

  test.each([
    [
      "payment-events-pipe-lag",
      "IF(FILL(started, 0) < 0.9 * FILL(stored, 0), 1, 0)",
      { period: 300, periods: 3 },
    ],
    [
      "payment-events-pipe-still",
      "IF(FILL(stored, 0) > 0 AND FILL(started, 0) < 1, 1, 0)",
      { period: 3600, periods: 1 },
    ],
  ])("%s: what is stored starts an execution", (stem, expression, { period, periods }) => {
    const { inputs } = development.named(`${stem}-alarm-dev`);
    expect(inputs).toMatchObject({ evaluationPeriods: periods, threshold: 1 });
    const queries = inputs["metricQueries"] as any[];
    expect(queries.map(({ id, expression, metric }) => [id, expression ?? metric])).toEqual([
      ["behind", expression],
      [
        "stored",
        {
          namespace: "AWS/DynamoDB",
          metricName: "SuccessfulRequestLatency",
          dimensions: { TableName: "payments-dev", Operation: "TransactWriteItems" },
          stat: "SampleCount",
          period,
        },
      ],
      [
        "started",
        {
          namespace: "AWS/States",
          metricName: "ExecutionsStarted",
          dimensions: { StateMachineArn: arn("states", "stateMachine:payment-processor-dev") },
          stat: "Sum",
          period,
        },
      ],
    ]);
  });

  test("there are no others, and every one tells the topic when it rises and when it is over", () => {
    const alarms = development.ofType("aws:cloudwatch/metricAlarm:MetricAlarm");
    const stems = [
      ...ALARMS.map(([stem]) => stem),
      "payment-events-pipe-lag",
      "payment-events-pipe-still",
    ];
    expect(alarms.map((alarm) => alarm.name).sort()).toEqual(
      stems.map((stem) => `${stem}-alarm-dev`).sort(),
    );
    for (const { inputs } of alarms) {
      const both = { alarmActions: [TOPIC], okActions: [TOPIC], treatMissingData: "notBreaching" };
      expect(inputs).toMatchObject(both);
    }
  });

  test("somebody is told by email only when somebody is named", () => {
    const type = "aws:sns/topicSubscription:TopicSubscription";
    expect(development.ofType(type)).toEqual([]);
    expect(full.named("payment-alarms-email-dev").inputs).toEqual({
      topic: TOPIC,
      protocol: "email",
      endpoint: "payments@example.com",
    });
  });
});

test("the outputs", () => {
  expect(full.outputs).toEqual({
    apiUrl: "https://api1.execute-api.eu-west-1.amazonaws.com/prod/webhooks",
    apiEndpoint: "https://api1.execute-api.eu-west-1.amazonaws.com/prod/webhooks",
    stateMachineArn: arn("states", "stateMachine:payment-processor-dev"),
    paymentsTableName: "payments-dev",
    eventKeysTableName: "payment-event-keys-dev",
    quarantineTableName: "payment-quarantine-dev",
    kmsKeyId: "payment-kms-dev-id",
    webhookValidatorFunctionName: "webhook-validator-dev",
    paymentProcessorFunctionName: "payment-processor-dev",
    alarmTopicArn: TOPIC,
    deadLetterQueueUrl:
      "https://sqs.eu-west-1.amazonaws.com/111122223333/payment-events-dead-letters-dev",
    signingSecretNames: {
      generic: "payment-webhook/dev/generic",
      shop: "payment-webhook/dev/shop",
    },
    gatewaySecretName: "payment-gateway/dev/headers",
  });
});
