// The emulator does what is asked of a pipe. Each test fails without the launcher's part in it,
// and when a new ministack no longer lets the launcher do it.

import {
  CreateTableCommand,
  DynamoDBClient,
  PutItemCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { CreateRoleCommand, IAMClient } from "@aws-sdk/client-iam";
import { CreatePipeCommand, DescribePipeCommand, PipesClient } from "@aws-sdk/client-pipes";
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  ListExecutionsCommand,
  SFNClient,
} from "@aws-sdk/client-sfn";
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { networkInterfaces } from "node:os";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ACCOUNT, type Emulator, REGION, startEmulator } from "./runtime";
import { eventually } from "./wait";

const WAIT_MS = 15_000;
const ROLE = `arn:aws:iam::${ACCOUNT}:role/anybody`;
const MISSING = `arn:aws:states:${REGION}:${ACCOUNT}:stateMachine:missing`;

let emulator: Emulator;
let dynamodb: DynamoDBClient;
let pipes: PipesClient;
let sfn: SFNClient;
let sqs: SQSClient;

beforeAll(async () => {
  emulator = await startEmulator();
  dynamodb = new DynamoDBClient(emulator.client);
  pipes = new PipesClient(emulator.client);
  sfn = new SFNClient(emulator.client);
  sqs = new SQSClient(emulator.client);
  // Roles must exist; nobody asks what these may do.
  const trust = { Version: "2012-10-17", Statement: [] };
  await new IAMClient(emulator.client).send(
    new CreateRoleCommand({ RoleName: "anybody", AssumeRolePolicyDocument: JSON.stringify(trust) }),
  );
});

afterAll(() => emulator?.stop());

interface PipeShape {
  readonly name: string;
  readonly source: string;
  readonly target: string;
  readonly pattern?: string;
  readonly stream: {
    readonly StartingPosition: "TRIM_HORIZON" | "LATEST";
    readonly BatchSize?: number;
    readonly MaximumRetryAttempts?: number;
    readonly MaximumRecordAgeInSeconds?: number;
    readonly DeadLetterConfig?: { readonly Arn: string };
  };
}

async function createPipe({ name, source, target, pattern, stream }: PipeShape): Promise<void> {
  const FilterCriteria = { Filters: pattern === undefined ? [] : [{ Pattern: pattern }] };
  await pipes.send(
    new CreatePipeCommand({
      Name: name,
      RoleArn: ROLE,
      Source: source,
      SourceParameters: { FilterCriteria, DynamoDBStreamParameters: stream },
      Target: target,
      TargetParameters: {
        StepFunctionStateMachineParameters: { InvocationType: "FIRE_AND_FORGET" },
      },
    }),
  );
}

/** A table with a stream, which is its answer. */
async function createTable(name: string): Promise<string> {
  const { TableDescription } = await dynamodb.send(
    new CreateTableCommand({
      TableName: name,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
    }),
  );
  return TableDescription?.LatestStreamArn ?? "";
}

async function createStateMachine(name: string): Promise<string> {
  const definition = JSON.stringify({ StartAt: "Done", States: { Done: { Type: "Succeed" } } });
  const { stateMachineArn } = await sfn.send(
    new CreateStateMachineCommand({ name, definition, roleArn: ROLE }),
  );
  return stateMachineArn ?? "";
}

async function put(table: string, id: string, kind?: string): Promise<void> {
  const Item = { id: { S: id }, ...(kind === undefined ? {} : { kind: { S: kind } }) };
  await dynamodb.send(new PutItemCommand({ TableName: table, Item }));
}

async function touch(table: string, id: string): Promise<void> {
  await dynamodb.send(
    new UpdateItemCommand({
      TableName: table,
      Key: { id: { S: id } },
      UpdateExpression: "SET seen = :yes",
      ExpressionAttributeValues: { ":yes": { BOOL: true } },
    }),
  );
}

/** What each execution was started with: the names of the events and the ids of the items. */
async function started(stateMachineArn: string): Promise<string[]> {
  const { executions } = await sfn.send(new ListExecutionsCommand({ stateMachineArn }));
  const inputs = (executions ?? []).map(async ({ executionArn }) => {
    const { input } = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    const records: any[] = JSON.parse(input ?? "[]");
    return records.map(({ eventName, dynamodb: { Keys } }) => `${eventName} ${Keys.id.S}`).join();
  });
  return (await Promise.all(inputs)).sort();
}

function sees(stateMachineArn: string, expected: readonly string[]): Promise<boolean> {
  return eventually(expected.join("; "), WAIT_MS, async () => {
    const seen = await started(stateMachineArn);
    return seen.length >= expected.length && (expect(seen).toEqual(expected), true);
  });
}

async function createQueue(name: string): Promise<{ url: string; arn: string }> {
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: name }));
  return { url: QueueUrl ?? "", arn: `arn:aws:sqs:${REGION}:${ACCOUNT}:${name}` };
}

async function deadLetter(url: string): Promise<any> {
  const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: url }));
  return Messages?.[0]?.Body && JSON.parse(Messages[0].Body);
}

