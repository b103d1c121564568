// What both functions have in common: Rust on arm64, one role each, its own log group, traces.

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { existsSync } from "node:fs";
import * as path from "node:path";
import { type Arns, GRANTS, policyDocument, serviceRole } from "./grants";
import { type Ground } from "./ground";
import { type Settings } from "./settings";

/** What makes one function differ from the other. */
export interface FunctionShape {
  readonly stem: "webhook-validator" | "payment-processor";
  readonly grants: "validator" | "processor";
  readonly arns: Arns;
  /** So many places of its own, and never more. */
  readonly concurrency: number;
  readonly timeout: number;
  readonly memorySize: number;
  readonly logGroup: aws.cloudwatch.LogGroup;
  readonly variables: Readonly<Record<string, pulumi.Input<string>>>;
}

export function createFunction(
  { settings, names, encryption }: Ground,
  shape: FunctionShape,
): aws.lambda.Function {
  const { stem } = shape;
  const role = serviceRole(names, `${stem}-role`, { service: "lambda.amazonaws.com" });
  const policy = new aws.iam.RolePolicy(names.of(`${stem}-policy`), {
    role: role.id,
    policy: policyDocument(GRANTS[shape.grants], shape.arns),
  });
  return new aws.lambda.Function(
    names.of(stem),
    {
      name: names.of(stem),
      runtime: aws.lambda.Runtime.CustomAL2023,
      handler: "bootstrap",
      role: role.arn,
      architectures: ["arm64"],
      reservedConcurrentExecutions: shape.concurrency,
      timeout: shape.timeout,
      memorySize: shape.memorySize,
      code: archive(settings, stem),
      environment: { variables: { ...common(settings, stem), ...shape.variables } },
      kmsKeyArn: encryption.key.arn,
      tracingConfig: { mode: "Active" },
      // The function writes JSON by itself, and its own filter decides what.
      loggingConfig: { logFormat: "Text", logGroup: shape.logGroup.name },
      tags: names.tags(stem),
    },
    { dependsOn: [policy] },
  );
}

function common(settings: Settings, stem: string): Record<string, string> {
  return {
    PAYHOOK_LOG: settings.log,
    OTEL_SERVICE_NAME: stem,
    ...(settings.otlpEndpoint !== undefined && {
      OTEL_EXPORTER_OTLP_ENDPOINT: settings.otlpEndpoint,
    }),
  };
}

function archive(settings: Settings, stem: string): pulumi.asset.FileArchive {
  const file = path.join(settings.lambdaDirectory, stem, "bootstrap.zip");
  if (!existsSync(file)) {
    throw new pulumi.RunError(`${file} does not exist: build the functions, cargo xtask lambda`);
  }
  return new pulumi.asset.FileArchive(file);
}
