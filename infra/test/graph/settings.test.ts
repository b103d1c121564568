// What a stack may be told: both sides of every bound, and every mistake by its own words.

import { describe, expect, test } from "vitest";
import { KEYS, readSettings, type Settings } from "../../src/settings";

const GATEWAY = { gatewayUrl: "https://gateway.example/settle" };

describe("defaults", () => {
  test("a stack that is told nothing is for trials, and says how", () => {
    const expected: Settings = {
      suffix: "dev",
      production: false,
      lambdaDirectory: "../target/lambda",
      sources: { generic: {} },
      gateway: { kind: "simulated" },
      eventKeyRetentionDays: 365,
      quarantineRetentionDays: 30,
      quarantineWriteUnitsMax: 200,
      bodyBytesMax: 65_536,
      secretsRefreshSeconds: 300,
      secretGraceHours: 24,
      log: "info",
      logPayloads: false,
      logRetentionDays: 30,
      validatorConcurrency: 10,
      processorConcurrency: 10,
      throttleRate: 100,
      throttleBurst: 10,
      requestSizeFirewall: false,
      apiGatewayAccountRole: true,
      pipeParallelizationFactor: 1,
    };
    expect(readSettings({}, "dev")).toEqual(expected);
  });

  test("a production stack has a firewall unless it says no", () => {
    const production = { production: "true", ...GATEWAY };
    expect(readSettings(production, "prod").requestSizeFirewall).toBe(true);
    const without = { ...production, requestSizeFirewall: "false" };
    expect(readSettings(without, "prod").requestSizeFirewall).toBe(false);
  });

  test("the suffix is the stack's name unless it is given", () => {
    expect(readSettings({ environmentSuffix: "live" }, "prod").suffix).toBe("live");
  });

  test("a gateway has a time and may have headers", () => {
    expect(readSettings({ ...GATEWAY, gatewayHeadersSecret: "true" }, "dev").gateway).toEqual({
      kind: "http",
      url: "https://gateway.example/settle",
      timeoutMs: 20_000,
      headersSecret: true,
    });
  });

  test("how a source signs is handed on as it is", () => {
    const shop = { header: "X-Shop", algorithm: "sha512", encoding: "base64", prefix: "v1=" };
    const settings = readSettings({ sources: JSON.stringify({ shop }) }, "dev");
    expect(settings.sources).toEqual({ shop });
  });

  test("a source may be a provider's", () => {
    const sources = {
      stripe: { provider: "stripe", toleranceSeconds: 600 },
      adyen: { provider: "adyen", automaticCapture: true },
      shop: { provider: "square", url: "https://pay.example/webhooks/shop" },
    };
    const settings = readSettings({ sources: JSON.stringify(sources) }, "dev");
    expect(settings.sources).toEqual(sources);
  });

  test("every setting is described", () => {
    expect(Object.values(KEYS).every((text) => text.length > 10)).toBe(true);
  });
});

/** The last value that is allowed and the first that is refused, on both sides. */
const BOUNDS: readonly [key: string, min: number, max: number, more?: Record<string, string>][] = [
  ["eventKeyRetentionDays", 30, 3650],
  ["quarantineRetentionDays", 1, 3650],
  ["quarantineWriteUnitsMax", 1, 40_000],
  ["bodyBytesMax", 1024, 122_880],
  ["secretsRefreshSeconds", 1, 86_400],
  ["secretGraceHours", 0, 720],
  ["validatorConcurrency", 1, 10_000],
  ["processorConcurrency", 1, 10_000],
  ["throttleRate", 1, 10_000],
  ["throttleBurst", 1, 5_000],
  ["pipeParallelizationFactor", 1, 10],
  ["gatewayTimeoutMs", 100, 50_000, GATEWAY],
];

describe.each(BOUNDS)("%s", (key, min, max, more) => {
  const read = (value: string) => () => readSettings({ ...more, [key]: value }, "dev");
  test.each([min, max])("%s is allowed", (value) => {
    expect(read(String(value))).not.toThrow();
  });
  test.each([String(min - 1), String(max + 1), "", "1.5", "many"])("%j is refused", (value) => {
    expect(read(value)).toThrow(`${key}: ${JSON.stringify(value)} is no whole number from ${min}`);
  });
});

