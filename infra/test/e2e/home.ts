// The AWS home as it runs: the real program deployed to an emulator, with the real functions, and
// the verbs of whoever stands outside: who sends webhooks, and who looks after them.

import { createHmac } from "node:crypto";
import { existsSync } from "node:fs";
import * as path from "node:path";
import {
  type AttributeValue,
  DynamoDBClient,
  QueryCommand,
  ScanCommand,
} from "@aws-sdk/client-dynamodb";
import { IAMClient } from "@aws-sdk/client-iam";
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { PutSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import {
  DescribeExecutionCommand,
  type DescribeExecutionCommandOutput,
  ListExecutionsCommand,
  SFNClient,
} from "@aws-sdk/client-sfn";
import { afterEach } from "vitest";
import { deploy } from "../emulator/deploy";
import { type Emulator, startEmulator } from "../emulator/runtime";
import { eventually } from "../emulator/wait";
import { Gateway } from "./gateway";

/** The longest that anything here takes, with both processors busy. */
export const WAIT_MS = 30_000;

/** What each source signs with. */
export const SECRETS: Readonly<Record<string, string>> = {
  generic: "a-secret-of-the-generic-source",
  shop: "a-secret-of-the-shop",
  till: "whsec_a-secret-of-the-till",
};

export interface HomeOptions {
  readonly config?: Readonly<Record<string, string>>;
  /** False: nobody has put the signing secrets in yet. */
  readonly secrets?: boolean;
  /** For the emulator and the functions. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Item {
  readonly [name: string]: any;
}

export interface Reply {
  readonly status: number;
  readonly outcome: string | null;
  readonly text: string;
  readonly body: any;
}

export class Home {
  readonly dynamodb: DynamoDBClient;
  readonly iam: IAMClient;
  readonly lambda: LambdaClient;
  readonly secrets: SecretsManagerClient;
  readonly sfn: SFNClient;

  private constructor(
    readonly emulator: Emulator,
    readonly gateway: Gateway,
    readonly outputs: Readonly<Record<string, any>>,
  ) {
    this.dynamodb = new DynamoDBClient(emulator.client);
    this.iam = new IAMClient(emulator.client);
    this.lambda = new LambdaClient(emulator.client);
    this.secrets = new SecretsManagerClient(emulator.client);
    this.sfn = new SFNClient(emulator.client);
  }

  static async open(options: HomeOptions = {}): Promise<Home> {
    const lambdaDirectory = archives();
    const gateway = await Gateway.open();
    const emulator = await startEmulator(options.environment);
    try {
      const outputs = await deploy(emulator, {
        lambdaDirectory,
        gatewayUrl: gateway.url,
        sources: JSON.stringify({
          generic: {},
          shop: { header: "X-Shop-Signature", encoding: "base64" },
          till: { provider: "stripe" },
        }),
        ...options.config,
      });
      const home = new Home(emulator, gateway, outputs);
      if (options.secrets ?? true) {
        await home.putSecret("generic", SECRETS["generic"] ?? "");
        await home.putSecret("shop", SECRETS["shop"] ?? "");
        await home.putSecret("till", SECRETS["till"] ?? "");
      }
      return home;
    } catch (error) {
      await gateway.close();
      await emulator.stop();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.gateway.close();
    await this.emulator.stop();
  }

  /** When a test fails, says what the emulator and the functions wrote. */
  static tellOnFailure(home: () => Home | undefined): void {
    afterEach(({ task }) => {
      if (task.result?.state === "fail") {
        console.error(home()?.emulator.log().slice(-4_000));
      }
    });
  }

  async putSecret(source: string, value: string): Promise<void> {
    const SecretId = this.outputs["signingSecretNames"][source];
    await this.secrets.send(new PutSecretValueCommand({ SecretId, SecretString: value }));
  }

  /** Sends a webhook of the generic source, signed with `secret`. */
  send(payment: object | string, secret = SECRETS["generic"] ?? ""): Promise<Reply> {
    const body = typeof payment === "string" ? payment : JSON.stringify(payment);
    return this.post("", body, { "x-webhook-signature": sign(body, secret, "hex") });
  }

  /** A delivery of Stripe's about an object, signed as Stripe does. */
  sendStripe(type: string, eventId: string, object: object): Promise<Reply> {
    const time = Math.floor(Date.now() / 1000);
    const event = { id: eventId, object: "event", type, created: time, livemode: false };
    const body = JSON.stringify({ ...event, data: { object } });
    const signature = sign(`${time}.${body}`, SECRETS["till"] ?? "", "hex");
    return this.post("/till", body, { "stripe-signature": `t=${time},v1=${signature}` });
  }

  /** Posts anything to `/webhooks` and what follows it. */
  async post(
    below: string,
    body: string | Uint8Array<ArrayBuffer>,
    headers: Record<string, string>,
  ): Promise<Reply> {
    const response = await fetch(`${this.outputs["apiUrl"]}${below}`, {
      method: "POST",
      body,
      headers: { "content-type": "application/json", ...headers },
    });
    const text = await response.text();
    const outcome = response.headers.get("x-payhook-outcome");
    return { status: response.status, outcome, text, body: parsed(text) };
  }

  /** The items of a payment, oldest first. */
  async payments(paymentId: string): Promise<Item[]> {
    const { Items } = await this.dynamodb.send(
      new QueryCommand({
        TableName: this.outputs["paymentsTableName"],
        KeyConditionExpression: "paymentId = :id",
        ExpressionAttributeValues: { ":id": { S: paymentId } },
        ConsistentRead: true,
      }),
    );
    return (Items ?? []).map(plainItem);
  }

  async everything(output: string): Promise<Item[]> {
    const command = new ScanCommand({ TableName: this.outputs[output], ConsistentRead: true });
    return ((await this.dynamodb.send(command)).Items ?? []).map(plainItem);
  }

  /** The one item of a payment, once its status is this. */
  becomes(paymentId: string, status: string): Promise<Item> {
    return eventually(`${paymentId} becomes ${status}`, WAIT_MS, async () => {
      const [item] = await this.payments(paymentId);
      return item?.["status"] === status && item;
    });
  }

  /** The executions that were started for a payment. */
  async executions(paymentId: string): Promise<DescribeExecutionCommandOutput[]> {
    const { stateMachineArn } = this.outputs;
    const { executions } = await this.sfn.send(new ListExecutionsCommand({ stateMachineArn }));
    const described = (executions ?? []).map(({ executionArn }) =>
      this.sfn.send(new DescribeExecutionCommand({ executionArn })),
    );
    return (await Promise.all(described)).filter(({ input }) => {
      const [record] = JSON.parse(input ?? "[]");
      return record?.dynamodb.Keys.paymentId.S === paymentId;
    });
  }

  /** The one execution of a payment, once it has ended so. */
  ends(paymentId: string, status: string): Promise<DescribeExecutionCommandOutput> {
    return eventually(`the execution of ${paymentId} is ${status}`, WAIT_MS, async () => {
      const [execution, another] = await this.executions(paymentId);
      return another === undefined && execution?.status === status && execution;
    });
  }

  /** Calls the processor as it is called directly. */
  async process(event: unknown): Promise<{ error?: string; answer: any }> {
    const { FunctionError, Payload } = await this.lambda.send(
      new InvokeCommand({
        FunctionName: this.outputs["paymentProcessorFunctionName"],
        Payload: Buffer.from(JSON.stringify(event)),
      }),
    );
    const answer = JSON.parse(Buffer.from(Payload ?? []).toString("utf8"));
    return FunctionError === undefined ? { answer } : { error: answer.errorType, answer };
  }
}

/** Where the built functions are: `PAYHOOK_LAMBDAS`. */
export function archives(): string {
  const folder = process.env["PAYHOOK_LAMBDAS"];
  for (const stem of ["webhook-validator", "payment-processor"]) {
    if (folder === undefined || !existsSync(path.join(folder, stem, "bootstrap.zip"))) {
      throw new Error(
        `PAYHOOK_LAMBDAS must name the folder with ${stem}/bootstrap.zip, and is ` +
          (folder ?? "not set"),
      );
    }
  }
  return folder ?? "";
}

export function sign(
  body: string | Uint8Array,
  secret: string,
  encoding: "hex" | "base64",
): string {
  return createHmac("sha256", secret).update(body).digest(encoding);
}

/** A webhook's body, whole. */
export function payment(paymentId: string, more: object = {}): object {
  const whole = { paymentId, amount: 12.5, currency: "EUR", status: "paid", provider: "test" };
  return { ...whole, ...more };
}

function parsed(text: string): any {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function plainItem(item: Record<string, AttributeValue>): Item {
  return Object.fromEntries(Object.entries(item).map(([name, value]) => [name, plain(value)]));
}

function plain(value: AttributeValue): unknown {
  if (value.N !== undefined) {
    return Number(value.N);
  }
  if (value.M !== undefined) {
    return plainItem(value.M);
  }
  if (value.L !== undefined) {
    return value.L.map(plain);
  }
  return value.S ?? value.BOOL ?? value.B ?? null;
}
