// From the payments' stream to the workflow: one execution for every new payment.
//
// The pipe is done when an execution has started; what happens to the payment then is the
// workflow's own business. It may start one twice, which the claim at its beginning makes safe.

import * as aws from "@pulumi/aws";
import { type Encryption } from "./encryption";
import { GRANTS, policyDocument, serviceRole } from "./grants";
import { type Ground } from "./ground";
import { arn, type Names } from "./names";
import { type Settings } from "./settings";
import { type Tables } from "./tables";
import { readWorkflowFile, stateMachineArn } from "./workflow";

export interface EventPipe {
  readonly pipe: aws.pipes.Pipe;
  readonly deadLetters: aws.sqs.Queue;
}

/**
 * How often one record is tried, and how old it may be. While it is tried it holds up its shard,
 * so there must be an end; a missing permission should be mended before it. A dead letter names
 * a place in the stream, which keeps records for 24 hours: half of them are left to fetch it.
 */
const RETRY_ATTEMPTS_MAX = 50;
const RECORD_AGE_SECONDS_MAX = 12 * 60 * 60;

/** The longest that SQS keeps anything: a dead letter waits for a person. */
const DEAD_LETTER_SECONDS = 14 * 24 * 60 * 60;

export function createPipe(
  { settings, names, place, encryption, logs }: Ground,
  tables: Tables,
  stateMachine: aws.sfn.StateMachine,
): EventPipe {
  const stem = "payment-events-pipe";
  const deadLetters = createDeadLetterQueue(names, encryption);
  const role = serviceRole(names, "eventbridge-pipe-role", {
    service: "pipes.amazonaws.com",
    onBehalfOf: { account: place.account, source: arn(place, "pipes", `pipe/${names.of(stem)}`) },
  });
  const policy = new aws.iam.RolePolicy(names.of("eventbridge-pipe-policy"), {
    role: role.id,
    policy: policyDocument(GRANTS.pipe, {
      paymentsStream: [tables.payments.streamArn],
      // By its name: the policy is there long before the pipe, which is refused while IAM has not
      // heard of it everywhere.
      stateMachine: [stateMachineArn(names, place)],
      deadLetterQueue: [deadLetters.arn],
      key: [encryption.key.arn],
    }),
  });
  const pipe = new aws.pipes.Pipe(
    names.of(stem),
    {
      name: names.of(stem),
      description: "Starts the workflow for every new payment",
      roleArn: role.arn,
      source: tables.payments.streamArn,
      sourceParameters: sourceParameters(settings, deadLetters),
      target: stateMachine.arn,
      targetParameters: {
        // A standard workflow cannot be waited for.
        stepFunctionStateMachineParameters: { invocationType: "FIRE_AND_FORGET" },
      },
      logConfiguration: {
        level: "ERROR",
        includeExecutionDatas: settings.logPayloads ? ["ALL"] : [],
        cloudwatchLogsLogDestination: { logGroupArn: logs.pipe.arn },
      },
      tags: names.tags(stem),
    },
    // A new starting position needs a new pipe, and the name is taken until the old one is gone.
    { dependsOn: [policy, logs.pipeDelivery], deleteBeforeReplace: true },
  );
  return { pipe, deadLetters };
}

function sourceParameters(
  settings: Settings,
  deadLetters: aws.sqs.Queue,
): aws.types.input.pipes.PipeSourceParameters {
  return {
    filterCriteria: {
      filters: [{ pattern: JSON.stringify(JSON.parse(readWorkflowFile("filter.json"))) }],
    },
    dynamodbStreamParameters: {
      // From LATEST, a webhook that is stored before the pipe runs would never be processed.
      startingPosition: "TRIM_HORIZON",
      batchSize: 1,
      parallelizationFactor: settings.pipeParallelizationFactor,
      maximumRetryAttempts: RETRY_ATTEMPTS_MAX,
      maximumRecordAgeInSeconds: RECORD_AGE_SECONDS_MAX,
      onPartialBatchItemFailure: "AUTOMATIC_BISECT",
      deadLetterConfig: { arn: deadLetters.arn },
    },
  };
}

function createDeadLetterQueue(names: Names, encryption: Encryption): aws.sqs.Queue {
  const stem = "payment-events-dead-letters";
  return new aws.sqs.Queue(names.of(stem), {
    name: names.of(stem),
    messageRetentionSeconds: DEAD_LETTER_SECONDS,
    kmsMasterKeyId: encryption.key.arn,
    kmsDataKeyReusePeriodSeconds: 300,
    tags: names.tags(stem),
  });
}
