// The role that lets API Gateway write access logs. It is one for the whole account and region:
// with several stacks in one, only one of them should set it (apiGatewayAccountRole).

import * as aws from "@pulumi/aws";
import { GRANTS, policyDocument, serviceRole } from "./grants";
import { type Ground } from "./ground";

export function createApiAccount({ settings, names }: Ground): aws.apigateway.Account | undefined {
  if (!settings.apiGatewayAccountRole) {
    return undefined;
  }
  const role = serviceRole(names, "api-gateway-logs-role", {
    service: "apigateway.amazonaws.com",
  });
  const policy = new aws.iam.RolePolicy(names.of("api-gateway-logs-policy"), {
    role: role.id,
    policy: policyDocument(GRANTS.apiLogs, {}),
  });
  return new aws.apigateway.Account(
    names.of("api-gateway-account"),
    { cloudwatchRoleArn: role.arn },
    { dependsOn: [policy] },
  );
}
