// A CloudFormation template with the properties that a graph asks for, so that cfn-lint, which
// knows every resource's schema, can look at them. Only what translates plainly: names, figures
// and enumerations, in which a mistake would otherwise be found by the first deployment.

import { pascal, pascalPipe, pascalTable } from "../pascal";
import { type Graph } from "./graph";

type Properties = Record<string, unknown>;

/** How one type is written there: its name, and what its inputs become. */
interface Translation {
  readonly type: string;
  readonly write: (inputs: any) => Properties;
}

const TRANSLATIONS: Readonly<Record<string, Translation>> = {
  "aws:kms/key:Key": {
    type: "AWS::KMS::Key",
    write: ({ policy, description, enableKeyRotation, deletionWindowInDays }) => ({
      ...pascal({ description, enableKeyRotation }),
      PendingWindowInDays: deletionWindowInDays,
      KeyPolicy: JSON.parse(policy),
    }),
  },
  "aws:dynamodb/table:Table": { type: "AWS::DynamoDB::Table", write: writeTable },
  "aws:cloudwatch/logGroup:LogGroup": {
    type: "AWS::Logs::LogGroup",
    write: ({ name, retentionInDays, kmsKeyId }) => ({
      ...pascal({ retentionInDays, kmsKeyId }),
      LogGroupName: name,
    }),
  },
  "aws:lambda/function:Function": {
    type: "AWS::Lambda::Function",
    write: ({ name, code: _code, tags: _tags, ...rest }) => ({
      ...pascal(rest),
      FunctionName: name,
      Environment: { Variables: rest.environment.variables },
      Code: { S3Bucket: "archives", S3Key: name },
    }),
  },
  "aws:apigateway/restApi:RestApi": {
    type: "AWS::ApiGateway::RestApi",
    write: ({ name, description, binaryMediaTypes }) =>
      pascal({ name, description, binaryMediaTypes }),
  },
  "aws:sqs/queue:Queue": {
    type: "AWS::SQS::Queue",
    write: (inputs) => ({
      QueueName: inputs.name,
      MessageRetentionPeriod: inputs.messageRetentionSeconds,
      KmsMasterKeyId: inputs.kmsMasterKeyId,
      KmsDataKeyReusePeriodSeconds: inputs.kmsDataKeyReusePeriodSeconds,
    }),
  },
  "aws:sfn/stateMachine:StateMachine": {
    type: "AWS::StepFunctions::StateMachine",
    write: ({ name, type, roleArn, tracingConfiguration, loggingConfiguration }) => ({
      ...pascal({ roleArn, tracingConfiguration }),
      StateMachineName: name,
      StateMachineType: type,
      // The definition is asl-validator's: cfn-lint does not know that Succeed has an OutputPath.
      DefinitionS3Location: { Bucket: "definitions", Key: name },
      LoggingConfiguration: {
        ...pascal({ level: loggingConfiguration.level }),
        IncludeExecutionData: loggingConfiguration.includeExecutionData,
        Destinations: [
          { CloudWatchLogsLogGroup: { LogGroupArn: loggingConfiguration.logDestination } },
        ],
      },
    }),
  },
  "aws:pipes/pipe:Pipe": { type: "AWS::Pipes::Pipe", write: writePipe },
  "aws:cloudwatch/metricAlarm:MetricAlarm": {
    type: "AWS::CloudWatch::Alarm",
    write: ({ name, okActions, dimensions, metricQueries, tags: _tags, ...rest }) => ({
      ...pascal(rest),
      AlarmName: name,
      OKActions: okActions,
      ...(dimensions && { Dimensions: writeDimensions(dimensions) }),
      ...(metricQueries && { Metrics: metricQueries.map(writeQuery) }),
    }),
  },
  "aws:secretsmanager/secret:Secret": {
    type: "AWS::SecretsManager::Secret",
    write: ({ name, description, kmsKeyId }) => pascal({ name, description, kmsKeyId }),
  },
  "aws:wafv2/webAcl:WebAcl": { type: "AWS::WAFv2::WebACL", write: writeFirewall },
};

/** The types that `templateOf` knows. */
export const TRANSLATED = Object.keys(TRANSLATIONS);

export function templateOf(graph: Graph): object {
  const resources = graph.resources.flatMap(({ type, name, inputs }) => {
    const translation = TRANSLATIONS[type];
    if (translation === undefined) {
      return [];
    }
    const logical = name.replaceAll(/[^A-Za-z0-9]/g, "");
    return [[logical, { Type: translation.type, Properties: translation.write(inputs) }]] as const;
  });
  return { AWSTemplateFormatVersion: "2010-09-09", Resources: Object.fromEntries(resources) };
}

function writeTable(inputs: any): Properties {
  return {
    ...pascalTable(inputs),
    ...(inputs.streamEnabled && {
      StreamSpecification: { StreamViewType: inputs.streamViewType },
    }),
    ...(inputs.ttl && { TimeToLiveSpecification: pascal(inputs.ttl) }),
    PointInTimeRecoverySpecification: {
      PointInTimeRecoveryEnabled: inputs.pointInTimeRecovery.enabled,
    },
    SSESpecification: {
      SSEEnabled: inputs.serverSideEncryption.enabled,
      SSEType: "KMS",
      KMSMasterKeyId: inputs.serverSideEncryption.kmsKeyArn,
    },
  };
}

function writePipe({ name, description, roleArn, source, target, ...inputs }: any): Properties {
  return { ...pascal({ name, description, roleArn, source, target }), ...pascalPipe(inputs) };
}

function writeFirewall({ name, scope, description, rules, ...inputs }: any): Properties {
  const metrics = ({ cloudwatchMetricsEnabled, ...rest }: any) => ({
    ...pascal(rest),
    CloudWatchMetricsEnabled: cloudwatchMetricsEnabled,
  });
  return {
    ...pascal({ name, scope, description, defaultAction: inputs.defaultAction }),
    VisibilityConfig: metrics(inputs.visibilityConfig),
    AssociationConfig: {
      RequestBody: { API_GATEWAY: pascal(inputs.associationConfig.requestBodies[0].apiGateway) },
    },
    Rules: rules.map(({ visibilityConfig, ...rule }: any) => ({
      ...pascal(rule),
      VisibilityConfig: metrics(visibilityConfig),
    })),
  };
}

function writeDimensions(dimensions: Record<string, string>): object[] {
  return Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value }));
}

function writeQuery({ id, label, expression, returnData, metric }: any): object {
  const MetricStat = metric && {
    Metric: {
      Namespace: metric.namespace,
      MetricName: metric.metricName,
      Dimensions: writeDimensions(metric.dimensions),
    },
    Stat: metric.stat,
    Period: metric.period,
  };
  return {
    ...pascal({ id, label, expression }),
    ReturnData: returnData ?? false,
    ...(MetricStat && { MetricStat }),
  };
}
