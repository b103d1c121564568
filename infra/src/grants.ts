// Who may do what: the whole of the stack's IAM permissions on one page.
//
// Every role has exactly the actions it calls, on exactly the resources it calls them on. A
// wildcard stands only where AWS knows nothing narrower, and says why.

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { type Names } from "./names";

/** Something that can be named in a grant. */
export type Target =
  | "paymentsTable"
  | "paymentsStream"
  | "eventKeysTable"
  | "quarantineTable"
  | "sourceSecrets"
  | "gatewaySecret"
  | "key"
  | "validatorLogs"
  | "processorLogs"
  | "processorFunction"
  | "stateMachine"
  | "deadLetterQueue";

/** Some actions on one target, or, with a reason, on everything. */
export type Grant =
  | { readonly sid: string; readonly actions: readonly string[]; readonly on: Target }
  | { readonly sid: string; readonly actions: readonly string[]; readonly everywhere: string };

export type RoleName = "validator" | "processor" | "workflow" | "pipe" | "apiLogs";

const TRACES: Grant = {
  sid: "Traces",
  actions: ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
  everywhere: "X-Ray has no resource that these actions could be bound to",
};

export const GRANTS: Readonly<Record<RoleName, readonly Grant[]>> = {
  validator: [
    // A transaction is allowed by the actions it is made of: there is none of its own.
    { sid: "Payments", actions: ["dynamodb:PutItem", "dynamodb:Query"], on: "paymentsTable" },
    {
      sid: "EventKeys",
      actions: ["dynamodb:PutItem", "dynamodb:UpdateItem"],
      on: "eventKeysTable",
    },
    { sid: "Quarantine", actions: ["dynamodb:UpdateItem"], on: "quarantineTable" },
    {
      sid: "Secrets",
      // The one reads the versions, the other when the secret was rotated.
      actions: ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
      on: "sourceSecrets",
    },
    { sid: "Key", actions: ["kms:Decrypt"], on: "key" },
    { sid: "Logs", actions: ["logs:CreateLogStream", "logs:PutLogEvents"], on: "validatorLogs" },
    TRACES,
  ],
  processor: [
    {
      sid: "Payments",
      // A query tells what another event about the same has settled.
      actions: ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"],
      on: "paymentsTable",
    },
    { sid: "Secrets", actions: ["secretsmanager:GetSecretValue"], on: "gatewaySecret" },
    { sid: "Key", actions: ["kms:Decrypt"], on: "key" },
    { sid: "Logs", actions: ["logs:CreateLogStream", "logs:PutLogEvents"], on: "processorLogs" },
    TRACES,
  ],
  workflow: [
    { sid: "Processor", actions: ["lambda:InvokeFunction"], on: "processorFunction" },
    {
      sid: "Traces",
      actions: [
        "xray:PutTraceSegments",
        "xray:PutTelemetryRecords",
        "xray:GetSamplingRules",
        "xray:GetSamplingTargets",
      ],
      everywhere: "X-Ray has no resource that these actions could be bound to",
    },
    {
      sid: "LogDelivery",
      actions: [
        "logs:CreateLogDelivery",
        "logs:GetLogDelivery",
        "logs:UpdateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutResourcePolicy",
        "logs:DescribeResourcePolicies",
        "logs:DescribeLogGroups",
      ],
      everywhere: "Step Functions asks for these on everything before it delivers logs",
    },
  ],
  pipe: [
    {
      sid: "Stream",
      actions: ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
      on: "paymentsStream",
    },
    {
      sid: "Streams",
      actions: ["dynamodb:ListStreams"],
      everywhere: "ListStreams has no resource that it could be bound to",
    },
    { sid: "Workflow", actions: ["states:StartExecution"], on: "stateMachine" },
    { sid: "DeadLetters", actions: ["sqs:SendMessage"], on: "deadLetterQueue" },
    // Decrypt reads the stream; both together write to the queue.
    { sid: "Key", actions: ["kms:Decrypt", "kms:GenerateDataKey"], on: "key" },
  ],
  apiLogs: [
    {
      sid: "Logs",
      actions: [
        "logs:CreateLogGroup",
        "logs:CreateLogStream",
        "logs:DescribeLogGroups",
        "logs:DescribeLogStreams",
        "logs:PutLogEvents",
        "logs:GetLogEvents",
        "logs:FilterLogEvents",
      ],
      everywhere: "the role serves every API of the account, and API Gateway refuses one with less",
    },
  ],
};

/** The ARNs behind the targets. A target that this stack has none of is left out with its grant. */
export type Arns = { readonly [target in Target]?: readonly pulumi.Input<string>[] };

interface Statement {
  readonly Sid: string;
  readonly Effect: "Allow";
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
}

/** The IAM policy that these grants amount to. */
export function policyDocument(grants: readonly Grant[], arns: Arns): pulumi.Output<string> {
  const statements = grants.flatMap((grant) => {
    const resources = "everywhere" in grant ? ["*"] : (arns[grant.on] ?? []);
    return resources.length === 0 ? [] : [statement(grant, resources)];
  });
  return pulumi
    .all(statements)
    .apply((Statement) => JSON.stringify({ Version: "2012-10-17", Statement }));
}

function statement(
  grant: Grant,
  resources: readonly pulumi.Input<string>[],
): pulumi.Output<Statement> {
  return pulumi.all([...resources]).apply((Resource) => ({
    Sid: grant.sid,
    Effect: "Allow" as const,
    Action: grant.actions,
    Resource,
  }));
}

/** Says which service may take the role, and, where given, for whose sake alone. */
export interface Trust {
  readonly service: string;
  readonly onBehalfOf?: {
    readonly account: pulumi.Input<string>;
    readonly source: pulumi.Input<string>;
  };
}

/** A role that one service takes. `stem` is its name without the suffix. */
export function serviceRole(names: Names, stem: string, trust: Trust): aws.iam.Role {
  const name = names.of(stem);
  return new aws.iam.Role(name, {
    name,
    assumeRolePolicy: trustDocument(trust),
    tags: names.tags(stem),
  });
}

function trustDocument(trust: Trust): pulumi.Output<string> {
  return pulumi.output(trust).apply(({ service, onBehalfOf }) =>
    JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow",
          Action: "sts:AssumeRole",
          Principal: { Service: service },
          ...(onBehalfOf && {
            Condition: {
              StringEquals: { "aws:SourceAccount": onBehalfOf.account },
              ArnLike: { "aws:SourceArn": onBehalfOf.source },
            },
          }),
        },
      ],
    }),
  );
}
