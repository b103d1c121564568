// What a stack may be told, and what it is told when nobody says anything.
//
// `pulumi config set <key> <value>` sets one. A value that cannot be right is refused here, with
// every other mistake of the same stack and before anything is created; so is a key that nobody
// reads, because a misspelt key is a setting that silently does not hold.

import * as pulumi from "@pulumi/pulumi";

/** How the deliveries of one source are signed; what is left out is the provider's own default. */
export interface SourceSettings {
  readonly provider?: string;
  readonly keyId?: string;
  readonly url?: string;
  readonly toleranceSeconds?: number;
  readonly currency?: string;
  readonly automaticCapture?: boolean;
  readonly whenAuthenticated?: string;
  readonly header?: string;
  readonly algorithm?: string;
  readonly encoding?: string;
  readonly prefix?: string;
  readonly signed?: string;
  readonly pair?: string;
  readonly timestamp?: string;
}

/** Where payments are settled. */
export type GatewaySettings =
  | { readonly kind: "simulated" }
  | {
      readonly kind: "http";
      readonly url: string;
      readonly timeoutMs: number;
      readonly headersSecret: boolean;
    };

export interface Settings {
  readonly suffix: string;
  readonly production: boolean;
  readonly lambdaDirectory: string;
  readonly sources: Readonly<Record<string, SourceSettings>>;
  readonly gateway: GatewaySettings;
  readonly eventKeyRetentionDays: number;
  readonly quarantineRetentionDays: number;
  readonly quarantineWriteUnitsMax: number;
  readonly bodyBytesMax: number;
  readonly secretsRefreshSeconds: number;
  readonly secretGraceHours: number;
  readonly log: string;
  readonly logPayloads: boolean;
  readonly logRetentionDays: number;
  readonly otlpEndpoint?: string;
  readonly validatorConcurrency: number;
  readonly processorConcurrency: number;
  readonly throttleRate: number;
  readonly throttleBurst: number;
  readonly requestSizeFirewall: boolean;
  readonly apiGatewayAccountRole: boolean;
  readonly pipeParallelizationFactor: number;
  readonly alarmEmail?: string;
}

/** Every key, and what it does. Nothing else is read. */
export const KEYS = {
  environmentSuffix: "ends every name; the stack's name otherwise",
  production: "true: deletion protection, and nothing simulated; false otherwise",
  lambdaDirectory: "where the functions' archives are; ../target/lambda otherwise",
  sources: "who may send: an object from a source's name to how it signs; {generic: {}} otherwise",
  gatewayUrl: "where payments are settled; simulated otherwise",
  gatewayTimeoutMs: "how long one call may take; 20000 otherwise",
  gatewayHeadersSecret: "true: a secret for the gateway's headers; false otherwise",
  eventKeyRetentionDays: "how long a duplicate is recognised, at least 30; 365 otherwise",
  quarantineRetentionDays: "how long unverified deliveries are kept; 30 otherwise",
  quarantineWriteUnitsMax: "most write units a second for unverified deliveries; 200 otherwise",
  bodyBytesMax: "longest body in bytes; 65536 otherwise",
  secretsRefreshSeconds: "how old a signing secret may be in memory; 300 otherwise",
  secretGraceHours: "how long the previous secret still signs; 24 otherwise",
  log: "the functions' log filter, info at least; info otherwise",
  logPayloads: "true: payments' data in the logs of workflow and pipe; false otherwise",
  logRetentionDays: "how long logs are kept; 30 otherwise",
  otlpEndpoint: "spans go here by OTLP; to X-Ray otherwise",
  validatorConcurrency: "places reserved for the validator; 10 otherwise",
  processorConcurrency: "places reserved for the processor; 10 otherwise",
  throttleRate: "webhooks a second that the API lets in; 100 otherwise",
  throttleBurst: "webhooks at once that the API lets in; the validator's places otherwise",
  requestSizeFirewall: "AWS WAF before the API; the value of production otherwise",
  apiGatewayAccountRole: "true: this stack sets the account's role for API logs; true otherwise",
  pipeParallelizationFactor: "batches of one shard at once, 1 to 10; 1 otherwise",
  alarmEmail: "who is told of alarms; nobody otherwise",
} as const;

export type Key = keyof typeof KEYS;

/** Retention periods that CloudWatch Logs knows. */
const LOG_RETENTION_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288,
  3653,
];

/**
 * All of a function's environment is 4 KiB at most, of which sources may take this much: what is
 * set for one, and what its secret's ARN adds to it.
 */
const SOURCES_BYTES_MAX = 3_000;
const SOURCE_ARN_BYTES = 140;

/** AWS WAF inspects no more of a body than this. */
const FIREWALL_BODY_BYTES_MAX = 64 * 1024;

/** The processor's own time, less what it needs to record the answer. */
const GATEWAY_TIMEOUT_MS_MAX = 50_000;

