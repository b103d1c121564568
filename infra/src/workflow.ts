// The state machine, from the one definition that both homes run: workflows/payment.asl.json.

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { GRANTS, policyDocument, serviceRole } from "./grants";
import { type Ground } from "./ground";
import { arn, type Names, type Place } from "./names";

/** What the definition calls the processor, until it has an ARN. */
const PROCESSOR_PLACEHOLDER = "arn:aws:lambda:us-east-1:000000000000:function:payment-processor";

const WORKFLOWS = path.join(__dirname, "..", "..", "workflows");

export function readWorkflowFile(name: "payment.asl.json" | "filter.json"): string {
  return readFileSync(path.join(WORKFLOWS, name), "utf8");
}

function stateMachineName(names: Names): string {
  return names.of("payment-processor");
}

export function stateMachineArn(names: Names, place: Place): pulumi.Output<string> {
  return arn(place, "states", `stateMachine:${stateMachineName(names)}`);
}

export function createStateMachine(
  { settings, names, place, logs }: Ground,
  processor: aws.lambda.Function,
): aws.sfn.StateMachine {
  const name = stateMachineName(names);
  const role = serviceRole(names, "step-functions-role", {
    service: "states.amazonaws.com",
    onBehalfOf: { account: place.account, source: stateMachineArn(names, place) },
  });
  const policy = new aws.iam.RolePolicy(names.of("step-functions-policy"), {
    role: role.id,
    // By its name: the policy need not wait for the function, and is known everywhere in time.
    policy: policyDocument(GRANTS.workflow, {
      processorFunction: [arn(place, "lambda", `function:${names.of("payment-processor")}`)],
    }),
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
    { dependsOn: [policy, logs.workflowDelivery] },
  );
}

function definitionFor(processorArn: string): string {
  const definition = readWorkflowFile("payment.asl.json");
  if (!definition.includes(`"${PROCESSOR_PLACEHOLDER}"`)) {
    throw new pulumi.RunError(`payment.asl.json does not name ${PROCESSOR_PLACEHOLDER}`);
  }
  return definition.replaceAll(`"${PROCESSOR_PLACEHOLDER}"`, JSON.stringify(processorArn));
}
