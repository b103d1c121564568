// The program's resources as a graph, without any cloud: what each was asked to be.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import type * as pulumi from "@pulumi/pulumi";
import { afterAll } from "vitest";
import { type ProgramRun, type ResourceOptions, runProgram } from "../program";

export const ACCOUNT = "111122223333";
export const REGION = "eu-west-1";

export interface Resource {
  readonly type: string;
  readonly name: string;
  readonly inputs: Readonly<Record<string, any>>;
  readonly options: ResourceOptions;
}

export class Graph {
  constructor(
    readonly resources: readonly Resource[],
    readonly outputs: ProgramRun["outputs"],
  ) {}

  /** The one resource of that logical name. */
  named(name: string): Resource {
    const found = this.resources.filter((resource) => resource.name === name);
    if (found.length !== 1 || found[0] === undefined) {
      throw new Error(`${found.length} resources are called ${name}`);
    }
    return found[0];
  }

  ofType(type: string): readonly Resource[] {
    return this.resources.filter((resource) => resource.type === type);
  }
}

/** A stack for trials. */
export const DEVELOPMENT: Readonly<Record<string, string>> = {};

/** A stack that money goes through. */
export const PRODUCTION: Readonly<Record<string, string>> = {
  production: "true",
  gatewayUrl: "https://gateway.example/settle",
};

/** Everything that a stack can have besides. */
export const FULL: Readonly<Record<string, string>> = {
  ...PRODUCTION,
  sources: '{"generic": {}, "shop": {"header": "X-Shop-Signature", "encoding": "base64"}}',
  gatewayHeadersSecret: "true",
  otlpEndpoint: "http://localhost:4318",
  alarmEmail: "payments@example.com",
};

/** Runs the program as stack `dev` with this configuration. */
export async function graphOf(config: Readonly<Record<string, string>>): Promise<Graph> {
  const created: Omit<Resource, "options">[] = [];
  const mocks: pulumi.runtime.Mocks = {
    newResource: ({ type, name, inputs }) => {
      created.push({ type, name, inputs });
      return { id: `${name}-id`, state: { ...inputs, ...computed(type, name, inputs) } };
    },
    call: ({ token }) => PLACE[token] ?? {},
  };
  const run = await runProgram("dev", { lambdaDirectory: ARCHIVES, ...config }, mocks);
  const resources = created.map((resource) => ({
    ...resource,
    options: run.options.get(resource.name) as ResourceOptions,
  }));
  return new Graph(resources, run.outputs);
}

const PLACE: Readonly<Record<string, Record<string, string>>> = {
  "aws:index/getCallerIdentity:getCallerIdentity": { accountId: ACCOUNT },
  "aws:index/getRegion:getRegion": { region: REGION },
  "aws:index/getPartition:getPartition": { partition: "aws" },
};

/** Services by type, to make ARNs that look like AWS's. */
const ARNS: Readonly<Record<string, (name: string) => string>> = {
  "aws:cloudwatch/logGroup:LogGroup": (name) => arn("logs", `log-group:${name}`),
  "aws:dynamodb/table:Table": (name) => arn("dynamodb", `table/${name}`),
  "aws:iam/role:Role": (name) => `arn:aws:iam::${ACCOUNT}:role/${name}`,
  "aws:kms/key:Key": (name) => arn("kms", `key/${name}`),
  "aws:lambda/function:Function": (name) => arn("lambda", `function:${name}`),
  "aws:secretsmanager/secret:Secret": (name) => arn("secretsmanager", `secret:${name}-AbCdEf`),
  "aws:sfn/stateMachine:StateMachine": (name) => arn("states", `stateMachine:${name}`),
  "aws:sns/topic:Topic": (name) => arn("sns", name),
  "aws:sqs/queue:Queue": (name) => arn("sqs", name),
};

export function arn(service: string, resource: string): string {
  return `arn:aws:${service}:${REGION}:${ACCOUNT}:${resource}`;
}

/** What AWS would answer besides the inputs. */
function computed(type: string, logicalName: string, inputs: any): Record<string, unknown> {
  const name: string = inputs.name ?? logicalName;
  const named = { name, arn: ARNS[type]?.(name) ?? `arn:of:${name}` };
  switch (type) {
    case "aws:dynamodb/table:Table":
      return { ...named, streamArn: `${named.arn}/stream/2026-01-01T00:00:00.000` };
    case "aws:lambda/function:Function":
      return { ...named, invokeArn: `arn:aws:apigateway:${REGION}:lambda:path/${named.arn}` };
    case "aws:apigateway/restApi:RestApi":
      return { ...named, rootResourceId: "root", executionArn: arn("execute-api", "api1") };
    case "aws:apigateway/stage:Stage":
      return { ...named, invokeUrl: `https://api1.execute-api.${REGION}.amazonaws.com/prod` };
    case "aws:sqs/queue:Queue":
      return { ...named, url: `https://sqs.${REGION}.amazonaws.com/${ACCOUNT}/${name}` };
    default:
      return named;
  }
}

/** The program refuses to deploy functions that nobody has built. */
const ARCHIVES = placeholderArchives();

function placeholderArchives(): string {
  const directory = mkdtempSync(path.join(tmpdir(), "payhook-infra-"));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  for (const stem of ["webhook-validator", "payment-processor"]) {
    mkdirSync(path.join(directory, stem));
    writeFileSync(path.join(directory, stem, "bootstrap.zip"), "");
  }
  return directory;
}
