// What a person is told of, and how.
//
// Every alarm goes to one topic, when it rises and when it is over.

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { type Api } from "./api";
import { type Ground } from "./ground";
import { arn, type Names } from "./names";
import { type EventPipe } from "./pipe";
import { type Tables } from "./tables";

/** What alarms look at. */
export interface Watched {
  readonly api: Api;
  readonly validator: aws.lambda.Function;
  readonly processor: aws.lambda.Function;
  readonly stateMachine: aws.sfn.StateMachine;
  readonly events: EventPipe;
  readonly tables: Tables;
}

/** Rises when `metric` reaches `atLeast` within `PERIOD_SECONDS`. */
interface Alarm {
  readonly stem: string;
  readonly says: string;
  readonly namespace: string;
  readonly metric: string;
  readonly dimensions: Readonly<Record<string, pulumi.Input<string>>>;
  readonly statistic: "Sum" | "Maximum";
  readonly atLeast: number;
}

const PERIOD_SECONDS = 300;

export function createAlarms(ground: Ground, watched: Watched): aws.sns.Topic {
  const { names } = ground;
  const topic = createTopic(ground);
  const alarms = [
    ...apiAlarms(watched.api),
    ...functionAlarms("webhook-validator", watched.validator, 1),
    // A declined payment is an error of the function, and nothing to wake anybody for.
    ...functionAlarms("payment-processor", watched.processor, 5),
    ...workflowAlarms(watched.stateMachine),
    ...pipeAlarms(watched.events),
    ...logAlarms(ground),
  ];
  for (const alarm of alarms) {
    createAlarm(names, topic, alarm);
  }
  for (const comparison of COMPARISONS) {
    createComparison(names, topic, watched, comparison);
  }
  return topic;
}

function apiAlarms(api: Api): Alarm[] {
  return [
    {
      stem: "api-5xx",
      says: "Webhooks are answered with a server error. Their senders will send them again.",
      namespace: "AWS/ApiGateway",
      metric: "5XXError",
      dimensions: { ApiName: api.rest.name, Stage: api.stage.stageName },
      statistic: "Sum",
      atLeast: 1,
    },
  ];
}

function functionAlarms(stem: string, fn: aws.lambda.Function, errorsMax: number): Alarm[] {
  const common = {
    namespace: "AWS/Lambda",
    dimensions: { FunctionName: fn.name },
    statistic: "Sum",
  } as const;
  return [
    {
      ...common,
      stem: `${stem}-errors`,
      says: `${stem} fails. Its log says why.`,
      metric: "Errors",
      atLeast: errorsMax,
    },
    {
      ...common,
      stem: `${stem}-throttles`,
      says: `${stem} is called more often at once than its reserved concurrency allows.`,
      metric: "Throttles",
      atLeast: 1,
    },
  ];
}

function workflowAlarms(stateMachine: aws.sfn.StateMachine): Alarm[] {
  const alarm = (stem: string, metric: string, says: string): Alarm => ({
    stem: `payment-executions-${stem}`,
    says,
    namespace: "AWS/States",
    metric,
    dimensions: { StateMachineArn: stateMachine.arn },
    statistic: "Sum",
    atLeast: 1,
  });
  return [
    alarm("failed", "ExecutionsFailed", "A payment failed for good. A redrive tries it again."),
    alarm("timed-out", "ExecutionsTimedOut", "The workflow of a payment took too long."),
    alarm("aborted", "ExecutionsAborted", "Somebody stopped the workflow of a payment."),
    alarm("throttled", "ExecutionThrottled", "Step Functions holds the workflows back."),
  ];
}