test("a filter lets only what matches through, and a batch of one starts one execution each", async () => {
  const source = await createTable("filtered");
  const target = await createStateMachine("filtered");
  const stream = { StartingPosition: "TRIM_HORIZON", BatchSize: 1 } as const;
  await createPipe({
    name: "filtered",
    source,
    target,
    pattern: '{"eventName":["INSERT"]}',
    stream,
  });
  await put("filtered", "a");
  await touch("filtered", "a");
  await put("filtered", "b");
  await sees(target, ["INSERT a", "INSERT b"]);
});

test("a field is absent where what it would stand in is", async () => {
  const source = await createTable("absent");
  const target = await createStateMachine("absent");
  const stream = { StartingPosition: "TRIM_HORIZON", BatchSize: 1 } as const;
  const kind = { S: [{ exists: false }, "payment"] };
  const pattern = JSON.stringify({ dynamodb: { NewImage: { kind } } });
  await createPipe({ name: "absent", source, target, pattern, stream });
  await put("absent", "a");
  await put("absent", "b", "refund");
  await put("absent", "c", "payment");
  await sees(target, ["INSERT a", "INSERT c"]);
});

test("a larger batch starts one execution for several records", async () => {
  const source = await createTable("batched");
  const target = await createStateMachine("batched");
  for (const id of ["a", "b", "c"]) {
    await put("batched", id);
  }
  const stream = { StartingPosition: "TRIM_HORIZON", BatchSize: 2 } as const;
  await createPipe({ name: "batched", source, target, stream });
  await sees(target, ["INSERT a,INSERT b", "INSERT c"]);
});

test("TRIM_HORIZON takes what was there before the pipe, and LATEST does not", async () => {
  const source = await createTable("early");
  const everything = await createStateMachine("everything");
  const news = await createStateMachine("news");
  await put("early", "before");
  const all = { StartingPosition: "TRIM_HORIZON", BatchSize: 1 } as const;
  await createPipe({ name: "everything", source, target: everything, stream: all });
  const latest = { StartingPosition: "LATEST", BatchSize: 1 } as const;
  await createPipe({ name: "news", source, target: news, stream: latest });
  await put("early", "after");
  await sees(everything, ["INSERT after", "INSERT before"]);
  await sees(news, ["INSERT after"]);
});

test("after the last retry a record's place goes to the dead-letter queue, and the next is taken", async () => {
  const source = await createTable("retried");
  const { url, arn } = await createQueue("retried");
  await createPipe({
    name: "retried",
    source,
    target: MISSING,
    stream: {
      StartingPosition: "TRIM_HORIZON",
      BatchSize: 1,
      MaximumRetryAttempts: 1,
      DeadLetterConfig: { Arn: arn },
    },
  });
  await put("retried", "a");
  await put("retried", "b");
  const numbers = new Set<string>();
  await eventually("two dead letters", WAIT_MS, async () => {
    const letter = await deadLetter(url);
    if (letter) {
      expect(letter.DDBStreamBatchInfo).toMatchObject({ batchSize: 1, streamArn: source });
      numbers.add(letter.DDBStreamBatchInfo.startSequenceNumber);
    }
    return numbers.size === 2;
  });
  const tries = emulator.log().match(/Pipes retried: StartExecution/g);
  expect(tries).toHaveLength(4);
});

test("a record that is too old goes there as well", async () => {
  const source = await createTable("aged");
  const { url, arn } = await createQueue("aged");
  await put("aged", "a");
  await createPipe({
    name: "aged",
    source,
    target: MISSING,
    stream: {
      StartingPosition: "TRIM_HORIZON",
      BatchSize: 1,
      MaximumRecordAgeInSeconds: 2,
      DeadLetterConfig: { Arn: arn },
    },
  });
  await eventually("a dead letter", WAIT_MS, () => deadLetter(url));
});

test("a pipe says what was asked of it", async () => {
  const source = await createTable("described");
  const target = await createStateMachine("described");
  const stream = { StartingPosition: "TRIM_HORIZON", BatchSize: 7 } as const;
  await createPipe({ name: "described", source, target, pattern: "{}", stream });
  const described = await pipes.send(new DescribePipeCommand({ Name: "described" }));
  expect(described.SourceParameters).toEqual({
    FilterCriteria: { Filters: [{ Pattern: "{}" }] },
    DynamoDBStreamParameters: { StartingPosition: "TRIM_HORIZON", BatchSize: 7 },
  });
  expect(described.TargetParameters).toEqual({
    StepFunctionStateMachineParameters: { InvocationType: "FIRE_AND_FORGET" },
  });
});

test("IAM is enforced", async () => {
  const stranger = { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "nothing" };
  const client = new DynamoDBClient({ ...emulator.client, credentials: stranger });
  await expect(
    client.send(new PutItemCommand({ TableName: "early", Item: { id: { S: "x" } } })),
  ).rejects.toThrow("security token");
});

test("nobody reaches the emulator from another machine", async () => {
  const { port } = new URL(emulator.endpoint);
  const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  for (const { address, family, internal } of addresses) {
    if (!internal && family === "IPv4") {
      await expect(fetch(`http://${address}:${port}/_ministack/health`)).rejects.toThrow();
    }
  }
});
