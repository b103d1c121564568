// Lets the payment providers' own Node SDKs verify and sign webhooks.
//
// One JSON request a line on stdin, one JSON answer a line on stdout; the protocol is in
// ../README.md. No MAC is computed here: each function below only takes a request apart into the
// arguments that its SDK wants. An SDK is loaded when it is first asked for.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { isUtf8 } from "node:buffer";

// The request cannot be put to this SDK; that is no verdict.
class Unusable extends Error {}

class Request {
  constructor(fields) {
    this.secret = fields.secret;
    this.url = fields.url || "";
    this.headers = Object.fromEntries(
      Object.entries(fields.headers || {}).map(([name, value]) => [name.toLowerCase(), value]),
    );
    this.body = bytesOf(fields.body);
    this.query = new URLSearchParams(fields.query || "");
    this.now = fields.now ?? null;
    if (typeof this.secret !== "string") throw new Unusable("`secret` is not a text");
    if (Object.values(this.headers).some((value) => typeof value !== "string")) throw new Unusable("a header not text");
    if (this.now !== null && !Number.isSafeInteger(this.now)) throw new Unusable("`now` is not whole seconds");
  }

  // For the SDKs that take no bytes.
  get text() {
    if (!isUtf8(this.body)) throw new Unusable("this SDK takes text, and the body is not UTF-8");
    return this.body.toString();
  }

  get json() {
    try {
      return JSON.parse(this.body);
    } catch {
      throw new Unusable("this SDK takes parsed JSON, and the body is none");
    }
  }
}

function bytesOf(base64) {
  const bytes = Buffer.from(base64 ?? "", "base64");
  // Node skips what is not base64; a request that is not whole must not pass for another one.
  if (typeof base64 !== "string" || bytes.toString("base64") !== base64) throw new Unusable("`body` is not base64");
  return bytes;
}

const signed = (headers, body) => ({ headers, body: Buffer.from(body).toString("base64") });

// --- The clock: few SDKs let it be set ----------------------------------------------------------

const RealDate = Date;

async function at(now, act) {
  if (now === null) return act();
  globalThis.Date = class extends RealDate {
    constructor(...given) {
      super(...(given.length ? given : [now * 1000]));
    }
    static now() {
      return now * 1000;
    }
  };
  try {
    return await act();
  } finally {
    globalThis.Date = RealDate;
  }
}

// --- What an SDK needs more than one line for ---------------------------------------------------

async function stripeWebhooks() {
  const { Stripe } = await import("stripe");
  return Stripe.webhooks;
}

async function adyenValidator() {
  const { default: adyen } = await import("@adyen/api-library");
  return new adyen.hmacValidator();
}

function adyenItems(notification) {
  const items = notification?.notificationItems?.map?.((item) => item.NotificationRequestItem);
  if (!items?.every((item) => item)) throw new Unusable("no notificationItems in the body");
  return items;
}

async function braintreeGateway(q) {
  const { default: braintree } = await import("braintree");
  const [publicKey, privateKey] = q.secret.split("|");
  if (privateKey === undefined) throw new Unusable("the secret of braintree is public_key|private_key");
  return new braintree.BraintreeGateway({
    environment: braintree.Environment.Sandbox,
    merchantId: "merchant",
    publicKey,
    privateKey,
  });
}

async function shopifyWebhooks(q) {
  await import("@shopify/shopify-api/adapters/node");
  const { shopifyApi, ApiVersion, LogSeverity } = await import("@shopify/shopify-api");
  return shopifyApi({
    apiKey: "unused",
    apiSecretKey: q.secret,
    apiVersion: Object.values(ApiVersion).at(-1),
    hostName: "unused.example",
    isEmbeddedApp: false,
    logger: { log() {}, level: LogSeverity.Error },
  }).webhooks;
}

// Headers that are not signed, but without which this SDK goes on to refuse what it found authentic.
const SHOPIFY_UNSIGNED = Object.fromEntries(
  ["topic", "shop-domain", "api-version", "webhook-id", "event-id"].flatMap((name) => [
    [`x-shopify-${name}`, "unused"],
    [`shopify-${name}`, "unused"],
  ]),
);

const MESSAGE_ID = "msg_crosscheck";

function messageSigned(q, webhook, prefix) {
  const signature = webhook.sign(MESSAGE_ID, new RealDate(q.now * 1000), q.text);
  const headers = { id: MESSAGE_ID, timestamp: String(q.now), signature };
  const prefixed = Object.entries(headers).map(([name, value]) => [`${prefix}-${name}`, value]);
  return signed(Object.fromEntries(prefixed), q.body);
}

// --- The SDKs -----------------------------------------------------------------------------------
// `verify` gives true, false or { valid, why }, or throws what the SDK throws.

