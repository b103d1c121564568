// The one key that everything at rest is under, and who may use it for what.
//
// The key's policy is the outer wall: each service gets the operations it needs, only on behalf
// of this account and, where the service says so, only for this stack's own resources. Roles and
// people still need an IAM policy inside it, and use the key only through a service: nobody can
// decrypt anything by calling KMS.

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { arn, type Names, type Place } from "./names";
import { type Settings } from "./settings";

/** To look after the key, without using it. */
const ADMINISTER = [
  "kms:CancelKeyDeletion",
  "kms:CreateAlias",
  "kms:DeleteAlias",
  "kms:DescribeKey",
  "kms:DisableKey",
  "kms:DisableKeyRotation",
  "kms:EnableKey",
  "kms:EnableKeyRotation",
  "kms:GetKeyPolicy",
  "kms:GetKeyRotationStatus",
  "kms:ListGrants",
  "kms:ListKeyPolicies",
  "kms:ListKeyRotations",
  "kms:ListResourceTags",
  "kms:PutKeyPolicy",
  "kms:RevokeGrant",
  "kms:RotateKeyOnDemand",
  "kms:ScheduleKeyDeletion",
  "kms:TagResource",
  "kms:UntagResource",
  "kms:UpdateAlias",
  "kms:UpdateKeyDescription",
];

const USE = [
  "kms:Decrypt",
  "kms:Encrypt",
  "kms:GenerateDataKey",
  "kms:GenerateDataKeyWithoutPlaintext",
  "kms:ReEncryptFrom",
  "kms:ReEncryptTo",
];

/** The services that keep this stack's data under the key and ask in their caller's name. */
const SERVICES = ["dynamodb", "lambda", "secretsmanager", "sns", "sqs"];

export interface Encryption {
  readonly key: aws.kms.Key;
}

export function createKey(settings: Settings, names: Names, place: Place): Encryption {
  const name = names.of("payment-kms");
  const key = new aws.kms.Key(
    name,
    {
      description: "Payment webhooks: tables, secrets, logs, dead letters, alarms, environments",
      enableKeyRotation: true,
      deletionWindowInDays: 30,
      policy: keyPolicy(names, place),
      tags: names.tags("payment-kms"),
    },
    // Without the key nothing that was ever stored can be read again.
    { protect: settings.production, retainOnDelete: settings.production },
  );
  new aws.kms.Alias(names.of("payment-kms-alias"), {
    name: `alias/${names.of("payment-webhook")}`,
    targetKeyId: key.id,
  });
  return { key };
}

/** In a key's policy the resource `*` means this key: AWS knows no other way to write it. */
const THIS_KEY = "*";

function keyPolicy(names: Names, place: Place): pulumi.Output<string> {
  const logGroups = Object.values(names.logGroups).map((group) =>
    arn(place, "logs", `log-group:${group}`),
  );
  const alarms = arn(place, "cloudwatch", `alarm:*-${names.suffix}`);
  return pulumi
    .all([place.account, place.region, place.partition, pulumi.all(logGroups), alarms])
    .apply(([account, region, partition, logGroupArns, alarmArns]) => {
      const owner = { AWS: `arn:${partition}:iam::${account}:root` };
      const throughServices = {
        "kms:CallerAccount": account,
        "kms:ViaService": SERVICES.map((service) => `${service}.${region}.amazonaws.com`),
      };
      return JSON.stringify({
        Version: "2012-10-17",
        Statement: [
          allow("AdministerAsIamSays", owner, ADMINISTER),
          allow("UseThroughServicesAsIamSays", owner, USE, { StringEquals: throughServices }),
          allow("LendToServicesAsIamSays", owner, ["kms:CreateGrant"], {
            StringEquals: throughServices,
            Bool: { "kms:GrantIsForAWSResource": "true" },
          }),
          allow("EncryptLogs", { Service: `logs.${region}.amazonaws.com` }, USE, {
            StringEquals: { "kms:EncryptionContext:aws:logs:arn": logGroupArns },
          }),
          allow(
            "TellOfAlarms",
            { Service: "cloudwatch.amazonaws.com" },
            ["kms:Decrypt", "kms:GenerateDataKey"],
            {
              StringEquals: { "aws:SourceAccount": account },
              ArnLike: { "aws:SourceArn": alarmArns },
            },
          ),
        ],
      });
    });
}

function allow(sid: string, principal: object, actions: string[], condition?: object): object {
  return {
    Sid: sid,
    Effect: "Allow",
    Principal: principal,
    Action: actions,
    Resource: THIS_KEY,
    ...(condition && { Condition: condition }),
  };
}
