// Keeps bodies that are too long from costing a function's time. The validator refuses them as
// well; before it, API Gateway itself would let ten megabytes through.
//
// By setting requestSizeFirewall: it has a monthly price.

import * as aws from "@pulumi/aws";
import { type Api } from "./api";
import { type Ground } from "./ground";

export function createFirewall({ settings, names }: Ground, api: Api): void {
  if (!settings.requestSizeFirewall) {
    return;
  }
  const stem = "webhook-firewall";
  const metrics = { cloudwatchMetricsEnabled: true, sampledRequestsEnabled: false };
  const acl = new aws.wafv2.WebAcl(names.of(stem), {
    name: names.of(stem),
    description: "Refuses webhooks whose body is too long",
    scope: "REGIONAL",
    defaultAction: { allow: {} },
    associationConfig: {
      requestBodies: [{ apiGateway: { defaultSizeInspectionLimit: "KB_64" } }],
    },
    rules: [
      {
        name: "body-size",
        priority: 0,
        action: { block: { customResponse: { responseCode: 413 } } },
        statement: {
          sizeConstraintStatement: {
            // What is longer than AWS WAF inspects is longer than allowed.
            fieldToMatch: { body: { oversizeHandling: "MATCH" } },
            comparisonOperator: "GT",
            size: settings.bodyBytesMax,
            textTransformations: [{ priority: 0, type: "NONE" }],
          },
        },
        visibilityConfig: { ...metrics, metricName: names.of("webhook-body-size") },
      },
    ],
    visibilityConfig: { ...metrics, metricName: names.of(stem) },
    tags: names.tags(stem),
  });
  new aws.wafv2.WebAclAssociation(names.of("webhook-firewall-association"), {
    resourceArn: api.stage.arn,
    webAclArn: acl.arn,
  });
}
