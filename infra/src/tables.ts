// Where payments, event keys and unverified deliveries are kept.
//
// Only the payments have a stream: it is what sets the workflow going.

import * as aws from "@pulumi/aws";
import { type Ground } from "./ground";

export interface Tables {
  readonly payments: aws.dynamodb.Table;
  /** Which deliveries were seen: one item an event key, and one a conflict. */
  readonly eventKeys: aws.dynamodb.Table;
  /** What nobody could be proved to have sent, kept apart and bounded. */
  readonly quarantine: aws.dynamodb.Table;
}

type TableShape = Pick<
  aws.dynamodb.TableArgs,
  | "attributes"
  | "hashKey"
  | "onDemandThroughput"
  | "rangeKey"
  | "streamEnabled"
  | "streamViewType"
  | "ttl"
>;

export function createTables({ settings, names, encryption }: Ground): Tables {
  const create = (stem: string, physicalStem: string, shape: TableShape) =>
    new aws.dynamodb.Table(
      names.of(stem),
      {
        name: names.of(physicalStem),
        billingMode: "PAY_PER_REQUEST",
        ...shape,
        pointInTimeRecovery: { enabled: true },
        serverSideEncryption: { enabled: true, kmsKeyArn: encryption.key.arn },
        deletionProtectionEnabled: settings.production,
        tags: names.tags(stem),
      },
      { protect: settings.production, retainOnDelete: settings.production },
    );
  return {
    payments: create("payments-table", "payments", {
      attributes: [
        { name: "paymentId", type: "S" },
        { name: "timestamp", type: "N" },
      ],
      hashKey: "paymentId",
      rangeKey: "timestamp",
      streamEnabled: true,
      streamViewType: "NEW_AND_OLD_IMAGES",
    }),
    eventKeys: create("payment-event-keys-table", "payment-event-keys", {
      attributes: [
        { name: "eventKey", type: "S" },
        { name: "entry", type: "S" },
      ],
      hashKey: "eventKey",
      rangeKey: "entry",
      ttl: { attributeName: "expiresAt", enabled: true },
    }),
    quarantine: create("payment-quarantine-table", "payment-quarantine", {
      attributes: [{ name: "delivery", type: "S" }],
      hashKey: "delivery",
      ttl: { attributeName: "expiresAt", enabled: true },
      // Anybody can send forged deliveries: what they may cost is bounded.
      onDemandThroughput: { maxWriteRequestUnits: settings.quarantineWriteUnitsMax },
    }),
  };
}
