// How each type of resource is made on the emulator: what the AWS provider of Pulumi would do,
// with AWS's own clients, and what it would answer.

import * as apigateway from "@aws-sdk/client-api-gateway";
import * as cloudwatch from "@aws-sdk/client-cloudwatch";
import * as logs from "@aws-sdk/client-cloudwatch-logs";
import * as dynamodb from "@aws-sdk/client-dynamodb";
import * as iam from "@aws-sdk/client-iam";
import * as kms from "@aws-sdk/client-kms";
import * as lambda from "@aws-sdk/client-lambda";
import * as pipes from "@aws-sdk/client-pipes";
import * as secrets from "@aws-sdk/client-secrets-manager";
import * as sfn from "@aws-sdk/client-sfn";
import * as sns from "@aws-sdk/client-sns";
import * as sqs from "@aws-sdk/client-sqs";
import { readFile } from "node:fs/promises";
import { pascal, pascalPipe, pascalTable } from "../pascal";
import { ACCOUNT, type Emulator, REGION } from "./runtime";

/** A resource that exists now: its physical identifier, and its outputs besides the inputs. */
export interface Created {
  readonly id: string;
  readonly state?: Readonly<Record<string, unknown>>;
}

type Create = (inputs: any, logicalName: string) => Promise<Created>;

/** One way to create for every type. */
export type Creators = Readonly<Record<string, Create>>;

export function creatorsFor(emulator: Emulator): Creators {
  return {
    ...keyAndTables(emulator),
    ...secretsAndLogs(emulator),
    ...roles(emulator),
    ...functions(emulator),
    ...api(emulator),
    ...stage(emulator),
    ...flow(emulator),
    ...alarms(emulator),
  };
}

function tagList(tags: Record<string, string> = {}): { Key: string; Value: string }[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

function keyAndTables({ client }: Emulator): Creators {
  const keys = new kms.KMSClient(client);
  const tables = new dynamodb.DynamoDBClient(client);
  return {
    "aws:kms/key:Key": async ({ policy, description, enableKeyRotation, tags }) => {
      const Tags = Object.entries<string>(tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue }));
      const { KeyMetadata } = await keys.send(
        new kms.CreateKeyCommand({ Policy: policy, Description: description, Tags }),
      );
      const id = KeyMetadata?.KeyId ?? "";
      if (enableKeyRotation) {
        await keys.send(new kms.EnableKeyRotationCommand({ KeyId: id }));
      }
      return { id, state: { arn: KeyMetadata?.Arn, keyId: id } };
    },
    "aws:kms/alias:Alias": async ({ name, targetKeyId }) => {
      await keys.send(new kms.CreateAliasCommand({ AliasName: name, TargetKeyId: targetKeyId }));
      return { id: name };
    },
    "aws:dynamodb/table:Table": (inputs) => createTable(tables, inputs),
  };
}

async function createTable(client: dynamodb.DynamoDBClient, inputs: any): Promise<Created> {
  const TableName: string = inputs.name;
  const { TableDescription } = await client.send(
    new dynamodb.CreateTableCommand({
      ...(pascalTable(inputs) as dynamodb.CreateTableCommandInput),
      SSESpecification: {
        Enabled: inputs.serverSideEncryption.enabled,
        SSEType: "KMS",
        KMSMasterKeyId: inputs.serverSideEncryption.kmsKeyArn,
      },
      ...(inputs.streamEnabled && {
        StreamSpecification: { StreamEnabled: true, StreamViewType: inputs.streamViewType },
      }),
      Tags: tagList(inputs.tags),
    }),
  );
  await client.send(
    new dynamodb.UpdateContinuousBackupsCommand({
      TableName,
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    }),
  );
  if (inputs.ttl) {
    const TimeToLiveSpecification = pascal(inputs.ttl);
    await client.send(new dynamodb.UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification }));
  }
  const { TableArn, LatestStreamArn } = TableDescription ?? {};
  return { id: TableName, state: { arn: TableArn, streamArn: LatestStreamArn } };
}

