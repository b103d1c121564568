// How things are called, where they are, and what marks them as this stack's.
//
// The names are those of the stack that this one grew from, so that it is updated in place.

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { type Settings } from "./settings";

export interface Tags {
  readonly [name: string]: string;
}

/** The account and region that everything is in. */
export interface Place {
  readonly account: pulumi.Output<string>;
  readonly region: pulumi.Output<string>;
  readonly partition: pulumi.Output<string>;
}

/** A stack's own way to write names and tags. */
export interface Names {
  readonly suffix: string;
  /** `<stem>-<suffix>` */
  of(stem: string): string;
  /** Tags for the resource whose logical name is `<stem>-<suffix>`. */
  tags(stem: string): Tags;
  readonly logGroups: LogGroupNames;
}

/**
 * Log groups by what writes them. The functions' groups are not those that Lambda would make by
 * itself: in a stack that is taken over those exist already and belong to nobody. Groups under
 * /aws/vendedlogs/ keep the account's policy for delivered logs short.
 */
export interface LogGroupNames {
  readonly validator: string;
  readonly processor: string;
  readonly access: string;
  readonly workflow: string;
  readonly pipe: string;
}

export function namesOf(settings: Settings): Names {
  const { suffix } = settings;
  const of = (stem: string) => `${stem}-${suffix}`;
  return {
    suffix,
    of,
    tags: (stem) => ({ Name: of(stem), Environment: suffix }),
    logGroups: {
      validator: `/payhook/${suffix}/webhook-validator`,
      processor: `/payhook/${suffix}/payment-processor`,
      access: `/payhook/${suffix}/api-access`,
      workflow: `/aws/vendedlogs/states/payment-processor-${suffix}`,
      pipe: `/aws/vendedlogs/pipes/payment-events-pipe-${suffix}`,
    },
  };
}

export function findPlace(): Place {
  return {
    account: aws.getCallerIdentityOutput().accountId,
    region: aws.getRegionOutput().region,
    partition: aws.getPartitionOutput().partition,
  };
}

/** `arn:<partition>:<service>:<region>:<account>:<resource>` */
export function arn(place: Place, service: string, resource: string): pulumi.Output<string> {
  const { partition, region, account } = place;
  return pulumi.interpolate`arn:${partition}:${service}:${region}:${account}:${resource}`;
}
