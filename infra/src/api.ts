// The REST API: POST /webhooks and POST /webhooks/{source}, both to the validator.

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { createHash } from "node:crypto";
import { type Ground } from "./ground";
import { type Names } from "./names";
import { type Settings } from "./settings";

export interface Api {
  readonly rest: aws.apigateway.RestApi;
  readonly stage: aws.apigateway.Stage;
  readonly webhooksUrl: pulumi.Output<string>;
}

const STAGE = "prod";

/** Every body is handed on in base64: a signature is over bytes, and text would change them. */
const BINARY_MEDIA_TYPES = ["*/*"];

/** What an access log says of a request: never its body, its headers or its query. */
const ACCESS_LOG = {
  requestId: "$context.requestId",
  extendedRequestId: "$context.extendedRequestId",
  traceId: "$context.xrayTraceId",
  time: "$context.requestTime",
  ip: "$context.identity.sourceIp",
  method: "$context.httpMethod",
  resource: "$context.resourcePath",
  status: "$context.status",
  protocol: "$context.protocol",
  responseLength: "$context.responseLength",
  responseLatencyMs: "$context.responseLatency",
  integrationStatus: "$context.integration.integrationStatus",
  integrationLatencyMs: "$context.integration.latency",
  integrationError: "$context.integration.error",
  firewall: "$context.waf.status",
};

/** One way in. `path` is as a permission writes it. */
interface Route {
  readonly names: Record<"method" | "integration" | "permission", string>;
  readonly resource: aws.apigateway.Resource;
  readonly path: string;
}

export function createApi(
  { settings, names, logs }: Ground,
  validator: aws.lambda.Function,
  account: aws.apigateway.Account | undefined,
): Api {
  const stem = "payment-webhook-api";
  const rest = new aws.apigateway.RestApi(names.of(stem), {
    name: names.of(stem),
    description: "Payment webhooks",
    binaryMediaTypes: BINARY_MEDIA_TYPES,
    tags: names.tags(stem),
  });
  const integrations = createRoutes(names, rest).map((route) =>
    openRoute(names, rest, validator, route),
  );
  const deployment = deploy(names, rest, integrations);
  const stage = new aws.apigateway.Stage(
    names.of("api-stage"),
    {
      restApi: rest.id,
      deployment: deployment.id,
      stageName: STAGE,
      xrayTracingEnabled: true,
      accessLogSettings: { destinationArn: logs.access.arn, format: JSON.stringify(ACCESS_LOG) },
      tags: names.tags("api-stage"),
    },
    { dependsOn: account === undefined ? [] : [account] },
  );
  limit(settings, names, rest, stage);
  return { rest, stage, webhooksUrl: pulumi.interpolate`${stage.invokeUrl}/webhooks` };
}

function createRoutes(names: Names, rest: aws.apigateway.RestApi): Route[] {
  const webhooks = new aws.apigateway.Resource(names.of("webhooks-resource"), {
    restApi: rest.id,
    parentId: rest.rootResourceId,
    pathPart: "webhooks",
  });
  const source = new aws.apigateway.Resource(names.of("webhooks-source-resource"), {
    restApi: rest.id,
    parentId: webhooks.id,
    pathPart: "{source}",
  });
  return [
    {
      names: {
        method: "webhooks-post-method",
        integration: "webhooks-integration",
        permission: "webhook-lambda-permission",
      },
      resource: webhooks,
      path: "webhooks",
    },
    {
      names: {
        method: "webhooks-source-post-method",
        integration: "webhooks-source-integration",
        permission: "webhook-source-lambda-permission",
      },
      resource: source,
      path: "webhooks/*",
    },
  ];
}

function openRoute(
  names: Names,
  rest: aws.apigateway.RestApi,
  validator: aws.lambda.Function,
  route: Route,
): aws.apigateway.Integration {
  const method = new aws.apigateway.Method(names.of(route.names.method), {
    restApi: rest.id,
    resourceId: route.resource.id,
    httpMethod: "POST",
    // The signature is the authorization: the validator checks it over the exact bytes.
    authorization: "NONE",
  });
  new aws.lambda.Permission(names.of(route.names.permission), {
    action: "lambda:InvokeFunction",
    function: validator.name,
    principal: "apigateway.amazonaws.com",
    sourceArn: pulumi.interpolate`${rest.executionArn}/${STAGE}/POST/${route.path}`,
  });
  return new aws.apigateway.Integration(names.of(route.names.integration), {
    restApi: rest.id,
    resourceId: route.resource.id,
    httpMethod: method.httpMethod,
    integrationHttpMethod: "POST",
    type: "AWS_PROXY",
    uri: validator.invokeArn,
  });
}

/** A deployment is a snapshot: it is taken anew whenever anything that it holds has changed. */
function deploy(
  names: Names,
  rest: aws.apigateway.RestApi,
  integrations: aws.apigateway.Integration[],
): aws.apigateway.Deployment {
  const shape = pulumi.all(
    integrations.map(({ id, resourceId, httpMethod, integrationHttpMethod, type, uri }) =>
      pulumi.all([id, resourceId, httpMethod, integrationHttpMethod, type, uri]),
    ),
  );
  return new aws.apigateway.Deployment(
    names.of("api-deployment"),
    {
      restApi: rest.id,
      triggers: {
        shape: shape.apply((parts) =>
          createHash("sha256")
            .update(JSON.stringify([BINARY_MEDIA_TYPES, parts]))
            .digest("hex"),
        ),
      },
    },
    { dependsOn: integrations },
  );
}

function limit(
  settings: Settings,
  names: Names,
  rest: aws.apigateway.RestApi,
  stage: aws.apigateway.Stage,
): void {
  new aws.apigateway.MethodSettings(names.of("api-limits"), {
    restApi: rest.id,
    stageName: stage.stageName,
    methodPath: "*/*",
    settings: {
      throttlingRateLimit: settings.throttleRate,
      throttlingBurstLimit: settings.throttleBurst,
      metricsEnabled: true,
      // Execution logs go to a group without key or retention, and can hold bodies.
      loggingLevel: "OFF",
      dataTraceEnabled: false,
    },
  });
}