function secretsAndLogs({ client }: Emulator): Creators {
  const vault = new secrets.SecretsManagerClient(client);
  const cloud = new logs.CloudWatchLogsClient(client);
  return {
    "aws:secretsmanager/secret:Secret": async ({ name, description, kmsKeyId, tags }) => {
      const { ARN } = await vault.send(
        new secrets.CreateSecretCommand({
          Name: name,
          Description: description,
          KmsKeyId: kmsKeyId,
          Tags: tagList(tags),
        }),
      );
      return { id: ARN ?? "", state: { arn: ARN } };
    },
    "aws:cloudwatch/logGroup:LogGroup": async ({ name, kmsKeyId, retentionInDays, tags }) => {
      const logGroupName: string = name;
      await cloud.send(new logs.CreateLogGroupCommand({ logGroupName, kmsKeyId, tags }));
      await cloud.send(new logs.PutRetentionPolicyCommand({ logGroupName, retentionInDays }));
      const arn = `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:${logGroupName}`;
      return { id: logGroupName, state: { arn } };
    },
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": async (inputs) => {
      const { name, logGroupName, pattern, metricTransformation } = inputs;
      const { namespace, name: metricName, value, unit } = metricTransformation;
      await cloud.send(
        new logs.PutMetricFilterCommand({
          logGroupName,
          filterName: name,
          filterPattern: pattern,
          metricTransformations: [
            { metricNamespace: namespace, metricName, metricValue: value, unit },
          ],
        }),
      );
      return { id: name };
    },
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": async (inputs) => {
      const { resourceArn, policyDocument } = inputs;
      await cloud.send(new logs.PutResourcePolicyCommand({ resourceArn, policyDocument }));
      return { id: resourceArn };
    },
  };
}

function roles({ client }: Emulator): Creators {
  const people = new iam.IAMClient(client);
  return {
    "aws:iam/role:Role": async ({ name, assumeRolePolicy, tags }) => {
      const { Role } = await people.send(
        new iam.CreateRoleCommand({
          RoleName: name,
          AssumeRolePolicyDocument: assumeRolePolicy,
          Tags: tagList(tags),
        }),
      );
      return { id: name, state: { arn: Role?.Arn } };
    },
    "aws:iam/rolePolicy:RolePolicy": async ({ role, policy }, logicalName) => {
      await people.send(
        new iam.PutRolePolicyCommand({
          RoleName: role,
          PolicyName: logicalName,
          PolicyDocument: policy,
        }),
      );
      return { id: `${role}:${logicalName}` };
    },
  };
}

function functions({ client }: Emulator): Creators {
  const service = new lambda.LambdaClient(client);
  return {
    "aws:lambda/function:Function": (inputs) => createFunction(service, inputs),
    "aws:lambda/permission:Permission": async (inputs, logicalName) => {
      await service.send(
        new lambda.AddPermissionCommand({
          StatementId: logicalName,
          FunctionName: inputs.function,
          Action: inputs.action,
          Principal: inputs.principal,
          SourceArn: inputs.sourceArn,
        }),
      );
      return { id: logicalName };
    },
  };
}

async function createFunction(service: lambda.LambdaClient, inputs: any): Promise<Created> {
  const FunctionName: string = inputs.name;
  const { code, name: _name, reservedConcurrentExecutions, kmsKeyArn, tags, ...rest } = inputs;
  const { FunctionArn } = await service.send(
    new lambda.CreateFunctionCommand({
      ...pascal(rest),
      FunctionName,
      Environment: { Variables: inputs.environment.variables },
      KMSKeyArn: kmsKeyArn,
      Tags: tags,
      Code: { ZipFile: await readFile(await code.path) },
    }),
  );
  await service.send(
    new lambda.PutFunctionConcurrencyCommand({
      FunctionName,
      ReservedConcurrentExecutions: reservedConcurrentExecutions,
    }),
  );
  await lambda.waitUntilFunctionActiveV2(
    { client: service, maxWaitTime: 30, minDelay: 1, maxDelay: 1 },
    { FunctionName },
  );
  const path = `2015-03-31/functions/${FunctionArn}/invocations`;
  const invokeArn = `arn:aws:apigateway:${REGION}:lambda:path/${path}`;
  return { id: FunctionName, state: { arn: FunctionArn, invokeArn } };
}

