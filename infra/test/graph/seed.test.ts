// An existing stack of the original program is updated in place: what it has, this one has under
// the same type, logical name and physical name, and therefore with the same identity.

import { expect, test } from "vitest";
import { DEVELOPMENT, graphOf } from "./graph";

/** Type, logical name, physical name where it had one. The suffix is `dev`. */
const SEED: readonly [type: string, logical: string, physical?: string][] = [
  ["aws:kms/key:Key", "payment-kms-dev"],
  ["aws:kms/alias:Alias", "payment-kms-alias-dev", "alias/payment-webhook-dev"],
  ["aws:dynamodb/table:Table", "payments-table-dev", "payments-dev"],
  ["aws:iam/role:Role", "webhook-validator-role-dev", "webhook-validator-role-dev"],
  ["aws:iam/rolePolicy:RolePolicy", "webhook-validator-policy-dev"],
  ["aws:lambda/function:Function", "webhook-validator-dev", "webhook-validator-dev"],
  ["aws:iam/role:Role", "payment-processor-role-dev", "payment-processor-role-dev"],
  ["aws:iam/rolePolicy:RolePolicy", "payment-processor-policy-dev"],
  ["aws:lambda/function:Function", "payment-processor-dev", "payment-processor-dev"],
  ["aws:apigateway/restApi:RestApi", "payment-webhook-api-dev", "payment-webhook-api-dev"],
  ["aws:apigateway/resource:Resource", "webhooks-resource-dev"],
  ["aws:apigateway/method:Method", "webhooks-post-method-dev"],
  ["aws:apigateway/integration:Integration", "webhooks-integration-dev"],
  ["aws:lambda/permission:Permission", "webhook-lambda-permission-dev"],
  ["aws:apigateway/deployment:Deployment", "api-deployment-dev"],
  ["aws:apigateway/stage:Stage", "api-stage-dev"],
  ["aws:iam/role:Role", "step-functions-role-dev", "step-functions-role-dev"],
  ["aws:iam/rolePolicy:RolePolicy", "step-functions-policy-dev"],
  ["aws:sfn/stateMachine:StateMachine", "payment-processor-sfn-dev", "payment-processor-dev"],
  ["aws:iam/role:Role", "eventbridge-pipe-role-dev", "eventbridge-pipe-role-dev"],
  ["aws:iam/rolePolicy:RolePolicy", "eventbridge-pipe-policy-dev"],
  ["aws:pipes/pipe:Pipe", "payment-events-pipe-dev", "payment-events-pipe-dev"],
];

/** What AWS cannot change in place. A change here would replace what a stack already has. */
const FIXED_AT_BIRTH: readonly [name: string, input: string, value: unknown][] = [
  ["payments-table-dev", "hashKey", "paymentId"],
  ["payments-table-dev", "rangeKey", "timestamp"],
  [
    "payments-table-dev",
    "attributes",
    [
      { name: "paymentId", type: "S" },
      { name: "timestamp", type: "N" },
    ],
  ],
  ["webhooks-resource-dev", "pathPart", "webhooks"],
  ["webhooks-post-method-dev", "httpMethod", "POST"],
  ["api-stage-dev", "stageName", "prod"],
  ["payment-processor-sfn-dev", "type", "STANDARD"],
];

const OUTPUTS = [
  "apiEndpoint",
  "apiUrl",
  "kmsKeyId",
  "paymentProcessorFunctionName",
  "paymentsTableName",
  "stateMachineArn",
  "webhookValidatorFunctionName",
];

const graph = await graphOf(DEVELOPMENT);

test.each(SEED)("%s %s is still there", (type: string, logical: string, physical?: string) => {
  const resource = graph.named(logical);
  expect(resource.type).toBe(type);
  expect(resource.inputs["name"]).toBe(physical);
});

test.each(FIXED_AT_BIRTH)("%s keeps its %s", (name, input, value) => {
  expect(graph.named(name).inputs[input]).toEqual(value);
});

test("the pipe starts elsewhere, is therefore replaced, and makes room for its name first", () => {
  expect(graph.named("payment-events-pipe-dev").options.deleteBeforeReplace).toBe(true);
});

test("every output is still there", () => {
  expect(Object.keys(graph.outputs)).toEqual(expect.arrayContaining(OUTPUTS));
});

test("no managed policy is left", () => {
  expect(graph.ofType("aws:iam/rolePolicyAttachment:RolePolicyAttachment")).toEqual([]);
});
