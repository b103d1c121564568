// The AWS home of payhook, as a table of contents: what there is, in the order in which a webhook
// meets it, and what other tools may ask the stack for.
//
//   API Gateway → validator → tables → stream → pipe → state machine → processor → gateway

import { createAlarms } from "./src/alarms";
import { createApi } from "./src/api";
import { createApiAccount } from "./src/api-account";
import { createFirewall } from "./src/firewall";
import { layGround } from "./src/ground";
import { createPipe } from "./src/pipe";
import { createProcessor } from "./src/processor";
import { createSecrets } from "./src/secrets";
import { createTables } from "./src/tables";
import { createValidator } from "./src/validator";
import { createStateMachine } from "./src/workflow";

const ground = layGround();
const secrets = createSecrets(ground);
const tables = createTables(ground);

const validator = createValidator(ground, tables, secrets);
const api = createApi(ground, validator, createApiAccount(ground));
createFirewall(ground, api);

const processor = createProcessor(ground, tables, secrets);
const stateMachine = createStateMachine(ground, processor);
const events = createPipe(ground, tables, stateMachine);

const alarms = createAlarms(ground, { api, validator, processor, stateMachine, events, tables });

/** Where webhooks are sent: this address, or this address and `/<source>`. */
export const apiUrl = api.webhooksUrl;
export const apiEndpoint = api.webhooksUrl;
export const stateMachineArn = stateMachine.arn;
export const paymentsTableName = tables.payments.name;
export const eventKeysTableName = tables.eventKeys.name;
export const quarantineTableName = tables.quarantine.name;
export const kmsKeyId = ground.encryption.key.id;
export const webhookValidatorFunctionName = validator.name;
export const paymentProcessorFunctionName = processor.name;
export const alarmTopicArn = alarms.arn;
export const deadLetterQueueUrl = events.deadLetters.url;
/** By source, the name of the secret that an operator gives a value. */
export const signingSecretNames = Object.fromEntries(
  Object.entries(secrets.sources).map(([source, secret]) => [source, secret.name]),
);
/** The secret for the gateway's headers, when there is one. */
export const gatewaySecretName = secrets.gateway?.name;