const SOURCE_FIELDS: Readonly<Record<keyof SourceSettings, RegExp>> = {
  // The function knows the providers, and says at its start which it does not.
  provider: /^[a-z0-9-]{1,32}$/,
  keyId: /^[\x21-\x7e]{1,128}$/,
  url: /^https:\/\/[\x21-\x7e]{1,512}$/,
  toleranceSeconds: /^[0-9]{1,7}$/,
  currency: /^[A-Z]{3}$/,
  automaticCapture: /^(true|false)$/,
  whenAuthenticated: /^(accept|quarantine)$/,
  header: /^[A-Za-z0-9-]{1,128}$/,
  algorithm: /^sha(1|256|512)$/,
  encoding: /^(hex|base64)$/,
  prefix: /^[\x21-\x7e]{0,64}$/,
  signed: /^[\x20-\x7e]{1,256}$/,
  pair: /^[A-Za-z0-9_-]{1,32}$/,
  timestamp: /^[A-Za-z0-9_-]{1,64}$/,
};

/** The fields that are no texts. */
const FIELD_TYPES: Readonly<Record<string, string>> = {
  toleranceSeconds: "number",
  automaticCapture: "boolean",
};

/** Reads the settings of this stack, or fails with every mistake in them. */
export function readSettings(values: Readonly<Record<string, string>>, stack: string): Settings {
  const reader = new Reader(values);
  reader.refuseUnknownKeys();
  const production = reader.flag("production", false);
  const validatorConcurrency = reader.whole("validatorConcurrency", 1, 10_000, 10);
  const settings: Settings = {
    suffix: reader.text("environmentSuffix", /^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/, stack),
    production,
    lambdaDirectory: reader.text("lambdaDirectory", /^.+$/, "../target/lambda"),
    sources: reader.sources(),
    gateway: readGateway(reader, production),
    eventKeyRetentionDays: reader.whole("eventKeyRetentionDays", 30, 3650, 365),
    quarantineRetentionDays: reader.whole("quarantineRetentionDays", 1, 3650, 30),
    quarantineWriteUnitsMax: reader.whole("quarantineWriteUnitsMax", 1, 40_000, 200),
    bodyBytesMax: reader.whole("bodyBytesMax", 1024, 122_880, 65_536),
    secretsRefreshSeconds: reader.whole("secretsRefreshSeconds", 1, 86_400, 300),
    secretGraceHours: reader.whole("secretGraceHours", 0, 720, 24),
    // Alarms are made of lines at info and warn: a quieter log would silence them.
    log: reader.text("log", /^(info|debug|trace)(,.{1,250})?$/, "info"),
    logPayloads: reader.flag("logPayloads", false),
    logRetentionDays: reader.oneOf("logRetentionDays", LOG_RETENTION_DAYS, 30),
    validatorConcurrency,
    processorConcurrency: reader.whole("processorConcurrency", 1, 10_000, 10),
    throttleRate: reader.whole("throttleRate", 1, 10_000, 100),
    // Beyond the places a function is not called but refused, which is a 5xx and not a 429.
    throttleBurst: reader.whole("throttleBurst", 1, 5_000, Math.min(validatorConcurrency, 5_000)),
    requestSizeFirewall: reader.flag("requestSizeFirewall", production),
    apiGatewayAccountRole: reader.flag("apiGatewayAccountRole", true),
    pipeParallelizationFactor: reader.whole("pipeParallelizationFactor", 1, 10, 1),
    ...reader.optional("otlpEndpoint", (key) => reader.url(key, false)),
    ...reader.optional("alarmEmail", (key) => reader.text(key, /^[^@\s]+@[^@\s]+$/, "")),
  };
  if (settings.requestSizeFirewall && settings.bodyBytesMax > FIREWALL_BODY_BYTES_MAX) {
    reader.refuse(
      "bodyBytesMax",
      `AWS WAF inspects at most ${FIREWALL_BODY_BYTES_MAX} bytes: lower it, or set ` +
        "requestSizeFirewall to false",
    );
  }
  reader.failOnMistakes();
  return settings;
}

/** The settings of the stack that is being deployed. */
export function readStackSettings(): Settings {
  const prefix = `${pulumi.getProject()}:`;
  const values: Record<string, string> = {};
  for (const [name, value] of Object.entries(pulumi.runtime.allConfig())) {
    if (name.startsWith(prefix)) {
      values[name.slice(prefix.length)] = value;
    }
  }
  return readSettings(values, pulumi.getStack());
}

function readGateway(reader: Reader, production: boolean): GatewaySettings {
  const timeoutMs = reader.whole("gatewayTimeoutMs", 100, GATEWAY_TIMEOUT_MS_MAX, 20_000);
  const headersSecret = reader.flag("gatewayHeadersSecret", false);
  if (reader.has("gatewayUrl")) {
    return { kind: "http", url: reader.url("gatewayUrl", production), timeoutMs, headersSecret };
  }
  if (production) {
    reader.refuse(
      "gatewayUrl",
      "a production stack needs one: the simulated gateway moves no money and says that it did",
    );
  }
  for (const key of ["gatewayTimeoutMs", "gatewayHeadersSecret"] as const) {
    if (reader.has(key)) {
      reader.refuse(key, "means nothing without gatewayUrl");
    }
  }
  return { kind: "simulated" };
}