const SDKS = {
  stripe: {
    package: "stripe",
    async verify(q) {
      // What constructEvent calls, less the building of an event.
      return (await stripeWebhooks()).signature.verifyHeader(q.body, q.headers["stripe-signature"], q.secret, 300);
    },
    async sign(q) {
      const options = { payload: q.text, secret: q.secret, timestamp: q.now };
      return signed({ "stripe-signature": (await stripeWebhooks()).generateTestHeaderString(options) }, q.body);
    },
  },

  adyen: {
    package: "@adyen/api-library",
    async verify(q) {
      const validator = await adyenValidator();
      const items = adyenItems(q.json);
      return items.length > 0 && items.every((item) => validator.validateHMAC(item, q.secret));
    },
    async sign(q) {
      const validator = await adyenValidator();
      const notification = q.json;
      for (const item of adyenItems(notification)) {
        const hmacSignature = validator.calculateHmac(item, q.secret);
        item.additionalData = { ...item.additionalData, hmacSignature };
      }
      return signed({}, JSON.stringify(notification));
    },
  },

  "adyen-platform": {
    package: "@adyen/api-library",
    async verify(q) {
      return (await adyenValidator()).validateHMACSignature(q.secret, q.headers.hmacsignature, q.text);
    },
    async sign(q) {
      const hmacsignature = (await adyenValidator()).calculateHmac(q.text, q.secret);
      return signed({ hmacsignature, protocol: "HmacSHA256" }, q.body);
    },
  },

  square: {
    package: "square",
    async verify(q) {
      const { WebhooksHelper } = await import("square");
      return WebhooksHelper.verifySignature({
        requestBody: q.text,
        signatureHeader: q.headers["x-square-hmacsha256-signature"],
        signatureKey: q.secret,
        notificationUrl: q.url,
      });
    },
  },

  shopify: {
    package: "@shopify/shopify-api",
    async verify(q) {
      const webhooks = await shopifyWebhooks(q);
      const rawRequest = { method: "POST", url: q.url, headers: { ...SHOPIFY_UNSIGNED, ...q.headers } };
      const { valid, reason } = await webhooks.validate({ rawBody: q.text, rawRequest, rawResponse: {} });
      return { valid, why: reason ?? null };
    },
    async sign(q) {
      const { createSHA256HMAC } = await import("@shopify/shopify-api/runtime");
      return signed({ "x-shopify-hmac-sha256": await createSHA256HMAC(q.secret, q.text) }, q.body);
    },
  },

  braintree: {
    package: "braintree",
    async verify(q) {
      const form = new URLSearchParams(q.text);
      const gateway = await braintreeGateway(q);
      await gateway.webhookNotification.parse(form.get("bt_signature"), form.get("bt_payload"));
      return true;
    },
    async sign(q) {
      // As its sampleNotification does, whose own payloads are fixed; here the body is the XML.
      const bt_payload = q.body.toString("base64") + "\n";
      const bt_signature = (await braintreeGateway(q)).webhookTesting.sampleSignature(bt_payload);
      const form = new URLSearchParams({ bt_signature, bt_payload });
      return signed({ "content-type": "application/x-www-form-urlencoded" }, form.toString());
    },
  },

  gocardless: {
    package: "gocardless-nodejs",
    async verify(q) {
      const { verifySignature } = await import("gocardless-nodejs");
      verifySignature(q.body, q.secret, q.headers["webhook-signature"]);
      return true;
    },
  },

  mollie: {
    package: "mollie-api-typescript",
    async verify(q) {
      const { SignatureValidator } = await import("mollie-api-typescript/utils/webhooks/signature_validator.js");
      return SignatureValidator.validate(q.text, q.secret, q.headers["x-mollie-signature"]);
    },
    async sign(q) {
      const { SignatureValidator } = await import("mollie-api-typescript/utils/webhooks/signature_validator.js");
      const signature = await SignatureValidator.createSignature(q.text, q.secret);
      return signed({ "x-mollie-signature": `sha256=${signature}` }, q.body);
    },
  },

  razorpay: {
    package: "razorpay",
    async verify(q) {
      const { default: Razorpay } = await import("razorpay");
      return Razorpay.validateWebhookSignature(q.text, q.headers["x-razorpay-signature"], q.secret);
    },
  },

  paddle: {
    package: "@paddle/paddle-node-sdk",
    async verify(q) {
      const { Paddle } = await import("@paddle/paddle-node-sdk");
      return new Paddle("unused").webhooks.isSignatureValid(q.text, q.secret, q.headers["paddle-signature"]);
    },
  },

  paystack: {
    package: "@alexasomba/paystack-node",
    async verify(q) {
      const { verifyPaystackWebhookSignature } = await import("@alexasomba/paystack-node");
      const signature = q.headers["x-paystack-signature"];
      return verifyPaystackWebhookSignature({ rawBody: q.body, secret: q.secret, signature });
    },
    async sign(q) {
      const { computePaystackWebhookSignature } = await import("@alexasomba/paystack-node");
      return signed({ "x-paystack-signature": computePaystackWebhookSignature(q.body, q.secret) }, q.body);
    },
  },

  "mercado-pago": {
    package: "mercadopago",
    async verify(q) {
      const { WebhookSignatureValidator } = (await import("mercadopago")).default;
      WebhookSignatureValidator.validate({
        xSignature: q.headers["x-signature"],
        xRequestId: q.headers["x-request-id"],
        dataId: q.query.get("data.id"),
        secret: q.secret,
      });
      return true;
    },
  },

  "coinbase-commerce": {
    package: "coinbase-commerce-node",
    async verify(q) {
      const { Webhook } = (await import("coinbase-commerce-node")).default;
      return Webhook.verifySigHeader(q.text, q.headers["x-cc-webhook-signature"], q.secret);
    },
    async sign(q) {
      const { Webhook } = (await import("coinbase-commerce-node")).default;
      return signed({ "x-cc-webhook-signature": Webhook.computeSignature(q.text, q.secret) }, q.body);
    },
  },

  "coinbase-cdp": {
    package: "hook0-client",
    async verify(q) {
      const { verifyWebhookSignature } = (await import("hook0-client")).default;
      const headers = new Headers(q.headers);
      return verifyWebhookSignature(q.headers["x-hook0-signature"], q.text, headers, q.secret, 300);
    },
  },

  "lemon-squeezy": {
    package: "@hookflo/tern",
    async verify(q) {
      const { WebhookVerificationService } = await import("@hookflo/tern");
      const request = new globalThis.Request("http://localhost/", { method: "POST", headers: q.headers, body: q.text });
      const result = await WebhookVerificationService.verifyWithPlatformConfig(request, "lemonsqueezy", q.secret);
      return { valid: result.isValid, why: result.error ?? null };
    },
  },

  cashfree: {
    package: "cashfree-pg",
    async verify(q) {
      const { Cashfree, CFEnvironment } = (await import("cashfree-pg")).default;
      // The seventh argument: else it starts Sentry, and reports errors to Cashfree.
      const client = new Cashfree(CFEnvironment.SANDBOX, "unused", q.secret, "", "", "", false);
      client.PGVerifyWebhookSignature(q.headers["x-webhook-signature"], q.text, q.headers["x-webhook-timestamp"]);
      return true;
    },
  },

  "standard-webhooks": {
    package: "standardwebhooks",
    async verify(q) {
      const { Webhook } = (await import("standardwebhooks")).default;
      new Webhook(q.secret).verify(q.body, q.headers, { jsonParse: false });
      return true;
    },
    async sign(q) {
      const { Webhook } = (await import("standardwebhooks")).default;
      return messageSigned(q, new Webhook(q.secret), "webhook");
    },
  },

  svix: {
    package: "svix",
    async verify(q) {
      const { Webhook } = (await import("svix")).default;
      // It also parses the body: one that is no JSON is refused, whatever its signature.
      new Webhook(q.secret).verify(q.body, q.headers);
      return true;
    },
    async sign(q) {
      const { Webhook } = (await import("svix")).default;
      return messageSigned(q, new Webhook(q.secret), "svix");
    },
  },

  github: {
    package: "@octokit/webhooks-methods",
    async verify(q) {
      const { verify } = await import("@octokit/webhooks-methods");
      return verify(q.secret, q.text, q.headers["x-hub-signature-256"]);
    },
    async sign(q) {
      const { sign } = await import("@octokit/webhooks-methods");
      return signed({ "x-hub-signature-256": await sign(q.secret, q.text) }, q.body);
    },
  },
};

