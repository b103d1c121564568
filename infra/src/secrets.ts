// Where secrets are kept; never what they are.
//
// A secret is created without a value, and an operator puts one in with
// `aws secretsmanager put-secret-value`: so none is ever in the program, its configuration or the
// state of the stack. Until then the validator answers 503.

import * as aws from "@pulumi/aws";
import { type Ground } from "./ground";

export interface Secrets {
  /** By the name of the source whose deliveries it signs. */
  readonly sources: Readonly<Record<string, aws.secretsmanager.Secret>>;
  /** The headers that the gateway asks for. */
  readonly gateway?: aws.secretsmanager.Secret;
}

export function createSecrets({ settings, names, encryption }: Ground): Secrets {
  const create = (stem: string, path: string, description: string) =>
    new aws.secretsmanager.Secret(names.of(stem), {
      name: path,
      description,
      kmsKeyId: encryption.key.arn,
      // A name is taken until the window has passed: a stack for trials can go and come back.
      recoveryWindowInDays: settings.production ? 30 : 0,
      tags: names.tags(stem),
    });
  const sources: Record<string, aws.secretsmanager.Secret> = {};
  for (const source of Object.keys(settings.sources)) {
    sources[source] = create(
      `webhook-secret-${source}`,
      `payment-webhook/${names.suffix}/${source}`,
      `Signs the webhooks of ${source}`,
    );
  }
  const { gateway } = settings;
  if (gateway.kind === "http" && gateway.headersSecret) {
    const secret = create(
      "gateway-headers-secret",
      `payment-gateway/${names.suffix}/headers`,
      "Headers for the payment gateway: a JSON object from name to value",
    );
    return { sources, gateway: secret };
  }
  return { sources };
}