function pipeAlarms({ pipe, deadLetters }: EventPipe): Alarm[] {
  const alarm = (stem: string, metric: string, says: string): Alarm => ({
    stem: `payment-events-pipe-${stem}`,
    says,
    namespace: "AWS/EventBridge/Pipes",
    metric,
    dimensions: { PipeName: pipe.name },
    statistic: "Sum",
    atLeast: 1,
  });
  return [
    alarm("failed", "ExecutionFailed", "The pipe cannot start workflows. It tries again."),
    alarm("timed-out", "ExecutionTimeout", "The pipe starts workflows too slowly."),
    alarm("throttled", "ExecutionThrottled", "The pipe is held back."),
    {
      stem: "payment-events-dead-letters-depth",
      says: "The pipe gave up on payments. Fetch them from the stream within twelve hours.",
      namespace: "AWS/SQS",
      metric: "ApproximateNumberOfMessagesVisible",
      dimensions: { QueueName: deadLetters.name },
      statistic: "Maximum",
      atLeast: 1,
    },
  ];
}

/** What only the functions know, they say in their logs. */
interface Saying {
  readonly stem: string;
  readonly says: string;
  readonly logGroup: aws.cloudwatch.LogGroup;
  readonly metric: string;
  readonly pattern: string;
  readonly value: string;
  readonly unit: "Milliseconds" | "Count";
  readonly statistic: Alarm["statistic"];
  readonly atLeast: number;
}

function logAlarms({ names, logs }: Ground): Alarm[] {
  const sayings: Saying[] = [
    {
      // Beside the alarm on a pipe that stands still, this one notices one that is slow.
      stem: "payment-claim-age",
      says: "Payments wait for more than a minute before their workflow begins: the pipe is behind.",
      logGroup: logs.processor,
      metric: "ClaimAge",
      pattern: '{ ($.message = "done") && ($.span.task = "claim_payment") }',
      value: "$.span.age_ms",
      unit: "Milliseconds",
      statistic: "Maximum",
      atLeast: 60_000,
    },
    {
      // Anybody can have a few refused; many at once may be a secret of ours that is wrong.
      stem: "webhooks-refused",
      says: "Many webhooks are refused: forgeries, or a signing secret that is wrong here.",
      logGroup: logs.validator,
      metric: "Refused",
      pattern: '{ $.message = "delivery refused and set apart" }',
      value: "1",
      unit: "Count",
      statistic: "Sum",
      atLeast: 20,
    },
    {
      stem: "webhooks-in-conflict",
      says: "An event came again with other bytes. It is kept beside the first, and not processed.",
      logGroup: logs.validator,
      metric: "Conflicts",
      pattern: '{ $.message = "an event key came again with other bytes" }',
      value: "1",
      unit: "Count",
      statistic: "Sum",
      atLeast: 1,
    },
    {
      stem: "payments-settled-twice",
      says: "The gateway settled a payment twice, under two transactions. Money moved twice.",
      logGroup: logs.processor,
      metric: "SettledTwice",
      pattern: '{ $.message = "the gateway has settled a payment twice" }',
      value: "1",
      unit: "Count",
      statistic: "Sum",
      atLeast: 1,
    },
  ];
  return sayings.map((saying) => heard(names, saying));
}

/** Makes a metric of what is said, and gives the alarm on it. */
function heard(names: Names, saying: Saying): Alarm {
  const { stem, says, metric, statistic, atLeast } = saying;
  const namespace = `Payhook/${names.suffix}`;
  new aws.cloudwatch.LogMetricFilter(names.of(stem), {
    name: names.of(stem),
    logGroupName: saying.logGroup.name,
    pattern: saying.pattern,
    metricTransformation: { namespace, name: metric, value: saying.value, unit: saying.unit },
  });
  return { stem, says, namespace, metric, dimensions: {}, statistic, atLeast };
}

function createAlarm(names: Names, topic: aws.sns.Topic, alarm: Alarm): void {
  new aws.cloudwatch.MetricAlarm(names.of(`${alarm.stem}-alarm`), {
    ...commonArgs(names, topic, alarm.stem, alarm.says),
    namespace: alarm.namespace,
    metricName: alarm.metric,
    dimensions: alarm.dimensions,
    statistic: alarm.statistic,
    period: PERIOD_SECONDS,
    evaluationPeriods: 1,
    threshold: alarm.atLeast,
    comparisonOperator: "GreaterThanOrEqualToThreshold",
  });
}