const REFUSED: readonly [what: string, config: Record<string, string>, message: string][] = [
  ["production without a gateway", { production: "true" }, "gatewayUrl: a production stack needs"],
  [
    "production with a gateway in clear",
    { production: "true", gatewayUrl: "http://gateway.example" },
    "gatewayUrl: needs an address that begins with https://",
  ],
  ["a gateway that is no address", { gatewayUrl: "gateway" }, "gatewayUrl: needs an address"],
  [
    "a gateway with a password in its address",
    { gatewayUrl: "https://user:word@gateway.example" },
    "gatewayUrl: an address with a password",
  ],
  [
    "a time for a gateway that there is not",
    { gatewayTimeoutMs: "1000" },
    "gatewayTimeoutMs: means nothing without gatewayUrl",
  ],
  [
    "headers for a gateway that there is not",
    { gatewayHeadersSecret: "true" },
    "gatewayHeadersSecret: means nothing without gatewayUrl",
  ],
  ["a key that nobody reads", { gatewayURL: "https://x" }, "gatewayURL: no such setting"],
  ["a key of every object", { constructor: "x" }, "constructor: no such setting"],
  ["a flag that is neither", { production: "yes" }, 'production: "yes" is neither true nor false'],
  ["a suffix with a dot", { environmentSuffix: "a.b" }, 'environmentSuffix: "a.b" does not match'],
  ["a suffix that is too long", { environmentSuffix: "a".repeat(33) }, "environmentSuffix:"],
  ["no suffix", { environmentSuffix: "" }, "environmentSuffix:"],
  ["an unknown log retention", { logRetentionDays: "31" }, "logRetentionDays: 31 is none of 1, 3"],
  ["sources that are no JSON", { sources: "generic" }, "sources: needs an object"],
  ["sources that are a list", { sources: "[]" }, "sources: needs an object"],
  ["no source", { sources: "{}" }, "sources: needs an object"],
  [
    "more sources than there is room for",
    { sources: JSON.stringify(Object.fromEntries([..."abcdefghijklmnopqrstuv"].map((s) => [s, {}]))) },
    "sources: are more than a function",
  ],
  ["a source without an object", { sources: '{"a": 1}' }, "sources: a needs an object"],
  ["a source with a capital", { sources: '{"Shop": {}}' }, 'sources: "Shop" is no name'],
  [
    "an unknown setting of a source",
    { sources: '{"a": {"secret": "x"}}' },
    'sources: a has no setting "secret", only provider, keyId, url, toleranceSeconds, currency, ' +
      "automaticCapture, whenAuthenticated, header, algorithm, encoding, prefix, signed, pair, timestamp",
  ],
  [
    "a truth value that is a text",
    { sources: '{"a": {"automaticCapture": "true"}}' },
    "sources: a.automaticCapture does not",
  ],
  ["an unknown hash", { sources: '{"a": {"algorithm": "md5"}}' }, "sources: a.algorithm does not"],
  ["an unknown encoding", { sources: '{"a": {"encoding": "b"}}' }, "sources: a.encoding does not"],
  ["a header with a space", { sources: '{"a": {"header": "X Y"}}' }, "sources: a.header does not"],
  ["a log that alarms cannot hear", { log: "warn" }, "log:"],
  ["an email that is none", { alarmEmail: "somebody" }, "alarmEmail:"],
  ["spans to no address", { otlpEndpoint: "localhost:4318" }, "otlpEndpoint: needs an address"],
  [
    "bodies that are longer than the firewall sees",
    { requestSizeFirewall: "true", bodyBytesMax: "65537" },
    "bodyBytesMax: AWS WAF inspects at most 65536 bytes",
  ],
];

describe("refused", () => {
  test.each(REFUSED)("%s", (_what, config, message) => {
    expect(() => readSettings(config, "dev")).toThrow(message);
  });

  test("every mistake at once", () => {
    const config = { production: "true", throttleRate: "0", nonsense: "1" };
    expect(() => readSettings(config, "dev")).toThrow(/nonsense.*\n.*gatewayUrl.*\n.*throttleRate/);
  });
});