function api({ client }: Emulator): Creators {
  const gateway = new apigateway.APIGatewayClient(client);
  return {
    "aws:apigateway/restApi:RestApi": async ({ name, description, binaryMediaTypes, tags }) => {
      const { id, rootResourceId } = await gateway.send(
        new apigateway.CreateRestApiCommand({ name, description, binaryMediaTypes, tags }),
      );
      const executionArn = `arn:aws:execute-api:${REGION}:${ACCOUNT}:${id}`;
      return { id: id ?? "", state: { rootResourceId, executionArn } };
    },
    "aws:apigateway/resource:Resource": async ({ restApi, parentId, pathPart }) => {
      const { id } = await gateway.send(
        new apigateway.CreateResourceCommand({ restApiId: restApi, parentId, pathPart }),
      );
      return { id: id ?? "" };
    },
    "aws:apigateway/method:Method": async (inputs) => {
      const { restApi: restApiId, resourceId, httpMethod, authorization } = inputs;
      await gateway.send(
        new apigateway.PutMethodCommand({
          restApiId,
          resourceId,
          httpMethod,
          authorizationType: authorization,
        }),
      );
      return { id: `${resourceId}-${httpMethod}` };
    },
    "aws:apigateway/integration:Integration": async (inputs) => {
      const { restApi: restApiId, resourceId, httpMethod, integrationHttpMethod, uri } = inputs;
      await gateway.send(
        new apigateway.PutIntegrationCommand({
          restApiId,
          resourceId,
          httpMethod,
          integrationHttpMethod,
          type: inputs.type,
          uri,
        }),
      );
      return { id: `integration-${resourceId}-${httpMethod}` };
    },
    "aws:apigateway/deployment:Deployment": async ({ restApi }) => {
      const { id } = await gateway.send(
        new apigateway.CreateDeploymentCommand({ restApiId: restApi }),
      );
      return { id: id ?? "" };
    },
  };
}

function stage({ client, endpoint }: Emulator): Creators {
  const gateway = new apigateway.APIGatewayClient(client);
  const update = (restApiId: string, stageName: string, values: Record<string, unknown>) =>
    gateway.send(
      new apigateway.UpdateStageCommand({
        restApiId,
        stageName,
        patchOperations: Object.entries(values).map(([path, value]) => ({
          op: "replace",
          path,
          value: String(value),
        })),
      }),
    );
  return {
    "aws:apigateway/stage:Stage": async (inputs) => {
      const { restApi: restApiId, stageName, deployment, accessLogSettings, tags } = inputs;
      const tracingEnabled: boolean = inputs.xrayTracingEnabled;
      await gateway.send(
        new apigateway.CreateStageCommand({
          restApiId,
          stageName,
          deploymentId: deployment,
          tracingEnabled,
          tags,
        }),
      );
      await update(restApiId, stageName, {
        "/accessLogSettings/destinationArn": accessLogSettings.destinationArn,
        "/accessLogSettings/format": accessLogSettings.format,
      });
      const arn = `arn:aws:apigateway:${REGION}::/restapis/${restApiId}/stages/${stageName}`;
      const invokeUrl = `${endpoint}/restapis/${restApiId}/${stageName}/_user_request_`;
      return { id: `ags-${restApiId}-${stageName}`, state: { arn, invokeUrl } };
    },
    "aws:apigateway/methodSettings:MethodSettings": async ({ restApi, stageName, settings }) => {
      await update(restApi, stageName, {
        "/*/*/throttling/rateLimit": settings.throttlingRateLimit,
        "/*/*/throttling/burstLimit": settings.throttlingBurstLimit,
        "/*/*/metrics/enabled": settings.metricsEnabled,
        "/*/*/logging/loglevel": settings.loggingLevel,
        "/*/*/logging/dataTrace": settings.dataTraceEnabled,
      });
      return { id: `${restApi}-${stageName}-*/*` };
    },
    "aws:apigateway/account:Account": async ({ cloudwatchRoleArn }) => {
      const patch = {
        op: "replace",
        path: "/cloudwatchRoleArn",
        value: cloudwatchRoleArn,
      } as const;
      await gateway.send(new apigateway.UpdateAccountCommand({ patchOperations: [patch] }));
      return { id: "api-gateway-account" };
    },
  };
}