/** Compares what was stored with what was started, period by period. */
interface Comparison {
  readonly stem: string;
  readonly says: string;
  readonly behind: string;
  readonly periodSeconds: number;
  readonly periods: number;
}

/**
 * AWS has no metric for how far a pipe is behind. But what is stored must be started. A pipe that
 * is too slow is noticed when, for a quarter of an hour, a tenth of the new payments starts
 * nothing; one that stands still also where a payment comes but now and then.
 */
const COMPARISONS: readonly Comparison[] = [
  {
    stem: "payment-events-pipe-lag",
    says: "New payments start no workflow: the pipe is behind.",
    behind: "IF(FILL(started, 0) < 0.9 * FILL(stored, 0), 1, 0)",
    periodSeconds: PERIOD_SECONDS,
    periods: 3,
  },
  {
    stem: "payment-events-pipe-still",
    says: "Payments were stored in an hour in which no workflow was started: the pipe stands still.",
    behind: "IF(FILL(stored, 0) > 0 AND FILL(started, 0) < 1, 1, 0)",
    periodSeconds: 3600,
    periods: 1,
  },
];

function createComparison(
  names: Names,
  topic: aws.sns.Topic,
  { tables, stateMachine }: Watched,
  { stem, says, behind, periodSeconds, periods }: Comparison,
): void {
  new aws.cloudwatch.MetricAlarm(names.of(`${stem}-alarm`), {
    ...commonArgs(names, topic, stem, says),
    evaluationPeriods: periods,
    threshold: 1,
    comparisonOperator: "GreaterThanOrEqualToThreshold",
    metricQueries: [
      { id: "behind", label: "The pipe is behind", expression: behind, returnData: true },
      {
        // One successful transaction is one delivery, of one new payment or more.
        id: "stored",
        metric: {
          namespace: "AWS/DynamoDB",
          metricName: "SuccessfulRequestLatency",
          dimensions: { TableName: tables.payments.name, Operation: "TransactWriteItems" },
          stat: "SampleCount",
          period: periodSeconds,
        },
      },
      {
        id: "started",
        metric: {
          namespace: "AWS/States",
          metricName: "ExecutionsStarted",
          dimensions: { StateMachineArn: stateMachine.arn },
          stat: "Sum",
          period: periodSeconds,
        },
      },
    ],
  });
}

function commonArgs(names: Names, topic: aws.sns.Topic, stem: string, says: string) {
  return {
    name: names.of(stem),
    alarmDescription: says,
    alarmActions: [topic.arn],
    okActions: [topic.arn],
    treatMissingData: "notBreaching",
    tags: names.tags(`${stem}-alarm`),
  };
}

function createTopic({ settings, names, place, encryption }: Ground): aws.sns.Topic {
  const stem = "payment-alarms";
  const topic = new aws.sns.Topic(names.of(stem), {
    name: names.of(stem),
    kmsMasterKeyId: encryption.key.arn,
    tags: names.tags(stem),
  });
  new aws.sns.TopicPolicy(names.of("payment-alarms-policy"), {
    arn: topic.arn,
    policy: pulumi
      .all([topic.arn, place.account, arn(place, "cloudwatch", `alarm:*-${names.suffix}`)])
      .apply(([Resource, account, alarms]) =>
        JSON.stringify({
          Version: "2012-10-17",
          Statement: [
            {
              Sid: "TellOfAlarms",
              Effect: "Allow",
              Principal: { Service: "cloudwatch.amazonaws.com" },
              Action: "sns:Publish",
              Resource,
              Condition: {
                StringEquals: { "aws:SourceAccount": account },
                ArnLike: { "aws:SourceArn": alarms },
              },
            },
          ],
        }),
      ),
  });
  if (settings.alarmEmail !== undefined) {
    new aws.sns.TopicSubscription(names.of("payment-alarms-email"), {
      topic: topic.arn,
      protocol: "email",
      endpoint: settings.alarmEmail,
    });
  }
  return topic;
}
