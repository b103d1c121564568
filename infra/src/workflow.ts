// The state machine, from the one definition that both homes run: workflows/payment.asl.json.

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { GRANTS, policyDocument, serviceRole } from "./grants";
import { type Ground } from "./ground";
import { arn } from "./names";

/** What the definition calls the processor, until it has an ARN. */
const PROCESSOR_PLACEHOLDER = "arn:aws:lambda:us-east-1:000000000000:function:payment-processor";

const WORKFLOWS = path.join(__dirname, "..", "..", "workflows");

export function readWorkflowFile(name: "payment.asl.json" | "filter.json"): string {
  return readFileSync(path.join(WORKFLOWS, name), "utf8");
}

export function createStateMachine(
  { settings, names, place, logs }: Ground,
  processor: aws.lambda.Function,
): aws.sfn.StateMachine {
  const name = names.of("payment-processor");
  const role = serviceRole(names, "step-functions-role", {
    service: "states.amazonaws.com",
    onBehalfOf: { account: place.account, source: arn(place, "states", `stateMachine:${name}`) },
  });
  const policy = new aws.iam.RolePolicy(names.of("step-functions-policy"), {
    role: role.id,
    policy: policyDocument(GRANTS.workflow, { processorFunction: [processor.arn] }),
  });
  return new aws.sfn.StateMachine(
    names.of("payment-processor-sfn"),
    {
      name,
      type: "STANDARD",
      roleArn: role.arn,
      definition: processor.arn.apply(definitionFor),
      tracingConfiguration: { enabled: true },
      loggingConfiguration: {
        level: settings.logPayloads ? "ALL" : "ERROR",
        includeExecutionData: settings.logPayloads,
        logDestination: pulumi.interpolate`${logs.workflow.arn}:*`,
      },
      tags: names.tags("payment-processor-sfn"),
    },
    { dependsOn: [policy] },
  );
}

function definitionFor(processorArn: string): string {
  const definition = readWorkflowFile("payment.asl.json");
  if (!definition.includes(`"${PROCESSOR_PLACEHOLDER}"`)) {
    throw new pulumi.RunError(`payment.asl.json does not name ${PROCESSOR_PLACEHOLDER}`);
  }
  return definition.replaceAll(`"${PROCESSOR_PLACEHOLDER}"`, JSON.stringify(processorArn));
}