/** Takes values apart and collects what is wrong with them. */
class Reader {
  private readonly mistakes: string[] = [];

  constructor(private readonly values: Readonly<Record<string, string>>) {}

  has(key: Key): boolean {
    return this.values[key] !== undefined;
  }

  refuse(key: string, why: string): void {
    this.mistakes.push(`${key}: ${why}`);
  }

  refuseUnknownKeys(): void {
    for (const key of Object.keys(this.values)) {
      if (!Object.hasOwn(KEYS, key)) {
        this.refuse(key, `no such setting; there are ${Object.keys(KEYS).join(", ")}`);
      }
    }
  }

  failOnMistakes(): void {
    if (this.mistakes.length > 0) {
      throw new pulumi.RunError(`the stack's configuration:\n  ${this.mistakes.join("\n  ")}`);
    }
  }

  text(key: Key, form: RegExp, otherwise: string): string {
    const value = this.values[key] ?? otherwise;
    if (!form.test(value)) {
      this.refuse(key, `${JSON.stringify(value)} does not match ${form.source}`);
    }
    return value;
  }

  flag(key: Key, otherwise: boolean): boolean {
    const value = this.values[key] ?? String(otherwise);
    if (value !== "true" && value !== "false") {
      this.refuse(key, `${JSON.stringify(value)} is neither true nor false`);
    }
    return value === "true";
  }

  whole(key: Key, min: number, max: number, otherwise: number): number {
    const value = this.values[key] ?? String(otherwise);
    const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= min && number <= max)) {
      this.refuse(key, `${JSON.stringify(value)} is no whole number from ${min} to ${max}`);
    }
    return number;
  }

  oneOf(key: Key, choices: readonly number[], otherwise: number): number {
    const value = this.whole(key, 0, 999_999_999, otherwise);
    if (!choices.includes(value)) {
      this.refuse(key, `${value} is none of ${choices.join(", ")}`);
    }
    return value;
  }

  url(key: Key, encrypted: boolean): string {
    const value = this.values[key] ?? "";
    const url = URL.canParse(value) ? new URL(value) : undefined;
    const schemes = encrypted ? ["https:"] : ["https:", "http:"];
    if (url === undefined || !schemes.includes(url.protocol)) {
      this.refuse(key, `needs an address that begins with ${schemes.join("// or ")}//`);
    } else if (url.username !== "" || url.password !== "") {
      this.refuse(key, "an address with a password would show it to everyone who sees the stack");
    }
    return value;
  }

  optional<K extends Key, T>(key: K, read: (key: K) => T): { [key in K]?: T } {
    return this.has(key) ? ({ [key]: read(key) } as { [key in K]?: T }) : {};
  }

  sources(): Readonly<Record<string, SourceSettings>> {
    const text = this.values["sources"] ?? '{"generic": {}}';
    const parsed = parseObject(text);
    if (parsed === undefined || Object.keys(parsed).length === 0) {
      this.refuse("sources", 'needs an object such as {"generic": {}}, with at least one source');
      return {};
    }
    const bytes = text.length + Object.keys(parsed).join("").length;
    if (bytes + SOURCE_ARN_BYTES * Object.keys(parsed).length > SOURCES_BYTES_MAX) {
      this.refuse("sources", "are more than a function's environment has room for");
    }
    const sources: Record<string, SourceSettings> = {};
    for (const [name, fields] of Object.entries(parsed)) {
      if (!/^[a-z][a-z0-9_-]{0,63}$/.test(name)) {
        this.refuse("sources", `${JSON.stringify(name)} is no name: a-z first, then a-z 0-9 - _`);
      }
      sources[name] = this.source(name, fields);
    }
    return sources;
  }

  private source(name: string, fields: unknown): SourceSettings {
    if (typeof fields !== "object" || fields === null || Array.isArray(fields)) {
      this.refuse("sources", `${name} needs an object, which may be empty`);
      return {};
    }
    for (const [field, value] of Object.entries(fields)) {
      const form = Object.hasOwn(SOURCE_FIELDS, field)
        ? SOURCE_FIELDS[field as keyof SourceSettings]
        : undefined;
      if (form === undefined) {
        const known = Object.keys(SOURCE_FIELDS).join(", ");
        this.refuse("sources", `${name} has no setting ${JSON.stringify(field)}, only ${known}`);
      } else if (!isOfForm(field, value, form)) {
        this.refuse("sources", `${name}.${field} does not match ${form.source}`);
      }
    }
    return fields;
  }
}

function isOfForm(field: string, value: unknown, form: RegExp): boolean {
  return typeof value === (FIELD_TYPES[field] ?? "string") && form.test(String(value));
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
