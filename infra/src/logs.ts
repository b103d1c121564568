// Where logs go, under the key and for a time.

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { type Encryption } from "./encryption";
import { arn, type LogGroupNames, type Names, type Place } from "./names";
import { type Settings } from "./settings";

export type LogGroups = { readonly [who in keyof LogGroupNames]: aws.cloudwatch.LogGroup } & {
  /** What must be there before the workflow or the pipe is told to write to its group. */
  readonly workflowDelivery: aws.cloudwatch.LogResourcePolicy;
  readonly pipeDelivery: aws.cloudwatch.LogResourcePolicy;
};

const STEMS: { readonly [who in keyof LogGroupNames]: string } = {
  validator: "webhook-validator-logs",
  processor: "payment-processor-logs",
  access: "api-access-logs",
  workflow: "payment-processor-sfn-logs",
  pipe: "payment-events-pipe-logs",
};

export function createLogGroups(
  settings: Settings,
  names: Names,
  place: Place,
  encryption: Encryption,
): LogGroups {
  const create = (who: keyof LogGroupNames) =>
    new aws.cloudwatch.LogGroup(names.of(STEMS[who]), {
      name: names.logGroups[who],
      retentionInDays: settings.logRetentionDays,
      kmsKeyId: encryption.key.arn,
      tags: names.tags(STEMS[who]),
    });
  const groups = {
    validator: create("validator"),
    processor: create("processor"),
    access: create("access"),
    workflow: create("workflow"),
    pipe: create("pipe"),
  };
  const delivery = (who: "workflow" | "pipe") =>
    allowDelivery(names.of(`${STEMS[who]}-policy`), groups[who], place);
  return { ...groups, workflowDelivery: delivery("workflow"), pipeDelivery: delivery("pipe") };
}

/**
 * Step Functions and Pipes hand their logs to a delivery service. Said here, on the one group,
 * this needs no policy of the whole account, of which there can only be ten.
 */
function allowDelivery(
  name: string,
  group: aws.cloudwatch.LogGroup,
  place: Place,
): aws.cloudwatch.LogResourcePolicy {
  return new aws.cloudwatch.LogResourcePolicy(name, {
    resourceArn: group.arn,
    policyDocument: pulumi
      .all([group.arn, place.account, arn(place, "logs", "*")])
      .apply(([groupArn, account, deliveries]) =>
        JSON.stringify({
          Version: "2012-10-17",
          Statement: [
            {
              Sid: "DeliverLogs",
              Effect: "Allow",
              Principal: { Service: "delivery.logs.amazonaws.com" },
              Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
              Resource: `${groupArn}:log-stream:*`,
              Condition: {
                StringEquals: { "aws:SourceAccount": account },
                ArnLike: { "aws:SourceArn": deliveries },
              },
            },
          ],
        }),
      ),
  });
}
