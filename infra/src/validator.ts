// The front door: proves who sent a webhook and keeps it, durably and once.

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { createFunction } from "./function";
import { type Ground } from "./ground";
import { type Secrets } from "./secrets";
import { type Settings } from "./settings";
import { type Tables } from "./tables";

export function createValidator(
  ground: Ground,
  tables: Tables,
  secrets: Secrets,
): aws.lambda.Function {
  const { settings, encryption, logs } = ground;
  return createFunction(ground, {
    stem: "webhook-validator",
    grants: "validator",
    arns: {
      paymentsTable: [tables.payments.arn],
      eventKeysTable: [tables.eventKeys.arn],
      quarantineTable: [tables.quarantine.arn],
      sourceSecrets: Object.values(secrets.sources).map((secret) => secret.arn),
      key: [encryption.key.arn],
      validatorLogs: [pulumi.interpolate`${logs.validator.arn}:*`],
    },
    concurrency: settings.validatorConcurrency,
    timeout: 30,
    memorySize: 512,
    logGroup: logs.validator,
    variables: {
      TABLE_NAME: tables.payments.name,
      EVENT_KEYS_TABLE_NAME: tables.eventKeys.name,
      QUARANTINE_TABLE_NAME: tables.quarantine.name,
      PAYHOOK_SOURCES: describeSources(settings, secrets),
      PAYHOOK_EVENT_KEY_RETENTION_DAYS: String(settings.eventKeyRetentionDays),
      PAYHOOK_QUARANTINE_RETENTION_DAYS: String(settings.quarantineRetentionDays),
      PAYHOOK_BODY_BYTES_MAX: String(settings.bodyBytesMax),
      PAYHOOK_SECRETS_REFRESH_SECONDS: String(settings.secretsRefreshSeconds),
      PAYHOOK_SECRET_GRACE_HOURS: String(settings.secretGraceHours),
    },
  });
}

/** Who may send, and in which secret their signing key is. */
function describeSources(settings: Settings, secrets: Secrets): pulumi.Output<string> {
  const ids = Object.entries(secrets.sources).map(([name, secret]) =>
    secret.arn.apply((secretId) => [name, { secretId, ...settings.sources[name] }] as const),
  );
  return pulumi.all(ids).apply((entries) => JSON.stringify(Object.fromEntries(entries)));
}
