// The effects: what the workflow calls to claim a payment, settle it and record the outcome.

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { createFunction } from "./function";
import { type Ground } from "./ground";
import { type Secrets } from "./secrets";
import { type Settings } from "./settings";
import { type Tables } from "./tables";

export function createProcessor(
  ground: Ground,
  tables: Tables,
  secrets: Secrets,
): aws.lambda.Function {
  const { settings, encryption, logs } = ground;
  return createFunction(ground, {
    stem: "payment-processor",
    grants: "processor",
    arns: {
      paymentsTable: [tables.payments.arn],
      gatewaySecret: secrets.gateway === undefined ? [] : [secrets.gateway.arn],
      key: [encryption.key.arn],
      processorLogs: [pulumi.interpolate`${logs.processor.arn}:*`],
    },
    concurrency: settings.processorConcurrency,
    timeout: 60,
    memorySize: 1024,
    logGroup: logs.processor,
    variables: { TABLE_NAME: tables.payments.name, ...describeGateway(settings, secrets) },
  });
}

function describeGateway(
  settings: Settings,
  secrets: Secrets,
): Record<string, pulumi.Input<string>> {
  const { gateway } = settings;
  if (gateway.kind === "simulated") {
    return { PAYHOOK_GATEWAY: "simulated" };
  }
  return {
    PAYHOOK_GATEWAY: "http",
    PAYHOOK_GATEWAY_URL: gateway.url,
    PAYHOOK_GATEWAY_TIMEOUT_MS: String(gateway.timeoutMs),
    ...(secrets.gateway && {
      PAYHOOK_GATEWAY_HEADERS_SECRET: secrets.gateway.arn,
      PAYHOOK_SECRETS_REFRESH_SECONDS: String(settings.secretsRefreshSeconds),
    }),
  };
}
