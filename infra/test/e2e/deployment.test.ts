// What the program asks for is what stands on the emulator afterwards: read back with AWS's own
// clients, as far as the emulator keeps it.

import {
  GetResourcesCommand,
  GetStageCommand,
  APIGatewayClient,
} from "@aws-sdk/client-api-gateway";
import { CloudWatchClient, DescribeAlarmsCommand } from "@aws-sdk/client-cloudwatch";
import {
  CloudWatchLogsClient,
  DescribeLogGroupsCommand,
  FilterLogEventsCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import { DescribeContinuousBackupsCommand, DescribeTableCommand } from "@aws-sdk/client-dynamodb";
import { GetKeyRotationStatusCommand, KMSClient } from "@aws-sdk/client-kms";
import { GetFunctionCommand } from "@aws-sdk/client-lambda";
import { DescribePipeCommand, PipesClient } from "@aws-sdk/client-pipes";
import { DescribeStateMachineCommand } from "@aws-sdk/client-sfn";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readWorkflowFile } from "../../src/workflow";
import { eventually } from "../emulator/wait";
import { Home, payment, WAIT_MS } from "./home";

let home: Home;

beforeAll(async () => {
  home = await Home.open();
});

afterAll(() => home?.close());

Home.tellOnFailure(() => home);

test.each(["paymentsTableName", "eventKeysTableName", "quarantineTableName"])(
  "%s is encrypted and can be restored",
  async (output) => {
    const TableName = home.outputs[output];
    const { Table } = await home.dynamodb.send(new DescribeTableCommand({ TableName }));
    expect(Table?.SSEDescription).toMatchObject({ Status: "ENABLED", SSEType: "KMS" });
    expect(Table?.BillingModeSummary?.BillingMode).toBe("PAY_PER_REQUEST");
    const { ContinuousBackupsDescription } = await home.dynamodb.send(
      new DescribeContinuousBackupsCommand({ TableName }),
    );
    const recovery = ContinuousBackupsDescription?.PointInTimeRecoveryDescription;
    expect(recovery?.PointInTimeRecoveryStatus).toBe("ENABLED");
  },
);

test.each([
  ["webhookValidatorFunctionName", 30, 512],
  ["paymentProcessorFunctionName", 60, 1024],
])("%s has its time, memory, places and traces", async (output, Timeout, MemorySize) => {
  const FunctionName = home.outputs[output];
  const { Configuration, Concurrency } = await home.lambda.send(
    new GetFunctionCommand({ FunctionName }),
  );
  expect(Configuration).toMatchObject({
    Timeout,
    MemorySize,
    Runtime: "provided.al2023",
    Architectures: ["arm64"],
    TracingConfig: { Mode: "Active" },
    KMSKeyArn: expect.stringContaining(home.outputs["kmsKeyId"]),
  });
  expect(Concurrency?.ReservedConcurrentExecutions).toBe(10);
});

test("the key is rotated", async () => {
  const KeyId = home.outputs["kmsKeyId"];
  const keys = new KMSClient(home.emulator.client);
  const { KeyRotationEnabled } = await keys.send(new GetKeyRotationStatusCommand({ KeyId }));
  expect(KeyRotationEnabled).toBe(true);
});

test("the pipe has its filter, batch, beginning and end", async () => {
  const pipes = new PipesClient(home.emulator.client);
  const pipe = await pipes.send(new DescribePipeCommand({ Name: "payment-events-pipe-e2e" }));
  expect(pipe.CurrentState).toBe("RUNNING");
  expect(JSON.parse(pipe.SourceParameters?.FilterCriteria?.Filters?.[0]?.Pattern ?? "")).toEqual(
    JSON.parse(readWorkflowFile("filter.json")),
  );
  expect(pipe.SourceParameters?.DynamoDBStreamParameters).toMatchObject({
    StartingPosition: "TRIM_HORIZON",
    BatchSize: 1,
    MaximumRetryAttempts: 50,
    MaximumRecordAgeInSeconds: 43_200,
  });
  const { StepFunctionStateMachineParameters } = pipe.TargetParameters ?? {};
  expect(StepFunctionStateMachineParameters?.InvocationType).toBe("FIRE_AND_FORGET");
});

test("the state machine has the repository's definition and logs", async () => {
  const { stateMachineArn } = home.outputs;
  const machine = await home.sfn.send(new DescribeStateMachineCommand({ stateMachineArn }));
  const states = Object.keys(JSON.parse(machine.definition ?? "{}").States);
  const expected = Object.keys(JSON.parse(readWorkflowFile("payment.asl.json")).States);
  expect(states).toEqual(expected);
  expect(machine.loggingConfiguration).toMatchObject({ level: "ERROR" });
});

test("the API has its two paths and a traced stage with limits", async () => {
  const restApiId = new URL(home.outputs["apiUrl"]).pathname.split("/")[2];
  const gateway = new APIGatewayClient(home.emulator.client);
  const { items } = await gateway.send(new GetResourcesCommand({ restApiId }));
  const paths = (items ?? []).filter((item) => item.resourceMethods?.["POST"]);
  expect(paths.map((item) => item.path).sort()).toEqual(["/webhooks", "/webhooks/{source}"]);
  const stage = await gateway.send(new GetStageCommand({ restApiId, stageName: "prod" }));
  expect(stage.tracingEnabled).toBe(true);
  expect(stage.accessLogSettings?.format).toContain("$context.requestId");
});

test("log groups forget, and alarms are there", async () => {
  const logs = new CloudWatchLogsClient(home.emulator.client);
  const { logGroups } = await logs.send(new DescribeLogGroupsCommand({}));
  const ours = (logGroups ?? []).filter(({ logGroupName }) => logGroupName?.includes("e2e"));
  const days = new Map(ours.map((group) => [group.logGroupName, group.retentionInDays]));
  for (const name of ["webhook-validator", "payment-processor", "api-access"]) {
    expect(days.get(`/payhook/e2e/${name}`)).toBe(30);
  }
  const metrics = new CloudWatchClient(home.emulator.client);
  const { MetricAlarms } = await metrics.send(new DescribeAlarmsCommand({}));
  expect(MetricAlarms).toHaveLength(19);
});

test("the processor's log tells how old an event is when it is claimed, and nothing it must not", async () => {
  await home.send(payment("aged"));
  await home.becomes("aged", "completed");
  await home.ends("aged", "SUCCEEDED");
  const logs = new CloudWatchLogsClient(home.emulator.client);
  const lines = await eventually("the claim is in the log", WAIT_MS, async () => {
    const { events } = await logs.send(
      new FilterLogEventsCommand({ logGroupName: "/payhook/e2e/payment-processor" }),
    );
    const json = (events ?? []).flatMap(({ message }) =>
      message?.startsWith("{") ? [JSON.parse(message)] : [],
    );
    const claims = json.filter(({ span }) => span?.task === "claim_payment");
    return claims.length > 0 && claims;
  });
  // What the metric filter of the claim's age matches and reads.
  expect(lines[0]).toMatchObject({
    message: "done",
    span: { task: "claim_payment", age_ms: expect.any(Number) },
  });
  expect(JSON.stringify(lines)).not.toContain("acme");
});