function listed() {
  const entries = Object.entries(SDKS).map(([provider, sdk]) => {
    const manifest = new URL(`node_modules/${sdk.package}/package.json`, import.meta.url);
    const { name, version } = JSON.parse(readFileSync(manifest));
    return [provider, { sdk: `${name} ${version}`, verifies: true, signs: Boolean(sdk.sign) }];
  });
  return Object.fromEntries(entries);
}

// --- The protocol -------------------------------------------------------------------------------

async function verify(sdk, q) {
  let verdict;
  try {
    verdict = await at(q.now, () => sdk.verify(q));
  } catch (refusal) {
    if (refusal instanceof Unusable || refusal?.code === "ERR_MODULE_NOT_FOUND") throw refusal;
    // An SDK's way to say no, in words or by falling over.
    return { valid: false, why: String(refusal?.message ?? refusal) };
  }
  return typeof verdict === "object" ? verdict : { valid: Boolean(verdict), why: null };
}

async function sign(sdk, q) {
  if (!sdk.sign) throw new Unusable(`${sdk.package} does not sign`);
  if (q.now === null) throw new Unusable("`now` is needed for signing");
  return at(q.now, () => sdk.sign(q));
}

async function answer(line) {
  try {
    const fields = JSON.parse(line);
    const act = new Map(Object.entries({ verify, sign })).get(fields.do);
    if (!act) throw new Unusable("`do` is neither verify nor sign");
    if (!Object.hasOwn(SDKS, fields.provider)) throw new Unusable(`no SDK here for ${fields.provider}`);
    return await act(SDKS[fields.provider], new Request(fields));
  } catch (failure) {
    return { error: String(failure?.message ?? failure) };
  }
}

// What an SDK logs must not stand between the answers.
console.log = console.info = console.debug = console.error;

const say = (value) => process.stdout.write(JSON.stringify(value) + "\n");

if (process.argv[2] === "--list") {
  say(listed());
} else {
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) say(await answer(line));
}