function flow({ client }: Emulator): Creators {
  const machines = new sfn.SFNClient(client);
  const events = new pipes.PipesClient(client);
  const queues = new sqs.SQSClient(client);
  return {
    "aws:sfn/stateMachine:StateMachine": async (inputs) => {
      const { name, type, roleArn, definition, loggingConfiguration, tags } = inputs;
      const { level, includeExecutionData, logDestination } = loggingConfiguration;
      const { stateMachineArn } = await machines.send(
        new sfn.CreateStateMachineCommand({
          name,
          type,
          roleArn,
          definition,
          tracingConfiguration: inputs.tracingConfiguration,
          loggingConfiguration: {
            level,
            includeExecutionData,
            destinations: [{ cloudWatchLogsLogGroup: { logGroupArn: logDestination } }],
          },
          tags: tagList(tags).map(({ Key, Value }) => ({ key: Key, value: Value })),
        }),
      );
      return { id: stateMachineArn ?? "", state: { arn: stateMachineArn } };
    },
    "aws:pipes/pipe:Pipe": async (inputs) => {
      const { name, description, roleArn, source, target, tags } = inputs;
      const { Arn } = await events.send(
        new pipes.CreatePipeCommand({
          ...pascal({ name, description, roleArn, source, target }),
          ...pascalPipe(inputs),
          Tags: tags,
        }),
      );
      return { id: name, state: { arn: Arn } };
    },
    "aws:sqs/queue:Queue": async ({ name, tags, ...inputs }) => {
      const { QueueUrl } = await queues.send(
        new sqs.CreateQueueCommand({
          QueueName: name,
          Attributes: {
            MessageRetentionPeriod: String(inputs.messageRetentionSeconds),
            KmsMasterKeyId: inputs.kmsMasterKeyId,
            KmsDataKeyReusePeriodSeconds: String(inputs.kmsDataKeyReusePeriodSeconds),
          },
          tags,
        }),
      );
      const arn = `arn:aws:sqs:${REGION}:${ACCOUNT}:${name}`;
      return { id: QueueUrl ?? "", state: { url: QueueUrl, arn } };
    },
  };
}

function alarms({ client }: Emulator): Creators {
  const topics = new sns.SNSClient(client);
  const metrics = new cloudwatch.CloudWatchClient(client);
  return {
    "aws:sns/topic:Topic": async ({ name, kmsMasterKeyId, tags }) => {
      const { TopicArn } = await topics.send(
        new sns.CreateTopicCommand({
          Name: name,
          Attributes: { KmsMasterKeyId: kmsMasterKeyId },
          Tags: tagList(tags),
        }),
      );
      return { id: TopicArn ?? "", state: { arn: TopicArn } };
    },
    "aws:sns/topicPolicy:TopicPolicy": async ({ arn, policy }) => {
      const change = { TopicArn: arn, AttributeName: "Policy", AttributeValue: policy };
      await topics.send(new sns.SetTopicAttributesCommand(change));
      return { id: arn };
    },
    "aws:cloudwatch/metricAlarm:MetricAlarm": async (inputs) => {
      const { name, okActions, dimensions, metricQueries, tags, ...rest } = inputs;
      const list = (of: Record<string, string>) =>
        Object.entries(of).map(([Name, Value]) => ({ Name, Value }));
      const Metrics = metricQueries?.map(({ metric, ...query }: any) => ({
        ...pascal(query),
        ...(metric && {
          MetricStat: {
            Metric: {
              Namespace: metric.namespace,
              MetricName: metric.metricName,
              Dimensions: list(metric.dimensions),
            },
            Stat: metric.stat,
            Period: metric.period,
          },
        }),
      }));
      await metrics.send(
        new cloudwatch.PutMetricAlarmCommand({
          ...pascal(rest),
          AlarmName: name,
          OKActions: okActions,
          ...(dimensions && { Dimensions: list(dimensions) }),
          ...(Metrics && { Metrics }),
          Tags: tagList(tags),
        }),
      );
      return { id: name };
    },
  };
}
